"""Says when and where an interest was seen, how often, and when it will probably come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta, timezone
from typing import Any

from features.vocabulary import Place
from streams.client.chances import codes_of, dicts, is_figure
from streams.client.ends import advice_end, is_forbidden
from streams.client.habits import WEEKDAYS, WeeklyHabit, date_of, today_of, weekly_habit
from streams.client.phrases import Phrasebook

#: What was seen on so few days has no trend; nor has what was not seen for so many.
FEW, WEEK = 2, 7
#: Advice begins on so many days of a week, or weeks of a weekday.
HABIT_DAYS = 4
_DAY_MIN = 24 * 60
#: Days that the active ones are counted of.
_COUNTED = 28
#: So many times the share of its days, and from itself on, a chance looks too great for them, or a
#: share of weeks for the chance; seen within so many days it was lately.
_TIMES_DAYS, _HIGH, _LATELY = 1.5, 0.25, 3
#: Share from which on a source is where an interest is mostly seen, and where it is only seen.
_MOSTLY, _ONLY = 0.6, 0.995


class Occasions(Phrasebook):
    """Says the days, places and times of an interest in one language."""

    def seen_days(self, value: Any, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """On how many days it was seen: of those since the first, and what a chance makes of it."""
        days, first = value, date_of(raw.get("first_seen"))
        of = _COUNTED
        if is_figure(days) and (day := _morning(profile)) and first:
            of = min(_COUNTED, max(1, (day - first).days, int(days)))
        if not is_figure(days) or of == 1:
            return self.reason("active_days_28", value, raw)
        if days == 0:  # it was seen, or it would not be told of
            last, today = date_of(raw.get("last_active")), today_of(profile)
            lately = last is not None and today is not None and (today - last).days < _COUNTED
            return self.say("reason", "_active_days_brief" if lately else "_active_days_none")
        kind = "active_days_28" if of == _COUNTED else "_active_days_since"
        said = self.say("reason", kind, value=days, of=of)
        score = raw.get("score")
        beyond = is_figure(score) and score >= max(_HIGH, _TIMES_DAYS * days / of)
        if not beyond or raw.get("stance") == "avoid" or _is_weekly(raw):
            return said
        last, today = date_of(raw.get("last_active")), today_of(profile)
        lately = last is not None and today is not None and (today - last).days <= _LATELY
        few = "few_lately" if lately else "few_guess"
        return self.say("sentence", few, seen=said, last=last)

    def habit(self, value: Any, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """That it comes on one weekday, with that day where the profile tells it."""
        if found := weekly_habit(profile, raw, value):
            return self._counted(found, raw.get("score"))
        days = {item.get("weekday") for item in dicts(raw.get("moments"))} & {*WEEKDAYS}
        if len(days) == 1:
            return self.say("reason", "_weekly_habit_on", day=self.say("day", str(*days)))
        return self.reason("weekly_habit", value, raw)

    def _counted(self, found: WeeklyHabit, score: Any) -> str:
        every = found.hits == found.weeks
        kind = "_weekly_habit_every" if every else "_weekly_habit_counted"
        day, one = self.say("day", found.weekday), self.say("one_day", found.weekday)
        # The chance is of tomorrow, which is that weekday: a share and a chance of one thing.
        low = is_figure(score) and score * _TIMES_DAYS <= found.hits / found.weeks
        kind_of_chance = "habit_careful" if low else "habit_chance"
        chance = self.say("sentence", kind_of_chance, one=one, weeks=found.weeks)
        said = {"day": day, "hits": found.hits, "weeks": found.weeks}
        return self.say("reason", kind, chance=chance if is_figure(score) else "", **said)

    def place(self, profile: Mapping[str, Any]) -> Iterator[str]:
        """A sentence on where the customer is, while that is abroad: times are on its clock."""
        context = profile.get("context")
        context = context if isinstance(context, Mapping) else {}
        if context.get("place") != Place.ABROAD.word:
            return
        country, minutes = context.get("country"), context.get("tz_offset_min")
        named = context.get("roaming") is True and isinstance(country, str) and bool(country)
        since, zone = date_of(context.get("place_since")), ""
        if is_figure(minutes) and abs(minutes) < _DAY_MIN:
            zone = str(timezone(timedelta(minutes=minutes)))
        yield self.say(
            "sentence",
            "abroad",
            since=self.say("sentence", "abroad_since", since=since) if since else "",
            where=self.say("sentence", "abroad_in", country=country) if named else "",
            clock=self.say("sentence", "abroad_clock", clock=zone) if zone else "",
        )

    def outlook(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
        """Say whether an interest will come more often, where enough was seen to tell."""
        trend, days = str(raw.get("trend", "steady")), active_days(raw)
        if days is not None and days <= FEW and trend in self.codes("trend"):
            return self.say("trend", "_few")
        away = days_away(raw, profile)
        if away and trend in ("rising", "steady"):
            return self.say("trend", "_back" if trend == "rising" else "_away", days=away)
        return self.say("trend", trend)

    def times(self, raw: Mapping[str, Any], profile: Mapping[str, Any]) -> Iterator[str]:
        """Sentences on where and when an interest shows, and when it will next.

        When it will is said of what may be talked about, or may be soon: nobody acts on the rest,
        and a day within a pause would contradict it.
        """
        first, last = raw.get("first_seen"), raw.get("last_active")
        if isinstance(first, str) and isinstance(last, str):
            span = "span_day" if first == last else "span"
            yield self.say("sentence", span, first=first, last=last)
        yield from self._seen(raw.get("sources"))
        if raw.get("stance") == "avoid" or is_forbidden(raw):
            return
        moments = [item for item in dicts(raw.get("moments")) if is_figure(item.get("p"))]
        if moments:
            yield self._strongest(moments, raw)
        yield from self._next(moments, raw, profile)

    def _strongest(self, moments: list[dict[str, Any]], raw: Mapping[str, Any]) -> str:
        """The moments, and where most of it was seen, if that is at none of them."""
        said = ", ".join(
            self.say(
                "sentence", "moment", time=self._time(item), count=max(1, round(10 * item["p"]))
            )
            for item in moments
        )
        parts = raw.get("dayparts")
        shares = {str(part): p for part, p in (parts if isinstance(parts, Mapping) else {}).items()}
        known = {part: p for part, p in shares.items() if is_figure(p)}
        most = max(known, key=lambda part: known[part], default="")
        kind, _, part = most.partition("-")
        if not part or any(f"{_kind(item)}-{item.get('part')}" in known for item in moments):
            return self.say("sentence", "moments", moments=said)
        where = self._time({"day_type": kind, "part": part})
        more = "moments_rarer" if kind == "weekday" else "moments_apart"
        return self.say("sentence", more, moments=said, where=where)

    def _next(
        self, moments: list[dict[str, Any]], raw: Mapping[str, Any], profile: Mapping[str, Any]
    ) -> Iterator[str]:
        """When it will come next, unless the advice ends before, or it is hard to say."""
        following = raw.get("next")
        following = following if isinstance(following, Mapping) else {}
        day = date_of(following.get("date"))
        end = advice_end(raw, profile).day
        if day is None or (end and f"{day}" >= end) or days_away(raw, profile):
            return
        weekday, part = WEEKDAYS[day.weekday()], following.get("part")
        named = any(
            item.get("part") == part and weekday in (item.get("weekday"), *_days_of(item))
            for item in moments
        )
        kind = "next" if named or not moments else "next_sooner"
        on = self.say("one_day", weekday)
        yield self.say("sentence", kind, day=on, date=day, part=self.say("part", str(part)))

    def _time(self, moment: Mapping[str, Any]) -> str:
        day = self.say("day", str(moment.get("weekday") or moment.get("day_type")))
        return f"{day} {self.say('part', str(moment.get('part')))}"

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


def active_days(raw: Mapping[str, Any]) -> int | None:
    """Days of the last four weeks that an interest (JSON) was seen on, where it says so."""
    for item in dicts(raw.get("reasons")):
        if item.get("code") == "active_days_28" and is_figure(days := item.get("value")):
            return int(days)
    return None


def days_away(raw: Mapping[str, Any], profile: Mapping[str, Any]) -> int:
    """Days since an interest (JSON) was seen, as of its profile; 0 where they tell nothing.

    A week tells, or more than one of what comes once a week.
    """
    today, seen = today_of(profile), date_of(raw.get("last_active"))
    days = (today - seen).days if today and seen else 0
    return days if days >= WEEK + _is_weekly(raw) else 0


def most_of_week(raw: Mapping[str, Any], profile: Mapping[str, Any]) -> int | None:
    """Days of the last seven that an interest (JSON) was seen on, at most; None if unknown."""
    days, today, seen = active_days(raw), today_of(profile), date_of(raw.get("last_active"))
    if days is None:
        return None
    return min(days, max(0, WEEK - (today - seen).days)) if today and seen else min(days, WEEK)


def has_few_days(raw: Mapping[str, Any], profile: Mapping[str, Any]) -> bool:
    """Whether an interest (JSON) surely lacks the days of a habit by which advice begins."""
    days = active_days(raw)
    return days is not None and (days < HABIT_DAYS or most_of_week(raw, profile) == 0)


def is_first_week(raw: Mapping[str, Any], profile: Mapping[str, Any]) -> bool:
    """Whether an interest (JSON) was first seen so lately that there is no week to compare."""
    first, today = date_of(raw.get("first_seen")), today_of(profile)
    return first is not None and today is not None and (today - first).days <= WEEK


def _morning(profile: Mapping[str, Any]) -> date | None:
    """The day that a profile is of, or the likeliest where that is open."""
    today = today_of(profile)
    return today + timedelta(1) if today else None


def _is_weekly(raw: Mapping[str, Any]) -> bool:
    return "weekly_habit" in codes_of(raw)


def _kind(moment: Mapping[str, Any]) -> str:
    weekday = moment.get("weekday")
    if weekday in WEEKDAYS:
        return "weekend" if weekday in WEEKDAYS[5:] else "weekday"
    return str(moment.get("day_type"))


def _days_of(moment: Mapping[str, Any]) -> tuple[str, ...]:
    """The days that a moment of a kind of day is of."""
    return {"weekday": WEEKDAYS[:5], "weekend": WEEKDAYS[5:]}.get(str(moment.get("day_type")), ())
