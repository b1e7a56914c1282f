"""A subject's state to bytes and back: a fixed header, interests and what was shown, rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare
from features.records.hash_kernel import FNV_OFFSET, finish, hash_span
from features.state.layout import ROW_WORDS, Index, Rows, Subjects
from features.state.slabs_kernel import take_slab
from features.state.subjects_kernel import find_subject, insert_subject

#: Header of a state record, little endian. ``format`` changes when any of this does.
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
    ]
)
FORMAT = 1
ROW_BYTES = 4 * ROW_WORDS + 3

_SLASH = 47


@bare
def pack(sids: Any, s: Subjects, r: Rows, heads: Any, row_bytes: Any, out: Any, ends: Any) -> None:
    """Write header, interests and rows of each subject behind each other.

    Parameters
    ----------
    heads : ndarray of uint8, shape (n, HEAD.itemsize)
    row_bytes : ndarray of uint8, shape (rows, 92)
        The row matrix as bytes.
    out : ndarray of uint8
        Large enough for all.
    ends : ndarray of int64, shape (n,)
    """
    n = 0
    for i in range(sids.shape[0]):
        sid = sids[i]
        for k in range(heads.shape[1]):
            out[n + k] = heads[i, k]
        n += heads.shape[1]
        start = as_int(s.start[sid])
        used = as_int(s.used[sid])
        for j in range(start, start + used):
            out[n] = np.uint8(r.interest[j] & 255)
            out[n + 1] = np.uint8(r.interest[j] >> 8)
            out[n + 2] = r.shown[j]
            n += 3
        for j in range(start, start + used):
            for k in range(row_bytes.shape[1]):
                out[n + k] = row_bytes[j, k]
            n += row_bytes.shape[1]
        ends[i] = n


@bare
def pack_keys(sids: Any, s: Subjects, x: Index, out: Any) -> None:
    """Write the keys of subjects behind each other; `out` has room for all."""
    n = 0
    for i in range(sids.shape[0]):
        at = s.key_at[sids[i]]
        for k in range(as_int(s.key_len[sids[i]])):
            out[n] = x.keys[at + k]
            n += 1


@bare
def read_heads(blob: Any, at: Any, heads: Any) -> None:
    """Copy the header at each position of `at` into a row of `heads`."""
    for i in range(at.shape[0]):
        for k in range(heads.shape[1]):
            heads[i, k] = blob[at[i] + k]


@bare
def place(
    order: Any,
    values: Any,
    value_at: Any,
    keys: Any,
    key_at: Any,
    used: Any,
    s: Subjects,
    x: Index,
    r: Rows,
    row_bytes: Any,
    c: Any,
    head: int,
    sids: Any,
) -> None:
    """Append subjects in `order` and copy their rows in; the caller has made room.

    Parameters
    ----------
    values, keys : ndarray of uint8
    value_at : ndarray of int64, shape (n,)
    key_at : ndarray of int64, shape (n + 1,)
    used : ndarray of uint16, shape (n,)
        Rows of each subject.
    sids : ndarray of int32, shape (n,)
        Filled with the subjects' numbers.
    """
    for q in range(order.shape[0]):
        i = order[q]
        sid = _subject(keys, key_at[i], key_at[i + 1] - key_at[i], s, x, c)
        sids[i] = sid
        rows = as_int(used[i])
        cap = (rows + 1) & ~1
        start = take_slab(r, c, cap) if cap > 0 else 0
        s.start[sid] = start
        s.used[sid] = np.uint16(rows)
        s.cap[sid] = np.uint16(cap)
        at = value_at[i] + head
        for j in range(start, start + rows):
            r.interest[j] = np.uint16(values[at]) | np.uint16(np.uint16(values[at + 1]) << 8)
            r.shown[j] = values[at + 2]
            at += 3
        for j in range(start, start + rows):
            for k in range(row_bytes.shape[1]):
                row_bytes[j, k] = values[at + k]
            at += row_bytes.shape[1]


@bare
def _subject(keys: Any, at: int, length: int, s: Subjects, x: Index, c: Any) -> int:
    cut = length
    for k in range(length):
        if keys[at + k] == _SLASH:
            cut = k
            break
    h = finish(hash_span(keys, at, at + cut, FNV_OFFSET))
    account = find_subject(s, x, keys, at, cut, 0, 0, h)
    if account < 0:
        account = insert_subject(s, x, c, keys, at, cut, 0, 0, h, -1)
    if cut == length:
        return account
    h = finish(hash_span(keys, at, at + length, FNV_OFFSET))
    member = at + cut + 1
    sid = find_subject(s, x, keys, at, cut, member, length - cut - 1, h)
    if sid < 0:
        sid = insert_subject(s, x, c, keys, at, cut, member, length - cut - 1, h, account)
    return sid
