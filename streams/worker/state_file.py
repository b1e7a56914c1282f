"""Reads and writes exported state: a file that is complete and as it was written, or refused.

::

    interest-streams-state 1                       the form
    {"id": "...", "created": "...", ...}           one line of JSON, readable by anybody
    length, content                                of each frame: 4 bytes, big-endian; bytes

A frame's content is JSON, compressed with Zstandard, and where the header says ``"encrypted":
true`` then AES-256-GCM: the key is HKDF-SHA256 of the key file's 32 bytes, with the id as salt and
the first line as info; the nonce is the frame's number, 12 bytes, from 0; the header's line is
authenticated with each. The first frame is ``{"metas": {partition: value}}``, the last ``{"end":
{"records": N, "sha256": of the header's line and of all former contents}}``, and between them stand
``{"topic", "partition", "records": [[key, value, time, [[name, value], ...]], ...]}``, partition
after partition, with the topic's name as in the contract, time in ms, and bytes in base64.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
import sys
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson

from streams.errors import UsageError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_FORM = b"interest-streams-state 1\n"
_KEY_BYTES = 32
_LONGEST = 1 << 28  # bytes of a frame: what claims more is no frame of ours
_PER_FRAME = 1_000  # records


class StateFileError(RuntimeError):
    """A file is no whole export, or is under another key; the message names it and says which."""


class StoredRecord(NamedTuple):
    """A record of a compacted topic."""

    key: bytes
    value: bytes
    time_ms: int
    headers: list[tuple[str, bytes]]


class StatePart(NamedTuple):
    """Records of one partition of a topic, some of them."""

    topic: str
    partition: int
    records: list[StoredRecord]


def read_key(path: Path) -> bytes:
    """Read a key: 64 hexadecimal digits, as ``openssl rand -hex 32`` writes them.

    Raises
    ------
    UsageError
    """
    try:
        key = bytes.fromhex(path.read_text().strip())
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise UsageError(f"{path}: a key is 64 hexadecimal digits (openssl rand -hex 32)")
    return key


def write_state(
    path: Path, metas: Mapping[int, bytes], parts: Iterable[StatePart], key: bytes | None = None
) -> int:
    """Write a file that only its owner can read, and that is there when it is whole.

    Returns
    -------
    Number of records.

    Raises
    ------
    UsageError
        Where there is such a file already.
    """
    if path.exists():
        raise UsageError(f"{path} exists already")
    draft = path.with_name(path.name + ".part")
    draft.unlink(missing_ok=True)
    try:
        with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            records = _write(file, metas, parts, key)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
    return records


def _write(
    file: BinaryIO, metas: Mapping[int, bytes], parts: Iterable[StatePart], key: bytes | None
) -> int:
    name = secrets.token_hex(16)
    about = {
        "id": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "encrypted": key is not None,
    }
    header = orjson.dumps(about) + b"\n"
    file.write(_FORM + header)
    digest, records, seal = hashlib.sha256(header), 0, _cipher(name, header, key, seal=True)

    def put(number: int, document: Mapping[str, Any]) -> None:
        content = seal(number, zstd.compress(orjson.dumps(document)))
        digest.update(content)
        file.write(struct.pack(">I", len(content)) + content)

    put(0, {"metas": {str(partition): _text(value) for partition, value in metas.items()}})
    number = 1
    for part in parts:
        for first in range(0, len(part.records), _PER_FRAME):
            some = part.records[first : first + _PER_FRAME]
            put(number, {"topic": part.topic, "partition": part.partition,
                         "records": [_written(record) for record in some]})  # fmt: skip
            number, records = number + 1, records + len(some)
    put(number, {"end": {"records": records, "sha256": digest.hexdigest()}})
    return records


class StateFile:
    """An export that is being read.

    Attributes
    ----------
    id : str
        Another for every export.
    created : str
        UTC, ISO 8601.
    metas : dict of int to bytes
        The partition records.
    """

    def __init__(self, path: Path, file: BinaryIO, key: bytes | None) -> None:
        self._path, self._file = path, file
        if file.readline(len(_FORM)) != _FORM:
            raise StateFileError(f"{path}: not an export of state, or one of another release")
        header = file.readline(1_000)
        with self._damage(0):
            about = orjson.loads(header)
            self.id, self.created = str(about["id"]), str(about["created"])
            encrypted = bool(about["encrypted"])
        if encrypted != (key is not None):
            raise UsageError(
                f"{path} is encrypted: give its --key"
                if encrypted
                else f"{path} is not encrypted: leave --key out"
            )
        self._digest = hashlib.sha256(header)
        self._open = _cipher(self.id, header, key, seal=False)
        with self._damage(0):
            self.metas = {int(p): b64decode(v) for p, v in self._next(0)["metas"].items()}

    def parts(self) -> Iterator[StatePart]:
        """Read the records, to the end, which says whether that was all.

        Raises
        ------
        StateFileError
        """
        number = records = 0
        while True:
            number, so_far = number + 1, self._digest.hexdigest()
            with self._damage(number):
                document = self._next(number)
                if "end" in document:
                    whole = document["end"] == {"records": records, "sha256": so_far}
                    if not whole or self._file.read(1):
                        raise ValueError("not what was written")
                    return
                part = StatePart(
                    document["topic"],
                    document["partition"],
                    [_read(item) for item in document["records"]],
                )
            records += len(part.records)
            yield part

    def _next(self, number: int) -> Any:
        (length,) = struct.unpack(">I", self._file.read(4))
        if length > _LONGEST:
            raise ValueError("too long")
        content = self._file.read(length)
        self._digest.update(content)
        return orjson.loads(zstd.decompress(self._open(number, content)))

    @contextmanager
    def _damage(self, number: int) -> Iterator[None]:
        """Say where it is that something can't be read."""
        try:
            yield
        except (ValueError, KeyError, TypeError, struct.error, zstd.ZstdError, NotBase64) as error:
            why = str(error) if isinstance(error, ValueError) else type(error).__name__
            raise StateFileError(
                f"{self._path}: frame {number} can't be read ({why}): the file is damaged or not "
                "whole"
            ) from None


@contextmanager
def opened_state(path: Path, key: bytes | None = None) -> Iterator[StateFile]:
    """Open an export.

    Raises
    ------
    StateFileError, UsageError
    """
    with path.open("rb") as file:
        yield StateFile(path, file, key)


def _cipher(
    name: str, header: bytes, key: bytes | None, *, seal: bool
) -> Callable[[int, bytes], bytes]:
    """Encrypt or decrypt a frame by its number; nothing is done without a key."""
    if key is None:
        return lambda _, content: content
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(SHA256(), _KEY_BYTES, name.encode(), _FORM.strip()).derive(key)
    cipher = AESGCM(derived)

    def work(number: int, content: bytes) -> bytes:
        nonce = number.to_bytes(12, "big")
        try:
            return (cipher.encrypt if seal else cipher.decrypt)(nonce, content, header)
        except InvalidTag:
            raise ValueError("another key, or not what was written") from None

    return work


def _written(record: StoredRecord) -> list[Any]:
    headers = [[name, _text(value)] for name, value in record.headers]
    return [_text(record.key), _text(record.value), record.time_ms, headers]


def _read(item: Any) -> StoredRecord:
    key, value, time_ms, headers = item
    pairs = [(str(name), b64decode(text)) for name, text in headers]
    return StoredRecord(b64decode(key), b64decode(value), int(time_ms), pairs)


def _text(value: bytes) -> str:
    return b64encode(value).decode()
