"""A fact that forbids is heard where its account is, wherever a tool has put it."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, Producer

from features.records import protective
from features.records.fields import Accepts
from streams import metrics
from streams.contract.topics import FACTS, NETWORK, PROFILES
from streams.errors import BadTopics
from streams.kafka.compacted import CompactedTopic
from streams.kafka.partitioners import PARTITIONERS
from streams.settings import Settings
from streams.worker.astray import MARK, Homing
from streams.worker.wiring import input_limits, rules_of
from streams.worker.worker import Worker
from tests.broker.memory_broker import MemoryBroker
from tests.conftest import Names
from tests.simulation import inputs
from tests.support.failing import failing
from tests.support.small_worker import (
    FACTS_TOPIC,
    NETWORK_TOPIC,
    committed,
    consent,
    event,
    new_broker,
    put,
    standing,
    start,
    steps,
)
from tests.support.worker_process import WorkerProcess, deployed, wait_for_end

pytestmark = pytest.mark.usefixtures("calm")

_COUNT = 4
_LATER = inputs.START_MS + 3_600_000
HOME, AWAY = 0, 3


def accounts(count: int, partitioner: str = "murmur2") -> list[str]:
    """Names that belong to partition `HOME`."""
    names = (f"acc-{n}" for n in range(10_000))
    home = PARTITIONERS[partitioner]
    return list(islice((n for n in names if home(n.encode(), _COUNT) == HOME), count))


def fact(account: str, **fields: Any) -> bytes:
    said = {"event_id": f"f-{account}", "account_id": account, "ts": _LATER, **fields}
    return json.dumps(said).encode()


def profiled(names: list[str], before: int = 0) -> tuple[MemoryBroker, Worker]:
    """A worker that has published the accounts' profiles, and so many facts of others before."""
    broker = new_broker(_COUNT)
    others = accounts(before + len(names))[len(names) :]
    for name in others:
        put(broker, FACTS_TOPIC, name, consent(name), HOME)
    for name in names:
        put(broker, FACTS_TOPIC, name, consent(name), HOME)
        put(broker, NETWORK_TOPIC, name, event(name, inputs.START_MS + 60_000), HOME)
    worker = start(broker)
    worker._inlet.expect(_COUNT)
    steps(20, worker)
    assert standing(broker).keys() >= {name.encode() for name in names}
    return broker, worker


def facts_in(broker: MemoryBroker, partition: int) -> list[tuple[bytes | None, bytes | None]]:
    return [(e.key, e.value) for _, e in broker.log(FACTS_TOPIC, partition).read(0, True)]


FORBIDS: dict[str, dict[str, Any]] = {
    "withdrawn": {"kind": "consent", "status": "withdrawn"},
    "denied": {"kind": "consent", "purpose": "profiling", "status": "denied"},
    "in another word": {"kind": "consent", "status": "opt-out"},
    "by a clock ahead": {"kind": "consent", "status": "withdrawn", "ts": 4_102_444_800_000},
    "an erasure": {"kind": "erasure"},
    "an erasure in capitals": {"kind": "ERASURE", "ts": None},
    "undecided": {"kind": "consent", "status": ["?"]},
}
ELSE: dict[str, dict[str, Any]] = {
    "a grant": {"kind": "consent", "status": "granted"},
    "a purchase": {"kind": "purchase", "interest": "483"},
    "an adult's device": {"kind": "registry", "device_id": "d-1", "adult": True},
    "a closed case": {"kind": "care_case", "case_id": "c-1", "status": "closed"},
}


@pytest.mark.parametrize("before", [0, 300], ids=["at the start", "behind many facts"])
@pytest.mark.parametrize("what", FORBIDS)
def test_what_forbids_comes_home_and_the_profile_goes(what: str, before: int) -> None:
    (name,) = accounts(1)
    broker, worker = profiled([name], before)
    ahead = len(facts_in(broker, HOME))
    value = fact(name, **FORBIDS[what])
    put(broker, FACTS_TOPIC, name, value, AWAY)
    steps(30, worker)
    assert facts_in(broker, HOME)[ahead:] == [(name.encode(), value + MARK)]
    held = standing(broker)
    if what == "undecided":  # on hold: nobody is to act on what is said of it
        said = json.loads(held[name.encode()])["contactable"]
        assert not said["offers"]["value"] and not said["audiences"]["value"]
    else:
        assert name.encode() not in held
    assert committed(broker, FACTS_TOPIC, HOME) >= ahead + 1
    assert committed(broker, FACTS_TOPIC, AWAY) == 1


def test_however_many_refuse_in_the_wrong_place_all_are_heard() -> None:
    """What is sent on is no reason to stop; what would be lost is."""
    names = accounts(40)
    broker, worker = profiled(names)
    for name in names:
        put(broker, FACTS_TOPIC, name, fact(name, **FORBIDS["withdrawn"]), AWAY)
    steps(60, worker)
    assert not standing(broker)
    for name in names:
        put(broker, FACTS_TOPIC, name, consent(name, _LATER + 1_000), AWAY)
    with pytest.raises(BadTopics, match=f"^{FACTS_TOPIC}: "):
        steps(20, worker)


def test_a_childs_device_comes_home() -> None:
    (name,) = accounts(1)
    broker, worker = profiled([name])
    child = {"kind": "registry", "device_id": "d-1", "owner_member_id": "kid", "adult": False}
    put(broker, FACTS_TOPIC, name, fact(name, **child), AWAY)
    steps(30, worker)
    assert len(facts_in(broker, HOME)) == 2


@pytest.mark.parametrize("what", ELSE)
def test_what_grants_or_informs_stays(what: str) -> None:
    (name,) = accounts(1)
    broker, worker = profiled([name])
    put(broker, FACTS_TOPIC, name, fact(name, **ELSE[what]), AWAY)
    steps(30, worker)
    assert len(facts_in(broker, HOME)) == 1
    assert committed(broker, FACTS_TOPIC, AWAY) == 1


def test_a_belated_grant_does_not_answer_the_refusal_that_came_home() -> None:
    (name,) = accounts(1)
    broker, worker = profiled([name])
    for status in ("granted", "withdrawn", "granted"):
        put(broker, FACTS_TOPIC, name, consent(name, _LATER, status), AWAY)
    steps(30, worker)
    assert not standing(broker)


@pytest.mark.parametrize("at", range(4))
def test_it_is_sent_on_once_whatever_fails(at: int) -> None:
    """In the transaction that accounts for it: after an abandoned one it is read again."""
    names = accounts(3)
    broker, worker = profiled(names)
    for name in names:
        put(broker, FACTS_TOPIC, name, fact(name, **FORBIDS["withdrawn"]), AWAY)
    call = ("commit_transaction", "send_offsets_to_transaction", "begin_transaction", "")[at]
    if call:
        failing(broker, call, KafkaError._TIMED_OUT, 1)
    steps(80, worker)
    assert [key for key, _ in facts_in(broker, HOME)[3:]] == [name.encode() for name in names]
    assert not standing(broker)


def test_every_fact_is_looked_at_and_a_tick_is_nobodys() -> None:
    broker, worker = profiled(accounts(1), before=400)
    labels = FACTS_TOPIC
    before = metrics.MISPLACED_KEYS.labels(labels)._value.get()
    looked = metrics.SAMPLED_KEYS.labels(labels)._value.get()
    for n in range(3):
        tick = {"kind": "tick", "ts": _LATER + n, "now": _LATER + n}
        broker.put(FACTS_TOPIC, AWAY, json.dumps(tick).encode(), None)
    for name in accounts(3):
        put(broker, FACTS_TOPIC, name, consent(name, _LATER), AWAY)
    steps(20, worker)
    assert metrics.SAMPLED_KEYS.labels(labels)._value.get() - looked == 3
    assert metrics.MISPLACED_KEYS.labels(labels)._value.get() - before == 3


def _homing(most: int = 65_536) -> Homing:
    settings = Settings()
    accepts: Accepts = input_limits(settings).ids.accepts
    return Homing(rules_of(settings).words, accepts, most)


def _at_home(key: bytes) -> int:
    return HOME


@pytest.mark.parametrize("where", [HOME, AWAY])
@pytest.mark.parametrize("key", [None, b"", b'"%s"', b"%s ", b"%s\n", b"\0\0\0\0\x01%s", b"%s/m-1"])
def test_a_refusal_whose_key_is_nobodys_acts_for_the_account_it_names(
    key: bytes | None, where: int
) -> None:
    (name,) = names = accounts(1)
    broker, worker = profiled(names)
    own = key % name.encode() if key and b"%s" in key else key
    broker.put(FACTS_TOPIC, where, fact(name, **FORBIDS["withdrawn"]), own)
    steps(60, worker)
    assert not standing(broker)
    sent = [k for k, _ in facts_in(broker, HOME)[1:] if k == name.encode()]
    assert sent == [name.encode()], "once"


@pytest.mark.parametrize("restarted", [False, True])
def test_who_refuses_again_in_the_same_bytes_is_heard_again(restarted: bool) -> None:
    (name,) = accounts(1)
    broker, worker = profiled([name])
    refusal = json.dumps({"account_id": name, "kind": "consent", "status": "withdrawn"}).encode()
    for day in range(1, 4):
        put(broker, FACTS_TOPIC, name, refusal, AWAY)
        steps(30, worker)
        assert not standing(broker), f"refusal {day}"
        if restarted:
            worker.leave()
            worker = start(broker, f"w{day}")
            worker._inlet.expect(_COUNT)
        broker.sleep(1.0)
        now = int(1000 * broker.wall())
        put(broker, FACTS_TOPIC, name, consent(name, now), HOME)
        put(broker, NETWORK_TOPIC, name, event(name, now + 100), HOME)
        broker.sleep(1.0)
        steps(30, worker)
        assert standing(broker), "granted again"


def _to_and_fro(value: bytes, homes: dict[int, int], at: int) -> list[int]:
    """Where a refusal lies in turn, each partition's worker having its own idea of its place."""
    (name,) = accounts(1)
    way, sent_on = [at], [(name.encode(), value)]
    while sent_on and len(way) < 10:
        ((key, said),) = sent_on
        its_home = homes[at]
        found = _homing().found(at, [(len(way), key, said)], {name.encode(): its_home}.__getitem__)
        sent_on = [(item.key, item.value) for item in found]
        if sent_on:
            at = its_home
            way.append(at)
    return way


def test_two_workers_that_differ_do_not_send_it_to_and_fro() -> None:
    (name,) = accounts(1)
    value = fact(name, **FORBIDS["withdrawn"])
    assert _to_and_fro(value, {AWAY: HOME, HOME: AWAY}, AWAY) == [AWAY, HOME, AWAY]
    assert _to_and_fro(value, {AWAY: 1, 1: HOME, HOME: 1}, AWAY) == [AWAY, 1, HOME], "both homes"


def test_read_again_at_the_same_place_it_is_sent_on_again() -> None:
    """What it was sent on with was not committed."""
    (name,) = accounts(1)
    record = (7, name.encode(), fact(name, **FORBIDS["withdrawn"]))
    homing = _homing()
    once, again = (list(homing.found(AWAY, [record], _at_home)) for _ in range(2))
    assert once == again and len(once) == 1


@pytest.mark.parametrize("value", [None, b"", b"stop", b"[]", fact("acc-2", kind="erasure")])
def test_the_mark_changes_nothing_of_what_a_record_says(value: bytes | None) -> None:
    settings = Settings()
    words, accepts = rules_of(settings).words, input_limits(settings).ids.accepts
    bare, marked = (
        protective.read(raw, b"acc-2", words, accepts) for raw in (value, (value or b"") + MARK)
    )
    assert bare == marked


def test_whose_it_is_must_be_told_and_a_large_one_is_cut() -> None:
    (name, other) = accounts(2)
    refusal = fact(name, **FORBIDS["withdrawn"])
    assert not list(_homing().found(AWAY, [(1, other.encode(), refusal)], _at_home))
    two = refusal[:-1] + b',"account_id":"' + other.encode() + b'"}'
    assert not list(_homing().found(AWAY, [(1, None, two)], _at_home))
    large = refusal[:-1] + b',"note":"' + b"x" * 100_000 + b'"}'
    (sent,) = _homing(4_096).found(AWAY, [(1, name.encode(), large)], _at_home)
    assert len(sent.value) == 4_096


@pytest.mark.kafka
def test_on_a_real_broker_withdrawals_of_another_tool_are_heard(
    kafka: str, names: Names, tmp_path: Path
) -> None:
    """Events and grants by the deployment's partitioner, a few withdrawals by librdkafka's own."""
    settings = deployed(kafka, names.prefix, partitions=_COUNT)
    who = [f"acc-{n}" for n in range(12)]
    ours, theirs = (
        Producer({"bootstrap.servers": kafka, "partitioner": partitioner})
        for partitioner in ("murmur2", "consistent")
    )
    visit = {"line": "mobile", "host": "bbc.co.uk", "duration_ms": 600_000}
    for name in who:
        ours.produce(settings.topic(FACTS), consent(name, 1_700_000_000_000), name)
        ours.produce(settings.topic(NETWORK), fact(name, ts=1_700_000_060_000, **visit), name)
    assert ours.flush(30) == 0
    with WorkerProcess(settings, tmp_path / "worker.log") as worker:
        wait_for_end(settings, worker)
        assert _published(settings) == {name.encode() for name in who}
        for name in who:
            value = consent(name, 1_700_000_120_000, "withdrawn")
            theirs.produce(settings.topic(FACTS), value, name)
        assert theirs.flush(30) == 0
        wait_for_end(settings, worker)
        assert not _published(settings)


def _published(settings: Settings) -> set[bytes]:
    reader = CompactedTopic(settings.bootstrap_servers, settings.topic(PROFILES))
    try:
        held = {message.key() or b"": message.value() for message in reader.past(30)}
    finally:
        reader.close()
    return {key for key, value in held.items() if value is not None}
