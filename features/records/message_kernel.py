"""Reads Kafka messages where librdkafka holds them, by their addresses.

Nothing of Python stands for a message: its numbers go into columns, its bytes are copied once.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from features.jit import njit

#: ``rd_kafka_message_t`` of librdkafka 2, on a machine with 64 bits (`rdkafka.h`).
MESSAGE: Final = np.dtype({
    "names": ["err", "topic", "partition", "value", "length", "key", "key_length", "offset"],
    "formats": ["i4", "u8", "i4", "i8", "i8", "i8", "i8", "i8"],
    "offsets": [0, 8, 16, 24, 32, 40, 48, 56],
    "itemsize": 72,
})  # fmt: skip
#: What is read of a message beside its bytes. ``topic`` is the address of a handle; ``stamp``
#: milliseconds, -1 where unknown; a length of -1 means absent.
COLUMNS: Final = np.dtype([
    ("topic", "u8"), ("offset", "i8"), ("stamp", "i8"), ("length", "i8"), ("key_length", "i8"),
    ("err", "i4"), ("partition", "i4"),
])  # fmt: skip


def _typed_pointer(typing_context: Any, address: Any) -> Any:
    """Take an integer for a pointer."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(address), generate


def _typed_call(typing_context: Any, function: Any, first: Any, second: Any) -> Any:
    """Call a C function at an address with two words; returns a word."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = ir.IntType(64)
        kind = ir.FunctionType(word, [word, word])
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1], args[2]])

    return types.int64(function, first, second), generate


_pointer: Any = intrinsic(_typed_pointer)
_call: Any = intrinsic(_typed_call)


@njit
def read_columns(
    addresses: NDArray[np.int64], stamp_function: np.int64, columns: NDArray[Any]
) -> None:
    """Read the numbers of messages.

    Parameters
    ----------
    addresses : int64[n]
        Of ``rd_kafka_message_t`` each.
    stamp_function : int64
        Address of ``rd_kafka_message_timestamp``.
    columns : ndarray of COLUMNS, shape (n,)
        Written.
    """
    for i in range(len(addresses)):
        message = carray(_pointer(addresses[i]), 1, MESSAGE)[0]
        row = columns[i]
        row.topic, row.err, row.partition = message.topic, message.err, message.partition
        row.offset = message.offset
        row.length = message.length if message.value else -1
        row.key_length = message.key_length if message.key else -1
        row.stamp = _call(stamp_function, addresses[i], np.int64(0))


@njit
def copy_bytes(
    addresses: NDArray[np.int64],
    keys: bool,
    starts: NDArray[np.int64],
    end: int,
    data: NDArray[np.uint8],
) -> None:
    """Copy the values or the keys of messages behind each other.

    Parameters
    ----------
    addresses : int64[n]
    keys : bool
        Which of the two.
    starts : int64[n + 1]
        Where each goes; the last is where all end.
    end : int
        A byte to write behind each, or -1.
    data : uint8[]
        Written.
    """
    for i in range(len(addresses)):
        message = carray(_pointer(addresses[i]), 1, MESSAGE)[0]
        source = message.key if keys else message.value
        at, stop = starts[i], starts[i + 1]
        if end >= 0:
            stop -= 1
            data[stop] = end
        if stop > at:
            data[at:stop] = carray(_pointer(source), stop - at, np.uint8)


@njit
def release(addresses: NDArray[np.int64], function: np.int64) -> None:
    """Call a C function, ``rd_kafka_message_destroy``, for each message."""
    for i in range(len(addresses)):
        _call(function, addresses[i], np.int64(0))
