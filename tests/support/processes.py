"""Processes that tests start: they end with the tests, and somebody waits for them."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

#: Put before a command: however the tests end (a time-out runs no exit handlers), it goes too.
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()


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
    """Poll ten times a second; returns how many seconds it took.

    Raises
    ------
    TimeoutError
        With the description, when the time is up.
    """
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"after {seconds:g} s: {describe()}")
        time.sleep(0.1)
    return time.monotonic() - started


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
