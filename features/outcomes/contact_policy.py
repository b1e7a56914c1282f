"""Says who is left alone about what, why, and until when: caps, pauses, repetitions, answers.

The rules are ``data/contact_policy.toml``:

===================  ======================================================================
table                fields
===================  ======================================================================
(top)                ``schema`` 1, ``answer_days`` 1..90: no answer by then is one
``cap`` (list)       ``per`` household | subject, ``channel`` and ``interest`` each | any,
                     ``days`` 1..365, ``most`` 1..100: so many contacts in so many days; what
                     is said to the household is said to each subject
``pause`` (list)     ``after`` 1..20 annoyed answers ``within_days``, of the ``answers``
                     named; then nothing for ``days``, ``about`` all | channel | interest
``repeat_days``      0..730: the same interest, whatever the channel, no sooner
``answered_days``    0..730: nor after a glad answer, from anybody at home
``quiet_hours``      ``from``, ``until``: local hours, such as 21 and 8
``uplift``           (optional) an interest is engaged only where a contact is worth it: once
                     ``least_outcomes`` 1..1000000 of its kind, and as many that were held out,
                     have ended; ``annoyance_price`` 0..100: what who is annoyed costs, in
                     interests fulfilled; ``caution`` 0..10: standard errors taken off the uplift;
                     (optional) ``exploring`` 0..0.1: share of what is not surely worth a contact
                     that is engaged all the same for a week, by a draw, so that it is learned of
===================  ======================================================================

Windows are open at their old end: a contact of exactly `days` ago counts no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias

from features.outcomes.contacts import ANNOYED, DAY_MS, Contact, Made
from features.outcomes.silence import Forbidden, Silence
from features.reviewed import Reviewed
from features.vocabulary import Reply, SuppressionReason

HOUR_MS: Final = 3_600_000
_EVER: Final = -(2**62)  # before any time


#: The latest end of a rule's silence, ms, by interest and channel; "" is any.
_Ends: TypeAlias = dict[tuple[str, str], int]


class _Recent(NamedTuple):
    """What the rules ask of the contacts of an account.

    Attributes
    ----------
    annoyed : list of Contact
        Those that annoyed.
    glad : list of (str, int)
        Interests about which somebody was helped, and when last, ms.
    made : list of Made
        What was said, without what was held out, the newest first.
    members : set of (str or None)
        Whom any was with; None: the household.
    of_household : bool
        Whether nothing was said to a member alone.
    """

    annoyed: list[Contact]
    glad: list[tuple[str, int]]
    made: list[Made]
    members: set[str | None]
    of_household: bool

    @classmethod
    def of(cls, contacts: Iterable[Contact], since: int) -> _Recent:
        """Gather it from what is later than a time, ms."""
        annoyed: list[Contact] = []
        glad: list[tuple[str, int]] = []
        made: list[Made] = []
        members: set[str | None] = set()
        for held in contacts:
            latest, helped, replies = held.heard
            if latest <= since:
                continue
            said = held.made
            members.add(held.member)
            if replies:
                annoyed.append(held)
            if said is not None:
                if helped >= 0:
                    glad.append((said.interest, helped))
                if not said.held_out:
                    made.append(said)
        made.sort(key=attrgetter("ts"), reverse=True)
        return cls(annoyed, glad, made, members, all(said.member is None for said in made))


class PolicyError(ValueError):
    """The rules are not as their schema says; names the table and the field."""


_READ: Final = Reviewed(PolicyError)


@dataclass(frozen=True)
class Cap:
    """At most so many contacts in so many days."""

    household: bool
    by_channel: bool
    by_interest: bool
    days: int
    most: int


@dataclass(frozen=True)
class Pause:
    """Silence after so many annoyed answers."""

    after: int
    within_days: int
    answers: frozenset[Reply]
    days: int
    about: str


class UpliftRules(NamedTuple):
    """Since when it counts whether a contact is worth it, and how that is reckoned."""

    least_outcomes: int
    annoyance_price: float
    caution: float
    exploring: float = 0.0


@dataclass(frozen=True)
class ContactPolicy:
    """The rules, and what follows from them."""

    answer_days: int
    caps: tuple[Cap, ...]
    pauses: tuple[Pause, ...]
    repeat_days: int
    answered_days: int
    quiet_from: int
    quiet_until: int
    uplift: UpliftRules | None = None

    @cached_property
    def horizon_days(self) -> int:
        """Days after which nothing looks back to a contact or an answer."""
        spans = [cap.days for cap in self.caps]
        spans += [pause.within_days + pause.days for pause in self.pauses]
        return max(*spans, self.repeat_days, self.answered_days, self.answer_days, 1)

    def forbidden(
        self, contacts: Iterable[Contact], member: str | None, now: int
    ) -> list[Forbidden]:
        """List what must not be said to a subject now, each until when.

        What must not be said to the household must not be said to any member of it.

        Parameters
        ----------
        contacts : iterable of Contact
            Of the account.
        member : str or None
            None: the household.
        now : int
            Event time, ms; what is told of later times counts too, for a clock may run ahead.
        """
        recent = _Recent.of(contacts, _EVER)
        return self._forbidden(recent, self._common(recent, now), member, now)

    def silence(self, contacts: Iterable[Contact], now: int) -> Silence:
        """Work out what must not be said to anybody of an account, by its contacts."""
        recent = _Recent.of(contacts, now - self.horizon_days * DAY_MS)
        common = self._common(recent, now)
        names = recent.members | {None}
        return Silence({name or "": self._forbidden(recent, common, name, now) for name in names})

    def may(
        self,
        contacts: Iterable[Contact],
        member: str | None,
        now: int,
        interest: str,
        channel: str,
        tz_offset_min: int,
    ) -> bool:
        """Whether a subject may be spoken to now, about an interest, by a channel."""
        return not self.quiet(now, tz_offset_min) and not any(
            item.interest in (None, interest) and item.channel in (None, channel)
            for item in self.forbidden(contacts, member, now)
        )

    def quiet(self, now: int, tz_offset_min: int) -> int:
        """End of the quiet hours that it is now at the customer's, ms; 0 where they are not."""
        local = now + tz_offset_min * 60_000
        midnight = local - local % DAY_MS
        hour = (local - midnight) / HOUR_MS
        start, end = self.quiet_from, self.quiet_until
        inside = start <= hour < end if start <= end else hour >= start or hour < end
        if not inside:
            return 0
        over_night = start > end and hour >= start
        return midnight + over_night * DAY_MS + end * HOUR_MS - tz_offset_min * 60_000

    def _common(self, recent: _Recent, now: int) -> tuple[_Ends, _Ends]:
        """Caps of the household, and what was answered: the same for all of it."""
        caps = self._capped(recent.made, now, {}, household=True)
        return caps, self._answered(recent.glad)

    def _forbidden(
        self, recent: _Recent, common: tuple[_Ends, _Ends], member: str | None, now: int
    ) -> list[Forbidden]:
        """The same, of contacts and of what follows from them for all of the household."""
        caps, answered = common
        if not (recent.made or recent.annoyed or answered):
            return []
        mine = recent.made
        if not recent.of_household:
            mine = [made for made in mine if made.member is None or made.member == member]
        found = [
            (rule, interest, channel, until)
            for rule, ends in (
                (SuppressionReason.CONTACT_CAP, self._capped(mine, now, caps, household=False)),
                (SuppressionReason.CONTACT_PAUSE, self._paused(recent.annoyed, member)),
                (SuppressionReason.CONTACTED, self._said(mine)),
                (SuppressionReason.ANSWERED, answered),
            )
            for (interest, channel), until in ends.items()
            if until > now
        ]
        found.sort()
        return [
            Forbidden(rule, about or None, by or None, until) for rule, about, by, until in found
        ]

    def _capped(self, counted: list[Made], now: int, known: _Ends, *, household: bool) -> _Ends:
        """Ends of the caps of one kind, and those that are known already, the later of each."""
        ends = known
        for cap in self.caps:
            if cap.household != household or len(counted) < cap.most:
                continue
            counts: dict[tuple[str, str], int] = {}
            since = now - cap.days * DAY_MS
            for contact in counted:
                if contact.ts <= since:
                    break
                name = (
                    contact.interest if cap.by_interest else "",
                    contact.channel if cap.by_channel else "",
                )
                count = counts[name] = counts.get(name, 0) + 1
                if count == cap.most:
                    # Until so many have left the window that one may come.
                    end = contact.ts + cap.days * DAY_MS
                    if end > ends.get(name, 0):
                        ends = {**ends, name: end}
        return ends

    def _paused(self, annoyed: list[Contact], member: str | None) -> _Ends:
        ends: _Ends = {}
        annoyed = [held for held in annoyed if held.member in (None, member)]
        for pause in self.pauses if annoyed else ():
            groups: dict[tuple[str, str], list[int]] = defaultdict(list)
            for held in annoyed:
                # Of a contact that is not known nobody can tell what it was about.
                if not (held.made or pause.about == "all"):
                    continue
                contact = held.made
                interest = contact.interest if contact and pause.about == "interest" else ""
                channel = contact.channel if contact and pause.about == "channel" else ""
                times = [ts for word, ts in held.heard.annoyed if word in pause.answers]
                # One contact annoys once, however often that is said.
                groups[interest, channel] += [min(times)] if times else []
            for name, times in groups.items():
                times.sort()
                for first, last in zip(times, times[pause.after - 1 :], strict=False):
                    if last - first < pause.within_days * DAY_MS:
                        ends[name] = max(ends.get(name, 0), last + pause.days * DAY_MS)
        return ends

    def _said(self, mine: list[Made]) -> _Ends:
        # Of one interest the newest is the first.
        ends: _Ends = {}
        for contact in mine:
            ends.setdefault((contact.interest, ""), contact.ts + self.repeat_days * DAY_MS)
        return ends

    def _answered(self, glad: list[tuple[str, int]]) -> _Ends:
        ends: _Ends = {}
        for interest, ts in glad:
            name, until = (interest, ""), ts + self.answered_days * DAY_MS
            ends[name] = max(ends.get(name, 0), until)
        return ends


def parse_policy(text: str) -> ContactPolicy:
    """Rules from TOML text.

    Raises
    ------
    PolicyError
        Naming the table and the field that is not as the schema says.
    """
    table = _READ.loads(text)
    _READ.fields("contact_policy", table, {"schema", "answer_days", "cap", "pause", "repeat_days",
                                           "answered_days", "quiet_hours"}, {"uplift"})  # fmt: skip
    _READ.schema(table)
    hours = table["quiet_hours"]
    _READ.fields("quiet_hours", hours, {"from", "until"})
    return ContactPolicy(
        _READ.whole("answer_days", table["answer_days"], 1, 90),
        tuple(_cap(f"cap[{k}]", item) for k, item in enumerate(_list("cap", table["cap"]))),
        tuple(_pause(f"pause[{k}]", item) for k, item in enumerate(_list("pause", table["pause"]))),
        _READ.whole("repeat_days", table["repeat_days"], 0, 730),
        _READ.whole("answered_days", table["answered_days"], 0, 730),
        _READ.whole("quiet_hours.from", hours["from"], 0, 23),
        _READ.whole("quiet_hours.until", hours["until"], 0, 23),
        _uplift(table["uplift"]) if "uplift" in table else None,
    )


def _uplift(item: Any) -> UpliftRules:
    _READ.fields("uplift", item, set(UpliftRules._fields) - {"exploring"}, {"exploring"})
    return UpliftRules(
        _READ.whole("uplift.least_outcomes", item["least_outcomes"], 1, 1_000_000),
        _READ.number("uplift.annoyance_price", item["annoyance_price"], 0, 100),
        _READ.number("uplift.caution", item["caution"], 0, 10),
        _READ.number("uplift.exploring", item.get("exploring", 0.0), 0, 0.1),
    )


def _cap(place: str, item: Any) -> Cap:
    _READ.fields(place, item, {"per", "channel", "interest", "days", "most"})
    return Cap(
        _READ.word(f"{place}.per", item["per"], ("household", "subject")) == "household",
        _READ.word(f"{place}.channel", item["channel"], ("any", "each")) == "each",
        _READ.word(f"{place}.interest", item["interest"], ("any", "each")) == "each",
        _READ.whole(f"{place}.days", item["days"], 1, 365),
        _READ.whole(f"{place}.most", item["most"], 1, 100),
    )


def _pause(place: str, item: Any) -> Pause:
    _READ.fields(place, item, {"after", "within_days", "answers", "days", "about"})
    words = _list(f"{place}.answers", item["answers"])
    for word in words:
        _READ.word(f"{place}.answers", word, tuple(sorted(ANNOYED)))
    return Pause(
        _READ.whole(f"{place}.after", item["after"], 1, 20),
        _READ.whole(f"{place}.within_days", item["within_days"], 1, 365),
        frozenset(Reply(word) for word in words),
        _READ.whole(f"{place}.days", item["days"], 1, 3650),
        _READ.word(f"{place}.about", item["about"], ("all", "channel", "interest")),
    )


def _list(place: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise PolicyError(f"{place}: a list is expected")
    return value
