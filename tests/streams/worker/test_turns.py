"""However many persons facts change at once: turns stay short, and the others go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from features.engine import Engine
from features.privacy.standing import Standing
from streams.contract.topics import PROFILES
from streams.worker.pipeline import Pipeline
from streams.worker.ticker import Ticker
from streams.worker.worker import Worker
from tests.broker.memory_broker import MemoryBroker
from tests.simulation import inputs
from tests.support.reference import canonical
from tests.support.small_worker import (
    FACTS_TOPIC,
    NETWORK_TOPIC,
    committed,
    consent,
    engines,
    event,
    new_broker,
    put,
    start,
    steps,
)

pytestmark = pytest.mark.usefixtures("calm")

HOUR = 3_600_000
ACCOUNTS, MOST = 300, 20
#: When the consents of a crowd end; behind it, events that move the watermark past it.
END_MS = inputs.START_MS + 4 * HOUR
LATER_MS = END_MS + inputs.LATENESS_MS + HOUR


@pytest.fixture(autouse=True)
def _nobody_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock all of them ended long ago; here it is a record that says so."""
    monkeypatch.setattr(Ticker, "look", lambda *_: None)


def expiring(account: str) -> bytes:
    return consent(account, expires_at=END_MS)


def crowd() -> MemoryBroker:
    """A crowd with a profile each in partition 0, and one neighbour in partition 1."""
    broker = new_broker(2)
    for n in range(ACCOUNTS):
        put(broker, FACTS_TOPIC, f"acc-{n}", expiring(f"acc-{n}"))
        put(broker, NETWORK_TOPIC, f"acc-{n}", event(f"acc-{n}", inputs.START_MS + HOUR))
    for witness in ("x", "y", "z"):
        put(broker, FACTS_TOPIC, witness, consent(witness))
    put(broker, FACTS_TOPIC, "b", consent("b"), 1)
    put(broker, NETWORK_TOPIC, "b", event("b", inputs.START_MS + HOUR), 1)
    return broker


def time_passes(broker: MemoryBroker) -> None:
    """All consents of the crowd end with one record."""
    for witness in ("x", "y", "z"):
        put(broker, NETWORK_TOPIC, witness, event(witness, LATER_MS))


def tick(broker: MemoryBroker) -> None:
    """All consents of the crowd end by the clock."""
    broker.put(FACTS_TOPIC, 0, b'{"kind":"tick","ts":%d,"now":%d}' % (LATER_MS, LATER_MS), None)


def withdraw(broker: MemoryBroker) -> None:
    """All of the crowd withdraw in one file."""
    for n in range(ACCOUNTS):
        put(broker, FACTS_TOPIC, f"acc-{n}", consent(f"acc-{n}", END_MS - HOUR, "withdrawn"))


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many persons each turn changed."""
    counts: list[int] = []
    turn, follow = Pipeline._turn, Standing.follow

    def counted(self: Pipeline, *rest: Any) -> None:
        counts.append(0)
        turn(self, *rest)

    def follows(self: Standing, *rest: Any) -> None:
        if counts:  # else at a restore
            counts[-1] += 1
        follow(self, *rest)

    monkeypatch.setattr(Pipeline, "_turn", counted)
    monkeypatch.setattr(Standing, "follow", follows)
    yield counts


def gone(broker: MemoryBroker) -> list[str]:
    """Accounts whose profile's tombstone is committed, in order."""
    entries = [entry for _, entry in broker.log(PROFILES, 0).read(0, True)]
    return [str((entry.key or b"").decode()) for entry in entries if entry.value is None]


def until_committed(broker: MemoryBroker, worker: Worker) -> int:
    """Steps until all of partition 0 is committed."""
    for count in range(2_000):
        if committed(broker, NETWORK_TOPIC) == broker.log(NETWORK_TOPIC, 0).end and (
            committed(broker, FACTS_TOPIC) == broker.log(FACTS_TOPIC, 0).end
        ):
            return count
        worker.step()
    raise AssertionError("never committed")


@pytest.mark.parametrize("strike", [time_passes, tick, withdraw])
def test_a_turn_changes_so_many_persons_and_the_rest_waits(
    strike: Any, followed: list[int]
) -> None:
    broker = crowd()
    worker = start(broker, turn_persons=MOST)
    until_committed(broker, worker)
    assert not gone(broker)
    followed.clear()
    strike(broker)
    put(broker, FACTS_TOPIC, "b", consent("b", LATER_MS, "withdrawn"), 1)
    neighbour = 0
    while committed(broker, FACTS_TOPIC, 1) < 2:
        worker.step()
        neighbour += 1
    assert neighbour < 8 and len(gone(broker)) == 0, "the crowd is on its way"
    until_committed(broker, worker)
    assert sorted(gone(broker)) == sorted(f"acc-{n}" for n in range(ACCOUNTS))
    assert sum(followed) >= ACCOUNTS + 1
    assert max(followed) <= MOST
    assert set(engines(worker)) == {0, 1}


def test_whose_consent_ended_is_in_no_commit_before_the_others_are_done() -> None:
    """A profile that was due when the end came is not published in the midst of it."""
    broker = crowd()
    worker = start(broker, turn_persons=MOST)
    until_committed(broker, worker)
    for n in range(ACCOUNTS):
        put(broker, NETWORK_TOPIC, f"acc-{n}", event(f"acc-{n}", END_MS - HOUR))
    time_passes(broker)
    before = len(list(broker.log(PROFILES, 0).read(0, True)))
    until_committed(broker, worker)
    news = [entry for _, entry in list(broker.log(PROFILES, 0).read(0, True))[before:]]
    published = {entry.key for entry in news if entry.value is not None}
    assert published <= {b"x", b"y", b"z"}


def test_partitions_go_with_all_that_was_released_to_them(followed: list[int]) -> None:
    broker = crowd()
    worker = start(broker, turn_persons=MOST)
    until_committed(broker, worker)
    time_passes(broker)
    steps(3, worker)
    assert worker._inlet.partitions[0].busy and not gone(broker)
    worker.leave()
    assert len(gone(broker)) == ACCOUNTS
    assert committed(broker, NETWORK_TOPIC) == broker.log(NETWORK_TOPIC, 0).end


def test_an_account_counts_with_its_members(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = new_broker()
    for n in range(10):
        put(broker, FACTS_TOPIC, f"acc-{n}", expiring(f"acc-{n}"))
        for member in range(MOST):
            word = consent(f"acc-{n}", event_id=f"{n}-{member}", member_id=f"m{member}")
            put(broker, FACTS_TOPIC, f"acc-{n}", word)
    for witness in ("x", "y", "z"):
        put(broker, FACTS_TOPIC, witness, consent(witness))
    worker = start(broker, turn_persons=MOST)
    until_committed(broker, worker)
    ended: list[int] = []
    expire = type(worker._membership.engines[0].accounts).expire

    def counted(self: Any, watermark: int, most: int) -> int:
        ended.append(expire(self, watermark, most))
        return ended[-1]

    monkeypatch.setattr(type(engines(worker)[0].accounts), "expire", counted)
    time_passes(broker)
    until_committed(broker, worker)
    assert ended == [1 + MOST] * 10


def test_an_engine_that_stops_at_every_person_gives_the_same_as_one_that_does_not() -> None:
    """What a turn may change decides nothing: neither state nor outcomes (I11)."""
    found = []
    for most in (1, 7, 100_000):
        broker = crowd()
        time_passes(broker)
        withdraw(broker)
        worker = start(broker, turn_persons=most)
        until_committed(broker, worker)
        engine: Engine = engines(worker)[0]
        found.append((canonical(engine), gone(broker)))
    assert found[0][0] == found[1][0] == found[2][0]
