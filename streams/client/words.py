"""Says in words what a profile says in codes, in every language there is a file of.

A language is a file ``streams/data/words.<language>.json``: templates by code, with ``{value}``
where the code has one. A code that a file doesn't know, of a later version say, is still said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from streams.client.chances import is_figure, kept_down_to, rounded_times
from streams.client.ends import SAID, advice_end, is_forbidden, kept_until, pauses, shown_day
from streams.client.habits import date_of, today_of
from streams.client.occasions import Occasions, active_days, days_away, dicts
from streams.client.phrases import says_times

#: There is a file of each; the first is the default.
LANGUAGES = ("en", "de")

#: Reasons that decide, whatever was measured or by whose it was; they are said first.
_DECISIVE = (*SAID, "somebody_else", "learned_abroad", "trip_taken")
#: Reasons that a sentence leaves to their field: a share of attention is of something that nobody
#: sees, and the chance that is said tells how much it is.
_LEFT_OUT = ("share_7d",)
#: Between these many times the average customer's chance is said to be the same.
_ALIKE = (0.95, 1.05)


class Wording(Occasions):
    """Says whole interests, permissions and suppressions of a profile in one language."""

    def interest(self, raw: Mapping[str, Any], profile: Mapping[str, Any] | None = None) -> str:
        """An interest of a profile (JSON) in words: what to do, why, when, and how long so.

        What a number is of, and what to hold it against, stands beside it; the numbers of the rule
        that decided are in the reason's fields, and said by `rule`. Of the whole `profile`, or what
        may be known of it, comes what an interest doesn't hold: pauses, channels, ends, its day.
        """
        profile = profile or {}
        engaged, forbidden = raw.get("stance") == "engage", is_forbidden(raw)
        reasons = sorted(dicts(raw.get("reasons")), key=lambda item: _weight(item, engaged))
        decided = bool(reasons) and reasons[0].get("code") in SAID
        # What was said decides alone: what would have been decided by a number confuses.
        left_out = {*_LEFT_OUT, *(self.codes("rule") if decided else ())}
        if isinstance(raw.get("first_seen"), str):  # the date says it
            left_out.add("few_data")
        kept = [item for item in reasons if item.get("code") not in left_out]
        said = [self._reason_of(item, raw, profile) for item in kept]
        said = said or [self.say("sentence", "nothing")]
        first = max(1, sum(_weight(item, engaged) < len(_DECISIVE) for item in reasons))
        why, more = "; ".join(filter(None, said[:first])), said[first:]
        stance = self.say("stance", str(raw.get("stance", "hold")))
        return " ".join(
            [
                self.say("sentence", "interest", stance=stance, why=why),
                *(self._limits(raw, profile) if engaged else ()),
                *(self._otherwise(raw, profile, reasons) if forbidden else ()),
                *(() if decided else self._chance(raw, reasons[0] if reasons else {})),
                # Nobody acts on how often that comes which is not to be talked about.
                *self._so_far(more, "" if forbidden else self._trend(raw, profile)),
                *self.times(raw, profile),
                *self._standing(raw, profile),
            ]
        )

    def _so_far(self, details: list[str], trend: str) -> Iterator[str]:
        """A sentence on what was seen, and on the next days."""
        if details or trend:
            kind = "details" if not details else "details_more" if trend else "so_far"
            yield self.say("sentence", kind, trend=trend, details="; ".join(details))

    def _trend(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """The next days, unless the reason has said that it was not seen for long."""
        away = self._away(raw, profile) and raw.get("trend") in ("rising", "steady")
        return "" if away else self.outlook(raw, profile)

    def _otherwise(
        self, raw: Mapping[str, Any], profile: Mapping[str, Any], reasons: list[dict[str, Any]]
    ) -> Iterator[str]:
        """What would be advised without a hold of everything, and by what numbers.

        Else nobody could tell why a row stands there: it was never compared with others.
        """
        codes = {str(item.get("code")) for item in reasons}
        if codes.isdisjoint(("care_case", "on_hold")) or codes & {*_DECISIVE[2:]} - {
            "declared_like"
        }:
            return  # it would be advised as it is, by what is said beside the hold
        if "declared_like" in codes:
            yield self.say("sentence", "else_liked")
            return
        rule = next((item for item in reasons if item.get("code") in self.codes("rule")), None)
        if rule is None:
            yield self.say("sentence", "else_engage", though=self._though(raw, profile))
            yield from self._chance(raw, {})
            return
        kind = "else_avoid" if raw.get("stance") == "avoid" else "else_wait"
        yield self.say("sentence", kind, why=self.reason(str(rule["code"]), rule.get("value"), raw))
        yield from self._chance(raw, rule)

    def rule(self, raw: Mapping[str, Any]) -> str:
        """The rule that decided on an interest (JSON), with its numbers; empty where none did."""
        for item in dicts(raw.get("reasons")):
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
        match code:
            case "active_days_28":
                return self.seen_days(value, raw, profile)
            case "weekly_habit":
                return self.habit(value, raw, profile)
            case "on_hold" | "suppressed":
                return self._paused(code, raw, profile)
            case "declared_dislike":
                return self._disliked(raw, profile)
            case "still_likely":
                return self._kept(value, raw, profile)
        return self.reason(code, value, raw)

    def _paused(self, code: str, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """What is behind a pause, by the suppressions; nothing where a hold of all has said it."""
        own = pauses(raw, profile, "all" if code == "on_hold" else "interest")
        lot = any(item.get("reason") == "holdout" for item in pauses(raw, profile, "all"))
        dislike = [item for item in own if item.get("reason") == "dislike"]
        own = [item for item in own if item not in dislike and item.get("reason") != "care_case"]
        if not own:
            return "" if code == "suppressed" and (lot or dislike) else self.reason(code)
        said = dict.fromkeys(self.say("suppression", str(item.get("reason"))) for item in own)
        ends = any(shown_day(item.get("until")) for item in own)
        kind = f"_{code}_for" if ends or code == "on_hold" else "_suppressed_open"
        return self.say("reason", kind, why="; ".join(said))

    def _disliked(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """That it is not liked, or what it is a part of."""
        found = [
            item for item in dicts(profile.get("suppressions")) if item.get("reason") == "dislike"
        ]
        of = [item for item in found if item.get("scope") == raw.get("parent")]
        if of and "name" in of[0] and all(item.get("scope") != raw.get("id") for item in found):
            return self.say("reason", "_declared_dislike_of", name=of[0]["name"])
        return self.reason("declared_dislike")

    def _kept(self, value: Any, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """The reason of advice that stays: that it is of its first week, or what ends it."""
        since, bounds = raw.get("stance_since"), self._bounds("still_likely", value)
        if (needs := value.get("needs") if isinstance(value, Mapping) else None) is not None:
            if is_figure(needs):
                ends = kept_down_to(raw.get("score"), raw.get("lift"), needs)
                most = value.get("score")  # rounded figures could put the one above the other
                bounds["ends"] = self._percent(min(ends, most) if is_figure(most) else ends)
        though = self._though(raw, profile)
        if kept_until(raw, profile):
            return self.say("reason", "_still_likely_kept", though=though)
        kind = "_still_likely_since" if date_of(since) else "still_likely"
        return self.say("reason", kind, **{"since": since, "though": though, **bounds})

    def _though(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """That it was not seen for long, behind what speaks for it; empty where it was."""
        away = days_away(raw, profile)
        return self.say("sentence", "though_away", days=away) if away else ""

    def _away(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> bool:
        """Whether it is still talked about though it was not seen for long."""
        codes = {item.get("code") for item in dicts(raw.get("reasons"))}
        return "still_likely" in codes and days_away(raw, profile) > 0

    def _limits(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> Iterator[str]:
        """Sentences on what of an interest must not be talked about, and through which channels."""
        parts = [
            item
            for item in dicts(profile.get("interests"))
            if item.get("stance") == "avoid" and item.get("parent") == raw.get("id")
        ]
        if parts and "id" in raw:
            names = ", ".join(str(item.get("name")) for item in parts)
            yield self.say("sentence", "apart", names=names)
            seen = [days for item in parts if (days := active_days(item)) is not None]
            left = (active_days(raw) or 0) - sum(seen)
            if left > 0 and len(seen) == len(parts):
                yield self.say("sentence", "left", days=left)
        for item in dicts(profile.get("suppressions")):
            if "channel" in item and item.get("scope") in ("all", raw.get("id")):
                until = item.get("until")
                kind = "not_through" if until is None else "not_through_until"
                yield self.say(
                    "sentence", kind, channel=self._channel(item), until=shown_day(until) or "?"
                )

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

    def _standing(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> Iterator[str]:
        """Sentences on since when a stance holds, and when to look again.

        Of what is forbidden only the latter: it may have been on hold before, for another reason.
        """
        since, end = raw.get("stance_since"), advice_end(raw, profile)
        if isinstance(since, str) and not is_forbidden(raw):
            yield self.say("sentence", _age(since, profile), since=since)
        yield self.say("again", end.code, date=end.date)
        if end.last:
            yield self.say("again", f"_{end.last}", date=end.last_day)

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
            until=shown_day(until) or "?",
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
            until=shown_day(until) or "?",
        )
        if not yes or use != "offers" or not isinstance(suppressions, list):
            return said
        some = any("channel" in item for item in dicts(suppressions))
        return f"{said} {self.say('sentence', 'some_channels' if some else 'any_channel')}"


def _age(since: str, profile: Mapping[str, Any]) -> str:
    """Code of the sentence on since when a stance holds, as of the day of a profile (JSON)."""
    today = today_of(profile)
    if today is None or since < today.isoformat():
        return "since"
    # Written after midnight it begins with the next day, which its heading does not have yet.
    return "since_new" if since == today.isoformat() else "since_today"


def _weight(reason: Mapping[str, Any], engaged: bool) -> int:
    code = str(reason.get("code"))
    # That it is liked decides only what is talked about: else something that forbids went before.
    decides = code in _DECISIVE and (engaged or code != "declared_like")
    return _DECISIVE.index(code) if decides else len(_DECISIVE)


@lru_cache
def wording(language: str = LANGUAGES[0]) -> Wording:
    """The wording of a language; of the default for one that there is no file of."""
    return Wording(language if language in LANGUAGES else LANGUAGES[0])
