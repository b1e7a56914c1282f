"""Notices that a client sent a request of a commit again without an answer to the first.

librdkafka sends it again where a connection ends before the answer, and reports nothing. A proxy
or a slow broker may have the first one still, and without KIP-890 a broker can't tell it from one
of a later transaction of the same producer: it would end that one in its midst, or take offsets
back. Only the client's statistics count what was sent.

What was answered is sent again as well, and harmless: a coordinator that still writes the markers
of the former transaction to other brokers says so, at every second commit of a cluster that has
much to do. So a repetition is in doubt only where a connection ended, or a request timed out, in
the same commit.
"""

from __future__ import annotations

import re
from typing import Any, Final

_EVERY_MS = 200
#: One of each belongs to a commit.
_REQUESTS: Final = ("AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn")
#: Each leaves requests without an answer.
_LOSSES: Final = ("disconnects", "req_timeouts")


def _total(name: str, statistics: str) -> int:
    """Sum of a count over all brokers."""
    return sum(map(int, re.findall(rf'"{name}":\s*(\d+)', statistics)))


class SentRequests:
    """Counts the requests of commits that one producer sent.

    Attributes
    ----------
    known : bool
        Whether what was sent till the last commit has been counted.
    doubtful : bool
        Whether the first of two may be on its way still.
    """

    def __init__(self) -> None:
        self.known = True
        self.doubtful = False
        self._sent = [0] * len(_REQUESTS)
        self._lost = 0

    @property
    def config(self) -> dict[str, Any]:
        """Keys of the producer's configuration; it counts whenever the producer is polled."""
        return {"statistics.interval.ms": _EVERY_MS, "stats_cb": self.read}

    def committed(self) -> None:
        """Expect one more of each, counted by what is read from now on."""
        self.known = False

    def read(self, statistics: str) -> None:
        """Read the client's statistics, JSON: what was sent to each broker, by request."""
        if self.known:
            return  # amid a commit, or before the first
        sent = [_total(name, statistics) for name in _REQUESTS]
        lost = sum(_total(name, statistics) for name in _LOSSES)
        # Fewer, too, tell nothing: a broker that is gone takes its counts with it.
        as_expected = sent == [count + 1 for count in self._sent]
        self.doubtful = self.doubtful or (not as_expected and lost != self._lost)
        self._sent, self._lost, self.known = sent, lost, True
