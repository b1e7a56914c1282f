"""Keeps the span of event times in which each person and device with a word of its own may be held.

By open addressing, keyed by two hashes, of the account and of the person's key or the device. Who
isn't in it has no word of his own; entries are set and made void, never taken out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare, inlined
from features.state.layout import SPAN_VOID, Live, Spans


@inlined
def find_span(spans: Spans, h: Any, account: Any) -> int:
    """Place of the span of a person or device of an account; -1 where there is none."""
    mask = np.uint64(spans.hash.shape[0] - 1)
    i = as_int(h & mask)
    while spans.hash[i] != np.uint64(0):
        if spans.hash[i] == h and spans.account[i] == account:
            return i if spans.scope[i] != SPAN_VOID else -1
        i = as_int(np.uint64(i + 1) & mask)
    return -1


@inlined
def allowed_until(live: Live, sid: int) -> int:
    """Event time at which the consent ends that a subject's profile rests on, ms."""
    s, account = live.subjects, live.subjects.account[sid]
    until = as_int(s.consent_until[account])
    own = find_span(live.spans, s.hash[sid], s.hash[account]) if sid != account else -1
    return until if own < 0 else min(until, as_int(live.spans.until[own]))


@bare
def set_span(spans: Spans, h: Any, account: Any, start: int, until: int, scope: int) -> int:
    """Set a span; the caller has made room. Returns how many places it took."""
    mask = np.uint64(spans.hash.shape[0] - 1)
    i = as_int(h & mask)
    while spans.hash[i] != np.uint64(0):
        if spans.hash[i] == h and spans.account[i] == account:
            break
        i = as_int(np.uint64(i + 1) & mask)
    new = spans.hash[i] == np.uint64(0)
    spans.hash[i] = h
    spans.account[i] = account
    spans.start[i] = start
    spans.until[i] = until
    spans.scope[i] = np.uint8(scope)
    return 1 if new else 0


@bare
def look_up_span(spans: Spans, h: Any, account: Any) -> int:
    """`find_span`, from outside of kernels."""
    return find_span(spans, h, account)


@bare
def move_spans(old: Spans, new: Spans) -> int:
    """Copy what is not void into an empty table; returns how many."""
    n = 0
    for i in range(old.hash.shape[0]):
        if old.hash[i] != np.uint64(0) and old.scope[i] != SPAN_VOID:
            n += set_span(
                new, old.hash[i], old.account[i], old.start[i], old.until[i], as_int(old.scope[i])
            )
    return n
