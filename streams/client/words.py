"""Says in words what a profile says in codes, in every language there is a file of.

A language is a file ``streams/data/words.<language>.json``: templates by code, with ``{value}``
where the code has one. A code that a file doesn't know, of a later version say, is still said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any

from streams.client.chances import KEPT_DAYS, is_figure, kept_down_to, rounded_times
from streams.client.habits import WEEKDAYS, date_of, last_day_of, weekly_habit
from streams.client.phrases import Phrasebook, says_times

#: There is a file of each; the first is the default.
LANGUAGES = ("en", "de")

#: Reasons that decide whatever was measured; they are said first.
_SAID = ("on_hold", "care_case", "suppressed", "declared_dislike", "declared_like")
_DECISIVE = (*_SAID, "somebody_else", "learned_abroad", "trip_taken")
#: Reasons that a sentence leaves to their field: a share of attention is of something that nobody
#: sees, and the chance that is said tells how much it is.
_LEFT_OUT = ("share_7d",)
#: Reasons for which the profile's suppressions say what was behind them.
_SPELT_OUT = ("on_hold", "suppressed")
#: What was seen on so few days has no trend; nor has what was not seen for so many.
_FEW, _WEEK = 2, 7
#: Between these many times the average customer's chance is said to be the same.
_ALIKE = (0.95, 1.05)
#: Share from which on a source is where an interest is mostly seen, and where it is only seen.
_MOSTLY, _ONLY = 0.6, 0.995


class Wording(Phrasebook):
    """Says whole interests, permissions and suppressions of a profile in one language."""

    def interest(self, raw: Mapping[str, Any], profile: Mapping[str, Any] | None = None) -> str:
        """An interest of a profile (JSON) in words: what to do, why, when, and how long so.

        What a number is of, and what to hold it against, stands beside it; the numbers of the rule
        that decided are in the reason's fields, and said by `rule`. Of the whole `profile`, or what
        may be known of it, comes what an interest doesn't hold: pauses, channels, ends, its day.
        """
        profile = profile or {}
        engaged = raw.get("stance") == "engage"
        reasons = sorted(_dicts(raw.get("reasons")), key=lambda item: _weight(item, engaged))
        decided = bool(reasons) and reasons[0].get("code") in _SAID
        # What was said decides alone: what would have been decided by a number confuses.
        left_out = {*_LEFT_OUT, *(self.codes("rule") if decided else ())}
        if isinstance(raw.get("first_seen"), str):  # the date says it
            left_out.add("few_data")
        kept = [item for item in reasons if item.get("code") not in left_out]
        said = [self._reason_of(item, raw, profile) for item in kept]
        said = said or [self.say("sentence", "nothing")]
        first = max(1, sum(_weight(item, engaged) < len(_DECISIVE) for item in reasons))
        why, more = "; ".join(said[:first]), said[first:]
        stance = self.say("stance", str(raw.get("stance", "hold")))
        return " ".join(
            [
                self.say("sentence", "interest", stance=stance, why=why),
                *(self._limits(raw, profile) if engaged else ()),
                *(() if decided else self._chance(raw, reasons[0] if reasons else {})),
                # Nobody acts on how often that comes which is not to be talked about.
                *self._so_far(more, "" if decided and not engaged else self._trend(raw, profile)),
                *self._times(raw),
                *self._standing(raw, profile, str(reasons[0].get("code")) if decided else ""),
            ]
        )

    def _so_far(self, details: list[str], trend: str) -> Iterator[str]:
        """A sentence on what was seen, and on the next days."""
        if details or trend:
            kind = "details" if not details else "details_more" if trend else "so_far"
            yield self.say("sentence", kind, trend=trend, details="; ".join(details))

    def _trend(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """Say whether an interest will come more often, where enough was seen to tell."""
        trend, days = str(raw.get("trend", "steady")), _active_days(raw)
        if days is not None and days <= _FEW and trend in self.codes("trend"):
            return self.say("trend", "_few")
        last, seen = last_day_of(profile), date_of(raw.get("last_active"))
        if last and seen and (last - seen).days >= _WEEK and trend in ("rising", "steady"):
            kind = "_back" if trend == "rising" else "_away"
            return self.say("trend", kind, days=(last - seen).days)
        return self.say("trend", trend)

    def rule(self, raw: Mapping[str, Any]) -> str:
        """The rule that decided on an interest (JSON), with its numbers; empty where none did."""
        for item in _dicts(raw.get("reasons")):
            value = item.get("value")
            if item.get("code") in self.codes("rule") and isinstance(value, Mapping):
                named = {str(name): number for name, number in value.items()}
                return self.say("rule", str(item.get("code")), **named)
        return ""

    def _reason_of(
        self, reason: Mapping[str, Any], raw: Mapping[str, Any], profile: Mapping[str, Any]
    ) -> str:
        """One reason of an interest, with what the profile says to it elsewhere."""
        code, value = str(reason.get("code")), reason.get("value")
        if code == "weekly_habit":
            if habit := weekly_habit(profile, raw, value):
                day, every = self.say("day", habit.weekday), habit.hits == habit.weeks
                kind = "_weekly_habit_every" if every else "_weekly_habit_counted"
                return self.say("reason", kind, day=day, hits=habit.hits, weeks=habit.weeks)
            days = {item.get("weekday") for item in _dicts(raw.get("moments"))} & {*WEEKDAYS}
            if len(days) == 1:
                return self.say("reason", "_weekly_habit_on", day=self.say("day", str(*days)))
        if code in _SPELT_OUT:
            scope = "all" if code == "on_hold" else raw.get("id")
            pauses = [
                self.say("suppression", str(item.get("reason")))
                for item in _dicts(profile.get("suppressions"))
                if item.get("scope") == scope and "channel" not in item
            ]
            if pauses:
                why = "; ".join(dict.fromkeys(pauses))
                return self.say("reason", f"_{code}_for", why=why)
        if code == "still_likely":
            return self._kept(value, raw, profile)
        return self.reason(code, value, raw)

    def _kept(self, value: Any, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """The reason of advice that stays: until when it is kept, or what ends it."""
        since, bounds = raw.get("stance_since"), self._bounds("still_likely", value)
        if (needs := value.get("needs") if isinstance(value, Mapping) else None) is not None:
            if is_figure(needs):
                ends = kept_down_to(raw.get("score"), raw.get("lift"), needs)
                most = value.get("score")  # rounded figures could put the one above the other
                bounds["ends"] = self._percent(min(ends, most) if is_figure(most) else ends)
        began, last = date_of(since), last_day_of(profile)
        if began and last and (last - began).days < KEPT_DAYS:
            until = f"{began + timedelta(days=KEPT_DAYS)}"
            return self.say("reason", "_still_likely_kept", until=until)
        if began:
            return self.say("reason", "_still_likely_since", since=since, **bounds)
        return self.say("reason", "still_likely", **bounds)

    def _limits(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> Iterator[str]:
        """Sentences on what of an interest must not be talked about, and through which channels."""
        parts = [
            item
            for item in _dicts(profile.get("interests"))
            if item.get("stance") == "avoid" and item.get("parent") == raw.get("id")
        ]
        if parts and "id" in raw:
            names = ", ".join(str(item.get("name")) for item in parts)
            yield self.say("sentence", "apart", names=names)
            seen = [days for item in parts if (days := _active_days(item)) is not None]
            left = (_active_days(raw) or 0) - sum(seen)
            if left > 0 and len(seen) == len(parts):
                yield self.say("sentence", "left", days=left)
        for item in _dicts(profile.get("suppressions")):
            if "channel" in item and item.get("scope") in ("all", raw.get("id")):
                until = item.get("until")
                kind = "not_through" if until is None else "not_through_until"
                yield self.say("sentence", kind, channel=self._channel(item), until=_day(until))

    def _channel(self, suppression: Mapping[str, Any]) -> str:
        name = suppression.get("channel")
        return self.say("channel", "_other" if isinstance(name, str) else "_one", code=name)

    def _chance(self, raw: Mapping[str, Any], first: Mapping[str, Any]) -> Iterator[str]:
        """A sentence on the score, and how many times the average customer's it is.

        That is the lift as it stands: a chance of others that is made of two rounded figures
        would be another one in each profile. What the `first` reason has said is not repeated.
        """
        score, lift = raw.get("score"), raw.get("lift")
        if not is_figure(score):
            return
        about = self.chance(raw)
        if says_times(str(first.get("code")), first.get("value"), raw):
            return
        if not is_figure(lift) or not lift > 0.0:
            yield self.say("sentence", "chance", score=about)
        elif _ALIKE[0] <= lift < _ALIKE[1]:
            yield self.say("sentence", "chance_alike", score=about)
        else:
            yield self.say("sentence", "chance_times", score=about, times=rounded_times(lift))

    def _times(self, raw: Mapping[str, Any]) -> Iterator[str]:
        """Sentences on where and when an interest shows, and since when its stance holds."""
        first, last = raw.get("first_seen"), raw.get("last_active")
        if isinstance(first, str) and isinstance(last, str):
            span = "span_day" if first == last else "span"
            yield self.say("sentence", span, first=first, last=last)
        yield from self._seen(raw.get("sources"))
        if moments := _dicts(raw.get("moments")):
            said = [
                self.say(
                    "sentence",
                    "moment",
                    day=self.say("day", str(item.get("weekday") or item.get("day_type"))),
                    part=self.say("part", str(item.get("part"))),
                    count=max(1, round(10 * p)),
                )
                for item in moments
                if is_figure(p := item.get("p"))
            ]
            if said:
                yield self.say("sentence", "moments", moments=", ".join(said))
        if isinstance(then := raw.get("next"), Mapping):
            part = self.say("part", str(then.get("part")))
            yield self.say("sentence", "next", date=then.get("date"), part=part)

    def _standing(
        self, raw: Mapping[str, Any], profile: Mapping[str, Any], decided: str
    ) -> Iterator[str]:
        """Sentences on since when a stance holds, and when to look again.

        Parameters
        ----------
        decided : str
            Code of what decided, whatever was measured; empty where nothing such did.
        """
        since, until, then = raw.get("stance_since"), raw.get("until"), raw.get("next")
        engaged = raw.get("stance") == "engage"
        if isinstance(since, str):
            dated = "since_new" if _is_new(since, profile) else "since"
            yield self.say("sentence", dated, since=since)
        uses = profile.get("contactable")
        offers = uses.get("offers") if isinstance(uses, Mapping) else None
        permission = offers if isinstance(offers, Mapping) else {}
        ends: dict[str, Any] = {
            "consent": profile.get("valid_until"),
            "offers": permission.get("until") if engaged and permission.get("value") else None,
            "pause": permission.get("until") if permission.get("value") is False else None,
            "until": until,
        }
        known = {code: end for code, end in ends.items() if _day(end) != "?"}
        if known:
            code = min(known, key=lambda code: known[code])
            yield self.say("again", code, date=_day(known[code]))
        elif decided in self.codes("again"):
            yield self.say("again", decided)
        elif not engaged and isinstance(then, Mapping) and isinstance(then.get("date"), str):
            yield self.say("again", "next", date=then["date"])
        else:
            yield self.say("again", "open" if engaged else "seen")

    def _seen(self, sources: Any) -> Iterator[str]:
        """A sentence on where an interest was seen, what shows it most first."""
        shares = sources if isinstance(sources, Mapping) else {}
        known = {str(name): share for name, share in shares.items() if is_figure(share)}
        names = sorted(known, key=lambda name: -known[name])
        if not names:
            return
        first, *others = (self.say("source", name) for name in names)
        most = known[names[0]]
        if not others or most >= _ONLY:
            yield self.say("sentence", "seen_only", first=first)
            return
        *some, final = others
        both = self.say("sentence", "and", first=", ".join(some), second=final) if some else final
        yield self.say(
            "sentence", "seen_mostly" if most >= _MOSTLY else "seen", first=first, others=both
        )

    def suppression(self, raw: Mapping[str, Any], names: Mapping[str, str]) -> str:
        """One sentence on a suppression of a profile (JSON); `names` of interests by id."""
        scope, until = str(raw.get("scope")), raw.get("until")
        name = str(raw.get("name") or names.get(scope, scope))
        kind = scope if scope in self._texts["scope"] else "interest"
        if "channel" in raw:
            kind = "_all_through" if scope == "all" else "_interest_through"
        channel = self._channel(raw)
        return self.say(
            "sentence",
            "suppression" if until is None else "suppression_until",
            what=self.say("scope", kind, name=name, channel=channel),
            why=self.say("suppression", str(raw.get("reason"))),
            until=_day(until),
        )

    def permission(self, use: str, raw: Mapping[str, Any], suppressions: Any = None) -> str:
        """Whether a profile may serve a use, by an entry of `contactable` (JSON), in words.

        Parameters
        ----------
        use : str
        raw : mapping of str to object
        suppressions : list of dict, optional
            All of the profile: with them it is said which channels are open to offers.
        """
        until, yes = raw.get("until"), raw.get("value") is True
        why = self.say("ground" if yes else "suppression", str(raw.get("why")))
        said = self.say(
            "sentence",
            "not_allowed" if not yes else "allowed" if until is None else "allowed_until",
            use=self.say("use", use),
            why=why,
            until=_day(until),
        )
        if not yes or use != "offers" or not isinstance(suppressions, list):
            return said
        some = any("channel" in item for item in _dicts(suppressions))
        return f"{said} {self.say('sentence', 'some_channels' if some else 'any_channel')}"


def _active_days(raw: Mapping[str, Any]) -> int | None:
    """Days of the last four weeks that an interest (JSON) was seen on, where it says so."""
    for item in _dicts(raw.get("reasons")):
        if item.get("code") == "active_days_28" and is_figure(days := item.get("value")):
            return int(days)
    return None


def _is_new(since: str, profile: Mapping[str, Any]) -> bool:
    """Whether a stance begins on the last day that a profile (JSON) has seen, or after it."""
    last = last_day_of(profile)
    return last is not None and since >= last.isoformat()


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _weight(reason: Mapping[str, Any], engaged: bool) -> int:
    code = str(reason.get("code"))
    # That it is liked decides only what is talked about: else something that forbids went before.
    decides = code in _DECISIVE and (engaged or code != "declared_like")
    return _DECISIVE.index(code) if decides else len(_DECISIVE)


@lru_cache
def wording(language: str = LANGUAGES[0]) -> Wording:
    """The wording of a language; of the default for one that there is no file of."""
    return Wording(language if language in LANGUAGES else LANGUAGES[0])


def _day(epoch_ms: Any) -> str:
    from datetime import UTC, datetime

    if not isinstance(epoch_ms, int) or not 0 <= epoch_ms < 253_402_300_800_000:
        return "?"
    return f"{datetime.fromtimestamp(epoch_ms / 1000, UTC):%Y-%m-%d}"
