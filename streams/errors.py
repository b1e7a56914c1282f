"""Defines the errors of the shell, each named by what is done next, and the exit codes.

KafkaFailed                 Kafka does not answer, or refuses
  Abandon                   (worker) start again from the last commit
  ReaderError, TopicError, GroupError, ProduceError       by what was asked, where it is asked
PartitionFailed             (worker) give up that partition, go on with the others
Stop                        (worker) end, and say what to do
  NoBroker, TooManyDeadLetters, LostOffsets, BadTopics, Twin, PortTaken
UsageError                  (commands) the arguments contradict each other
ExtraMissing                (commands) an optional part of the package is not installed
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """Exit codes, the same in every command."""

    DONE = 0
    FAILED = 1  # something failed, differs or is not there
    USAGE = 2  # wrong arguments or settings, or an extra that is not installed
    DEAD_LETTERS = 3  # a strict worker refused too many records
    LOST_OFFSETS = 4  # offsets and the log or the state disagree
    BAD_TOPICS = 5  # a worker's topics are missing or not co-partitioned
    TWIN = 6  # another worker that lives has this one's name
    PORT_TAKEN = 7  # a worker's http_port is another's
    UNREACHABLE = 69  # no broker answers; EX_UNAVAILABLE of sysexits.h
    STUCK = 70  # a worker's watchdog ended it
    INTERRUPTED = 130  # Ctrl-C; as a shell counts signal 2
    BROKEN_PIPE = 141  # who read the output is gone; as a shell counts signal 13
    TERMINATED = 143  # a worker was asked twice to stop; as a shell counts signal 15


#: Names of librdkafka's errors for: nobody is there, or not in time.
_AWAY = frozenset({"_TRANSPORT", "_ALL_BROKERS_DOWN", "_RESOLVE", "_TIMED_OUT", "_MSG_TIMED_OUT"})


class KafkaFailed(RuntimeError):
    """Kafka does not answer, or refuses.

    Parameters
    ----------
    said : str
        The request, its target, and the answer.
    cause : KafkaException, KafkaError or TimeoutError, optional
        The answer: `away` is taken from it.

    Attributes
    ----------
    name : str
        Of the client library's error, such as ``GROUP_ID_NOT_FOUND``.
    away : bool
        Nobody answered in time: it may be worth trying again later.
    """

    name = ""
    away = False

    def __init__(self, said: str, cause: Any = None) -> None:
        # Told by what it can do, for this module must not load the client library.
        error = cause.args[0] if isinstance(cause, Exception) and cause.args else cause
        if hasattr(error, "name") and hasattr(error, "str"):
            self.name = str(error.name())
            self.away = self.name in _AWAY
            said = f"{said}: {error.str()}"
        elif cause is not None:
            self.away = isinstance(cause, TimeoutError)
            said = f"{said}: {str(cause) or 'no answer in time'}"
        super().__init__(said)


class Abandon(KafkaFailed):
    """The transaction's fate is unknown or it was fenced: start again from the last commit."""


class UsageError(ValueError):
    """Arguments are out of range, contradict each other or name what does not exist."""


class ExtraMissing(RuntimeError):
    """An optional part of the package is not installed; the message tells how to install it."""

    def __init__(self, extra: str, what: str) -> None:
        super().__init__(f"{what} is not installed: pip install 'interest-streams[{extra}]'")


class Stop(Exception):
    """The worker can't go on; the message tells why and what to do. `code` is the exit code."""

    code: ExitCode = ExitCode.FAILED


class PartitionFailed(Exception):
    """One partition failed; `partition` tells which, `cause` of what, and a `Stop` for good."""

    def __init__(self, partition: int, cause: Exception) -> None:
        super().__init__(f"partition {partition}: {type(cause).__name__}: {cause}")
        self.partition = partition
        self.cause = cause


class NoBroker(Stop):
    """No broker answers."""

    code = ExitCode.UNREACHABLE
    away = True


class TooManyDeadLetters(Stop):
    """Refusing this much is a bad deploy or a bad producer, not bad luck."""

    code = ExitCode.DEAD_LETTERS


class LostOffsets(Stop):
    """The committed offset is gone from the log, or disagrees with the state."""

    code = ExitCode.LOST_OFFSETS


class BadTopics(Stop):
    """Topics are missing or not co-partitioned."""

    code = ExitCode.BAD_TOPICS


class Twin(Stop):
    """Another worker that lives has this one's name."""

    code = ExitCode.TWIN


class PortTaken(Stop):
    """The port for the pages can't be had."""

    code = ExitCode.PORT_TAKEN
