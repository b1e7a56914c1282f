"""Says in words what a profile says in codes, in every language there is a file of.

A language is a file ``streams/data/words.<language>.json``: templates by code, with ``{value}``
where the code has one. A code that a file doesn't know, of a later version say, is still said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from streams.client.chances import codes_of, dicts, is_figure, strength
from streams.client.ends import SAID, advice_end, is_forbidden, pauses, shown_day
from streams.client.habits import today_of
from streams.client.halts import (
    HALTS,
    Halts,
    is_dated,
    is_halted,
    is_strong,
    says_short_chance,
    waits_halted,
)
from streams.client.kin import parts_of, wholes_of
from streams.client.occasions import FEW, active_days, days_away, is_first_week
from streams.client.phrases import says_times

#: There is a file of each; the first is the default.
LANGUAGES = ("en", "de")

#: Reasons that decide, whatever was measured or by whose it was; they are said first.
_FOREIGN = ("somebody_else", "learned_abroad", "trip_taken")
_DECISIVE = (*SAID, *_FOREIGN)
#: Reasons that a sentence leaves to their field: a share of attention is of something that nobody
#: sees, and the chance that is said tells how much it is.
_LEFT_OUT = ("share_7d",)
#: Between these many times the average customer's chance is said to be the same.
_ALIKE = (0.95, 1.05)


class Wording(Halts):
    """Says whole interests, permissions and suppressions of a profile in one language."""

    def interest(
        self,
        raw: Mapping[str, Any],
        profile: Mapping[str, Any] | None = None,
        *,
        below_halts: bool = False,
    ) -> str:
        """An interest of a profile (JSON) in words, of three lines.

        The first says what to do and why, the second what was seen, the third how long it is so.
        What a number is of, and what to hold it against, stands beside it; the numbers of the rule
        that decided are in the reason's fields, and said by `rule`. Of the whole `profile`, or what
        may be known of it, comes what an interest doesn't hold: pauses, channels, ends, its day.
        Where it stands `below_halts`, those of all offers are not said once more.
        """
        profile = profile or {}
        engaged, forbidden = raw.get("stance") == "engage", is_forbidden(raw)
        deciding, beside = self._divided(raw)
        first = deciding[0] if deciding else {}
        more = list(filter(None, (self._reason_of(item, raw, profile) for item in beside)))
        measured = first.get("code") not in set(SAID) - HALTS
        halts = [*self.halts(raw, profile)]
        if halts and below_halts:
            halts = [self.say("sentence", "halt_above")]
        if waits_halted(raw):  # the halt is of the customer, and the interest is said apart
            lead = [*halts, self.itself(raw, profile, deciding)]
            measured = measured and (bool(deciding) or strength(raw) != "likely")
        else:
            said = (self._reason_of(item, raw, profile) for item in deciding)
            why = "; ".join(filter(None, said)) or self.say("sentence", "nothing")
            stance = self.say("stance", str(raw.get("stance", "hold")))
            lead = [self.say("sentence", "interest", stance=stance, why=why)]
            lead += halts
            days = active_days(raw)
            if raw.get("stance") == "avoid" and days is not None and days <= FEW:
                lead.append(self.say("sentence", "only_listed"))
            elif forbidden:
                lead += self._chance(raw, first, profile)
        lead += self._limits(raw, profile) if engaged else ()
        lead += self._chance(raw, first, profile) if measured else ()
        # Nobody acts on how often that comes which is not to be talked about.
        seen = [*self._so_far(more, "" if forbidden else self._trend(raw, profile))]
        seen += self.times(raw, profile)
        lines = (lead, seen, self._standing(raw, profile))
        return "\n".join(filter(None, map(" ".join, lines)))

    def advice(self, raw: Mapping[str, Any]) -> str:
        """Say what to do with an interest (JSON), without its reasons."""
        if not waits_halted(raw):
            return self.say("stance", str(raw.get("stance", "hold")))
        deciding, _ = self._divided(raw)
        return self.say("shown", f"halted_{'strong' if is_strong(deciding) else 'weak'}")

    def _divided(self, raw: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Reasons that decide, what halts all offers aside, and those that stand beside them."""
        wanted, left_out = raw.get("stance") == "engage" or waits_halted(raw), {*_LEFT_OUT}
        if is_halted(raw):
            left_out |= HALTS
        if isinstance(raw.get("first_seen"), str):  # the date says it
            left_out.add("few_data")
        reasons = sorted(dicts(raw.get("reasons")), key=lambda item: _weight(item, wanted))
        rules = [item for item in reasons if item.get("code") in self.codes("rule")]
        if reasons and _weight(reasons[0], wanted) < len(SAID):
            # What was said decides alone: what would have been decided by a number confuses.
            left_out |= self.codes("rule")
        kept = [item for item in reasons if item.get("code") not in left_out]
        first = sum(_weight(item, wanted) < len(_DECISIVE) for item in kept)
        if not first and is_halted(raw):
            return rules[:1], kept
        first = max(1, first)
        return kept[:first], kept[first:]

    def _so_far(self, details: list[str], trend: str) -> Iterator[str]:
        """A sentence on what was seen, and on the next days."""
        if details or trend:
            kind = "details" if not details else "details_more" if trend else "so_far"
            yield self.say("sentence", kind, trend=trend, details="; ".join(details))

    def _trend(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """The next days, where enough is known: not in its first week, nor of what was away."""
        if is_first_week(raw, profile):
            return ""
        away = self._away(raw, profile) and raw.get("trend") in ("rising", "steady")
        # Days of a trip, or somebody else's, tell nothing of the next ones.
        foreign = not codes_of(raw).isdisjoint(_FOREIGN)
        return "" if away or foreign else self.outlook(raw, profile)

    def rule(self, raw: Mapping[str, Any], profile: Mapping[str, Any] | None = None) -> str:
        """Say what decided on an interest (JSON): what was said or halts it, else which numbers.

        Empty where the interest names neither. Of the whole `profile` come the ends of pauses.
        """
        profile, found = profile or {}, list(self.halts(raw, profile or {}))
        deciding, _ = self._divided(raw)
        said = (
            self._reason_of(item, raw, profile)
            for item in deciding
            if item.get("code") in _DECISIVE
        )
        if why := "; ".join(filter(None, said)):
            found.append(self.say("sentence", "rule_said", why=why))
        for item in dicts(raw.get("reasons")):
            code, value = str(item.get("code")), item.get("value")
            # What was said decides alone, a number of what would have been confuses.
            if code in self.codes("rule") and isinstance(value, Mapping) and not why:
                kept = self.kept_bounds(value, raw) if code == "still_likely" else {}
                named = {str(name): number for name, number in value.items()}
                found.append(self.say("rule", code, **{**named, **kept}))
                break
        return " ".join(found)

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
            case "suppressed":
                return self.paused(raw, profile)
            case "declared_dislike":
                return self.disliked(raw, profile)
            case "declared_like" if is_forbidden(raw) and not waits_halted(raw):
                return self.reason("_declared_like_behind")
            case "still_likely":
                return self.kept(value, raw, profile)
        return self.reason(code, value, raw)

    def _away(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> bool:
        """Whether it is still talked about though it was not seen for long."""
        return "still_likely" in codes_of(raw) and days_away(raw, profile) > 0

    def _limits(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> Iterator[str]:
        """Sentences on what of an interest must not be talked about, and through which channels."""
        yield from self.place(profile)
        every = dicts(profile.get("interests"))
        parts = parts_of(raw, profile)
        if apart := [item for item in parts if item.get("stance") == "avoid"]:
            yield self.say("sentence", "apart", names=_names(apart))
            seen = [days for item in apart if (days := active_days(item)) is not None]
            left = (active_days(raw) or 0) - sum(seen)
            if left > 0 and len(seen) == len(apart):
                yield self.say("sentence", "left", days=left)
        if waiting := [item for item in parts if item.get("stance") == "hold"]:
            yield self.say("sentence", "apart_yet", names=_names(waiting))
        yield from self._whole(raw, profile, every)
        for item in dicts(profile.get("suppressions")):
            if "channel" in item and item.get("scope") in ("all", raw.get("id")):
                until = item.get("until")
                kind = "not_through" if until is None else "not_through_until"
                yield self.say(
                    "sentence", kind, channel=self._channel(item), until=shown_day(until) or "?"
                )

    def _whole(
        self, raw: Mapping[str, Any], profile: Mapping[str, Any], every: list[dict[str, Any]]
    ) -> Iterator[str]:
        """A sentence on what an interest is a part of, where the advice on that is another."""
        for whole in wholes_of(str(raw.get("id")), {"interests": [*every, raw]}):
            wholes = [item for item in every if item.get("id") == whole]
            kind = "within_yet" if any(item.get("stance") == "hold" for item in wholes) else ""
            silent = pauses({"id": whole}, profile, "interest")
            if silent or any(item.get("stance") == "avoid" for item in wholes):
                kind = "within"
            name = _names([*wholes, *silent][:1])
            if kind and name:  # of the nearest that may not be talked about: it tells of the rest
                yield self.say("sentence", kind, name=name)
                return

    def _channel(self, suppression: Mapping[str, Any]) -> str:
        name = suppression.get("channel")
        return self.say("channel", "_other" if isinstance(name, str) else "_one", code=name)

    def _chance(
        self, raw: Mapping[str, Any], first: Mapping[str, Any], profile: Mapping[str, Any]
    ) -> Iterator[str]:
        """A sentence on the score, and how many times the average customer's it is.

        That is the lift as it stands: a chance of others that is made of two rounded figures
        would be another one in each profile. What the `first` reason has said is not repeated.
        """
        score, lift = raw.get("score"), raw.get("lift")
        if not is_figure(score):
            return
        about = self.chance(raw)
        code = str(first.get("code"))
        if says_times(code, first.get("value"), raw):
            return
        if code == "still_likely" and says_short_chance(raw, profile):
            return
        if not is_figure(lift) or not lift > 0.0:
            yield self.say("sentence", "chance", score=about)
        elif _ALIKE[0] <= lift < _ALIKE[1]:
            yield self.say("sentence", "chance_alike", score=about)
        else:
            yield self.say("sentence", "chance_times", score=about, **self.times_of(lift))

    def _standing(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> Iterator[str]:
        """Sentences on since when a stance holds, and when to look again.

        Of what is forbidden only the latter: it may have been on hold before, for another reason.
        """
        since, end = raw.get("stance_since"), advice_end(raw, profile)
        if isinstance(since, str) and not is_forbidden(raw) and not is_dated(raw, profile):
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
            why=self.why(raw),
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
        halts = (item for item in dicts(suppressions) if item.get("reason") == raw.get("why"))
        if (halt := next(halts, None)) is not None:
            why += self.began(halt)
        said = self.say(
            "sentence",
            f"{'' if yes else 'not_'}allowed{'' if until is None else '_until'}",
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


def _names(items: list[dict[str, Any]]) -> str:
    return ", ".join(str(item["name"]) for item in items if "name" in item)


def _weight(reason: Mapping[str, Any], wanted: bool) -> int:
    code = str(reason.get("code"))
    # That it is liked decides only what is talked about: else something that forbids went before.
    decides = code in _DECISIVE and (wanted or code != "declared_like")
    return _DECISIVE.index(code) if decides else len(_DECISIVE)


@lru_cache
def wording(language: str = LANGUAGES[0]) -> Wording:
    """The wording of a language; of the default for one that there is no file of."""
    return Wording(language if language in LANGUAGES else LANGUAGES[0])
