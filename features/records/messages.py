"""Takes messages out of librdkafka's memory into columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.records.joined import Joined
from features.records.message_kernel import COLUMNS, copy_bytes, read_columns, release

#: Behind each value and behind the last, as `features.records.batch.parse` wants them.
_END, _LAST = ord("\n"), 16


@dataclass(frozen=True)
class Calls:
    """Addresses of librdkafka's functions: ``rd_kafka_message_timestamp`` and ``.._destroy``."""

    stamp: int
    destroy: int


@dataclass(frozen=True)
class Messages:
    """Messages that are still librdkafka's, until :meth:`release`.

    Attributes
    ----------
    addresses : int64[n]
        Of ``rd_kafka_message_t`` each.
    columns : ndarray of COLUMNS, shape (n,)
        ``topic`` (address of the topic's handle), ``partition``, ``offset``, ``stamp`` (ms) and
        ``err`` (0, or what the message says instead of being one).
    """

    addresses: NDArray[np.int64]
    columns: NDArray[Any]
    calls: Calls

    @classmethod
    def at(cls, addresses: NDArray[np.int64], calls: Calls) -> Messages:
        """Read the numbers of messages at these addresses."""
        columns = np.empty(len(addresses), COLUMNS)
        read_columns(addresses, np.int64(calls.stamp), columns)
        return cls(addresses, columns, calls)

    def take(self, index: NDArray[Any]) -> tuple[Joined, Joined]:
        """Copy the values and the keys of some."""
        chosen = self.addresses[index]
        return (
            _copied(chosen, self.columns["length"][index], False),
            _copied(chosen, self.columns["key_length"][index], True),
        )

    def release(self) -> None:
        """Give the messages back; what was taken stays."""
        release(self.addresses, np.int64(self.calls.destroy))


def _copied(addresses: NDArray[np.int64], lengths: NDArray[np.int64], keys: bool) -> Joined:
    gap = 0 if keys else 1
    starts = np.zeros(len(addresses) + 1, np.int64)
    np.cumsum(np.maximum(lengths, 0) + gap, out=starts[1:])
    data = np.zeros(int(starts[-1]) + (0 if keys else _LAST), np.uint8)
    copy_bytes(addresses, keys, starts, -1 if keys else _END, data)
    data.flags.writeable = False  # as of joined bytes: numba compiles once per kind of array
    return Joined(data, starts, lengths < 0, gap)


def warm_up() -> None:
    """Compile, or load from disk, the kernels used here; seconds the first time."""
    nothing = Messages.at(np.empty(0, np.int64), Calls(0, 0))
    nothing.take(np.empty(0, np.int64))
    nothing.release()
