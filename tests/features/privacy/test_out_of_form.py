"""Withdrawals and erasures out of form act all the same, at once and counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from features.config import Config
from features.privacy import rules
from features.records.batch import parse
from features.records.decoder import FACTS, Limits, decode, decode_fact
from features.records.facts import Erasure, Fact, Refused
from features.records.fields import Malformed
from features.records.tolerated import KIND, Tolerance, to_bytes
from features.tags.exact import TagEntry
from features.vocabulary import Purpose, Refusal, Tolerated
from tests.support.feeding import DAY, HOUR, START, Feed, Record, Stream
from tests.support.held import events, held, traces, whole

TABLE = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}
MINUTE = 60_000
NOW = START + 2 * DAY


def stream(**more: Any) -> Stream:
    return Stream(Config(erasure_key=b"k" * 32, lateness_ms=DAY // 4, **more), TABLE)


def settled(**more: Any) -> tuple[Stream, Feed]:
    """Somebody who granted and was seen, and a neighbour."""
    run, feed = stream(**more), Feed()
    for account in ("acc", "neighbour"):
        run.feed(feed.consent(account, 0), feed.visit(account, 1, "sport.example"))
    run.commit()
    assert run.profile("acc") and run.profile("neighbour")
    return run, feed


def changed(record: Record, **fields: Any) -> Record:
    """A record with other fields; None takes one out."""
    body = json.loads(record[1]) | fields
    body = {name: value for name, value in body.items() if value is not None}
    return record[0], json.dumps(body).encode(), record[2]


def gone(run: Stream, feed: Feed, how: Tolerated | None) -> None:
    """The account is out, with what stood in its name; the neighbour is not."""
    changes = run.commit()
    assert changes.tolerated == ({} if how is None else {how: 1})
    assert run.profile("acc") is None and not held(run, "acc")
    visits = [feed.visit(account, 2.1, "sport.example") for account in ("acc", "neighbour")]
    assert run.feed(*visits) == ["no_consent", "counted"]
    before = whole(run.engine)
    run.commit()
    run.restart()
    assert whole(run.engine) == before
    assert run.profile("neighbour") and events(run, "neighbour") == 2


# -- clocks


@pytest.mark.parametrize("ahead", [11 * MINUTE, 2 * HOUR, 14 * HOUR, 400 * DAY, 10**15])
@pytest.mark.parametrize("kind", ["consent", "erasure"])
def test_a_clock_ahead_withdraws_and_erases_at_once(ahead: int, kind: str) -> None:
    """A consent tool whose clock is fast, or that writes local time as if it were UTC."""
    run, feed = settled()
    more = {"status": "withdrawn"} if kind == "consent" else {}
    fact = changed(feed.fact("acc", 2, kind, **more), ts=NOW + ahead)
    assert run.feed(fact, now=NOW) == ["fact"]
    gone(run, feed, Tolerated.REFUSAL if kind == "consent" else Tolerated.ERASURE)
    if kind == "erasure":
        assert not traces(run, "acc")
    again = feed.consent("acc", 2.2)
    assert run.feed(again, feed.visit("acc", 2.3, "sport.example")) == ["fact", "counted"]


@pytest.mark.parametrize("ts", [0, NOW // 1000, NOW * 1000, "2024-01-03T00:00:00Z", None, 1.5])
@pytest.mark.parametrize("kind", ["consent", "erasure"])
def test_a_time_that_cannot_be_read_is_that_of_the_arrival(ts: Any, kind: str) -> None:
    run, feed = settled()
    more = {"status": "withdrawn"} if kind == "consent" else {}
    assert run.feed(changed(feed.fact("acc", 2, kind, **more), ts=ts), now=NOW) == ["fact"]
    gone(run, feed, Tolerated.REFUSAL if kind == "consent" else Tolerated.ERASURE)


@pytest.mark.parametrize("kind", ["consent", "erasure"])
def test_what_was_granted_ahead_of_its_arrival_is_refused_too(kind: str) -> None:
    """A clock may run ahead for a while: a grant of such a one is no later than the refusal."""
    run, feed = settled()
    grant = changed(feed.consent("acc", 2), ts=NOW + 9 * MINUTE)
    more = {"status": "withdrawn"} if kind == "consent" else {}
    fact = changed(feed.fact("acc", 2, kind, **more), ts=NOW + HOUR)
    assert run.feed(grant, now=NOW) == run.feed(fact, now=NOW + MINUTE) == ["fact"]
    assert run.feed(feed.visit("acc", 2.1, "sport.example")) == ["no_consent"]


def test_a_grant_ahead_is_refused_as_before() -> None:
    feed = Feed()
    _, raw, key = changed(feed.consent("acc", 2), ts=NOW + HOUR)
    assert refused(raw, key) == (Refusal.FUTURE, False)


# -- ties


@pytest.mark.parametrize(("grant", "withdrawal"), [("b", "a"), ("a", "b"), ("e-9", "e-10")])
@pytest.mark.parametrize("turn", [1, -1])
def test_a_withdrawal_of_the_same_millisecond_wins(grant: str, withdrawal: str, turn: int) -> None:
    run, feed = stream(), Feed()
    said = [
        changed(feed.consent("acc", 0), event_id=grant),
        changed(feed.consent("acc", 0, "withdrawn"), event_id=withdrawal),
    ]
    run.feed(*said[::turn])
    assert run.feed(feed.visit("acc", 1, "sport.example")) == ["no_consent"]


@pytest.mark.parametrize(
    ("kind", "more", "name", "forbids", "allows"),
    [
        ("registry", {"device_id": "tab", "owner_member_id": "kid"}, "adult", False, True),
        ("care_case", {"case_id": "c"}, "status", "opened", "closed"),
        ("declaration", {"interest": "483"}, "stance", "dislike", "like"),
    ],
)
@pytest.mark.parametrize("turn", [1, -1])
def test_of_one_time_what_forbids_wins(
    kind: str, more: dict[str, Any], name: str, forbids: Any, allows: Any, turn: int
) -> None:
    run, feed = settled()
    said = [feed.fact("acc", 1.5, kind, **more, **{name: word}) for word in (forbids, allows)]
    run.feed(*said[::turn])
    ledger = run.engine.accounts.ledger
    kin, person = ledger.kin(b"acc"), ledger.person(b"acc")
    known: list[Any] = [getattr(item.said, name) for item in person.about.values()]
    if kin is not None:
        known += [not kin.device(tab).child for tab in kin.devices]
        known += ["opened" for _ in kin.open]
    assert known == [forbids]


def test_what_protects_is_the_last_to_go() -> None:
    """A child's device, an open case and a dislike outlive any number of other facts."""
    run, feed = settled()
    run.feed(
        feed.fact("acc", 1, "registry", device_id="tab", owner_member_id="kid", adult=False),
        feed.fact("acc", 1, "care_case", case_id="c", status="opened"),
        feed.fact("acc", 1, "declaration", interest="635", stance="dislike"),
    )
    run.feed(
        *(
            feed.fact("acc", 1.5, "registry", device_id=f"d{n}", owner_member_id="m", adult=True)
            for n in range(300)
        )
    )
    known = run.engine.accounts.ledger.kin(b"acc")
    assert known is not None and len(known.devices) == 301
    assert known.open and "declaration/635" in run.engine.accounts.ledger.person(b"acc").about
    assert run.feed(feed.visit("acc", 2, "sport.example", member_id="kid")) == ["suppressed"]


# -- words


@pytest.mark.parametrize(
    "word",
    ["Profiling", "personalisation", "dpv:Profiling", "profiling ", "dpv:personalization", "all",
     "*", "https://w3id.org/dpv#Personalisation", "dpv:Purpose", "weather", "all:billing",
     "everything#security"],
)  # fmt: skip
def test_a_withdrawal_by_any_word_withdraws(word: str) -> None:
    run, feed = settled()
    assert run.feed(feed.consent("acc", 2, "withdrawn", purpose=word)) == ["fact"]
    listed = run.config.rules.purpose(word) is not None
    gone(run, feed, None if listed else Tolerated.REFUSED_PURPOSE)


@pytest.mark.parametrize(
    "word", ["revoked", "dpv:ConsentWithdrawn", "OPT-OUT", False, "not granted"]
)
def test_a_status_in_any_word_withdraws(word: Any) -> None:
    run, feed = settled()
    assert run.feed(feed.consent("acc", 2, word)) == ["fact"]
    gone(run, feed, Tolerated.REFUSAL)


def test_a_refusal_of_one_purpose_leaves_the_others() -> None:
    run, feed = settled()
    run.feed(feed.consent("acc", 2, "revoked", purpose="dpv:Marketing"))
    assert run.commit().tolerated == {Tolerated.REFUSAL: 1}
    reasons = {item["reason"] for item in run.profile("acc")["suppressions"]}
    assert reasons == {"no_consent_offers"}


def test_a_members_refusal_is_that_members() -> None:
    run, feed = settled()
    visit = feed.visit("acc", 1.5, "sport.example", member_id="m-1")
    assert run.feed(visit) == ["counted"]
    run.feed(feed.consent("acc", 2, "revoked", member_id="m-1"))
    run.commit()
    assert run.profile("acc/m-1") is None and run.profile("acc") is not None


@pytest.mark.parametrize("word", ["weather", "all", "Profiling."])
def test_a_grant_of_an_unknown_purpose_is_nothing_but_counted(word: str) -> None:
    run, feed = stream(), Feed()
    run.feed(feed.consent("acc", 0, purpose=word))
    assert run.feed(feed.visit("acc", 1, "sport.example")) == ["no_consent"]
    assert run.commit().tolerated == {Tolerated.GRANTED_PURPOSE: 1}


@pytest.mark.parametrize("status", ["granted", "withdrawn"])
def test_a_purpose_that_is_none_of_ours_is_no_alarm(status: str) -> None:
    run, feed = settled()
    assert run.feed(feed.consent("acc", 2, status, purpose="billing")) == ["fact"]
    assert not run.commit().tolerated
    assert run.feed(feed.visit("acc", 2.1, "sport.example")) == ["counted"]


# -- what can't be read as either


def _doubtful(feed: Feed, **more: Any) -> Record:
    return feed.consent("acc", 2, "perhaps", **more)


UNREADABLE: dict[str, Callable[[Feed], Record]] = {
    "a word": _doubtful,
    "of a member": lambda feed: _doubtful(feed, member_id="m-1"),
    "no status": lambda feed: changed(_doubtful(feed), status=None),
    "whose it is": lambda feed: changed(_doubtful(feed), account_id="other"),
    "an unknown kind": lambda feed: feed.fact("acc", 2, "gdpr-case"),
    "its time": lambda feed: changed(_doubtful(feed), ts="yesterday"),
    "no JSON": lambda feed: (FACTS, b"{'kind': 'consent', 'status': 'withdrawn'}", b"acc"),
}


@pytest.mark.parametrize("how", UNREADABLE)
def test_an_account_is_on_hold_until_somebody_has_decided(how: str) -> None:
    """Nothing comes in and nobody is offered or counted anything; nothing is taken out either."""
    run, feed = settled()
    assert run.feed(UNREADABLE[how](feed), now=NOW) == ["malformed"]
    run.commit()
    suppressed = {(item["scope"], item["reason"]) for item in run.profile("acc")["suppressions"]}
    assert suppressed == {("all", "no_consent_offers"), ("audiences", "no_consent_audiences")}
    assert run.profile("acc")["valid_until"] == NOW
    liked = feed.fact("acc", 2.1, "declaration", interest="483", stance="like")
    run.restart()
    again = [feed.visit(name, 2.1, "sport.example") for name in ("acc", "neighbour")]
    assert run.feed(liked, *again) == ["no_consent", "no_consent", "counted"]
    assert held(run, "acc")
    run.feed(feed.consent("acc", 2.2))
    assert run.feed(feed.visit("acc", 2.3, "sport.example")) == ["counted"]
    run.commit()
    assert events(run, "acc") == 2 and not run.profile("acc")["suppressions"]


def test_a_hold_ends_with_a_refusal_too() -> None:
    run, feed = settled()
    run.feed(_doubtful(feed), feed.consent("acc", 1.9, "withdrawn"), now=NOW)
    run.commit()
    assert run.profile("acc") is None and not held(run, "acc")


def test_what_may_refuse_a_use_is_no_grant_of_that_use() -> None:
    run, feed = settled()
    run.feed(_doubtful(feed, purpose="offers"), now=NOW)
    run.commit()
    assert [item["reason"] for item in run.profile("acc")["suppressions"]] == ["no_consent_offers"]
    assert run.feed(feed.visit("acc", 2.1, "sport.example")) == ["counted"]


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("name", ["status", "st\\u0061tus"])
def test_of_a_name_that_stands_twice_the_refusing_value_counts(turn: int, name: str) -> None:
    run, feed = settled()
    words = ["withdrawn", "granted"][::turn]
    doc = changed(feed.consent("acc", 2), status=None)[1][:-1]
    raw = doc + f', "status": "{words[0]}", "{name}": "{words[1]}"}}'.encode()
    assert run.feed((FACTS, raw, b"acc"), now=NOW) == ["fact"]
    gone(run, feed, Tolerated.REFUSAL)


# -- a default that was changed


def test_a_default_that_was_taken_back_takes_its_profiles_back() -> None:
    run, feed = stream(consent_default_grant=True), Feed()
    visits = [feed.visit(name, 1, "sport.example") for name in ("acc", "granted", "declared")]
    liked = feed.fact("declared", 1, "declaration", interest="483", stance="like")
    assert run.feed(*visits) == ["counted"] * 3
    run.feed(feed.consent("granted", 1), liked)
    run.commit()
    assert len(run.profiles) == 3
    run.config = Config(erasure_key=b"k" * 32, lateness_ms=DAY // 4)
    run.restart()
    run.commit()
    assert set(run.profiles) == {b"granted"}
    assert not held(run, "acc") and not held(run, "declared")
    again = [feed.visit(name, 2, "sport.example") for name in ("acc", "granted", "declared")]
    assert run.feed(*again) == ["no_consent", "counted", "no_consent"]


# -- the records


def refused(raw: bytes, key: bytes | None) -> tuple[str, bool]:
    """Why a record of the facts is refused, and whether a person has to decide."""
    tolerance = Tolerance(rules.load().words, lambda _: NOW)
    zero = np.zeros(1, np.int64)
    _, letters = parse([raw], [key], zero.astype(np.uint8), zero.astype(np.int32), zero, Limits(),
                       NOW, tolerance=tolerance)  # fmt: skip
    return letters[0].reason, letters[0].undecided


@pytest.mark.parametrize(
    ("raw", "undecided"),
    [
        (b'{"event_id":"e","account_id":"acc","ts":1,"kind":"consent","status":"maybe"}', True),
        (b'{"event_id":"e","account_id":"other","ts":1,"kind":"erasure"}', True),
        (b'{"kind":"erasure"', True),
        (b'{"event_id":"e","account_id":"acc","ts":1,"kind":"purchase","interest":"1"}', False),
        (b'{"event_id":"e","account_id":"acc","ts":1,"kind":"consent","status":"granted"}', False),
    ],
)
def test_what_cannot_be_told_stays_a_dead_letter_for_a_person(raw: bytes, undecided: bool) -> None:
    assert refused(raw, b"acc")[1] is undecided


@pytest.mark.parametrize(
    "said", [Erasure(), Refused((Purpose.OFFERS, Purpose.PROFILING), "denied")]
)
@pytest.mark.parametrize("member", [None, "m-1"])
def test_what_was_taken_up_is_read_again_as_it_was(said: Any, member: str | None) -> None:
    fact = Fact("e", "acc", member, NOW, said, True)
    assert decode_fact(to_bytes(fact)) == fact
    with pytest.raises(Malformed):  # of a producer it would be refused
        decode(FACTS, to_bytes(fact), b"acc", Limits())
    assert KIND.encode() in to_bytes(fact)


@pytest.mark.parametrize("kind", ["consent", "erasure"])
def test_half_a_character_costs_nobody_a_right(kind: str) -> None:
    """JSON may hold one half of a pair of UTF-16, which no UTF-8 can say."""
    run, feed = settled()
    fact = feed.fact("acc", 2, kind, status="withdrawn")
    member = changed(fact, member_id="a\ud800")[1]
    assert refused(member, b"acc") == ("not_json", True)
    # The key says whose it is.
    assert run.feed(changed(fact, account_id="a\ud800"), now=NOW) == ["fact"]
    gone(run, feed, Tolerated.REFUSAL if kind == "consent" else Tolerated.ERASURE)
