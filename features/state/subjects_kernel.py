"""Subjects by key: found, appended, taken out, marked as changed.

The map is open addressing with linear probing at a load of at most one half. A subject is found
by the 64-bit hash of its key *and* by the key's bytes, so two customers are never mixed up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare, inlined
from features.state.layout import (
    C_DIRTY,
    C_KEYS_END,
    C_LIVE,
    C_SEQ,
    C_SUBJECTS,
    D_LISTED,
    S_GONE,
    Index,
    Subjects,
)

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
