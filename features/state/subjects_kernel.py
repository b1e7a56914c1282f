"""Finds, appends, removes and marks subjects by key.

The map is open addressing with linear probing at a load of at most one half. A subject is found
by the 64-bit hash of its key *and* by the key's bytes, so two customers are never mixed up.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from features.jit import as_index, as_int, bare, inlined
from features.state.layout import D_LISTED, S_GONE, Counters, Keys, Live, Subjects

_SLASH = 47


class SubjectKey(NamedTuple):
    """A key in a buffer: ``text[at:at + length]``, and for a member ``/`` and another such span."""

    text: Any  # ndarray of uint8
    at: int
    length: int
    member_at: int
    member_length: int  # 0 for the household itself
    hash: Any  # uint64, of the whole key


@inlined
def find_subject(subjects: Subjects, keys: Keys, key: SubjectKey) -> int:
    """Sid of the subject with a key, or -1."""
    mask = np.uint64(keys.slots.shape[0] - 1)
    i = as_int(key.hash & mask)
    while True:
        sid = keys.slots[i]
        if sid == -1:
            return -1
        if sid >= 0 and subjects.hash[sid] == key.hash and _same_key(subjects, keys, sid, key):
            return as_int(sid)
        i = as_int(np.uint64(i + 1) & mask)


@inlined
def _same_key(subjects: Subjects, keys: Keys, sid: int, key: SubjectKey) -> bool:
    total = key.length + (key.member_length + 1 if key.member_length > 0 else 0)
    if as_int(subjects.key_len[sid]) != total:
        return False
    base, at = as_index(subjects.key_at[sid]), as_index(key.at)
    for k in range(as_index(key.length)):
        if keys.text[base + k] != key.text[at + k]:
            return False
    if key.member_length > 0:
        base, at = base + as_index(key.length), as_index(key.member_at)
        if keys.text[base] != _SLASH:
            return False
        for k in range(as_index(key.member_length)):
            if keys.text[base + as_index(1) + k] != key.text[at + k]:
                return False
    return True


@bare
def insert_subject(
    subjects: Subjects, keys: Keys, counters: Counters, key: SubjectKey, account: int
) -> int:
    """Append a subject and index it; the caller has made room. `account` -1: it is one itself."""
    c = counters[0]
    sid = c.subjects
    c.subjects += 1
    c.live += 1
    subjects.hash[sid] = key.hash
    _append_key(subjects, keys, counters, sid, key)
    subjects.seq[sid] = np.uint32(c.seq)
    c.seq += 1
    subjects.sibling[sid] = -1
    subjects.previous[sid] = -1
    if account < 0:
        subjects.account[sid] = sid
    else:
        after = subjects.sibling[account]
        subjects.account[sid] = account
        subjects.sibling[sid] = after
        subjects.previous[sid] = account
        subjects.sibling[account] = sid
        subjects.members[account] += np.uint32(1)
        if after >= 0:
            subjects.previous[after] = sid
    _index(subjects, keys, sid)
    return as_int(sid)


@bare
def find_text(subjects: Subjects, keys: Keys, text: Any, cut: int, h: Any) -> int:
    """`find_subject` for a key whose two parts lie behind each other, the member from `cut` on."""
    return find_subject(subjects, keys, _key_of(text, cut, h))


@bare
def insert_text(live: Live, text: Any, cut: int, h: Any, account: int) -> int:
    """`insert_subject` for such a key."""
    return insert_subject(live.subjects, live.keys, live.counters, _key_of(text, cut, h), account)


@inlined
def _key_of(text: Any, cut: int, h: Any) -> SubjectKey:
    return SubjectKey(text, 0, cut, cut, text.shape[0] - cut, h)


@inlined
def _append_key(
    subjects: Subjects, keys: Keys, counters: Counters, sid: int, key: SubjectKey
) -> None:
    base = counters[0].keys_end
    subjects.key_at[sid] = base
    for k in range(key.length):
        keys.text[base + k] = key.text[key.at + k]
    total = key.length
    if key.member_length > 0:
        keys.text[base + key.length] = _SLASH
        for k in range(key.member_length):
            keys.text[base + key.length + 1 + k] = key.text[key.member_at + k]
        total = key.length + 1 + key.member_length
    subjects.key_len[sid] = np.uint16(total)
    counters[0].keys_end = base + total


@inlined
def _index(subjects: Subjects, keys: Keys, sid: int) -> None:
    mask = np.uint64(keys.slots.shape[0] - 1)
    i = as_int(subjects.hash[sid] & mask)
    while keys.slots[i] != -1:
        i = as_int(np.uint64(i + 1) & mask)
    keys.slots[i] = sid


@bare
def reindex(subjects: Subjects, keys: Keys, count: int) -> None:
    """Fill an index whose slots are all -1 with the first `count` subjects."""
    for sid in range(count):
        if subjects.status[sid] & S_GONE == 0:
            _index(subjects, keys, sid)


@bare
def unindex(subjects: Subjects, keys: Keys, sid: int) -> None:
    """Take a subject out of the index; the slot stays closed, so that probing goes on past it."""
    mask = np.uint64(keys.slots.shape[0] - 1)
    i = as_int(subjects.hash[sid] & mask)
    while keys.slots[i] != sid:
        i = as_int(np.uint64(i + 1) & mask)
    keys.slots[i] = -2


@inlined
def mark(subjects: Subjects, keys: Keys, counters: Counters, sid: int, what: int) -> None:
    """Note that `sid` changed since the last commit."""
    if subjects.dirty[sid] & D_LISTED == 0:
        c = counters[0]
        keys.dirty[c.dirty] = sid
        c.dirty += 1
    subjects.dirty[sid] = np.uint8(subjects.dirty[sid] | what | D_LISTED)


@bare
def mark_all(subjects: Subjects, keys: Keys, counters: Counters, sids: Any, what: int) -> None:
    """`mark` for several subjects."""
    for i in range(sids.shape[0]):
        mark(subjects, keys, counters, as_int(sids[i]), what)
