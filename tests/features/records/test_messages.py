"""Messages in a C library's memory, made here as librdkafka lays them out."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.records.joined import joined
from features.records.message_kernel import MESSAGE
from features.records.messages import Calls, Messages

_STAMP = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
_DESTROY = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
TEXT = st.none() | st.binary(max_size=40)


class Raw(ctypes.Structure):
    """``rd_kafka_message_t`` as `rdkafka.h` declares it."""

    _fields_ = [
        ("err", ctypes.c_int),
        ("rkt", ctypes.c_void_p),
        ("partition", ctypes.c_int32),
        ("payload", ctypes.c_void_p),
        ("len", ctypes.c_size_t),
        ("key", ctypes.c_void_p),
        ("key_len", ctypes.c_size_t),
        ("offset", ctypes.c_int64),
        ("_private", ctypes.c_void_p),
    ]


@dataclass
class Library:
    """Two functions with the addresses that `Calls` wants, and what they were called with."""

    destroyed: list[int]
    calls: Calls


@pytest.fixture(scope="module")
def library() -> Iterator[Library]:
    destroyed: list[int] = []
    stamp = _STAMP(lambda message, kind: Raw.from_address(message).offset * 1000)
    destroy = _DESTROY(destroyed.append)
    addresses = [ctypes.cast(f, ctypes.c_void_p).value or 0 for f in (stamp, destroy)]
    yield Library(destroyed, Calls(*addresses))
    del stamp, destroy


def _held(text: bytes) -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(text, max(len(text), 1))


def test_the_layout_is_that_of_the_header() -> None:
    names = ["err", "rkt", "partition", "payload", "len", "key", "key_len", "offset"]
    assert [spec[1] for spec in (MESSAGE.fields or {}).values()] == [
        getattr(Raw, name).offset for name in names
    ]
    assert MESSAGE.itemsize == ctypes.sizeof(Raw)


@given(texts=st.lists(st.tuples(TEXT, TEXT), max_size=12))
def test_what_is_taken_is_what_was_there(
    library: Library, texts: list[tuple[bytes | None, bytes | None]]
) -> None:
    held = [[None if text is None else _held(text) for text in pair] for pair in texts]
    raws = [
        Raw(
            rkt=7 + i % 2,
            partition=i % 3,
            offset=100 + i,
            payload=None if value is None else ctypes.addressof(value),
            len=len(texts[i][0] or b""),
            key=None if key is None else ctypes.addressof(key),
            key_len=len(texts[i][1] or b""),
        )
        for i, (value, key) in enumerate(held)
    ]
    addresses = np.array([ctypes.addressof(raw) for raw in raws], np.int64)
    messages = Messages.at(addresses, library.calls)
    assert messages.columns["offset"].tolist() == [100 + i for i in range(len(raws))]
    assert messages.columns["stamp"].tolist() == [1000 * (100 + i) for i in range(len(raws))]
    assert messages.columns["topic"].tolist() == [7 + i % 2 for i in range(len(raws))]
    chosen = np.flatnonzero(messages.columns["partition"] != 1)
    values, keys = messages.take(chosen)
    some = [texts[i] for i in chosen.tolist()]
    for found, column, end, last in ((values, 0, b"\n", bytes(16)), (keys, 1, b"", b"")):
        parts = [pair[column] for pair in some]
        plain = joined(parts, end, last)
        assert list(found) == list(plain) == parts
        assert found.data.tobytes() == plain.data.tobytes()
        assert found.starts.tolist() == plain.starts.tolist()
        assert found.data.flags.writeable is plain.data.flags.writeable is False
    library.destroyed.clear()
    messages.release()
    assert library.destroyed == addresses.tolist()
