"""A day from its first step to the verifier."""

from __future__ import annotations

from collections.abc import Iterable

from tests.gameday.stage import Stage
from tests.gameday.step import Step
from tests.support.verifier import Verdict, verify

_END_S = 300.0


def run(stage: Stage, steps: Iterable[Step]) -> list[Verdict]:
    """Take the steps on a stage that stands, then see that everything was counted once."""
    verdicts = [_taken(step, stage) for step in steps]
    stage.timeline.note("the day", "ends: no more comes in, and what came is verified")
    stage.traffic.stop()
    ended = stage.wait_for(stage.done, _END_S)
    live = stage.digests() if ended else None
    return [*verdicts, *verify(stage.settings, live)]


def _taken(step: Step, stage: Stage) -> Verdict:
    verdict = step.take(stage)
    stage.timeline.note(step.name, str(verdict))
    return verdict
