"""Errors of the shell, each named by what the worker does next."""

from __future__ import annotations


class Abandon(Exception):
    """The transaction's fate is unknown or it was fenced: start again from the last commit."""


class Stop(Exception):
    """The worker can't go on; the message says why and what to do. `code` is the exit code."""

    code = 1


class TooManyDeadLetters(Stop):
    """Refusing this much is a bad deploy or a bad producer, not bad luck."""

    code = 3


class LostOffsets(Stop):
    """The committed offset is gone from the log, or disagrees with the state."""

    code = 4


class BadTopics(Stop):
    """Topics are missing or not co-partitioned."""

    code = 5
