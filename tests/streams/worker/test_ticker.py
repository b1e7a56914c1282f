"""What ends by the clock ends where nothing comes, and as a function of the logs (I5, I11, I12)."""

from __future__ import annotations

import json

import pytest

from streams.contract.topics import STATE
from tests.broker.memory_broker import MemoryBroker
from tests.support.small_worker import (
    FACTS_TOPIC,
    NETWORK_TOPIC,
    consent,
    engines,
    event,
    new_broker,
    put,
    standing,
    start,
    steps,
)

pytestmark = pytest.mark.usefixtures("calm")


def _now_ms(broker: MemoryBroker) -> int:
    return int(broker.wall() * 1000)


def _granted(broker: MemoryBroker, account: str, seconds: int) -> None:
    """A consent that ends in so many seconds by the clock, and a visit."""
    now = _now_ms(broker)
    put(
        broker,
        FACTS_TOPIC,
        account,
        consent(account, now - 120_000, expires_at=now + 1000 * seconds),
    )
    put(broker, NETWORK_TOPIC, account, event(account, now - 60_000))


def _ticks(broker: MemoryBroker) -> list[int]:
    values = [json.loads(e.value or b"{}") for _, e in broker.log(FACTS_TOPIC, 0).read(0, True)]
    return [value["now"] for value in values if value.get("kind") == "tick" and "now" in value]


def test_an_expired_consent_goes_where_nothing_comes() -> None:
    """Within a minute of its end, in profile and state; and one tick was enough."""
    broker = new_broker()
    _granted(broker, "a", 30)
    worker = start(broker)
    steps(20, worker)
    broker.sleep(25)
    steps(5, worker)
    assert b"a" in standing(broker) and not _ticks(broker)
    broker.sleep(5)
    steps(15, worker)
    assert b"a" not in standing(broker), "an expired consent outlives its end"
    assert b"s/a" not in standing(broker, STATE)
    broker.sleep(600)
    steps(20, worker)
    assert len(_ticks(broker)) == 1, "ticks though nothing is due"


def test_an_end_is_looked_for_once_in_an_interval() -> None:
    broker = new_broker()
    for n in range(5):
        _granted(broker, f"a{n}", 30 + 10 * n)
    worker = start(broker)
    for _ in range(10):
        broker.sleep(10)
        steps(10, worker)
    assert not standing(broker)
    assert len(_ticks(broker)) == 2


@pytest.mark.parametrize("anew", [False, True], ids=["goes on", "another worker"])
def test_history_that_is_loaded_has_its_own_time(anew: bool) -> None:
    """Nothing of it ends by the clock, or what comes after would be judged by another's time.

    A worker that takes the partition over knows of it, though all was read before.
    """
    broker = new_broker()
    then = _now_ms(broker) - 20 * 86_400_000
    put(broker, FACTS_TOPIC, "a", consent("a", then, expires_at=then + 3_600_000))
    put(broker, NETWORK_TOPIC, "a", event("a", then + 60_000))
    worker = start(broker)
    steps(40, worker)
    if anew:
        worker.leave()
        worker = start(broker, "w2")
        steps(40, worker)
    assert b"a" in standing(broker) and not _ticks(broker)
    put(broker, FACTS_TOPIC, "b", consent("b", then + 120_000))
    put(broker, NETWORK_TOPIC, "b", event("b", then + 180_000))
    steps(20, worker)
    assert b"b" in standing(broker), "the event was put before the consent"


def test_history_whose_facts_come_first_has_its_own_time() -> None:
    """Before any event came the facts tell that it is one."""
    broker = new_broker()
    then = _now_ms(broker) - 20 * 86_400_000
    put(broker, FACTS_TOPIC, "a", consent("a", then, expires_at=then + 3_600_000))
    worker = start(broker)
    steps(40, worker)
    assert not _ticks(broker)
    put(broker, FACTS_TOPIC, "b", consent("b", then + 120_000))
    put(broker, NETWORK_TOPIC, "b", event("b", then + 180_000))
    steps(20, worker)
    assert b"b" in standing(broker), "the event was put before the consent"


@pytest.mark.parametrize("late", [False, True], ids=["refused", "late"])
def test_a_record_that_counts_for_nothing_makes_no_history(late: bool) -> None:
    """What ends in a partition that was silent for hours ends, whatever else came there."""
    broker = new_broker()
    _granted(broker, "a", 8 * 3_600)
    worker = start(broker)
    steps(20, worker)
    broker.sleep(7 * 3_600)
    came = event("a", _now_ms(broker) - 7 * 3_600_000 - 120_000, "late") if late else b"{"
    put(broker, NETWORK_TOPIC, "a", came)
    steps(20, worker)
    assert b"a" in standing(broker)
    broker.sleep(3_660)
    steps(20, worker)
    assert b"a" not in standing(broker)


def test_what_ended_by_a_tick_stays_ended_over_a_restart() -> None:
    """Though the watermark trails by the lateness, and a late event comes (I12)."""
    broker = new_broker()
    _granted(broker, "a", 30)
    first = start(broker)
    steps(20, first)
    broker.sleep(90)
    steps(20, first)
    first.leave()
    late = event("a", _now_ms(broker) - 130_000, "late")
    again = start(broker, "w1")
    steps(20, again)
    assert engines(again)[0].store.ticked == _ticks(broker)[0]
    put(broker, NETWORK_TOPIC, "a", late)
    put(broker, FACTS_TOPIC, "a", consent("a", _now_ms(broker) - 1_000_000, "withdrawn"))
    steps(20, again)
    assert not standing(broker)
    assert engines(again)[0].totals().outcomes["no_consent"] == 1


def test_a_changed_default_takes_back_what_lost_its_ground() -> None:
    """A partition without a record retracts profile and state at once (grant, then deny)."""
    broker = new_broker()
    put(broker, NETWORK_TOPIC, "a", event("a", _now_ms(broker) - 60_000))
    first = start(broker, consent_default="grant")
    steps(20, first)
    assert b"a" in standing(broker)
    first.leave()
    second = start(broker, "w1", consent_default="deny")
    steps(30, second)
    assert not standing(broker)
    assert b"s/a" not in standing(broker, STATE)


@pytest.mark.parametrize("key", [b"a", b""])
def test_only_a_record_without_key_tells_the_time(key: bytes) -> None:
    """Whoever may write facts of an account must not end the consent of others with it."""
    broker = new_broker()
    _granted(broker, "a", 30)
    now = _now_ms(broker)
    said = {"kind": "tick", "ts": now + 60_000, "now": now + 60_000}
    tick = json.dumps(said | {"account_id": "a", "event_id": "t"})
    broker.put(FACTS_TOPIC, 0, tick.encode(), key)
    worker = start(broker)
    steps(20, worker)
    assert engines(worker)[0].store.ticked == -1
    assert b"a" in standing(broker)


def test_no_tick_tells_a_time_that_has_not_come() -> None:
    """Neither by its place, which is a dead letter then, nor by what it says beside it."""
    broker = new_broker()
    _granted(broker, "a", 3_600)
    now = _now_ms(broker)
    for ts in (now, now + 3_700_000):
        said = {"kind": "tick", "ts": ts, "now": now + 3_700_000}
        broker.put(FACTS_TOPIC, 0, json.dumps(said).encode(), None)
    worker = start(broker)
    steps(20, worker)
    assert engines(worker)[0].store.ticked == now
    assert b"a" in standing(broker)
