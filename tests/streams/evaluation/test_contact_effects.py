"""What contacts brought, against people whose answers are known, and who is held out for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from features.outcomes.contacts import DAY_MS, Contact, Contacts, Made
from features.privacy import rules
from features.vocabulary import Reply, SuppressionReason
from streams.evaluation.contact_effects import (
    EffectLine,
    NoEffect,
    Opportunity,
    OpportunityLog,
    effect_lines,
)

K, WEEKS, MONDAY = 20, 8, 4 * DAY_MS
CHANNELS, INTERESTS = ("call", "mail"), ("483", "653")
POLICY = rules.load().contact
#: More good answers by a contact, by week and channel.
GROWING = {
    (week, by): 0.005 * week + 0.1 * (by == "mail") for week in range(WEEKS) for by in CHANNELS
}
NONE = dict.fromkeys(GROWING, 0.0)
_RUNS = 120


def world(
    seed: int, change: dict[tuple[int, str], float], people: int, share: float
) -> list[Opportunity]:
    """A household is held out for ever or never, and much the same each time that it is asked."""
    generator = np.random.default_rng(seed)
    spoken_to = generator.random(people) < share
    alone = generator.choice([0.02, 0.85], people, p=[0.7, 0.3])
    week, who = np.nonzero(generator.random((WEEKS, people)) < 0.9)
    by, about = generator.integers(0, 2, (2, len(who)))
    more = np.array([[change[w, name] for name in CHANNELS] for w in range(WEEKS)])
    contacted = spoken_to[who]
    good = generator.random(len(who)) < alone[who] + more[week, by] * contacted
    annoyed = contacted & (generator.random(len(who)) < 0.05)
    ts = MONDAY + week * 7 * DAY_MS + generator.integers(0, 7 * DAY_MS, len(who))
    return [
        Opportunity(ts, who, INTERESTS[about], CHANNELS[by], share, *came)
        for ts, who, about, by, *came in zip(
            *(column.tolist() for column in (ts, who, about, by, contacted, good, annoyed)),
            strict=True,
        )
    ]


def looks(found: list[Opportunity]) -> Iterator[list[EffectLine]]:
    """The tables after every week."""
    for week in range(1, WEEKS + 1):
        end = MONDAY + week * 7 * DAY_MS
        yield effect_lines([chance for chance in found if chance.ts < end], K)


def line(table: list[EffectLine], by: str, name: str = "") -> EffectLine:
    [own] = [own for own in table if (own.by, own.name) == (by, name)]
    return own


def truth(own: EffectLine, found: list[Opportunity], change: dict[tuple[int, str], float]) -> float:
    """Mean change by the first contact of each household in a line."""
    firsts: dict[int, float] = {}
    for chance in found:
        monday = chance.ts // DAY_MS - (chance.ts // DAY_MS + 3) % 7
        names = {"all": "", "interest": chance.interest, "channel": chance.channel,
                 "week": str(monday)}  # fmt: skip
        if names[own.by] == own.name:
            about = change[(monday * DAY_MS - MONDAY) // (7 * DAY_MS), chance.channel]
            firsts.setdefault(chance.household, about)
    return float(np.mean(list(firsts.values())))


def test_of_null_effects_at_most_one_in_twenty_is_ever_told_whatever_is_looked_at() -> None:
    decided, sure = Counter[str](), Counter[str]()
    for seed in range(_RUNS):
        lines = [own for table in looks(world(seed, NONE, 1_000, 0.9)) for own in table]
        assert len({(own.by, own.name) for own in lines}) == 1 + 2 + 2 + WEEKS
        decided.update({f"{x.by} {x.name}" for x in lines if x.effect and x.effect.decided})
        sure.update({own.by for own in lines if own.sure})
    assert max(decided.values(), default=0) <= 0.05 * _RUNS
    assert max(sure.values(), default=0) <= 0.05 * _RUNS


def test_intervals_hold_what_contacts_change_by_channel_and_week() -> None:
    missed = Counter[str]()
    for seed in range(_RUNS // 4):
        found = sorted(world(seed, GROWING, 1_000, 0.8))
        for own in effect_lines(found, K):
            assert own.effect is not None
            true = truth(own, found, GROWING)
            missed[f"{own.by} {own.name}"] += not own.effect.low <= true <= own.effect.high
    assert len(missed) == 1 + 2 + 2 + WEEKS
    assert max(missed.values()) <= 0.05 * _RUNS // 4


def test_what_mail_brings_is_found_and_calls_that_bring_nothing_are_not_blamed() -> None:
    change = {(week, by): 0.15 * (by == "mail") for week, by in GROWING}
    table = effect_lines(world(1, change, 6_000, 0.8), K)
    mail, call = line(table, "channel", "mail"), line(table, "channel", "call")
    assert mail.sure and mail.effect is not None and 0.1 < mail.effect.effect < 0.2
    assert not call.sure and call.effect is not None and not call.effect.decided
    assert mail.annoyed is not None and mail.annoyed.low < 0.05 < mail.annoyed.high


def test_who_is_likelier_to_be_spoken_to_is_not_taken_for_moved() -> None:
    """Of those who would have come anyway nine in ten are spoken to, of others one in two."""
    generator = np.random.default_rng(9)
    likely = generator.random(8_000) < 0.3
    share = np.where(likely, 0.9, 0.5)
    contacted = generator.random(8_000) < share
    good = generator.random(8_000) < np.where(likely, 0.6, 0.02)
    columns = (column.tolist() for column in (share, contacted, good))
    found = [
        Opportunity(MONDAY + who, who, "483", "mail", chance, made, yes, False)
        for who, (chance, made, yes) in enumerate(zip(*columns, strict=True))
    ]
    assert good[contacted].mean() - good[~contacted].mean() > 0.15
    own = line(effect_lines(found, K), "channel", "mail")
    assert own.effect is not None and own.effect.low < 0.0 < own.effect.high < 0.05


# -- what the rules allow


def campaign(people: int, *, told: float = 1.0) -> list[list[Contact]]:
    """Accounts of a tool that keeps the rules with who is spoken to, and asks the draw every week.

    Of hold-outs a share is told.
    """
    generator = np.random.default_rng(17)
    found = []
    for _ in range(people):
        held_out, contacts = bool(generator.random() < 0.2), Contacts()
        if held_out and generator.random() >= told:
            continue
        for week in range(WEEKS):
            if generator.random() < 0.3:
                continue
            ts = MONDAY + week * 7 * DAY_MS + int(generator.integers(7 * DAY_MS))
            made = Made(ts, None, "mail", str(generator.choice(INTERESTS)), 0.8, held_out)
            quiet = {item.interest for item in POLICY.forbidden(contacts, None, ts)}
            if quiet & {None, made.interest}:
                continue
            contacts.tell(f"c{week}", made)
            if generator.random() < 0.3:
                contacts.answer(f"c{week}", Reply.DISMISSED if week % 2 else Reply.IGNORED, ts + 1)
        found.append(list(contacts))
    return found


def gathered(accounts: list[list[Contact]], since: int = 0) -> OpportunityLog:
    log = OpportunityLog(POLICY, since, MONDAY + 100 * DAY_MS)
    for number, contacts in enumerate(accounts):
        log.add(b"%d" % number, contacts)
    return log


def test_hold_outs_rest_as_who_is_spoken_to_does() -> None:
    accounts = campaign(3_000)
    log = gathered(accounts)
    table = effect_lines(log.found, K)
    assert [own.why for own in table] == [None] * len(table)
    shares = [own.held_out / (own.held_out + own.contacted) for own in table if own.by == "week"]
    assert len(shares) == WEEKS and max(shares) - min(shares) < 0.07
    assert log.held_back(K)[SuppressionReason.CONTACTED] > 300
    told = sum(x.made is not None and x.made.held_out for own in accounts for x in own)
    counted = sum(not chance.contacted for chance in log.found)
    assert sum(log.held_back(1).values()) == told - counted
    assert log.held_back(3_000) == {}


@pytest.mark.parametrize("told", [0.0, 0.5])
def test_nothing_is_estimated_where_hold_outs_are_missing(told: float) -> None:
    table = effect_lines(gathered(campaign(3_000, told=told)).found, K)
    assert {own.why for own in table} == {NoEffect.UNLIKE}
    assert {own.effect for own in table} == {None}


def test_only_what_a_draw_decided_and_whose_time_is_over_counts() -> None:
    def said(day: int, propensity: float) -> list[Contact]:
        contacts = Contacts()
        ts = MONDAY + day * DAY_MS
        contacts.tell("a", Made(ts, None, "mail", "483", propensity, False))
        contacts.answer("a", Reply.BOUGHT, ts + 8 * DAY_MS)
        return list(contacts)

    log = gathered([said(10, 0.5), said(10, 1.0), said(1, 0.5), said(94, 0.5), said(93, 0.5)],
                   MONDAY + 2 * DAY_MS)  # fmt: skip
    assert [(chance.household, chance.good) for chance in log.found] == [(1, False), (5, False)]
    assert log.undrawn == 1


def test_of_few_nothing_is_told() -> None:
    found = world(1, NONE, 60, 0.9)
    assert {own.why for own in effect_lines(found, K)} == {NoEffect.FEW}
    assert effect_lines(found[:15], K) == []
    assert line(effect_lines(world(1, NONE, 150, 0.95), K), "all").why is NoEffect.FEW, "held out"
