"""Processes that tests start: they end with the tests, and somebody waits for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

#: Put before a command: however the tests end (a time-out runs no exit handlers), it goes too.
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()

_SLOWEST = 4.0
#: By the wall, and below what a test may take (pyproject.toml): who waits is to say for what.
_LONGEST_S = 500.0


class CommandFailed(RuntimeError):
    """A command failed or took too long; the text ends with what it said."""


def run_command(command: Sequence[str], seconds: float) -> None:
    """Run a command to its end.

    Raises
    ------
    CommandFailed
    """
    try:
        subprocess.run(
            command,
            check=True,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = str(error.stdout or "")[-1500:]
        raise CommandFailed(f"{command[0]} failed: {error}\n{said}") from None


def wait_until(
    condition: Callable[[], bool],
    seconds: float,
    describe: Callable[[], str] = lambda: "condition not met",
) -> float:
    """Poll ten times a second; returns how many seconds of a `FairClock` it took.

    Raises
    ------
    TimeoutError
        With the description, when the time is up.
    """
    clock, started = FairClock(), time.monotonic()
    while not condition():
        longest = max(seconds, min(_SLOWEST * seconds, _LONGEST_S))
        if clock.passed() > seconds or time.monotonic() - started > longest:
            raise TimeoutError(f"after {seconds:g} s: {describe()}")
        time.sleep(0.1)
    return clock.passed()


class FairClock:
    """Seconds of a machine without other work, as far as that can be told.

    Where twice as many threads want to run as there are processors, a second counts half, and a
    quarter at the least. What passes between two looks counts for a second at the most: then the
    machine stood still, or had nothing left for who looks.
    """

    def __init__(self) -> None:
        self._passed = 0.0
        self._looked = time.monotonic()

    def passed(self) -> float:
        """Seconds since it began; to be looked at often."""
        before, self._looked = self._looked, time.monotonic()
        slower = os.getloadavg()[0] / (os.cpu_count() or 1)
        self._passed += min(1.0, self._looked - before) / min(_SLOWEST, max(1.0, slower))
        return self._passed


def stands_still(pid: int) -> bool:
    """Whether a process was stopped (SIGSTOP) and is still there."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def peak_memory(pid: int) -> int:
    """Highest resident size of a process so far, bytes; 0 when it is gone."""
    return _memory(pid, "VmHWM")


def resident_memory(pid: int | str = "self") -> int:
    """Resident size of a process, bytes; 0 when it is gone."""
    return _memory(pid, "VmRSS")


def _memory(pid: int | str, name: str) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
