"""Consent over time: per purpose a short history, and the span in which there is consent.

States are those of CAMARA ConsentInfo and of a consent manager's own words: ``granted`` allows;
``denied``, ``withdrawn``, ``expired``, ``objected``, ``pending`` and ``requested`` do not.
*Since when* there has been consent without a gap decides what may be held.
"""

from __future__ import annotations

from typing import Final

FOREVER: Final = 2**62
GRANTED: Final = "granted"
MAX_HISTORY: Final = 8  # facts kept per purpose and person

#: One consent fact: event time, event id, status, expiry (ms) or None.
Consent = tuple[int, str, str, int | None]

#: ``statusReason`` of CAMARA ConsentInfo by our words; a withdrawal is an objection there.
REASONS: Final = {
    "denied": "DENIED",
    "withdrawn": "OBJECTED",
    "objected": "OBJECTED",
    "expired": "EXPIRED",
    "pending": "PENDING",
    "requested": "REQUESTED",
}


def added(history: list[Consent], item: Consent) -> list[Consent]:
    """A history with one fact more, in event time; ties go by event id."""
    if item in history:
        return history
    return _shortened(sorted([*history, item], key=lambda c: (c[0], c[1])))


def span(history: list[Consent], erased_at: int, default_grant: bool) -> tuple[int, int]:
    """Event times from which on and until which there is consent, ms.

    Without a word `default_grant` answers, but for an account that was erased: that one has to
    grant anew.
    """
    start = erased_at + 1
    by_default = default_grant and erased_at < 0
    if not history:
        return start, FOREVER if by_default else 0
    if history[-1][2] != GRANTED:
        return start, 0
    since = _run_start(history)
    if since > 0 or not by_default:  # else it had been allowed all along
        start = max(start, history[since][0])
    return start, history[-1][3] or FOREVER


def valid(history: list[Consent], now: int) -> bool:
    """Whether the last word is a grant that has not expired at `now`."""
    return history[-1][2] == GRANTED and (history[-1][3] or FOREVER) > now


def status(history: list[Consent], now: int) -> dict[str, object]:
    """The last word as CAMARA ConsentInfo says it."""
    if not history:
        return {"statusValidForProcessing": False, "statusReason": "PENDING"}
    _, _, word, expires = history[-1]
    if valid(history, now):
        return {"statusValidForProcessing": True, "expirationDate": expires}
    reason = REASONS.get(word, "EXPIRED")
    return {"statusValidForProcessing": False, "statusReason": reason}


def _run_start(history: list[Consent]) -> int:
    """Index of the first grant of the last run without a gap; the last item is a grant."""
    at = len(history) - 1
    while at > 0:
        before = history[at - 1]
        if before[2] != GRANTED or (before[3] is not None and before[3] < history[at][0]):
            break
        at -= 1
    return at


def _shortened(history: list[Consent]) -> list[Consent]:
    """At most so many items; the start of the last run stays."""
    if len(history) <= MAX_HISTORY:
        return history
    if history[-1][2] == GRANTED and _run_start(history) == 0:
        (ts, event_id, word, _), after = history[0], history[1]
        return [(ts, event_id, word, after[3]), *history[2:]]
    return history[1:]
