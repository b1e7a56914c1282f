"""What is known and what follows: facts in any order, consent before state, nothing sensitive.

Erasure, withdrawal and restarts in random order are in `test_facts_model`; here stand the laws
of the record itself, and each promise on one plain example.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.privacy import rules
from features.privacy.accounts import Accounts
from features.privacy.kin import Kin
from features.privacy.ledger import Ledger
from features.records.decoder import decode_fact
from features.state import snapshots
from features.state.changelog_keys import META
from features.state.store import Store
from features.tags import exact
from features.tags.taxonomy import load
from features.vocabulary import Purpose
from tests.oracle.facts import ABOUT_INTERESTS, Known
from tests.oracle.views import Run, canonical, live_rows, row_values, run
from tests.support import generators as gen
from tests.support.generators import DAY_MS, HOUR_MS, SENSITIVE, START, Record, config


def _state(done: Run) -> bytes:
    """Everything the changelog holds, keys and values."""
    return b"\n".join(key + b"=" + value for key, value in sorted(done.changelog.items()))


# -- the record


def _told(facts: Sequence[Record], by_default: bool = True) -> Accounts:
    known = Accounts(Store(config().clock(), 100), load(), by_default, config())
    for record in facts:
        known.apply(decode_fact(record.raw), -1)
    return known


def _records(known: Accounts) -> dict[bytes, bytes | None]:
    return {key: known.ledger.value(key) for key in known.ledger.all_keys()}


@given(st.lists(gen.facts(account=0), max_size=10), st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_facts_in_any_order_and_repeated_end_in_the_same_records(
    facts: list[Record], chance: Any
) -> None:
    """But for what takes away what came before it: refusals, erasures, that he is a child."""
    # a producer gives each fact its own id: two that differ under one id have no order
    facts = list({(r.doc["ts"], r.doc["event_id"]): r for r in facts}.values())
    facts = [r for r in facts if r.doc["kind"] not in ("erasure", "consent")]
    facts = [r for r in facts if r.doc.get("adult") is not False]
    shuffled = chance.sample(facts, len(facts)) + chance.choices(facts, k=3) if facts else []
    assert _records(_told(facts)) == _records(_told(shuffled))


@given(st.lists(gen.facts(account=0), max_size=10), st.integers(0, 40), st.booleans())
@settings(max_examples=300)
def test_the_records_answer_as_everything_ever_said(
    facts: list[Record], hours: int, by_default: bool
) -> None:
    """The twin keeps all facts and looks them through, for the account and each member."""
    facts = list({(r.doc["ts"], r.doc["event_id"]): r for r in facts}.values())
    facts = [r for r in facts if r.doc["kind"] not in ABOUT_INTERESTS]
    known, book, now = _told(facts, by_default), rules.load(), START + hours * 3 * HOUR_MS
    twin = Known(book, by_default)
    for record in facts:
        twin.take(dict(record.doc))
    kin, admission = known.ledger.kin(b"acc-0") or Kin(), known.standing.admission
    assert (bool(kin.open), kin.shared) == (twin.case_open, twin.child_device)
    for who in (None, "m-1", "m-9"):
        person = known.ledger.person(b"acc-0", who or "")
        assert person.erased_at == twin.erased_at(who)
        assert person.span() == tuple(min(end, 2**62) for end in twin.consent(who))
        for purpose in Purpose:
            assert person.refuses(purpose, now) == twin.refuses(purpose, now, who)
        if who is not None:
            assert admission.is_child(b"acc-0", who) == twin.is_child(who)
    for device in ("d-1", "d-2"):
        assert admission.is_childs(b"acc-0", device) == twin.is_childs(device)


@given(st.lists(gen.facts(account=0), max_size=10))
@settings(max_examples=100)
def test_records_are_read_as_they_were_written(facts: list[Record]) -> None:
    known, again = _told(facts), Ledger(b"", True)
    for key, value in sorted(_records(known).items()):
        assert value is not None
        again.restore(key, value)
    assert {key: again.value(key) for key in again.all_keys()} == _records(known)
    for name in ("", "m-1", "m-9"):
        assert again.person(b"acc-0", name) == known.ledger.person(b"acc-0", name)


def test_the_stored_records_stay_byte_by_byte() -> None:
    """A changelog is read again by later versions: one record of each kind."""
    said: list[dict[str, Any]] = [
        {"kind": "consent", "status": "granted", "expires_at": START + DAY_MS},
        {"kind": "consent", "status": "denied", "purpose": "offers", "member_id": "m-1"},
        {"kind": "declaration", "interest": "529", "stance": "like", "member_id": "m-1"},
        {"kind": "purchase", "interest": "529", "product": "Zelt", "returned": False},
        {"kind": "decision_against", "interest": "529", "quiet_days": 9},
        {"kind": "care_case", "case_id": "c 1", "status": "opened"},
        {"kind": "registry", "device_id": "d", "owner_member_id": "m-1", "adult": True},
    ]
    own = {"account_id": "a"}
    known = _told(
        [
            Record(gen.FACTS, own | {"event_id": f"e{n}", "ts": START + n} | doc)
            for n, doc in enumerate(said)
        ]
    )
    assert _records(known) == {
        b"c/a": b'{"profiling":[[%d,"e0","granted",%d]]}' % (START, START + DAY_MS),
        b"c/a/m-1": b'{"offers":[[%d,"e1","denied",null]]}' % (START + 1),
        b"i/a": b'{"decision_against/529":[%d,"e4",{"interest":"529","kind":"decision_against",'
        b'"quiet_days":9}],"purchase/529":[%d,"e3",{"interest":"529","kind":"purchase",'
        b'"product":"Zelt","returned":false}]}' % (START + 4, START + 3),
        b"i/a/m-1": b'{"declaration/529":[%d,"e2",{"interest":"529","kind":"declaration",'
        b'"stance":"like"}]}' % (START + 2),
        b"k/a\0c 1": b'[%d,true,"e5",""]' % (START + 5),
        b"v/a\0d": b'{"event_id":"e6","owner":"m-1","owners":{"m-1":[%d,false,"e6"]},'
        b'"said":[%d,false,"e6"],"ts":%d}' % (START + 6, START + 6, START + 6),
    }


# -- I12: nothing without consent


@given(gen.sequences(days=3, events=60, with_facts=False))
@settings(max_examples=25)
def test_without_consent_no_state_and_no_output(records: list[Record]) -> None:
    """Not a key, not a row, not the hash of an event id."""
    done = run(config(), [[r for r in records if r.kind != gen.FACTS]], restart=True)
    assert {key for key in done.changelog if not key.startswith(b"m/")} == {META}
    assert done.published == []
    assert done.engine.learner.population.alive == done.engine.learner.champion.learned == 0


def test_a_granted_account_is_not_an_others_consent() -> None:
    done = run(config(), [[gen.consent(0), gen.rugby(1), gen.rugby(2, account=1)]])
    assert b"acc-0" in _state(done)
    assert b"acc-1" not in _state(done)


@pytest.mark.parametrize("word", ["denied", "withdrawn", "expired"])
def test_any_other_word_than_granted_forgets(word: str) -> None:
    """Tombstones on profile and state, in one commit; and nothing comes back with a restart."""
    done = run(config(), [[gen.consent(0), gen.rugby(1), gen.rugby(2, member_id="m-1")]])
    assert [p[0] for p in done.published] == [b"acc-0", b"acc-0/m-1"]
    done.apply([gen.consent(0, START + HOUR_MS, word)])
    changes = done.commit()
    assert {p[0]: p[1] for p in changes.profiles} == {b"acc-0": None, b"acc-0/m-1": None}
    assert changes.state[b"s/acc-0"] is changes.state[b"s/acc-0/m-1"] is None
    later = [gen.rugby(3, START + 2 * HOUR_MS), gen.rugby(4, START + 1)]
    assert done.apply(later) == ["no_consent"] * 2
    done.restart()
    assert done.apply([gen.rugby(5, START + 2 * HOUR_MS)]) == ["no_consent"]
    assert live_rows(done.engine) == {}


def test_consent_ends_at_its_hour_for_the_silent_too() -> None:
    """Whether or not the worker was restarted between the hour and the next event."""
    told = [gen.consent(0, expires_at=START + 3 * HOUR_MS), gen.consent(1), gen.rugby(1)]
    later = [gen.rugby(2, START + 10 * HOUR_MS, account=1)]
    for restart in (False, True):
        done = run(config(), [told], restart=restart)
        assert "acc-0" in live_rows(done.engine)
        done.apply(later)
        changes = done.commit()
        assert (b"acc-0", None, 0) in [item[:3] for item in changes.profiles]
        assert list(live_rows(done.engine)) == ["acc-1"]


def test_consent_covers_no_earlier_time() -> None:
    done = Run(config())
    assert done.apply([gen.consent(0, START), gen.rugby(1, START - 1), gen.rugby(2, START)]) == [
        "fact",
        "suppressed",
        "counted",
    ]


def test_a_renewed_consent_leaves_no_gap() -> None:
    done = Run(config())
    assert (
        done.apply(
            [gen.consent(0, START), gen.consent(0, START + HOUR_MS), gen.rugby(1, START + 1)]
        )[-1]
        == "counted"
    )


# -- I8: erased stays erased


@pytest.mark.parametrize("grant", [True, False])
@pytest.mark.parametrize("restart", [True, False])
def test_erased_stays_erased(grant: bool, restart: bool) -> None:
    """Late events and late facts don't resurrect anything; only a new grant does."""
    done = run(
        config(consent_default_grant=grant),
        [
            [
                gen.consent(0),
                gen.rugby(1, START),
                gen.fact(0, "purchase", START, interest="529"),
                gen.fact(0, "erasure", START + HOUR_MS),
            ]
        ],
        restart=restart,
    )
    assert b"acc-0" not in _state(done), "not even the key is left"
    late = [
        gen.rugby(2, START + 1),
        gen.rugby(3, START + 2, member_id="m-1"),
        gen.consent(0, START + 5),
        gen.fact(0, "declaration", START + 6, interest="529", stance="like"),
        gen.rugby(4, START + 3 * HOUR_MS),
    ]
    assert "counted" not in done.apply(late)
    done.commit()
    if restart:
        done.restart()
    assert live_rows(done.engine) == {}
    granted = [
        gen.consent(0, START + 4 * HOUR_MS),
        gen.rugby(5, START + 30),
        gen.rugby(6, START + 5 * HOUR_MS),
    ]
    assert done.apply(granted) == ["fact", "suppressed", "counted"]


# -- I13: nothing sensitive, three times over


def test_the_taxonomy_denies_and_inherits() -> None:
    tree = load()
    index = tree.index(SENSITIVE)
    assert tree.is_sensitive(SENSITIVE)
    assert all(tree.sensitive[below] for below in tree.descendants(index))
    assert tree.is_sensitive("no such id")


@given(st.lists(st.tuples(st.sampled_from(load().ids), st.floats(0.01, 1.0)), max_size=8))
@settings(max_examples=100)
def test_tagging_raises_nothing_sensitive(tags: list[tuple[str, float]]) -> None:
    tree = load()
    assert not any(tree.sensitive[i] for i, _ in exact.expand(tags, tree))
    entry = exact.TagEntry(tuple(tags), "test", 1.0)
    back = exact.decode(exact.encode("host:a.example", entry))[1]
    assert not any(tree.is_sensitive(interest) for interest, _ in back.tags)


@given(gen.sequences(days=3, events=60, least=10))
@settings(max_examples=25)
def test_no_sensitive_interest_in_state_or_output(records: list[Record]) -> None:
    """Whether it was inferred or told: no row, no fact, no word of it in a profile."""
    told = [
        gen.fact(0, kind, START, interest=SENSITIVE, **more)
        for kind, more in (
            ("declaration", {"stance": "like"}),
            ("declaration", {"stance": "dislike"}),
            ("purchase", {}),
            ("decision_against", {}),
        )
    ]
    watched = [
        gen.rugby(90 + n, START + n, host=host)
        for n, host in enumerate(("clinic.example", "www.clinic.example", "secret.example"))
    ]
    done = run(config(), [[*records[:4], *told, *watched, *records[4:]]])
    tree = load()
    for rows in live_rows(done.engine).values():
        assert not any(tree.sensitive[interest] for interest in rows)
    for key, value in done.changelog.items():
        if key.startswith(b"i/"):
            assert f'"interest":"{SENSITIVE}"' not in value.decode()
    hits = (
        snapshots.unpack(done.changelog[b"m/population"])[1]["hits"]
        if b"m/population" in done.changelog
        else np.zeros(len(tree))
    )
    assert not hits[np.asarray(tree.sensitive)].any()
    for _, profile, _, _ in done.published:
        said = json.loads(profile) if profile else {"interests": [], "suppressions": []}
        assert SENSITIVE not in [i["id"] for i in said["interests"]]
        assert SENSITIVE not in [s["scope"] for s in said["suppressions"]]


# -- what follows from facts


def test_what_was_said_holds_for_rows_that_come_later() -> None:
    """A dislike told before the first event, a purchase before the interest shows."""
    done = Run(config())
    done.apply(
        [
            gen.consent(0),
            gen.fact(0, "declaration", START, interest="529", stance="dislike"),
            gen.fact(0, "purchase", START, interest="515", quiet_days=2),
            gen.rugby(1),
            gen.rugby(2, host="hockey.example", member_id="m-1"),
        ]
    )
    tree, rows = load(), live_rows(done.engine)
    assert row_values(done.engine, rows["acc-0"][tree.index("529")])["flags"] == {"dislike"}
    assert row_values(done.engine, rows["acc-0/m-1"][tree.index("515")])["flags"] == {"quiet"}
    shown = {item["id"]: item["stance"] for item in done.profiles()[b"acc-0"]["interests"]}
    assert shown["529"] == "avoid"


def test_quiet_ends_when_its_days_are_over() -> None:
    told = [
        gen.consent(0),
        gen.rugby(1),
        gen.fact(0, "purchase", START, interest="529", quiet_days=1),
    ]
    after = [gen.rugby(2, START + DAY_MS + 7 * HOUR_MS)]
    for restart in (False, True):
        done = run(config(), [told], restart=restart)
        assert done.profiles()[b"acc-0"]["suppressions"][0]["until"] == START + DAY_MS
        done.apply(after)
        assert done.profiles()[b"acc-0"]["suppressions"] == []
        j = live_rows(done.engine)["acc-0"][load().index("529")]
        assert row_values(done.engine, j)["flags"] == set()


def test_an_open_case_holds_every_offer_of_the_household() -> None:
    done = Run(config())
    done.apply(
        [
            gen.consent(0),
            gen.rugby(1),
            gen.fact(0, "declaration", START, interest="529", stance="like"),
        ]
    )

    def stances() -> set[str]:
        return {i["stance"] for i in done.profiles()[b"acc-0"]["interests"] if i["id"] == "529"}

    assert stances() == {"engage"}
    done.apply([gen.fact(0, "care_case", START + 1, case_id="c", status="opened")])
    assert stances() == {"hold"}
    done.apply([gen.fact(0, "care_case", START + 2, case_id="c", status="closed")])
    assert stances() == {"engage"}


def test_facts_of_one_member_are_not_anothers() -> None:
    done = Run(config())
    done.apply(
        [
            gen.consent(0),
            gen.rugby(1, member_id="m-1"),
            gen.rugby(2, member_id="m-2"),
            gen.fact(0, "declaration", START, interest="529", stance="dislike", member_id="m-1"),
        ]
    )
    shown = {
        key: {i["id"]: i["stance"] for i in doc["interests"]}["529"]
        for key, doc in done.profiles().items()
    }
    assert shown[b"acc-0/m-1"] == "avoid"
    assert shown[b"acc-0/m-2"] != "avoid"


# -- the tests see what they are there for


def test_a_restart_that_forgets_what_ends_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """An end that is due is scheduled again by a restore: without that, data outlives consent."""
    told = [gen.consent(0, expires_at=START + 3 * HOUR_MS), gen.consent(1), gen.rugby(1)]
    later = [gen.rugby(2, START + 10 * HOUR_MS, account=1)]
    whole, stopped = run(config(), [told, later]), run(config(), [told])
    monkeypatch.setattr("features.privacy.ends.Ends.put", lambda *_: None)
    stopped.restart()
    stopped.apply(later)
    stopped.commit()
    assert canonical(stopped.changelog, stopped.config) != canonical(whole.changelog, whole.config)
    assert int(stopped.engine.store.counters["subjects"]) > 1
