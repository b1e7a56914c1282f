"""Works out what the advice on an interest waits for, and until when: once, for all sentences.

Several things may hold it at a time: a fault, pauses, the first week of advice, a consent that
ends. Sentences that each took their own of these dates would contradict each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from streams.client.chances import KEPT_DAYS, codes_of, dicts
from streams.client.habits import date_of, day_of, written_on

#: Reasons that decide whatever was measured; they are said first.
SAID = ("on_hold", "care_case", "suppressed", "declared_dislike", "declared_like")
#: Those of them that forbid to talk about it.
_FORBIDDING = frozenset(SAID) - {"declared_like"}
#: What is said of an interest itself.
_OPINIONS = frozenset(("declared_dislike", "declared_like"))
#: What ends by no date, what lasts longest first: each the code of the sentence on it.
_OPEN = ("holdout", "no_end", "on_hold", "no_consent_offers", "care_case")
#: What was seen on a trip waits for what is seen at home.
_TRIPS = ("learned_abroad", "trip_taken")
_LAST_MS = 253_402_300_800_000  # of the year 9999


class AdviceEnd(NamedTuple):
    """Names when to look again at the advice on an interest.

    Attributes
    ----------
    code, date : str
        Of the sentence: a code of `again` of the words, and its day, ``YYYY-MM-DD``, or nothing.
    last, last_day : str
        The same of what ends all of it at the latest, where that is another; else nothing.
    """

    code: str
    date: str = ""
    last: str = ""
    last_day: str = ""

    @property
    def day(self) -> str:
        """Day from which the advice may be another; empty where none is known."""
        ends = (self.last_day, "" if self.code in ("kept", "next") else self.date)
        return min(filter(None, ends), default="")


def advice_end(raw: Mapping[str, Any], profile: Mapping[str, Any]) -> AdviceEnd:
    """Work out when to look again at an interest (JSON) of a profile (JSON), and what ends then."""
    consent, offers = shown_day(profile.get("valid_until")), offers_permission(profile)
    if is_forbidden(raw):
        code, date = _forbidden(raw, profile, offers, consent)
        if date and consent and consent <= date:
            open_code = code.removesuffix("_after")
            return (
                AdviceEnd("consent", consent)
                if code == open_code
                else _capped(open_code, "", consent)
            )
        return _capped(code, date, consent)
    engaged = raw.get("stance") == "engage"
    allowed = offers.get("until") if engaged and offers.get("value") else None
    liked = engaged and "declared_like" in codes_of(raw)
    own = "said" if liked else "until"
    ends = {"consent": consent, "offers": shown_day(allowed), own: shown_day(raw.get("until"))}
    known = {code: end for code, end in ends.items() if end}
    last = min(known, key=lambda code: known[code], default="")
    last_day = known.get(last, "")
    kept, sooner = kept_until(raw, profile), last_day or "9999"
    if kept and kept < sooner:
        return AdviceEnd("kept", kept, last, last_day)
    code, day = ("", "") if engaged else _awaited(raw, profile)
    if code and day < sooner:
        return AdviceEnd(code, day, last, last_day)
    if last:
        return AdviceEnd(last, last_day)
    stays = "stays" if "still_likely" in codes_of(raw) else "open"
    return AdviceEnd("said_open" if liked else stays if engaged else "seen")


def is_forbidden(raw: Mapping[str, Any]) -> bool:
    """Whether something that was said forbids to talk about an interest (JSON) at present."""
    codes = codes_of(raw)
    return raw.get("stance") != "engage" and not _FORBIDDING.isdisjoint(codes)


def pauses(raw: Mapping[str, Any], profile: Mapping[str, Any], scope: str) -> list[dict[str, Any]]:
    """Suppressions of a profile (JSON) in the way of every channel: of all, or of an interest."""
    of = "all" if scope == "all" else raw.get("id")
    return [
        item
        for item in dicts(profile.get("suppressions"))
        if item.get("scope") == of and "channel" not in item
    ]


def kept_until(raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
    """Day until which advice of its first week is kept at least; empty where it is not kept."""
    began, today = date_of(raw.get("stance_since")), written_on(profile)
    if raw.get("stance") != "engage" or "still_likely" not in codes_of(raw):
        return ""
    if began is None or today is None or (today - began).days >= KEPT_DAYS:
        return ""
    return f"{began + timedelta(days=KEPT_DAYS)}"


def offers_permission(profile: Mapping[str, Any]) -> Mapping[str, Any]:
    """Whether a profile (JSON) may serve offers, as it says so; empty where it does not."""
    uses = profile.get("contactable")
    offers = uses.get("offers") if isinstance(uses, Mapping) else None
    return offers if isinstance(offers, Mapping) else {}


def shown_day(epoch_ms: Any) -> str:
    """Day of an end, ``YYYY-MM-DD``, of UTC; empty where it is no time."""
    if not isinstance(epoch_ms, int) or isinstance(epoch_ms, bool) or not 0 <= epoch_ms < _LAST_MS:
        return ""
    return f"{datetime.fromtimestamp(epoch_ms / 1000, UTC):%Y-%m-%d}"


def _awaited(raw: Mapping[str, Any], profile: Mapping[str, Any]) -> tuple[str, str]:
    """What will tell more of an interest that waits, and when, by code and day; else nothing.

    One more day tells little, unless it decides on a habit of its weekday.
    """
    codes, following, day = codes_of(raw), raw.get("next"), day_of(profile)
    for code in _TRIPS:
        if code in codes:
            return code, ""
    then = date_of(following.get("date")) if isinstance(following, Mapping) else None
    if "weekly_habit" not in codes or then is None or day is None:
        return "", ""
    return ("next", f"{then}") if then.weekday() == day.weekday() else ("", "")


def _forbidden(
    raw: Mapping[str, Any], profile: Mapping[str, Any], offers: Mapping[str, Any], consent: str
) -> tuple[str, str]:
    """The last of all that forbids, by code and day: what has no day goes before what has one."""
    codes, days, open_ended = codes_of(raw), dict[str, str](), set[str]()
    own = shown_day(raw.get("until"))
    if own and own != consent:
        # What pauses it has its own end: without one it is what was said of it that ends.
        days[own] = "said" if _OPINIONS & codes and "suppressed" not in codes else "paused"
    for scope, code, without in (("interest", "paused", "no_end"), ("all", "pause", "on_hold")):
        for item in pauses(raw, profile, scope):
            why = str(item.get("reason"))
            if day := shown_day(item.get("until")):
                days[day] = "said" if why == "dislike" else code
            elif why != "care_case" or why in codes:
                open_ended.add(why if why in _OPEN else without)
    if day := shown_day(offers.get("until")) if offers.get("value") is False else "":
        days[day] = "pause"
    if "care_case" in codes:
        open_ended.add("care_case")
    if "on_hold" in codes and not open_ended and "pause" not in days.values():
        open_ended.add("on_hold")
    last = max(days, default="")
    for code in _OPEN:
        if code in open_ended:
            dated = bool(last) and code not in ("holdout", "no_end")
            return (f"{code}_after", last) if dated else (code, "")
    return (days[last], last) if last else ("no_end", "")


def _capped(code: str, date: str, consent: str) -> AdviceEnd:
    return AdviceEnd(code, date, "consent", consent) if consent else AdviceEnd(code, date)
