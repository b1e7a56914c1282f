"""Faults that are well-formed records, and too many of them: each of one partition's accounts.

The verifier merges an input's records by their greatest event time so far, as a worker does that
has all of them before it. So what a fault sends is later than all before it, in that time, and
what is sent together is of one topic: a worker has read it when the next comes.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import islice
from typing import Any

import orjson
from confluent_kafka import Producer

from streams.contract.topics import FACTS, NETWORK
from streams.kafka.partitioners import PARTITIONERS
from tests.chaos.cluster import Cluster

_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
_CROWD = 3_000  # accounts
_WITNESSES = 3  # of the time: `watermark_accounts`
_MEMBERS, _VISITS = 1_000, 4_000  # of one account
_HEARD_S = 2.0  # until all workers have it in their buffers
_HANGS_MS = 8_000  # until the broker aborts a transaction whose producer is gone

_Made = tuple[str, str, dict[str, Any]]  # topic, account, fields


def mass_expiry(cluster: Cluster, rng: random.Random) -> None:
    """Consents of a crowd end together: three others' events say that their time has come."""
    spot, crowd, now = _scene(cluster, rng)
    ends = now + _HOUR_MS
    _send(cluster, rng, spot, (_consent(who, now, expires_at=ends) for who in crowd))
    _send(cluster, rng, spot, (_visit(who, now) for who in crowd))
    cluster.event_ms = ends + cluster.settings.lateness_ms + _HOUR_MS
    _send(cluster, rng, spot, _witnesses(crowd, cluster.event_ms))


def mass_withdrawal(cluster: Cluster, rng: random.Random) -> None:
    """A crowd grants, is seen, and withdraws as in one file."""
    spot, crowd, now = _scene(cluster, rng)
    _send(cluster, rng, spot, (_consent(who, now) for who in crowd))
    _send(cluster, rng, spot, (_visit(who, now) for who in crowd))
    _send(cluster, rng, spot, (_consent(who, now + _HOUR_MS, "withdrawn") for who in crowd))


def giant_account(cluster: Cluster, rng: random.Random) -> None:
    """An account with a thousand members who have a word of their own, and more in events."""
    spot, (who, *_), now = _scene(cluster, rng)
    members = [_consent(who, now, member_id=f"m{n}") for n in range(_MEMBERS)]
    _send(cluster, rng, spot, [_consent(who, now), *members])
    _send(cluster, rng, spot, (_visit(who, now, member_id=f"m{n}") for n in range(_VISITS)))


def fast_clock(cluster: Cluster, rng: random.Random) -> None:
    """One device's clock is hours or weeks ahead."""
    spot, (who, *_), now = _scene(cluster, rng)
    ahead = rng.choice((3 * _HOUR_MS, 30 * _HOUR_MS, 50 * _DAY_MS))
    cluster.event_ms += ahead
    _send(cluster, rng, spot, [_consent(who, now)])
    _send(cluster, rng, spot, (_visit(who, now + ahead, device_id="d1") for _ in range(500)))


def visits(cluster: Cluster, rng: random.Random) -> None:
    """No fault: some events of new accounts."""
    spot, crowd, now = _scene(cluster, rng)
    _send(cluster, rng, spot, (_consent(who, now) for who in crowd[:100]))
    _send(cluster, rng, spot, (_visit(who, now) for who in crowd[:100]))


def aborted_input(cluster: Cluster, rng: random.Random) -> None:
    """A producer of events works in transactions, and aborts some."""
    _transactions(cluster, rng, hang=False)


def hanging_input(cluster: Cluster, rng: random.Random) -> None:
    """A producer of events dies in a transaction, which stands until the broker ends it."""
    _transactions(cluster, rng, hang=True)


def _transactions(cluster: Cluster, rng: random.Random, *, hang: bool) -> None:
    spot, (who, *_), now = _scene(cluster, rng)
    _send(cluster, rng, spot, [_consent(who, now)])
    name = f"chaos-{rng.random()}"
    producer = _producer(cluster, {"transactional.id": name, "transaction.timeout.ms": _HANGS_MS})
    producer.init_transactions(30)
    for number in range(4):
        producer.begin_transaction()
        for topic, account, fields in [_visit(who, now + n) for n in range(100)]:
            producer.produce(cluster.settings.topic(topic), _bytes(rng, fields), account, spot)
        producer.flush(30)
        if hang and number == 3:
            break  # nobody ends it
        if number % 2:
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)


def _scene(cluster: Cluster, rng: random.Random) -> tuple[int, list[str], int]:
    """A partition, new accounts that lie in it, and an event time later than all before, ms."""
    count, tag = cluster.settings.partitions, rng.randrange(10**6)
    place = PARTITIONERS[cluster.settings.partitioner]
    spot = rng.randrange(count)
    named = (f"crowd-{tag}-{n}" for n in range(20 * count * _CROWD))
    mine = (name for name in named if place(name.encode(), count) == spot)
    crowd = list(islice(mine, _CROWD))
    cluster.event_ms += _DAY_MS
    _send(cluster, rng, spot, (_consent(who, cluster.event_ms) for who in crowd[:_WITNESSES]))
    _send(cluster, rng, spot, _witnesses(crowd, cluster.event_ms))
    cluster.event_ms += _HOUR_MS
    return spot, crowd[_WITNESSES:], cluster.event_ms


def _witnesses(crowd: list[str], now: int) -> list[_Made]:
    """Events of as many accounts as it takes to say what time it is."""
    return [_visit(who, now) for who in crowd[:_WITNESSES]]


def _consent(who: str, ts: int, status: str = "granted", **more: Any) -> _Made:
    fields = {"kind": "consent", "purpose": "profiling", "status": status, **more}
    return FACTS, who, {"account_id": who, "ts": ts, **fields}


def _visit(who: str, ts: int, **more: Any) -> _Made:
    fields = {"line": "mobile", "host": "bbc.co.uk", "duration_ms": 600_000, **more}
    return NETWORK, who, {"account_id": who, "ts": ts, **fields}


def _bytes(rng: random.Random, fields: dict[str, Any]) -> bytes:
    return orjson.dumps({"event_id": f"{rng.getrandbits(64):016x}", **fields})


def _producer(cluster: Cluster, more: dict[str, Any] | None = None) -> Producer:
    return Producer({"bootstrap.servers": cluster.settings.bootstrap_servers, **(more or {})})


def _send(cluster: Cluster, rng: random.Random, spot: int, made: Iterable[_Made]) -> None:
    producer = _producer(cluster, {"queue.buffering.max.messages": 1_000_000})
    for topic, account, fields in made:
        producer.produce(cluster.settings.topic(topic), _bytes(rng, fields), account, spot)
    assert producer.flush(30.0) == 0
    cluster.wait_for(lambda: False, _HEARD_S)
