"""What producers send that they should not."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import orjson

from streams.contract.topics import APP, FACTS, NETWORK, TV
from streams.kafka.partitioners import PARTITIONERS
from tests.chaos import poison
from tests.gameday.stage import Stage
from tests.gameday.traffic import SPARE, consent, now_ms, producer

_HOUR_MS = 3_600_000
_PATIENCE_S = 240.0
_Record = tuple[str, object]  # key and value; what is no bytes becomes JSON


def back_fill(stage: Stage) -> Iterator[None]:
    """The first hours are brought in from an archive, and what is live comes after them."""
    yield
    stage.traffic.behind_ms = 0


def bad_facts(stage: Stage) -> Iterator[None]:
    """The consent tool's new release tears facts, invents words, repeats itself and is late."""
    at = now_ms()
    torn, words, often, late = SPARE[:4]
    likes = [
        (often, {"event_id": f"l-{n}", "account_id": often, "ts": at + n, "kind": "declaration",
                 "interest": str(n), "stance": "neutral"})
        for n in range(2 * stage.settings.facts_per_person)
    ]  # fmt: skip
    erasure = {"event_id": f"x-{at}", "account_id": late, "ts": at - 2 * _HOUR_MS,
               "kind": "erasure"}  # fmt: skip
    refusal = consent(words, purpose="whatever it is", status="withdrawn")
    send(stage, FACTS, [(torn, b'{"event_id":"e-torn","kind":"cons'), (words, refusal), *likes,
                        (late, erasure)])  # fmt: skip
    yield


def strange_inputs(stage: Stage) -> Iterator[None]:
    """Producers send who never agreed, what was sent before, and what is a day old."""
    at = now_ms()
    send(
        stage,
        NETWORK,
        [(f"strange-{n}", visit(f"strange-{n}", f"s-{at}-{n}")) for n in range(4_000)],
    )
    again, old = SPARE[4:6]
    send(stage, TV, [(again, view(again, f"d-{at}")) for _ in range(3_000)])
    late = [use(old, f"o-{at}-{n}", at - 24 * _HOUR_MS) for n in range(200)]
    send(stage, APP, [(old, value) for value in late])
    yield


def poisoned(stage: Stage) -> Iterator[None]:
    """A producer's deploy sends broken records, records of a megabyte and compressed giants."""
    poison.poison(stage, random.Random(1))
    poison.giants(stage, random.Random(1))
    send(stage, NETWORK, [(key, b"{}") for key in SPARE for _ in range(5)])
    yield


def one_bad_account(stage: Stage) -> Iterator[None]:
    """One account sends more broken records in a row than an input takes: it is quarantined."""
    send(stage, APP, [(SPARE[6], b"{}")] * (3 * stage.settings.dead_letter_max_run))
    yield


def bad_deploy(stage: Stage) -> Iterator[None]:
    """A producer's deploy breaks what it sends of all accounts: its input halts, and goes on."""
    settings = stage.settings
    broken = 2 * settings.dead_letter_max_run * settings.partitions
    send(stage, APP, [(f"broken-{n % 97}", b"{}") for n in range(broken)])
    yield


def misplaced(stage: Stage) -> Iterator[None]:
    """A producer with another partitioner sends a few accounts' records where they don't belong."""
    settings = stage.settings
    home = PARTITIONERS[settings.partitioner]
    own = producer(stage.as_user("producer"))
    for n in range(4_000):
        key = f"astray-{n % 8}"
        partition = (home(key.encode(), settings.partitions) + 1) % settings.partitions
        value = orjson.dumps(view(key, f"m-{now_ms()}-{n}"))
        own.produce(settings.topic(TV), value, key, partition)
    assert own.flush(_PATIENCE_S) == 0
    yield


def visit(account: str, event_id: str) -> dict[str, object]:
    """An event of the network, now."""
    return {"event_id": event_id, "account_id": account, "ts": now_ms(), "line": "mobile",
            "host": "bbc.co.uk", "duration_ms": 60_000}  # fmt: skip


def view(account: str, event_id: str) -> dict[str, object]:
    """An event of television, now."""
    return {"event_id": event_id, "account_id": account, "ts": now_ms(), "mode": "live",
            "content_id": "programme-1", "channel": "Das Erste", "watched_ms": 60_000}  # fmt: skip


def use(account: str, event_id: str, at_ms: int) -> dict[str, object]:
    """An event of an app."""
    return {"event_id": event_id, "account_id": account, "ts": at_ms, "app_id": "com.mint",
            "action": "open"}  # fmt: skip


def send(stage: Stage, topic: str, records: Iterable[_Record]) -> None:
    """Produce records as the producers' user."""
    settings = stage.as_user("producer")
    own = producer(settings)
    for key, value in records:
        whole = value if isinstance(value, bytes) else orjson.dumps(value)
        own.produce(settings.topic(topic), whole, key)
    assert own.flush(_PATIENCE_S) == 0
