"""How long until all partitions commit again, and until a worker is ready.

``python -m tests.gameday handover`` measures each of these several times, on one broker and two
workers under load: SIGTERM of a worker and ``kill -9``, until every partition has committed what
came after it; a further worker, until it is ready and every partition has; and the start of a
worker with compiled kernels and, once, without any. Of a further worker it is told, too, how long a
partition stood still meanwhile.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.gameday.stage import Stage
from tests.support.worker_process import READY_S

_COLD_S = 900.0
_REST_S = 2.0  # so that a hand-over has nothing left of the one before


def measure(root: Path, times: int) -> None:
    """Measure, and print median and worst of each."""
    with Stage(root, brokers=1, workers=2, apps=()) as stage:
        for name, move in {"SIGTERM": _terminate, "kill -9": _kill}.items():
            say(name, _noted(stage, name, times, partial(_timed, stage, move)))
        still: list[float] = []
        say("scale-out", _noted(stage, "scale-out", times, partial(_scale_out, stage, still)))
        say("of it, standing still", still)
        stage.have((0,))
        stage.settle(READY_S)
        kept = "start, kernels compiled"
        say(kept, _noted(stage, kept, times, partial(_start, stage, READY_S)))
        with tempfile.TemporaryDirectory(prefix="kernels-") as empty:
            os.environ["NUMBA_CACHE_DIR"] = empty  # a worker has this process's environment
            say("start, no kernels", [_start(stage, _COLD_S)])


def _noted(stage: Stage, name: str, times: int, take: Callable[[], float]) -> list[float]:
    """So many measurements, each told as it comes."""
    found: list[float] = []
    for _ in range(times):
        found.append(take())
        stage.timeline.note(name, f"{found[-1]:.1f} s")
    return found


def say(name: str, seconds: list[float]) -> None:
    """Print a line."""
    print(
        f"{name:24} median {statistics.median(seconds):6.1f} s  worst {max(seconds):6.1f} s  "
        f"of {len(seconds)}; load of the machine {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def _timed(stage: Stage, move: Callable[[Stage], None]) -> float:
    """Seconds until every partition has committed after the move began; then two workers again."""
    stage.wait_for(lambda: False, _REST_S)
    since = time.monotonic()
    move(stage)
    # What was under way at the move may be seen a moment later: only what comes after counts.
    assert stage.wait_for(lambda: stage.recovered(since + 0.5) is not None, READY_S), stage.said()
    took = (stage.recovered(since + 0.5) or since) - since
    stage.have((0, 1))
    stage.settle(READY_S)
    return took


def _terminate(stage: Stage) -> None:
    stage.wanted.discard(1)
    stage.workers[1].terminate()


def _kill(stage: Stage) -> None:
    stage.wanted.discard(1)
    stage.workers[1].kill()


def _scale_out(stage: Stage, still: list[float]) -> float:
    """Seconds until a third worker is ready and all commit; how long one did not, into the list."""
    stage.wait_for(lambda: False, _REST_S)
    assert stage.progress is not None
    stage.progress.standstill, since = 0.0, time.monotonic()
    with stage.progress.timing():
        stage.start(2)
        assert stage.wait_for(lambda: stage.ready(2), READY_S), stage.said()
        ready = time.monotonic()
        assert stage.wait_for(lambda: stage.recovered(ready) is not None, READY_S), stage.said()
    took = (stage.recovered(ready) or ready) - since
    still.append(stage.progress.standstill)
    stage.have((0, 1))
    stage.settle(READY_S)
    return took


def _start(stage: Stage, seconds: float) -> float:
    """Seconds from a worker's start until it is ready."""
    since = time.monotonic()
    stage.start(1)
    assert stage.wait_for(lambda: stage.ready(1), seconds), stage.said()
    took = time.monotonic() - since
    stage.stop(1)
    stage.settle(READY_S)
    return took
