"""What came of contacts decides on the next ones, as the slow twin says, however it is cut."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from features.config import Config
from features.jit import njit
from features.models import learner
from features.models.linear import Hurdle
from features.models.worth import Ended, Outcomes
from features.models.worth_kernel import PICKED, UNITS, is_tried
from features.outcomes.contact_policy import PolicyError, parse_policy
from features.outcomes.holdouts import Holdouts
from features.privacy import rules
from features.privacy.disclosure import describe_facts
from features.records.hash_kernel import hash_text
from features.records.inputs import INPUTS
from features.state import changelog_keys as keys
from features.tags.taxonomy import load
from features.vocabulary import ReasonCode, Reply
from tests.oracle.partition import Partition
from tests.oracle.profile import profile
from tests.oracle.views import Run, canonical
from tests.support import generators as gen
from tests.support.generators import DAY_MS, START, TABLE, Record, config

ENOUGH = 40
_SILENT = """
schema = 1
answer_days = 1
repeat_days = 0
answered_days = 0
cap = []
pause = []
[quiet_hours]
from = 0
until = 0
"""
_UPLIFT = """
[uplift]
least_outcomes = 2
annoyance_price = 0.5
caution = 0.3
"""


def _config(uplift: str = _UPLIFT, exploring: float = 0.0, **more: Any) -> Config:
    """Rules that silence nobody, so that nothing else becomes of a contact."""
    found = rules.parse(rules.bundled_text("suppression.toml"), load(), _SILENT + uplift)
    if exploring:  # more than the rules may say, so that a short story shows it
        contact = found.contact
        assert contact.uplift is not None
        contact = replace(contact, uplift=contact.uplift._replace(exploring=exploring))
        found = replace(found, contact=contact, holdouts=Holdouts(bytes(range(16)), 0.0, 0.0))
    return config(rules=found, **more)


@pytest.fixture(autouse=True, scope="module")
def _soon_trained() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner, "_ENOUGH_ROWS", ENOUGH)
        patch.setattr(learner, "registered", lambda: (Hurdle(),))
        yield


def _outcome(account: int, ts: int, **more: Any) -> Record:
    said = "".join(map(str, more.values()))
    doc = {"event_id": f"o-{account}{ts}{said}"[:64], "account_id": f"acc-{account}", "ts": ts}
    return Record(INPUTS.outcomes, {**doc, **more})


def _story(seed: int, days: int = 7, events: int = 160) -> list[Record]:
    """People who like what they do, and are spoken to about it; some answers come first.

    In every other story it helps to speak to them.
    """
    chance, at = random.Random(seed), START
    records = [gen.consent(account) for account in range(gen.ACCOUNTS)]
    for number in range(events):
        at += chance.randrange(2 * days * DAY_MS // events)
        records.append(gen.event(chance.randrange(2**30), number, at))
        account = chance.randrange(gen.ACCOUNTS)
        if number == events // 8:
            records += [
                gen.fact(of, "declaration", at, interest=i, stance="like")
                for of in range(gen.ACCOUNTS)
                for i in ("529", "11", "690", "655")
            ]
        elif number > events // 8 and chance.random() < 0.8:
            records += _contact(chance, account, at, helps=seed % 2 == 1)
    # A contact or an answer that is ahead silences until then.
    later = at + 4 * DAY_MS
    return records + [gen.rugby(number, later, number % 4) for number in range(1000, 1004)]


def _contact(chance: random.Random, account: int, at: int, *, helps: bool) -> Iterator[Record]:
    who = {"member_id": "m-1"} if chance.random() < 0.2 else {}
    about = {"contact_id": f"c-{at}", **who}
    held_out = chance.random() < 0.5
    told = {"interest": chance.choice(["529", "515", "11", "690", "655"]), "channel": "mail",
            "propensity": chance.choice([0.3, 0.5, 0.9]), "held_out": held_out}  # fmt: skip
    made = _outcome(account, at, kind="contact", **about, **told)
    likely = (
        ([0.1, 0, 0, 1] if held_out else [9, 9, 0.1, 0]) if helps else [1, 1, 2 - 2 * held_out, 1]
    )
    replies = [Reply.BOUGHT, Reply.ACCEPTED, Reply.DISMISSED, Reply.IGNORED]
    answers = chance.choices(replies, likely, k=chance.randrange(helps, 3))
    said = [
        _outcome(
            account,
            at + chance.randrange((2 - helps) * DAY_MS),
            kind="answer",
            answer=answer,
            **about,
        )
        for answer in answers
    ]
    again = [_outcome(account, at - 1000, kind="contact", **about, **told)]
    yield from said[1:]
    yield made
    yield from said[:1]
    yield from again * (chance.random() < 0.2)


def _unworthy(profiles: Any) -> set[tuple[bytes, str]]:
    return _decided_by(ReasonCode.NOT_WORTH_IT, profiles)


def _decided_by(code: ReasonCode, profiles: Any) -> set[tuple[bytes, str]]:
    return {
        (key, item["id"])
        for key, document in profiles.items()
        for item in document["interests"]
        if item["reasons"][0]["code"] == code
    }


def _stances(document: Any) -> dict[str, tuple[str, str]]:
    return {i["id"]: (i["stance"], i["reasons"][0]["code"]) for i in document["interests"]}


@pytest.mark.parametrize("exploring", [0.0, 0.5])
def test_stances_are_as_the_twin_says(exploring: float) -> None:
    refused = allowed = tried = 0
    for seed in range(4):
        done, records = Run(_config(exploring=exploring)), _story(seed)
        twin = Partition(done.config, load(), TABLE)
        twin.enough = ENOUGH
        assert done.apply(records) == twin.apply((r.kind, r.doc) for r in records)
        learned = done.engine.outcomes.models
        assert set(learned) == set(twin.contacts.models)
        for kind, model in twin.contacts.models.items():
            for name in ("without", "with_it", "difference", "annoyance"):
                have, want = getattr(learned[kind], name), getattr(model, name)
                assert have.count == pytest.approx(sum(w for _, _, w in want.seen), rel=1e-6)
                assert have.coefficients == pytest.approx(want.weights(), rel=2e-2, abs=2e-3)
                x = [1.0] + [0.2] * (len(PICKED) - 1)
                assert have.spread(np.array([x]))[0] == pytest.approx(want.error(x), rel=1e-3)
        profiles = done.profiles()
        for key, document in profiles.items():
            want = profile(twin, key.decode())
            assert want is not None
            assert _stances(document) == _stances(want), key
            for have, told in zip(document["interests"], want["interests"], strict=True):
                if have["reasons"][0]["code"] == ReasonCode.NOT_WORTH_IT:
                    assert have["stance"] == "hold"
                    losses = [of["reasons"][0]["value"]["loss"] for of in (have, told)]
                    assert losses[0] == pytest.approx(losses[1], abs=0.011)
        refused += len(_unworthy(profiles))
        tried += len(_decided_by(ReasonCode.TRIED, profiles))
        allowed += sum("engage" in s for d in profiles.values() for s in _stances(d).values())
    assert refused > 10 and allowed > 10, "the story has to show both"
    assert (tried > 10) == (exploring > 0)


def test_so_many_are_tried_each_week_and_nobody_tells_whom() -> None:
    """A draw is its subject's, interest's and week's own; other salt, other draws."""
    worth = _learned(-0.2, 0.0).worth(100, 1.0, 1.28, 0.05, salt=7)
    subjects = np.array([hash_text(b"acc-%d" % n) for n in range(20_000)], np.uint64)

    def tried(interest: int, day: int, **other: Any) -> set[int]:
        drawn = draws(worth._replace(**other), subjects, interest, day)
        return set(np.flatnonzero(drawn).tolist())

    one = tried(3, 7_000)
    assert len(one) == pytest.approx(1_000, abs=110)  # 3.5 standard deviations
    assert one == tried(3, 7_006) and tried(3, 7_000, exploring=0.1) > one
    for other in (tried(3, 7_007), tried(4, 7_000), tried(3, 7_000, salt=np.uint64(8))):
        assert len(one & other) == pytest.approx(50, abs=25)
    assert not tried(3, 7_000, exploring=0.0)


@njit
def draws(worth: Any, subjects: Any, interest: int, day: int) -> Any:
    """Whether each subject is tried."""
    return np.array([is_tried(worth, subject, interest, day) for subject in subjects])


@pytest.mark.parametrize("seed", range(4))
def test_cuts_and_restarts_change_nothing(seed: int) -> None:
    records, chance = _story(seed), random.Random(seed)
    places = sorted(chance.random() for _ in range(12))
    whole = Run(_config())
    whole.apply(records)
    whole.commit()
    cut = Run(_config())
    for piece in gen.cut(records, places):
        cut.apply(piece)
        cut.commit()
        cut.restart()
    assert keys.UPLIFT in whole.changelog
    assert canonical(whole.changelog, whole.config) == canonical(cut.changelog, cut.config)
    assert whole.profiles() == cut.profiles()


def test_until_there_are_enough_the_score_alone_decides() -> None:
    without, with_it = Run(_config("")), Run(_config(_UPLIFT.replace("= 2", "= 1000")))
    for done in (without, with_it):
        done.apply(_story(0))
        done.commit()
    assert without.profiles() == with_it.profiles()
    assert keys.UPLIFT in with_it.changelog and keys.UPLIFT not in without.changelog
    assert all(b"[0]" not in v and v.count(b"[") for k, v in without.changelog.items()
               if k[:2] == b"t/")  # fmt: skip


def _ended(done: Run) -> int:
    return sum(map(sum, done.engine.outcomes.counts().values()))


def _one(*more: Record, ts: int = START + DAY_MS, until: int = 8) -> Run:
    """One contact about what is known, what is said then, and some days that close."""
    done = Run(_config(consent_default_grant=True))
    about = {"contact_id": "c", "interest": "529", "channel": "mail"}
    done.apply([
        *(gen.rugby(n, START + n * DAY_MS // 4) for n in range(5)),
        _outcome(0, ts, kind="contact", **about), *more,
        *(gen.rugby(n, START + n * DAY_MS, account=1) for n in range(2, until)),
    ])  # fmt: skip
    return done


def test_a_contact_is_learned_once_when_its_time_is_over() -> None:
    assert _ended(_one(until=3)) == 0
    done = _one()
    assert _ended(done) == 1
    again = {"kind": "contact", "contact_id": "c", "interest": "529", "channel": "mail"}
    done.apply([_outcome(0, START + DAY_MS - 5, **again)])
    done.commit()
    done.restart()
    done.apply([gen.rugby(n, START + n * DAY_MS, account=1) for n in range(8, 12)])
    assert _ended(done) == 1


def test_one_that_is_told_too_late_is_not_learned() -> None:
    done = _one()
    about = {"contact_id": "d", "interest": "529", "channel": "mail"}
    done.apply([_outcome(0, START + 2 * DAY_MS, kind="contact", **about)])
    done.apply([gen.rugby(n, START + n * DAY_MS, account=1) for n in range(8, 12)])
    assert _ended(done) == 1


@pytest.mark.parametrize(
    "gone",
    [gen.fact(0, "erasure", START + DAY_MS + 9), gen.consent(0, START + DAY_MS + 9, "withdrawn")],
)
def test_nothing_is_learned_of_who_left(gone: Record) -> None:
    done = _one(gone)
    assert _ended(done) == 0
    person = gone.doc["account_id"].encode()
    followed = done.engine.accounts.standing.spoken.followed
    assert not any(person in persons for persons in followed._days.values())


def test_what_was_not_known_of_the_interest_is_not_learned() -> None:
    done = _one()
    about = {"contact_id": "d", "interest": "1", "channel": "mail"}
    done.apply([_outcome(0, START + 7 * DAY_MS, kind="contact", **about)])
    done.apply([gen.rugby(n, START + n * DAY_MS, account=1) for n in range(8, 12)])
    assert _ended(done) == 1


def test_its_subject_is_told_what_a_contact_was_chosen_by() -> None:
    done = _one()
    done.commit()
    said = describe_facts(done.changelog, done.config.rules, done.engine.store.now)
    assert said is not None
    (contact,) = [fact for fact in said["facts"] if fact["kind"] == "contact"]
    assert set(contact["known_of_it"]) == set(PICKED) and contact["known_of_it"]["bias"] == 1.0


# -- the learner


def _learned(effect: float, annoyed: float, seed: int = 1, count: int = 4_000) -> Outcomes:
    """Contacts that change the chance of an interest fulfilled by so much, by lot."""
    chance, made = np.random.default_rng(seed), Outcomes(load().parent)
    signals = [UNITS, *(0,) * (len(PICKED) - 1)]
    out, drawn, cross = chance.random(count) < 0.5, chance.random(count), chance.random(count)
    made.learn([
        Ended(3, signals, bool(h), 0.5, bool(d < 0.3 + effect * (not h)),
              bool(not h and c < annoyed))
        for h, d, c in zip(out, drawn, cross, strict=True)
    ])  # fmt: skip
    return made


def _gain(made: Outcomes, price: float, caution: float, least: int = 100) -> float | None:
    worth = made.worth(least, price, caution)
    if not len(worth.kind):
        return None
    kind = int(worth.kind[3])
    error = np.sqrt(worth.spread[kind, 0, 0])
    return float(worth.uplift[kind, 0] - caution * error - price * worth.annoyance[kind, 0])


def test_uplift_counts_and_not_response() -> None:
    """Who would have come anyway answers thirty times in a hundred, and brings nothing."""
    nothing, something = (_gain(_learned(effect, 0.0), 1.0, 1.28) for effect in (0.0, 0.2))
    assert nothing is not None and something is not None
    assert nothing < 0.0 < 0.05 < something < 0.2
    best, annoying = (_gain(_learned(0.2, 0.3), price, 0.0) for price in (0.0, 1.0))
    assert best == pytest.approx(0.2, abs=0.06) and annoying == pytest.approx(-0.1, abs=0.06)


def test_both_arms_have_to_be_known() -> None:
    made = Outcomes(load().parent)
    signals: Sequence[int] = (UNITS, *(0,) * (len(PICKED) - 1))
    made.learn([Ended(3, signals, False, 0.5, True, False)] * 500)
    assert _gain(made, 1.0, 0.0) is None


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("least_outcomes = 0", "uplift.least_outcomes"),
        ("annoyance_price = -1", "uplift.annoyance_price"),
        ("caution = true", "uplift.caution"),
        ("exploring = 0.2", "uplift.exploring"),
        ("surprise = 1", "uplift.surprise"),
    ],
)
def test_rules_that_will_not_do_are_named(line: str, place: str) -> None:
    name = line.partition(" ")[0]
    kept = [own for own in _UPLIFT.splitlines() if not own.startswith(name)]
    with pytest.raises(PolicyError, match=place):
        parse_policy(_SILENT + "\n".join([*kept, line]))


def test_the_price_of_annoyance_flags_no_row_anew() -> None:
    text, tree = rules.bundled_text("suppression.toml"), load()
    prints = {
        rules.parse(text, tree, _SILENT + uplift).fingerprint
        for uplift in ("", _UPLIFT, _UPLIFT.replace("0.5", "2"))
    }
    assert len(prints) == 1
    moved = _UPLIFT + _SILENT.partition("cap = []\npause = []\n")[2]
    other = _SILENT.partition("[quiet")[0] + moved.replace("until = 0", "until = 5")
    assert rules.parse(text, tree, other).fingerprint not in prints
