"""Subjects, rows, seen event ids and content tags: the tables behind one event.

Maps are open addressing with linear probing at a load of at most one half. A subject is found
by the 64-bit hash of its key *and* by the key's bytes, so two customers are never mixed up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare, inlined
from features.state.layout import (
    C_DEDUP,
    C_DEDUP_LOG,
    C_DIRTY,
    C_KEYS_END,
    C_LIVE,
    C_ROWS_END,
    C_ROWS_LIVE,
    C_SEQ,
    C_SUBJECTS,
    CONTENT_UNKNOWN,
    D_LISTED,
    F_LIKE,
    FREE_CLASSES,
    R_BASE,
    R_FLAGS,
    R_NEXT,
    R_TODAY,
    S_GONE,
    Contents,
    Dedup,
    Index,
    Rows,
    Subjects,
)
from features.state.rows_kernel import start_row

_SLASH = 47


@inlined
def find_subject(
    s: Subjects,
    x: Index,
    key: Any,
    at: int,
    length: int,
    member_at: int,
    member_length: int,
    h: Any,
) -> int:
    """Sid of the subject whose key is ``key[at:at+length]`` (+ ``/`` + member), or -1.

    Parameters
    ----------
    key : ndarray of uint8
        Buffer that holds both parts of the key.
    member_length : int
        0 for the household itself.
    h : uint64
        Hash of the whole key.
    """
    mask = np.uint64(x.slots.shape[0] - 1)
    i = as_int(h & mask)
    while True:
        sid = x.slots[i]
        if sid == -1:
            return -1
        if (
            sid >= 0
            and s.hash[sid] == h
            and _same_key(s, x, sid, key, at, length, member_at, member_length)
        ):
            return as_int(sid)
        i = as_int(np.uint64(i + 1) & mask)


@inlined
def _same_key(
    s: Subjects,
    x: Index,
    sid: int,
    key: Any,
    at: int,
    length: int,
    member_at: int,
    member_length: int,
) -> bool:
    total = length + (member_length + 1 if member_length > 0 else 0)
    if as_int(s.key_len[sid]) != total:
        return False
    base = s.key_at[sid]
    for k in range(length):
        if x.keys[base + k] != key[at + k]:
            return False
    if member_length > 0:
        if x.keys[base + length] != _SLASH:
            return False
        for k in range(member_length):
            if x.keys[base + length + 1 + k] != key[member_at + k]:
                return False
    return True


@bare
def insert_subject(
    s: Subjects,
    x: Index,
    c: Any,
    key: Any,
    at: int,
    length: int,
    member_at: int,
    member_length: int,
    h: Any,
    account: int,
) -> int:
    """Append a subject and index it; the caller has made room. `account` -1: it is one itself."""
    sid = c[C_SUBJECTS]
    c[C_SUBJECTS] += 1
    c[C_LIVE] += 1
    base = c[C_KEYS_END]
    s.hash[sid] = h
    s.key_at[sid] = base
    for k in range(length):
        x.keys[base + k] = key[at + k]
    total = length
    if member_length > 0:
        x.keys[base + length] = _SLASH
        for k in range(member_length):
            x.keys[base + length + 1 + k] = key[member_at + k]
        total = length + 1 + member_length
    s.key_len[sid] = np.uint16(total)
    c[C_KEYS_END] = base + total
    s.seq[sid] = np.uint32(c[C_SEQ])
    c[C_SEQ] += 1
    s.sibling[sid] = -1
    if account < 0:
        s.account[sid] = sid
    else:
        s.account[sid] = account
        s.sibling[sid] = s.sibling[account]
        s.sibling[account] = sid
    mask = np.uint64(x.slots.shape[0] - 1)
    i = as_int(h & mask)
    while x.slots[i] != -1:
        i = as_int(np.uint64(i + 1) & mask)
    x.slots[i] = sid
    return as_int(sid)


@bare
def reindex(s: Subjects, x: Index, c: Any) -> None:
    """Fill an index whose slots are all -1."""
    mask = np.uint64(x.slots.shape[0] - 1)
    for sid in range(c[C_SUBJECTS]):
        if s.status[sid] & S_GONE:
            continue
        i = as_int(s.hash[sid] & mask)
        while x.slots[i] != -1:
            i = as_int(np.uint64(i + 1) & mask)
        x.slots[i] = sid


@bare
def unindex(s: Subjects, x: Index, sid: int) -> None:
    """Take a subject out of the index; the slot stays closed, so that probing goes on past it."""
    mask = np.uint64(x.slots.shape[0] - 1)
    i = as_int(s.hash[sid] & mask)
    while x.slots[i] != sid:
        i = as_int(np.uint64(i + 1) & mask)
    x.slots[i] = -2


@inlined
def mark(s: Subjects, x: Index, c: Any, sid: int, what: int) -> None:
    """Note that `sid` changed since the last commit."""
    if s.dirty[sid] & D_LISTED == 0:
        x.dirty[c[C_DIRTY]] = sid
        c[C_DIRTY] += 1
    s.dirty[sid] = np.uint8(s.dirty[sid] | what | D_LISTED)


@bare
def mark_all(s: Subjects, x: Index, c: Any, sids: Any, what: int) -> None:
    """`mark` for several subjects."""
    for i in range(sids.shape[0]):
        mark(s, x, c, as_int(sids[i]), what)


@inlined
def find_row(s: Subjects, r: Rows, sid: int, interest: int) -> int:
    """Row of a subject and interest, or -1."""
    start = as_int(s.start[sid])
    for j in range(start, start + as_int(s.used[sid])):
        if r.interest[j] == interest:
            return j
    return -1


@bare
def insert_row(
    s: Subjects, r: Rows, c: Any, sid: int, interest: int, day: int, first: int, limit: int
) -> int:
    """Append a row; past `limit` the subject's weakest row gives way."""
    used = as_int(s.used[sid])
    if used >= limit:
        weakest = as_int(s.start[sid])
        least = np.inf
        for j in range(as_int(s.start[sid]), as_int(s.start[sid]) + used):
            level = r.f4[j, R_BASE + 2] + r.f4[j, R_TODAY + 2] + r.f4[j, R_NEXT + 2]
            if r.u2[j, R_FLAGS] & F_LIKE == 0 and level < least:
                least = level
                weakest = j
        drop_row(s, r, c, sid, weakest)
        used -= 1
    if used == as_int(s.cap[sid]):
        _grow(s, r, c, sid)
    j = as_int(s.start[sid]) + used
    s.used[sid] = np.uint16(used + 1)
    c[C_ROWS_LIVE] += 1
    r.interest[j] = np.uint16(interest)
    r.shown[j] = np.uint8(0)
    start_row(r, j, day, first)
    return j


@bare
def take_slab(r: Rows, c: Any, size: int) -> int:
    """Start of a slab of an even number of rows, used before or new."""
    start = as_int(r.free[size >> 1])
    if start >= 0:
        r.free[size >> 1] = np.int32(as_int(r.u4[start, 0]) - 1)
        return start
    start = c[C_ROWS_END]
    c[C_ROWS_END] = start + size
    return as_int(start)


@bare
def free_slab(r: Rows, start: int, size: int) -> None:
    """Give a slab back to those of its size."""
    if size == 0 or (size >> 1) >= FREE_CLASSES:
        return
    r.u4[start, 0] = np.uint32(as_int(r.free[size >> 1]) + 1)
    r.free[size >> 1] = np.int32(start)


@bare
def _grow(s: Subjects, r: Rows, c: Any, sid: int) -> None:
    size = as_int(s.cap[sid])
    step = max(2, (size >> 4) << 1)
    old = as_int(s.start[sid])
    new = take_slab(r, c, size + step)
    for k in range(as_int(s.used[sid])):
        r.interest[new + k] = r.interest[old + k]
        r.shown[new + k] = r.shown[old + k]
        for w in range(r.u4.shape[1]):
            r.u4[new + k, w] = r.u4[old + k, w]
    free_slab(r, old, size)
    s.start[sid] = np.int32(new)
    s.cap[sid] = np.uint16(size + step)


@bare
def drop_row(s: Subjects, r: Rows, c: Any, sid: int, j: int) -> None:
    """Remove row `j`; the order of the others stays, for models learn in it."""
    last = as_int(s.start[sid]) + as_int(s.used[sid]) - 1
    for k in range(j, last):
        r.interest[k] = r.interest[k + 1]
        r.shown[k] = r.shown[k + 1]
        for w in range(r.u4.shape[1]):
            r.u4[k, w] = r.u4[k + 1, w]
    s.used[sid] = np.uint16(s.used[sid] - 1)
    c[C_ROWS_LIVE] -= 1


@bare
def drop_rows(s: Subjects, r: Rows, c: Any, sid: int) -> None:
    """Remove every row of a subject and give its slab back."""
    c[C_ROWS_LIVE] -= as_int(s.used[sid])
    free_slab(r, as_int(s.start[sid]), as_int(s.cap[sid]))
    s.used[sid] = np.uint16(0)
    s.cap[sid] = np.uint16(0)


@inlined
def seen_before(d: Dedup, c: Any, h: Any, bucket: int, oldest: int) -> bool:
    """Whether an event id was seen in a bucket not older than `oldest`; remembers it if not."""
    mask = np.uint64(d.hash.shape[0] - 1)
    i = as_int(h & mask)
    while d.hash[i] != np.uint64(0):
        if d.hash[i] == h:
            if d.bucket[i] >= oldest:
                return True
            d.bucket[i] = np.int32(bucket)
            _log(d, c, h, bucket)
            return False
        i = as_int(np.uint64(i + 1) & mask)
    d.hash[i] = h
    d.bucket[i] = np.int32(bucket)
    c[C_DEDUP] += 1
    _log(d, c, h, bucket)
    return False


@inlined
def _log(d: Dedup, c: Any, h: Any, bucket: int) -> None:
    n = c[C_DEDUP_LOG]
    d.log_hash[n] = h
    d.log_bucket[n] = np.int32(bucket)
    c[C_DEDUP_LOG] = n + 1


@bare
def remember(d: Dedup, hashes: Any, buckets: Any, oldest: int, c: Any) -> None:
    """Put ids that are still within the horizon into the set; the caller has made room."""
    mask = np.uint64(d.hash.shape[0] - 1)
    for k in range(hashes.shape[0]):
        h = hashes[k]
        if h == np.uint64(0) or buckets[k] < oldest:
            continue
        i = as_int(h & mask)
        while d.hash[i] != np.uint64(0) and d.hash[i] != h:
            i = as_int(np.uint64(i + 1) & mask)
        if d.hash[i] == np.uint64(0):
            c[C_DEDUP] += 1
            d.hash[i] = h
            d.bucket[i] = buckets[k]
        else:
            d.bucket[i] = max(d.bucket[i], buckets[k])


@inlined
def find_content(t: Contents, h: Any) -> int:
    """Slot of a content hash; -1 where it was never resolved."""
    if h == np.uint64(0):
        return CONTENT_UNKNOWN
    mask = np.uint64(t.hash.shape[0] - 1)
    i = as_int(h & mask)
    while t.hash[i] != np.uint64(0):
        if t.hash[i] == h:
            return as_int(t.slot[i])
        i = as_int(np.uint64(i + 1) & mask)
    return -1


@bare
def put_content(t: Contents, h: Any, slot: int) -> None:
    """Map a content hash to a slot; the caller has made room."""
    mask = np.uint64(t.hash.shape[0] - 1)
    i = as_int(h & mask)
    while t.hash[i] != np.uint64(0) and t.hash[i] != h:
        i = as_int(np.uint64(i + 1) & mask)
    t.hash[i] = h
    t.slot[i] = np.int32(slot)
