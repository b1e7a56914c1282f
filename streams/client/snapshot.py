"""Writes what a reader holds to a file and reads it back, so that a restart reads only what is new.

The file holds profiles: it is readable by its owner only, replaced in one step, and refused when it
is older than a tombstone lives, for then an erasure may have come and gone unseen.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

_MAGIC = b"interest-profiles 1\n"
_LENGTHS = struct.Struct("<HI")
_END = struct.Struct("<I")
_CHUNK = 1 << 20


class SnapshotError(ValueError):
    """A file is no snapshot, or a damaged one."""


@dataclass(frozen=True)
class Origin:
    """The state of the topic that a snapshot was taken of.

    Attributes
    ----------
    topic, topic_id : str
        Name, and the id by which a topic that was made again is told apart.
    dictionary_id : int
        Of the compression.
    saved_at : int
        Epoch milliseconds.
    offsets : dict of int to int
        Next offset by partition.
    """

    topic: str
    topic_id: str
    dictionary_id: int
    saved_at: int
    offsets: Mapping[int, int]


def write_snapshot(path: Path, origin: Origin, items: Iterable[tuple[str, bytes]]) -> None:
    """Write a snapshot beside `path` and put it in its place.

    Raises
    ------
    OSError
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(fd, "wb", buffering=_CHUNK) as file:
            crc = 0
            for piece in _pieces(origin, items):
                crc = zlib.crc32(piece, crc)
                file.write(piece)
            file.write(_END.pack(crc))
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def read_snapshot(path: Path) -> tuple[Origin, list[tuple[str, bytes]]]:
    """Read a snapshot, checked to its last byte.

    Raises
    ------
    SnapshotError
        Also where there is no file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SnapshotError(f"{path}: {error.strerror}") from None
    end = len(data) - _END.size
    if not data.startswith(_MAGIC) or end < len(_MAGIC):
        raise SnapshotError(f"{path}: not a snapshot")
    if zlib.crc32(memoryview(data)[:end]) != _END.unpack_from(data, end)[0]:
        raise SnapshotError(f"{path}: damaged")
    head, at = (
        data[len(_MAGIC) : data.index(b"\n", len(_MAGIC))],
        data.index(b"\n", len(_MAGIC)) + 1,
    )
    told = json.loads(head)
    offsets = {int(partition): offset for partition, offset in told.pop("offsets").items()}
    return Origin(**told, offsets=offsets), list(_items(data, at, end))


def _pieces(origin: Origin, items: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    yield _MAGIC
    yield json.dumps(asdict(origin)).encode() + b"\n"
    for subject, packed in items:
        key = subject.encode()
        yield _LENGTHS.pack(len(key), len(packed)) + key + packed


def _items(data: bytes, at: int, end: int) -> Iterator[tuple[str, bytes]]:
    while at < end:
        key, value = _LENGTHS.unpack_from(data, at)
        at += _LENGTHS.size
        yield data[at : at + key].decode(), data[at + key : at + key + value]
        at += key + value
