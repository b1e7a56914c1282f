"""Says what halts all offers to a customer, what pauses an interest, and the interest apart.

What is not sure enough waits, and may change tomorrow; a halt is of the customer, whatever the
interest: who reads the one as the other acts wrongly on both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from streams.client.chances import (
    KEPT_FROM,
    LIKELY,
    chance_bounds,
    codes_of,
    is_figure,
    kept_down_to,
    margin,
    measured_reasons,
    meets_chance,
    nearer_way,
    strength,
)
from streams.client.ends import kept_until, offers_permission, pauses, shown_day
from streams.client.habits import date_of
from streams.client.kin import suppressions_on
from streams.client.occasions import HABIT_DAYS, Occasions, days_away, has_few_days, most_of_week

#: Reasons of a halt of all offers.
HALTS = frozenset(("care_case", "on_hold"))
#: Reasons of suppressions that happened on a day, and do not last.
_HAPPENED = frozenset(("purchase", "decision_against"))
#: Rules by which an interest is as strong as an offer takes.
_STRONG = frozenset(("lift_clear", "likely", "still_likely", "tried"))


class Halts(Occasions):
    """Says halts and pauses in one language."""

    def halts(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> Iterator[str]:
        """Sentences on what halts all offers, each with its own end; none where nothing does."""
        if not is_halted(raw):
            return
        codes = codes_of(raw)
        if "care_case" in codes:
            of_all = pauses(raw, profile, "all")
            faults = [item for item in of_all if item.get("reason") == "care_case"]
            since = self.began(faults[0]) if faults else ""
            yield self.say("sentence", "halt_care", since=since)
        if "on_hold" not in codes:
            return
        every = [(item.get("reason"), item.get("until")) for item in pauses(raw, profile, "all")]
        offers = offers_permission(profile)
        if not every and offers.get("value") is False:
            every = [(offers.get("why"), offers.get("until"))]
        # That it is drawn by lot is said of the interest itself.
        apart = {"care_case", "holdout"} if "suppressed" in codes else {"care_case"}
        said = [self._halt(why, shown_day(until)) for why, until in every if why not in apart]
        yield from dict.fromkeys(said if every else [self.say("sentence", "halt_bare")])

    def _halt(self, why: Any, until: str) -> str:
        if why is None and not until:
            return self.say("sentence", "halt_bare")
        reason = self.say("suppression", str(why)) if why else self.reason("on_hold")
        return self.say("sentence", "halt_until" if until else "halt", why=reason, until=until)

    def why(self, suppression: Mapping[str, Any]) -> str:
        """The reason of a suppression (JSON), and since when it holds, where that is told."""
        return self.say("suppression", str(suppression.get("reason"))) + self.began(suppression)

    def began(self, suppression: Mapping[str, Any]) -> str:
        """On what day that happened, or since when it is so, that a suppression (JSON) is for."""
        day = shown_day(suppression.get("since"))
        kind = "on_day" if suppression.get("reason") in _HAPPENED else "since_day"
        return self.say("sentence", kind, day=day) if day else ""

    def itself(
        self, raw: Mapping[str, Any], profile: Mapping[str, Any], others: list[dict[str, Any]]
    ) -> str:
        """Say whether an interest is strong enough but for a halt, and by which figures.

        Parameters
        ----------
        raw, profile : mapping of str to object
            JSON.
        others : list of dict
            Reasons that decide beside the halt; the rule that did, where there is one.
        """
        if not others:
            why = self._strength(raw, profile, strength(raw))
            return self.say("sentence", "itself_engage" if why else "itself_bare", why=why)
        why = "; ".join(self.reason(str(i.get("code")), i.get("value"), raw) for i in others)
        kind = "itself_engage" if is_strong(others) else "itself_hold"
        return self.say("sentence", kind, why=why)

    def _strength(self, raw: Mapping[str, Any], profile: Mapping[str, Any], kind: str) -> str:
        """By which figures an interest is strong enough; empty where it has none."""
        found, best = margin(raw), chance_bounds(raw)
        if not kind or found is None or best is None:
            return ""
        score, lift = raw["score"], raw["lift"]
        ends = min(best.high, kept_down_to(score, lift, KEPT_FROM))
        said = {"chance": self.chance(raw), **self.times_of(lift), **self.margins(found, raw)}
        said |= {"score": self._percent(best.high), "ends": self._percent(ends)}
        said |= {"then": self.then(raw), "though": self.though(raw, profile)}
        return self.say("reason", f"_{kind}_strength", likely=self._percent(LIKELY), **said)

    def though(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """That it was not seen for long, behind what speaks for it; empty where it was."""
        away = days_away(raw, profile)
        return self.say("sentence", "though_away", days=away) if away else ""

    def then(self, raw: Mapping[str, Any]) -> str:
        """On how many days it was seen when its advice began; empty where that is not told."""
        for code, value in measured_reasons(raw):
            if code == "still_likely" and is_figure(days := value.get("days")):
                return self.say("sentence", "then_on", days=days)
        return ""

    def paused(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """Say what is behind the pause of an interest, each with its own end, by suppressions."""
        own = pauses(raw, profile, "interest")
        lots = [*own, *pauses(raw, profile, "all")]
        said = [self.say("reason", "_suppressed_lot")] * any(_is(lots, "holdout"))
        for item in own:
            why, until = str(item.get("reason")), shown_day(item.get("until"))
            if why not in ("dislike", "care_case", "holdout"):
                kind = "_suppressed_until" if until else "_suppressed_open"
                reason = self.why(item)
                said.append(self.say("reason", kind, why=reason, until=until))
        if said or any(_is(own, "dislike")):
            return "; ".join(dict.fromkeys(said))
        return self.reason("suppressed")

    def disliked(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """That it is not liked, or what it is a part of."""
        found = [i for i in suppressions_on(raw, profile) if i.get("reason") == "dislike"]
        of = [item for item in found if item.get("scope") != "all" and "name" in item]
        if of and all(item.get("scope") != raw.get("id") for item in found):
            said = self.say("reason", "_declared_dislike_of", name=of[0]["name"])
        else:
            said = self.reason("declared_dislike")
        return said + (self.began(found[0]) if found else "")

    def kept(self, value: Any, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """The reason of advice that stays: that it is of its first week, or what ends it."""
        since, bounds = raw.get("stance_since"), self.kept_bounds(value, raw)
        more = {"then": self.then(raw), "though": self.though(raw, profile)}
        if kept_until(raw, profile):
            return self.say("reason", "_still_likely_kept", **more)
        more["short"] = self._short(raw, profile)
        kind = "_still_likely_since" if is_dated(raw, profile) else "still_likely"
        return self.say("reason", kind, **{"since": since, **bounds, **more})

    def _short(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """What of that by which advice begins falls short today, with its figures."""
        met, found = meets_chance(raw), margin(raw)
        days, few = self._few_days(raw, profile), has_few_days(raw, profile)
        if met:
            return self.say("sentence", "short_days", days=days)
        if found is None:
            return self.say("sentence", "short_open")
        more = self.say("sentence", "short_days_too", days=days) if few else ""
        kind = "chance" if says_short_chance(raw, profile) else "worst"
        if met is None:
            kind, more = f"{kind}_edge", self.say("sentence", "short_days_edge", days=days)
        known = {**self.times_of(raw["lift"]), **self.margins(found, raw, "new_advice")}
        return self.say("sentence", f"short_{kind}", chance=self.chance(raw), more=more, **known)

    def _few_days(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """On how many of the last days it was seen at most, where that is known to be few."""
        most = most_of_week(raw, profile)
        if most is None or most >= HABIT_DAYS:
            return ""
        return self.say("sentence", "at_most" if most else "at_none", days=most)

    def kept_bounds(self, value: Any, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The best case of advice that stays, and below which it ends, in percent."""
        bounds = self._bounds("still_likely", value)
        needs = value.get("needs") if isinstance(value, Mapping) else None
        if is_figure(needs):
            ends = kept_down_to(raw.get("score"), raw.get("lift"), needs)
            most = value.get("score")  # rounded figures could put the one above the other
            bounds["ends"] = self._percent(min(ends, most) if is_figure(most) else ends)
        return bounds


def is_strong(reasons: list[dict[str, Any]]) -> bool:
    """Whether reasons that decide, a halt aside, make an interest strong enough."""
    codes = {str(item.get("code")) for item in reasons}
    return "declared_like" in codes or codes <= _STRONG


def says_short_chance(raw: Mapping[str, Any], profile: Mapping[str, Any]) -> bool:
    """Whether advice that stays says of the chance of an interest (JSON) that it falls short."""
    found, stays = margin(raw), "still_likely" in codes_of(raw) and not kept_until(raw, profile)
    if not stays or found is None or meets_chance(raw):
        return False
    return raw.get("stance") == "engage" and nearer_way(raw, found) == "likely"


def is_halted(raw: Mapping[str, Any]) -> bool:
    """Whether a halt of all offers forbids to talk about an interest (JSON)."""
    return raw.get("stance") != "engage" and not HALTS.isdisjoint(codes_of(raw))


def waits_halted(raw: Mapping[str, Any]) -> bool:
    """Whether a halt of all offers is what an interest (JSON) waits for, whatever else."""
    return is_halted(raw) and raw.get("stance") != "avoid"


def is_dated(raw: Mapping[str, Any], profile: Mapping[str, Any]) -> bool:
    """Whether the reason of advice that stays says since when it has stood."""
    stays = "still_likely" in codes_of(raw) and date_of(raw.get("stance_since")) is not None
    return stays and not kept_until(raw, profile)


def _is(suppressions: list[dict[str, Any]], reason: str) -> Iterator[bool]:
    return (item.get("reason") == reason for item in suppressions)
