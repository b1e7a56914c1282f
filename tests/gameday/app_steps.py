"""What happens to the apps."""

from __future__ import annotations

from collections.abc import Iterator

from tests.gameday.stage import Stage

_LESS = 0.5  # of the privacy budget


def app_down(stage: Stage) -> Iterator[None]:
    """The catalogue's app is gone."""
    stage.stop_app("catalogue")
    yield
    stage.start_app("catalogue")


def budget_lowered(stage: Stage) -> Iterator[None]:
    """Audiences start anew with a smaller privacy budget than what is told already took."""
    epsilon = stage.settings.audience_epsilon * _LESS
    stage.stop_app("audiences")
    stage.start_app("audiences", audience_epsilon=epsilon)
    yield
    stage.stop_app("audiences")
    stage.start_app("audiences")
