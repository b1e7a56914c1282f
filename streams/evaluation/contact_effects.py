"""Estimates what contacts brought over none, by interest, by channel and by week.

A contact and a hold-out both say about which interest and by which channel it was, or would have
been, and the probability of contact; so each line compares like with like: those spoken to by mail
with those who would have been. What is *not* told is the difference between two lines: mail may
have gone to other people than calls.

- A hold-out is one draw for a household, kept for ever: two contacts of a household are not two
  draws. So of each household only the first in a line counts.
- Who was held out is capped by nothing, and would come up again and again where somebody spoken to
  rests. So of everybody only what the rules had allowed counts, had each before been a contact.
  Pauses after annoyance cannot be evened out so: from the second week on, those who complained are
  missing among the contacted alone.
- Where more or fewer are held out than the propensities say (by those pauses, by people who left
  for what was said to them, or as hold-outs are not told), nothing is estimated.

The intervals hold at every look (`sequential`), each by itself; a line is `sure` where it excludes
0 at a level at which, of all lines that a table could ever have, the share alpha is ever wrong.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.outcomes.contact_policy import ContactPolicy
from features.outcomes.contacts import ANNOYED, DAY_MS, GLAD, Contact, Made
from features.vocabulary import SuppressionReason
from streams.evaluation.sequential import LEAST_TERMS, Look, effects, last_look, shares, width

#: Most lines of a table. Those with the first to have enough households stay, so that no later look
#: puts one in another's place.
MOST_LINES: Final = {"all": 1, "interest": 20, "channel": 8, "week": 26}
#: Level at which it is said that more or fewer are held out than the propensities say.
_UNLIKE_ALPHA: Final = 0.001
_MONDAY: Final = 3  # local day 0 was a Thursday


class NoEffect(StrEnum):
    """Reasons for which a line has no effect."""

    FEW = "few"
    UNLIKE = "unlike"


class Opportunity(NamedTuple):
    """A contact, or hold-out, that a draw decided, and what came of it in time."""

    ts: int
    household: int
    interest: str
    channel: str
    propensity: float
    contacted: bool
    good: bool
    annoyed: bool


@dataclass(frozen=True)
class EffectLine:
    """Says what contacts brought over none in a part of them.

    Attributes
    ----------
    by, name : str
        ``interest``, ``channel`` or ``week``, and which: a week is its Monday, days since 1970;
        ``all`` has no name.
    contacted, held_out : int
        Households.
    effect : Look or None
        More good answers a household, by its first contact; None where `why` says why.
    sure : bool
        Whether it is no chance result of this table, at whichever look.
    annoyed : Look or None
        Share of the contacted who were annoyed.
    """

    by: str
    name: str
    contacted: int
    held_out: int
    effect: Look | None
    sure: bool
    annoyed: Look | None
    why: NoEffect | None = None


class OpportunityLog:
    """Gathers what draws decided, account by account.

    Parameters
    ----------
    policy : ContactPolicy
    since, now : int
        Event time, ms: contacts from the one on, whose time for an answer is over at the other.

    Attributes
    ----------
    found : list of Opportunity
    undrawn : int
        Contacts with a propensity of 1, of which nothing is learned here.
    """

    def __init__(self, policy: ContactPolicy, since: int, now: int) -> None:
        self.found: list[Opportunity] = []
        self.undrawn = self._accounts = 0
        self._policy, self._since = policy, since
        self._timeout = policy.answer_days * DAY_MS
        self._until = now - self._timeout
        self._held_back: defaultdict[SuppressionReason, set[bytes]] = defaultdict(set)
        self._times: Counter[SuppressionReason] = Counter()

    def add(self, account: bytes, contacts: Iterable[Contact]) -> None:
        """Add the contacts of an account, all at once."""
        self._accounts += 1
        told = sorted((held for held in contacts if held.made is not None), key=_time)
        before: list[Contact] = []
        for held in told:
            made = held.made
            assert made is not None
            counts = self._since <= made.ts <= self._until
            if (rule := self._forbids(before, made)) is None:
                before.append(Contact(made._replace(held_out=False)))
            elif made.held_out and made.ts >= self._since:
                self._held_back[rule].add(account)
                self._times[rule] += 1
            if made.propensity >= 1.0:
                self.undrawn += counts
                continue
            if rule is not None or not counts:
                continue
            came = held.in_time(self._timeout)
            self.found.append(
                Opportunity(made.ts, self._accounts, made.interest, made.channel, made.propensity,
                       not made.held_out, came in GLAD, came in ANNOYED)
            )  # fmt: skip

    def held_back(self, k: int) -> dict[SuppressionReason, int]:
        """Count what the rules keep back: what hold-outs were told for against them, by rule.

        Nobody was to be spoken to then, so only the rules would have prevented it. Of fewer than
        `k` households nothing is said.
        """
        return {
            rule: count
            for rule, count in sorted(self._times.items())
            if len(self._held_back[rule]) >= k
        }

    def _forbids(self, before: list[Contact], made: Made) -> SuppressionReason | None:
        if not before:
            return None
        for item in self._policy.forbidden(before, made.member, made.ts):
            if item.interest in (None, made.interest) and item.channel in (None, made.channel):
                return item.rule
        return None


class _Columns:
    """Chances in the order of time, as arrays."""

    def __init__(self, found: Sequence[Opportunity], day_offset_ms: int) -> None:
        ordered = sorted(found)
        self.household = np.array([c.household for c in ordered], np.int64)
        day = (np.array([c.ts for c in ordered], np.int64) + day_offset_ms) // DAY_MS
        week = (day + _MONDAY) // 7 * 7 - _MONDAY
        self.propensity = np.array([c.propensity for c in ordered], np.float64)
        self.contacted = np.array([c.contacted for c in ordered], bool)
        self.good = np.array([c.good for c in ordered], np.float64)
        self.annoyed = np.array([c.annoyed for c in ordered], bool)
        self.names = {
            "all": np.full(len(ordered), ""),
            "interest": np.array([c.interest for c in ordered], np.str_),
            "channel": np.array([c.channel for c in ordered], np.str_),
            "week": week.astype(np.str_),
        }


def effect_lines(
    found: Sequence[Opportunity], k: int, day_offset_ms: int = 0, alpha: float = 0.05
) -> list[EffectLine]:
    """Estimate the effect of all contacts, and by interest, channel and week.

    Parameters
    ----------
    found : sequence of Opportunity
        In any order.
    k : int
        Households of each group below which a line has no effect.
    day_offset_ms : int
        Of the operator's local day.
    alpha : float
        Of the intervals, and of what is `sure` in one table.
    """
    columns = _Columns(found, day_offset_ms)
    lines = []
    for by, most in MOST_LINES.items():
        units = {
            name: _firsts(columns.household, columns.names[by] == name)
            for name in np.unique(columns.names[by]).tolist()
        }
        # In the order of time: which had enough first is known at once, and for ever.
        ended = {name: own[LEAST_TERMS - 1 : LEAST_TERMS].tolist() for name, own in units.items()}
        enough = sorted((place, name) for name, places in ended.items() for place in places)
        begun = sorted((own[0], name) for name, own in units.items() if not ended[name])
        chosen = [name for _, name in [*enough, *begun][:most] if len(units[name]) >= k]
        lines += [_line(by, name, columns, units[name], k, alpha) for name in sorted(chosen)]
    return lines


def _line(
    by: str, name: str, columns: _Columns, units: NDArray[np.int64], k: int, alpha: float
) -> EffectLine:
    contacted, propensity = columns.contacted[units], columns.propensity[units]
    made = int(contacted.sum())
    counts = (by, name, made, len(units) - made)
    if len(units) >= LEAST_TERMS and _unlike(contacted, propensity):
        return EffectLine(*counts, None, False, None, NoEffect.UNLIKE)
    if len(units) < LEAST_TERMS or min(counts[2:]) < k:
        return EffectLine(*counts, None, False, None, NoEffect.FEW)
    terms = effects(contacted, propensity, columns.good[units], 1.0)
    annoyed = last_look(shares(columns.annoyed[units][contacted]), alpha)
    annoyed = annoyed._replace(low=max(annoyed.low, 0.0), high=min(annoyed.high, 1.0))
    sure = last_look(terms, alpha / MOST_LINES[by]).decided
    return EffectLine(*counts, last_look(terms, alpha), sure, annoyed)


def _unlike(contacted: NDArray[np.bool_], propensity: NDArray[np.float64]) -> bool:
    """Whether the share of the contacted is not what the propensities say, at whichever look."""
    t = len(contacted)
    spread = float(np.sqrt((propensity * (1.0 - propensity)).mean()))
    reach = spread * width(t, _UNLIKE_ALPHA, LEAST_TERMS)
    return bool(abs(float((contacted - propensity).mean())) > reach)


def _firsts(household: NDArray[np.int64], own: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Places of the first chance of each household among some, in the order of time."""
    places = np.flatnonzero(own)
    _, first = np.unique(household[places], return_index=True)
    return np.asarray(np.sort(places[first]))


def _time(held: Contact) -> tuple[int, str, str]:
    assert held.made is not None
    return held.made.ts, held.made.interest, held.made.channel
