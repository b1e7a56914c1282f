"""Packs a subject's state into bytes and reads it back: header, interests, profile shown, rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.jit import as_index, as_int, bare
from features.records.hash_kernel import FNV_OFFSET, finish, hash_span
from features.state.layout import ROW, SHOWN, Counters, Keys, Live, Rows, Subjects
from features.state.slabs_kernel import take_slab
from features.state.subjects_kernel import SubjectKey, find_subject, insert_subject

#: Header of a state record, little endian. ``format`` changes when any of this does. Behind it, per
#: row, its interest and what is shown of it; then the rows. Of format 1 only the score was kept,
#: and of 1 and 2 nothing of where the subject was.
HEAD = np.dtype(
    [
        ("format", "<u1"),
        ("sources", "<u1"),
        ("used", "<u2"),
        ("version", "<u4"),
        ("seq", "<u4"),
        ("events", "<u4"),
        ("last_ts", "<i8"),
        ("days", "<u8"),
        ("digest", "<u8"),
        ("day", "<u2"),
        ("first", "<u2"),
        ("country", "<u2"),
        ("published", "<u2"),
        ("abroad", "<u8"),
        ("placed_at", "<u4"),
        ("place_day", "<u2"),
        ("quarters", "<u2"),
        ("zone", "<i2"),
    ]
)
FORMAT = 3
HEAD_BYTES = HEAD.itemsize
_LEAD = 2 + SHOWN.itemsize
ROW_BYTES = ROW.itemsize + _LEAD


class Sizes(NamedTuple):
    """Bytes of the parts of a record of one format, which hold the first fields of each."""

    head: int
    lead: int  # per row, before the rows themselves
    row: int


#: Of each format that can be read.
SIZES = {
    1: Sizes(48, 3, 92),
    2: Sizes(48, _LEAD, 92),
    FORMAT: Sizes(HEAD_BYTES, _LEAD, ROW.itemsize),
}

_SLASH = 47


def sizes_of(formats: NDArray[np.uint8]) -> NDArray[np.int64]:
    """`SIZES` of records by their formats, shape (n, 3), zeros for one that can't be read."""
    by_format = np.zeros((256, len(Sizes._fields)), np.int64)
    by_format[list(SIZES)] = list(SIZES.values())
    return by_format[formats]


def without_digest(value: bytes) -> bytes:
    """A subject's record as if nothing were known of what was published of it last."""
    assert HEAD.fields is not None
    kind, at = HEAD.fields["digest"][:2]  # the same in every format
    return value[:at] + bytes(kind.itemsize) + value[at + kind.itemsize :]


@bare
def pack(sids: Any, s: Subjects, r: Rows, heads: Any, row_bytes: Any, out: Any, ends: Any) -> None:
    """Write header, interests and rows of each subject behind each other.

    Parameters
    ----------
    heads : ndarray of uint8, shape (n, HEAD.itemsize)
    row_bytes : ndarray of uint8, shape (rows, ROW.itemsize)
        The rows' windows as bytes.
    out : ndarray of uint8
        Large enough for all.
    ends : ndarray of int64, shape (n,)
    """
    n = as_index(0)
    for i in range(sids.shape[0]):
        sid = sids[i]
        for k in range(as_index(heads.shape[1])):
            out[n + k] = heads[i, k]
        n += as_index(heads.shape[1])
        start = as_int(s.start[sid])
        used = as_int(s.used[sid])
        for j in range(start, start + used):
            out[n] = np.uint8(r.interest[j] & 255)
            out[n + as_index(1)] = np.uint8(r.interest[j] >> 8)
            shown = r.shown[j]
            out[n + as_index(2)] = shown.score
            out[n + as_index(3)] = shown.stance
            out[n + as_index(4)] = np.uint8(shown.since & 255)
            out[n + as_index(5)] = np.uint8(shown.since >> 8)
            n += as_index(_LEAD)
        for j in range(start, start + used):
            for k in range(as_index(row_bytes.shape[1])):
                out[n + k] = row_bytes[j, k]
            n += as_index(row_bytes.shape[1])
        ends[i] = n


@bare
def pack_keys(sids: Any, s: Subjects, keys: Keys, out: Any) -> None:
    """Write the keys of subjects behind each other; `out` has room for all."""
    n = as_index(0)
    for i in range(sids.shape[0]):
        at = as_index(s.key_at[sids[i]])
        for k in range(as_index(s.key_len[sids[i]])):
            out[n + k] = keys.text[at + k]
        n += as_index(s.key_len[sids[i]])


@bare
def read_heads(blob: Any, at: Any, sizes: Any, heads: Any) -> None:
    """Copy the header at each position of `at`, of so many bytes, into a row of `heads`."""
    for i in range(at.shape[0]):
        for k in range(sizes[i]):
            heads[i, k] = blob[at[i] + k]


class Records(NamedTuple):
    """State records of a changelog: values and keys behind each other, and where each begins."""

    values: Any  # ndarray of uint8
    value_at: Any  # ndarray of int64, shape (n,)
    keys: Any  # ndarray of uint8
    key_at: Any  # ndarray of int64, shape (n + 1,)
    used: Any  # ndarray of uint16, shape (n,): rows of each subject
    sizes: Any  # ndarray of int64, shape (n, 3): `Sizes` of each


@bare
def place(live: Live, records: Records, row_bytes: Any, sids: Any) -> None:
    """Append subjects and copy their rows in; the caller has made room.

    Parameters
    ----------
    row_bytes : ndarray of uint8, shape (rows, ROW.itemsize)
        The rows' windows as bytes.
    sids : ndarray of int32, shape (n,)
        Filled with the subjects' numbers.
    """
    subjects, rows, counters = live.subjects, live.rows, live.counters
    values = records.values
    for i in range(sids.shape[0]):
        begin = records.key_at[i]
        length = records.key_at[i + 1] - begin
        sid = _subject(subjects, live.keys, counters, records.keys, begin, length)
        sids[i] = sid
        used = as_int(records.used[i])
        cap = (used + 1) & ~1
        start = take_slab(rows, counters, cap) if cap > 0 else 0
        subjects.start[sid] = start
        subjects.used[sid] = np.uint16(used)
        subjects.cap[sid] = np.uint16(cap)
        head, lead, size = records.sizes[i]
        at = records.value_at[i] + head
        for j in range(start, start + used):
            rows.interest[j] = np.uint16(values[at]) | np.uint16(np.uint16(values[at + 1]) << 8)
            shown = rows.shown[j]
            shown.score = values[at + 2]
            shown.stance, shown.since = np.uint8(0), np.uint16(0)
            if lead == _LEAD:
                shown.stance = values[at + 3]
                shown.since = np.uint16(values[at + 4]) | np.uint16(np.uint16(values[at + 5]) << 8)
            at += lead
        for j in range(start, start + used):
            for k in range(row_bytes.shape[1]):
                row_bytes[j, k] = values[at + k] if k < size else 0
            at += size


@bare
def _subject(
    subjects: Subjects, keys: Keys, counters: Counters, text: Any, at: int, length: int
) -> int:
    cut = length
    for k in range(length):
        if text[at + k] == _SLASH:
            cut = k
            break
    h = finish(hash_span(text, at, at + cut, FNV_OFFSET))
    key = SubjectKey(text, at, cut, 0, 0, h)
    account = find_subject(subjects, keys, key)
    if account < 0:
        account = insert_subject(subjects, keys, counters, key, -1)
    if cut == length:
        return account
    h = finish(hash_span(text, at, at + length, FNV_OFFSET))
    key = SubjectKey(text, at, cut, at + cut + 1, length - cut - 1, h)
    sid = find_subject(subjects, keys, key)
    if sid < 0:
        sid = insert_subject(subjects, keys, counters, key, account)
    return sid
