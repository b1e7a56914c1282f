"""Remembers how a program ended, so that its successor can say so as a metric.

What ends a process can't be scraped from it any more. So a small file beside it, which outlives a
restart of the container, counts its ends by reason. One that ended without a word (killed, out of
memory, ended by the watchdog) is told by its mark, whose process is gone.
"""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
from pathlib import Path

from streams import metrics
from streams.errors import ExitCode

log = logging.getLogger(__name__)
_KILLED = "killed"


class Exits:
    """Counts the ends of one program of one name.

    Parameters
    ----------
    program : str
    instance : str
        Unique among those of this program that share the folder.
    folder : Path, optional
        By default that of temporary files.
    """

    def __init__(self, program: str, instance: str, folder: Path | None = None) -> None:
        self._program = program
        name = re.sub(r"[^\w.-]", "_", f"interest-streams-{program}-{instance}.json")
        self._path = (folder or Path(tempfile.gettempdir())) / name
        self._counts = self._read()
        pid, born = self._counts.pop("pid", 0), self._counts.pop("born", 0)
        if pid and _born(pid) != born:
            self._counts[_KILLED] = self._counts.get(_KILLED, 0) + 1
        for reason, count in self._counts.items():
            metrics.EXITS.labels(program, reason).inc(count)
        for reason in (_KILLED, *map(exit_reason, ExitCode)):  # 0 too: a first increase is not seen
            metrics.EXITS.labels(program, reason)
        self._write({**self._counts, "pid": os.getpid(), "born": _born(os.getpid())})

    def ended(self, code: int) -> None:
        """Note why this process ends now."""
        reason = exit_reason(code)
        self._counts[reason] = self._counts.get(reason, 0) + 1
        self._write(self._counts)

    def _read(self) -> dict[str, int]:
        try:
            found = json.loads(self._path.read_text())
            return {str(reason): int(count) for reason, count in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            log.warning("former exits are not known: %s", error)
            return {}

    def _write(self, counts: dict[str, int]) -> None:
        fresh = self._path.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(counts))
            fresh.replace(self._path)
        except OSError as error:
            log.warning("exits can't be counted: %s", error)


def exit_reason(code: int) -> str:
    """The reason of an exit code, as the metric's label says it."""
    if code == ExitCode.DONE:
        return "asked"
    try:
        return ExitCode(code).name.lower()
    except ValueError:
        return f"code_{code}"


def _born(pid: int) -> int:
    """When a process began, in the kernel's ticks; 0 if there is none. A pid is used again."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 0
