"""Keeps consent over time: per purpose a short history, and the span in which it is given.

States are those of CAMARA ConsentInfo and of a consent manager's own words: ``granted`` allows;
``denied``, ``withdrawn``, ``expired``, ``objected``, ``pending`` and ``requested`` do not.
*Since when* there has been consent without a gap decides what may be stored.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from features.vocabulary import ConsentStatus

FOREVER: Final = 2**62
MAX_HISTORY: Final = 64  # facts kept per purpose and person


class ConsentWord(NamedTuple):
    """One statement of a consent history: granted or not, from when.

    Attributes
    ----------
    ts : int
        Event time, ms.
    event_id : str
    status : str
        A `ConsentStatus`.
    expires_at : int or None
        When a grant ends, ms.
    """

    ts: int
    event_id: str
    status: str
    expires_at: int | None

    @property
    def until(self) -> int:
        """End of a grant, ms, or `FOREVER`."""
        return self.expires_at or FOREVER


#: ``statusReason`` of CAMARA ConsentInfo by our words; a withdrawal is an objection there.
REASONS: Final[dict[str, str]] = {
    ConsentStatus.DENIED: "DENIED",
    ConsentStatus.WITHDRAWN: "OBJECTED",
    ConsentStatus.OBJECTED: "OBJECTED",
    ConsentStatus.EXPIRED: "EXPIRED",
    ConsentStatus.PENDING: "PENDING",
    ConsentStatus.REQUESTED: "REQUESTED",
}


def added(history: list[ConsentWord], item: ConsentWord) -> list[ConsentWord]:
    """A history with one fact more, in event time; of one time what forbids more comes later."""
    if item in history:
        return history
    return _shortened(sorted([*history, item], key=_place))


def span(history: list[ConsentWord], erased_at: int, by_default: bool) -> tuple[int, int]:
    """Event times from which on and until which there is consent, ms.

    Without a word `by_default` answers, which does not hold for who was erased: he has to grant
    anew.
    """
    start = erased_at + 1
    if not history:
        return start, FOREVER if by_default else 0
    if history[-1].status != ConsentStatus.GRANTED:
        return start, 0
    since = _run_start(history)
    if since > 0 or not by_default:  # else it had been allowed all along
        start = max(start, history[since].ts)
    return start, history[-1].until


def valid(history: list[ConsentWord], now: int) -> bool:
    """Whether the last word is a grant that has not expired at `now`."""
    return history[-1].status == ConsentStatus.GRANTED and history[-1].until > now


def status(history: list[ConsentWord], now: int) -> dict[str, object]:
    """Status of the latest statement, in the words of CAMARA ConsentInfo."""
    if not history:
        return {"statusValidForProcessing": False, "statusReason": "PENDING"}
    if valid(history, now):
        return {"statusValidForProcessing": True, "expirationDate": history[-1].expires_at}
    reason = REASONS.get(history[-1].status, "EXPIRED")
    return {"statusValidForProcessing": False, "statusReason": reason}


def _run_start(history: list[ConsentWord]) -> int:
    """Index of the first grant of the last run without a gap; the last item is a grant."""
    at = len(history) - 1
    while at > 0:
        before = history[at - 1]
        if before.status != ConsentStatus.GRANTED or before.until < history[at].ts:
            break
        at -= 1
    return at


def _place(word: ConsentWord) -> tuple[int, bool, int, str]:
    return word.ts, word.status != ConsentStatus.GRANTED, -word.until, word.event_id


def _shortened(history: list[ConsentWord]) -> list[ConsentWord]:
    """At most so many items, that never allow more than all would, whatever is still to come.

    The last refusal stands for all before it. Of the grants since, the second oldest goes where
    consent went on; where it ended, the end stands for what was before.
    """
    while len(history) > MAX_HISTORY:
        refusals = [n for n, word in enumerate(history) if word.status != ConsentStatus.GRANTED]
        last = refusals[-1] if refusals else -1
        if last > 0:
            history = history[1:]
            continue
        first, second, third = range(last + 1, last + 4)
        gaps = (n for n in (first, second) if history[n].until < history[n + 1].ts)
        if (ended := next(gaps, None)) is not None:
            word = history[ended]
            end = ConsentWord(word.until, word.event_id, ConsentStatus.EXPIRED, None)
            history = [end, *history[ended + 1 :]]
        else:
            since = history[first]._replace(expires_at=history[second].expires_at)
            history = [*history[:first], since, *history[third:]]
    return history
