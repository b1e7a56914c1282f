"""What stands published and no state knows is taken back, and the receipt says where it was."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import pytest
from jsonschema import Draft202012Validator

from features.records.concealed import keyed_mark
from streams.contract.schemas import SCHEMAS
from streams.contract.topics import (
    AUDIENCES,
    DEAD_LETTERS,
    OFFERS,
    PROFILES,
    RECEIPTS,
    STATE,
    UNTAGGED,
)
from streams.kafka.compacted import CompactedTopic, ReaderError
from streams.worker import sweeper
from tests.broker.memory_broker import MemoryBroker
from tests.support.small_worker import (
    FACTS_TOPIC,
    NETWORK_TOPIC,
    consent,
    engines,
    event,
    fed,
    put,
    standing,
    start,
    steps,
)

pytestmark = pytest.mark.usefixtures("calm")


def _publish(broker: MemoryBroker, *keys: str) -> None:
    """Profiles that an earlier state wrote, of which this one knows nothing."""
    for key in keys:
        broker.put(PROFILES, 0, b'{"subject":"x"}', key.encode())


def _erase(broker: MemoryBroker, account: str, **more: str) -> None:
    ts = int(broker.wall() * 1000)
    fact = {"event_id": f"x-{account}-{ts}", "account_id": account, "ts": ts, "kind": "erasure"}
    put(broker, FACTS_TOPIC, account, json.dumps(fact | more).encode())


def _receipts(broker: MemoryBroker) -> list[dict[str, Any]]:
    found = [json.loads(e.value or b"{}") for _, e in broker.log(RECEIPTS, 0).read(0, True)]
    for receipt in found:
        Draft202012Validator(SCHEMAS[RECEIPTS]).validate(receipt)
    return found


def test_a_state_that_begins_takes_back_what_it_does_not_know() -> None:
    """After a reset or the loss of state; what it knows of stays."""
    broker = fed(3)
    _publish(broker, "a", "b", "b/m1")
    worker = start(broker)
    steps(40, worker)
    assert standing(broker).keys() == {b"a"}
    assert json.loads(standing(broker)[b"a"])["version"] == 1
    before = broker.log(PROFILES, 0).end
    broker.sleep(3_600)
    steps(20, worker)
    assert broker.log(PROFILES, 0).end == before, "looked at again though nothing was erased"


def test_an_erasure_reaches_what_the_state_has_forgotten() -> None:
    """Keys of the account that appeared since, whoever wrote them; nobody else's receipt counts."""
    broker = fed(3)
    worker = start(broker)
    steps(40, worker)
    _publish(broker, "b", "b/m1", "c/m1")
    _erase(broker, "b")
    _erase(broker, "c", member_id="m1")
    broker.sleep(900)
    steps(60, worker)
    assert standing(broker).keys() == {b"a"}
    first, second = _receipts(broker)[:2], _receipts(broker)[2:]
    assert [r["profiles"] for r in first] == [0, 0] and not any("swept_at" in r for r in first)
    found = {r["mark"]: r["keys_found"] for r in second}
    marks = [keyed_mark(b"", name, "erasure") for name in ("b", "c/m1")]
    assert found == dict(zip(marks, (1, 0), strict=True))  # beside its own
    assert second[0]["looked_in"] == [f"{PROFILES}[0]", f"{OFFERS}[0]"]
    for name in (DEAD_LETTERS, AUDIENCES, UNTAGGED):
        assert any(place.startswith(f"{name}:") for place in second[0]["not_looked_in"])
    assert not [key for key in standing(broker, STATE) if key[:2] == b"o/"]


@pytest.mark.parametrize("readable", [True, False])
def test_offers_that_stand_without_a_profile_are_taken_back(readable: bool) -> None:
    """Or the receipt says that nobody looked: a worker of older rights may not read them."""
    broker = fed(3)
    worker = start(broker)
    steps(40, worker)
    broker.put(OFFERS, 0, b'{"subject":"x"}', b"b/m1")
    _erase(broker, "b")
    broker.sleep(900)
    read = CompactedTopic

    def refused(servers: str, topic: str, **more: Any) -> Any:
        if topic == OFFERS and not readable:
            raise ReaderError("refused")
        return read(servers, topic, **more)

    with mock.patch.object(sweeper, "CompactedTopic", refused):
        steps(60, worker)
    assert (b"b/m1" in standing(broker, OFFERS)) == (not readable)
    receipt = _receipts(broker)[-1]
    assert receipt["keys_found"] == int(readable)
    assert (f"{OFFERS}[0]" in receipt["looked_in"]) == readable
    unread = f"{OFFERS}[0]: it could not be read"
    assert (unread in receipt["not_looked_in"]) == (not readable)


def test_who_owns_the_partition_next_looks_for_it() -> None:
    """An erasure that was committed by a worker that ended before it looked."""
    broker = fed(3)
    first = start(broker, sweep_interval_ms=10_000_000)
    steps(40, first)
    _erase(broker, "b")
    steps(20, first)
    assert [key for key in standing(broker, STATE) if key[:2] == b"o/"]
    first.leave()
    _publish(broker, "b/m1")
    second = start(broker, "w1")
    steps(60, second)
    assert b"b/m1" not in standing(broker)
    assert [r.get("keys_found") for r in _receipts(broker)] == [None, 1]


def test_what_is_published_meanwhile_stays() -> None:
    """A key that came between the look and its end is answered for by then."""
    broker = fed(3)
    worker = start(broker)
    steps(40, worker)
    engine = engines(worker)[0]
    assert engine.accounts.swept([b"a"], frozenset(), [], []) == 0
    assert engine.accounts.swept([b"a/m1", b"b"], frozenset(), [], []) == 2


def test_a_topic_that_can_not_be_read_is_looked_at_again() -> None:
    """After the interval; nothing is said to have been looked at before."""
    broker = fed(3)
    _publish(broker, "b")
    with mock.patch.object(sweeper, "unanswered", side_effect=ReaderError("away")):
        worker = start(broker)
        steps(40, worker)
    assert b"b" in standing(broker)
    assert not getattr(engines(worker)[0].owner, "swept", None)
    broker.sleep(900)
    steps(40, worker)
    assert standing(broker).keys() == {b"a"}


def test_what_a_look_under_other_state_found_is_not_taken_for_this_ones() -> None:
    """The engine was thrown away and restored while the topic was read."""
    broker = fed(3)
    worker = start(broker)
    steps(40, worker)
    _erase(broker, "b")
    _publish(broker, "b/m1")
    broker.sleep(900)
    with mock.patch.object(worker._sweeper._reading, "put"):  # it hangs
        steps(20, worker)
    lost = worker._sweeper._look
    assert lost is not None
    worker._membership.rewind()
    steps(20, worker)
    worker._sweeper._done = lost, sweeper._Seen(set(), frozenset())
    broker.sleep(900)
    steps(60, worker)
    assert b"b/m1" not in standing(broker)
    assert _receipts(broker)[-1]["keys_found"] == 1


@pytest.mark.parametrize("granted_again", [False, True])
def test_what_was_stamped_ahead_of_an_erasure_is_not_back_after_a_reset(
    granted_again: bool,
) -> None:
    """A state that reads all inputs at once, merged by their times, erases what one live did."""
    broker = fed(0)
    now = int(broker.wall() * 1000)
    ahead = consent("a", now + 300_000, kind="declaration", stance="like", interest="483")
    put(broker, FACTS_TOPIC, "a", ahead)
    put(broker, NETWORK_TOPIC, "a", event("a", now + 300_000))
    put(broker, NETWORK_TOPIC, "a", event("a", now - 60_000))
    _erase(broker, "a")
    _publish(broker, "a", "a/m1")
    if granted_again:
        put(broker, FACTS_TOPIC, "a", consent("a", now + 301_000))
    worker = start(broker)
    steps(40, worker)
    assert not standing(broker)
    assert engines(worker)[0].totals().outcomes["counted"] == 0
    assert not [key for key in standing(broker, STATE) if key[:2] == b"i/"]
