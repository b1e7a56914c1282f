"""A day from its first step to the verifier."""

from __future__ import annotations

from collections.abc import Sequence

from tests.gameday.stage import Stage
from tests.gameday.step import Step
from tests.support.open_transactions import await_markers
from tests.support.verifier import Verdict, verify

_END_S = 300.0
_CALM_S = 120.0  # what came of the start is over


def run(stage: Stage, steps: Sequence[Step]) -> list[Verdict]:
    """Take the steps on a stage that stands; before those that end it, count everything."""
    expected = set(steps[0].fires)
    stage.wait_for(lambda: stage.timeline.unrest() <= expected, _CALM_S)
    verdicts = [_taken(step, stage) for step in steps if not step.moves]
    stage.timeline.note("verifier", "no more comes in, and what came is counted")
    stage.traffic.stop()
    ended = stage.wait_for(stage.done, _END_S)
    if ended:
        await_markers(stage.settings)
    verdicts += verify(stage.settings, stage.digests() if ended else None, unordered=("seq",))
    return verdicts + [_taken(step, stage) for step in steps if step.moves]


def _taken(step: Step, stage: Stage) -> Verdict:
    verdict = step.take(stage)
    stage.timeline.note(step.name, str(verdict))
    return verdict
