"""Notices that a client sent a request of a commit more than once.

librdkafka sends it again where a connection ends before the answer, and reports nothing. A proxy
or a slow broker may have the first one still, and without KIP-890 a broker can't tell it from one
of a later transaction of the same producer: it would end that one in its midst, or take offsets
back. Only the client's statistics count what was sent.
"""

from __future__ import annotations

import re
from typing import Any, Final

_EVERY_MS = 200
#: One of each belongs to a commit.
_REQUESTS: Final = ("AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn")
_COUNTS = [re.compile(rf'"{name}":\s*(\d+)') for name in _REQUESTS]


class SentRequests:
    """Counts the requests of commits that one producer sent.

    Attributes
    ----------
    known : bool
        Whether what was sent till the last commit has been counted.
    twice : bool
        Whether one was sent more often than there were commits.
    """

    def __init__(self) -> None:
        self.known = True
        self.twice = False
        self._commits = 0

    @property
    def config(self) -> dict[str, Any]:
        """Keys of the producer's configuration; it counts whenever the producer is polled."""
        return {"statistics.interval.ms": _EVERY_MS, "stats_cb": self.read}

    def committed(self) -> None:
        """Expect one more of each, counted by what is read from now on."""
        self._commits += 1
        self.known = False

    def read(self, statistics: str) -> None:
        """Read the client's statistics, JSON: what was sent to each broker, by request."""
        sent = [sum(map(int, pattern.findall(statistics))) for pattern in _COUNTS]
        self.known = True
        self.twice = self.twice or max(sent) > self._commits
