"""Writes log lines: for people, or one JSON object for each event; and folds what repeats.

What an event is about (batch, offsets, partition) stands in fields of its own, given by
``extra={"about": {...}}``. No field and no message names a customer. librdkafka's own lines come
through the logger `LIBRDKAFKA` and are folded: a broker that is away is the same line many times.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

LIBRDKAFKA: Final = "librdkafka"
#: Whose lines below INFO are written: another library's may hold whatever passes through it.
OURS: Final = ("streams", "features", LIBRDKAFKA)
_TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"
_FOLD_S = 30.0
_MOST_KINDS = 200  # of lines that are remembered; beyond them all is forgotten
#: What ends a line, moves or hides text on a terminal, or turns the order of letters around.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
#: What tells two lines of one kind apart: times, addresses, counts, names of threads.
_VARIES = re.compile(r"0x[0-9a-f]+|[\d.]+")


def visible(text: str, kept: str = "") -> str:
    """A text of others as one line: what would act on a terminal is written as in JSON.

    So it may stand within JSON, too.

    Parameters
    ----------
    kept : str
        Characters that are left as they are.

    Examples
    --------
    >>> print(visible("a\\x1b[2J b\\u202ec\\n"))
    a\\u001b[2J b\\u202ec\\u000a
    """
    return _HIDDEN.sub(lambda at: at[0] if at[0] in kept else f"\\u{ord(at[0]):04x}", text)


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON.

    Parameters
    ----------
    program, instance : str
        Fields of every line.
    """

    def __init__(self, program: str, instance: str) -> None:
        super().__init__()
        self._always = {"program": program, "instance": instance}

    def format(self, record: logging.LogRecord) -> str:
        """One line, however many the message or a traceback has."""
        event: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **self._always,
            **getattr(record, "about", {}),
        }
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(event, default=str)


class TextFormatter(logging.Formatter):
    """Formats a record as a line for people, with its fields behind the message."""

    def __init__(self) -> None:
        super().__init__(_TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # as it is called
        """The line; a traceback follows on lines of its own."""
        about: Mapping[str, Any] = getattr(record, "about", {})
        fields = "".join(f" {name}={value}" for name, value in about.items())
        return visible(super().formatMessage(record) + fields)


class Folded(logging.Filter):
    """Lets a line of one kind pass once in a while, with how often it was held back.

    Parameters
    ----------
    seconds : float
    now : callable
        Monotonic seconds.
    """

    def __init__(self, seconds: float = _FOLD_S, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._now = now
        self._seen: dict[tuple[int, str], tuple[float, int]] = {}  # said when, held back since

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        kind = record.levelno, _VARIES.sub("#", record.getMessage())
        now = self._now()
        said, held = self._seen.get(kind, (now - self._seconds, 0))
        if now - said < self._seconds:
            self._seen[kind] = said, held + 1
            return False
        if len(self._seen) >= _MOST_KINDS:
            self._seen.clear()
        self._seen[kind] = now, 0
        if held:
            record.msg = f"{record.getMessage()} ({held} more like it in {now - said:.0f} s)"
            record.args = ()
        return True


def configure(level: str, form: str, program: str, instance: str) -> None:
    """Write all logs to standard error.

    Parameters
    ----------
    level : str
        As Python's `logging` names it.
    form : {"text", "json"}
    program, instance : str
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(form, program, instance))
    logging.basicConfig(level=_of_others(level), handlers=[handler])
    for name in OURS:
        logging.getLogger(name).setLevel(level)


def configuration(level: str, form: str, program: str, instance: str) -> dict[str, Any]:
    """The same as `configure`, as Python's configuration, for what configures logs itself."""
    made = {"()": _formatter, "form": form, "program": program, "instance": instance}
    handler = {"class": "logging.StreamHandler", "formatter": "ours", "stream": "ext://sys.stderr"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"ours": made},
        "handlers": {"ours": handler},
        "root": {"level": _of_others(level), "handlers": ["ours"]},
        "loggers": {name: {"level": level} for name in OURS},
    }


def librdkafka() -> logging.Logger:
    """The logger of the client library's lines, which folds them."""
    logger = logging.getLogger(LIBRDKAFKA)
    if not any(isinstance(item, Folded) for item in logger.filters):
        logger.addFilter(Folded())
    return logger


def _of_others(level: str) -> str:
    return "INFO" if level in ("DEBUG", "NOTSET") else level


def _formatter(form: str, program: str, instance: str) -> logging.Formatter:
    return JsonFormatter(program, instance) if form == "json" else TextFormatter()
