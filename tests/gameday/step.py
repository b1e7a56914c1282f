"""A step of the game day, and how it is taken: strike, alerts come, mend, alerts go."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from confluent_kafka import KafkaException

from tests.gameday.stage import Stage
from tests.support.verifier import Verdict

_FIRE_S = 240.0
_RECOVER_S = 180.0
_MOST_TEXT = 600  # of an error
_RESOLVE_S = 420.0  # three minutes of them are the longest window of the hastened rules

#: Strikes until its ``yield``, mends after it. What it looks at besides, it asserts.
Act = Callable[[Stage], Iterator[None]]


@dataclass(frozen=True)
class Step:
    """What is done, and what must come of it.

    Attributes
    ----------
    name : str
    act : callable
        Its docstring says what it does.
    fires : tuple of str
        Alerts that must fire once it has struck, and resolve once it has mended.
    beside : tuple of str
        Alerts that may fire with them; any other is false.
    moves : bool
        Whether it ends the deployment, and another one goes on.
    """

    name: str
    act: Act
    fires: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    moves: bool = False

    @property
    def about(self) -> str:
        """What it does, in words."""
        return (self.act.__doc__ or "").partition("\n")[0]

    def take(self, stage: Stage) -> Verdict:
        """Do it; the verdict says what did not come of it, or how long what did took."""
        line, mark = stage.timeline, len(stage.timeline.moments)
        line.note(self.name, self.about)
        wrong: list[str] = []
        act = self.act(stage)
        try:
            next(act)
            if not stage.wait_for(lambda: not self._silent(stage, mark), _FIRE_S):
                wrong.append(f"did not fire: {', '.join(sorted(self._silent(stage, mark)))}")
            next(act, None)
        except (AssertionError, KafkaException, OSError, RuntimeError) as error:
            said = str(error)[-_MOST_TEXT:]  # of a long one the cause is last
            wrong.append(f"{type(error).__name__}: {said}")
            line.note(self.name, wrong[-1])
        mended = time.monotonic()
        line.note(self.name, "mended")
        since = mended + 0.3  # what was under way is no proof
        if not stage.wait_for(lambda: stage.recovered(since) is not None, _RECOVER_S):
            wrong.append(f"a partition committed nothing for {_RECOVER_S:g} s")
        took = (stage.recovered(since) or time.monotonic()) - mended
        line.note(self.name, f"every partition commits {took:.1f} s after it was mended")
        if not stage.wait_for(lambda: not line.unrest(), _RESOLVE_S):
            wrong.append(f"did not resolve: {', '.join(sorted(line.unrest()))}")
        false = stage.timeline.fired(mark) - {*self.fires, *self.beside}
        wrong += [f"false alarm: {name}" for name in sorted(false)]
        if "InterestStreamsCrashing" not in self.fires:
            wrong += stage.fatal
        stage.fatal.clear()
        return Verdict(self.name, not wrong, "; ".join(wrong) or self._well(took))

    def _silent(self, stage: Stage, mark: int) -> set[str]:
        return set(self.fires) - stage.timeline.fired(mark)

    def _well(self, took: float) -> str:
        alerts = ", ".join(self.fires) or "no alert"
        return f"{alerts} fired and resolved; all partitions committed after {took:.1f} s"
