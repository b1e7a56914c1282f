"""The watchdog ends what hangs, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from streams.errors import ExitCode
from streams.worker.watchdog import Watchdog


def listened_to() -> tuple[Watchdog, list[str], threading.Event]:
    """A watchdog of 50 ms, what it says, and whether it would have ended the process."""
    said: list[str] = []
    ended = threading.Event()

    def end(message: str) -> None:
        said.append(message)
        ended.set()

    return Watchdog(50, end), said, ended


def test_a_call_that_hangs_is_named_and_ended() -> None:
    watchdog, said, ended = listened_to()
    watchdog.start()
    with watchdog.guard("commit"):
        assert ended.wait(120)
    assert said == [
        "watchdog: commit did not return within 0.05 s; ending the process, another "
        "worker takes over"
    ]


def test_calls_in_time_are_left_alone() -> None:
    said: list[str] = []
    watchdog = Watchdog(300_000, said.append)
    watchdog.start()
    for _ in range(5):
        with watchdog.guard("outer"), watchdog.guard("inner"):
            time.sleep(0.01)
    assert not watchdog._calls
    watchdog.stop()
    assert said == []


def test_the_outer_call_is_watched_again_after_the_inner_one() -> None:
    watchdog = Watchdog(60_000)
    with watchdog.guard("poll"):
        with pytest.raises(ValueError, match="no"), watchdog.guard("commit"):
            raise ValueError("no")
        ((name, _),) = watchdog._calls.values()
        assert name == "poll"


def test_each_thread_has_a_call_of_its_own() -> None:
    watchdog, said, ended = listened_to()
    inside, over = threading.Event(), threading.Event()

    def beside() -> None:
        with watchdog.guard("commit"):
            inside.set()
            over.wait(120)

    other = threading.Thread(target=beside)
    other.start()
    assert inside.wait(120)
    with watchdog.guard("poll"):
        pass  # ends in time, and must not take the other's with it
    watchdog.start()
    assert ended.wait(120)
    over.set()
    other.join(120)
    assert said[0].startswith("watchdog: commit did not return")


def test_the_process_ends_though_its_main_thread_hangs() -> None:
    code = (
        "from streams.worker.watchdog import Watchdog; import time\n"
        "w = Watchdog(100); w.start()\n"
        "with w.guard('send_offsets'): time.sleep(60)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=300, check=False
    )
    assert done.returncode == ExitCode.STUCK
    assert b"send_offsets did not return" in done.stderr
