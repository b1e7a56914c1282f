"""Computes the partition of a key, by the partitioners that Kafka's clients have."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

_MASK: Final = 0xFFFFFFFF
_M: Final = 0x5BD1E995
_SEED: Final = 0x9747B28C


def murmur2(key: bytes) -> int:
    """MurmurHash2 of a key (Austin Appleby, public domain), with the seed of Kafka's Java client.

    Returns
    -------
    32 bits, without sign.
    """
    whole = len(key) - len(key) % 4
    h = _SEED ^ len(key)
    for i in range(0, whole, 4):
        k = int.from_bytes(key[i : i + 4], "little") * _M & _MASK
        h = h * _M & _MASK ^ ((k ^ k >> 24) * _M & _MASK)
    if whole < len(key):
        h = (h ^ int.from_bytes(key[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


def subject_partition(subject: str, partitions: int) -> int:
    """Partition in which a subject's profile and offers lie: that of its account.

    Where the producers of the inputs use murmur2, as the contract asks; a member's record doesn't
    lie where a hash of its own key would put it.

    Examples
    --------
    >>> subject_partition("acc-1", 12) == subject_partition("acc-1/m-2", 12)
    True
    """
    return PARTITIONERS["murmur2"](subject.partition("/")[0].encode(), partitions)


#: Partition of a key among so many, by the name that the setting `partitioner` has for it.
PARTITIONERS: Final[dict[str, Callable[[bytes, int], int]]] = {
    "murmur2": lambda key, count: (murmur2(key) & 0x7FFFFFFF) % count,  # Java's default
    "consistent": lambda key, count: zlib.crc32(key) % count,  # librdkafka's default
}
