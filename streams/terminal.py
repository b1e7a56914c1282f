"""What a person sees while records flow: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_TERMINAL_S, _PLAIN_S = 0.25, 2.0


class Meter:
    """Shows a count, its rate and a note, on standard error.

    Parameters
    ----------
    name : str
        What is counted.
    total : int or None
        If known, the bar fills up.
    interactive : bool or None
        None asks whether standard error is a terminal.
    """

    def __init__(
        self, name: str, total: int | None = None, interactive: bool | None = None
    ) -> None:
        self.name = name
        self.interactive = sys.stderr.isatty() if interactive is None else interactive
        self._started = self._shown = time.monotonic()
        self._top = 0
        self._bar: Progress | None = None
        if self.interactive:
            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed:,.0f} records"),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task(name, total=total, note="")

    def __enter__(self) -> Meter:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def due(self) -> bool:
        """Whether it is time to show something again."""
        wait = _TERMINAL_S if self.interactive else _PLAIN_S
        return time.monotonic() - self._shown >= wait

    def show(self, count: int, note: str = "") -> None:
        """Show the count now."""
        self._shown = now = time.monotonic()
        rate = f"{count / max(now - self._started, 1e-3):,.0f}/s"
        if self._bar is not None:
            self._bar.update(self._task, completed=count, note=f"{rate} {note}")
        else:
            print(
                f"{self.name}: {count} records, {rate}{', ' if note else ''}{note}",
                file=sys.stderr,
                flush=True,
            )

    def show_level(self, level: int) -> None:
        """Show a level that falls to 0, such as a lag; no rate."""
        self._shown = time.monotonic()
        self._top = max(self._top, level)
        if self._bar is not None:
            self._bar.update(
                self._task,
                total=max(self._top, 1),
                completed=self._top - level,
                note=f"{level:,} left",
            )
        else:
            print(f"{self.name}: {level}", file=sys.stderr, flush=True)


def instant(at_ms: int) -> str:
    """Event time for people: ``2019-03-04 18:05`` UTC."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}"
