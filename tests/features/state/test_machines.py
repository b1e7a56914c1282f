"""What no person stands behind is no engagement; short visits of a person are one together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import orjson
import pytest

from features.config import Config
from features.engine import Engine
from features.models.signals import training_rows
from features.records.batch import parse
from features.records.decoder import Limits
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import TagEntry
from features.vocabulary import Stance
from streams.contract import topics
from streams.contract.record import Record
from streams.sandbox.days import DAY_MS, HOUR_MS, MINUTE_MS
from tests.support.machines import MACHINES, Machine, short_visits

START = 18_000 * DAY_MS
DAYS, ACCOUNTS = 24, 60
KINDS = {name: kind for kind, name in enumerate(topics.INPUTS)}
#: What people watch, and the interest that each machine would raise.
WATCHED = {f"watched{k}.example": interest for k, interest in enumerate(("483", "150", "596"))}
RAISED = dict(zip(MACHINES, ("547", "225", "680", "324", "518"), strict=True))


def _source(name: str) -> str:
    return f"{name.replace(' ', '-')}.example"


def _people() -> Iterable[Record]:
    """Three interests, each on most evenings for some minutes.

    The order in which people first came is that in which they are learned, so it is fixed.
    """
    chance = np.random.default_rng(1)
    for k in range(ACCOUNTS):
        value = {"event_id": f"first{k}", "account_id": f"acc-{k}", "ts": START - ACCOUNTS + k}
        value |= {"line": "broadband", "host": "nobody.knows", "duration_ms": MINUTE_MS}
        yield Record(START - ACCOUNTS + k, topics.NETWORK, f"acc-{k}", value)
        for day in range(DAYS):
            for host in WATCHED:
                if chance.random() < 0.6 or day == 0:  # everybody is there from the start
                    at = START + day * DAY_MS + 18 * HOUR_MS + int(chance.integers(4 * HOUR_MS))
                    value = {
                        "event_id": f"w{k}-{day}-{host[:8]}",
                        "account_id": f"acc-{k}",
                        "ts": at,
                        "line": "broadband",
                        "host": host,
                        "bytes_down": int(chance.integers(10**6, 10**8)),
                        "duration_ms": int(chance.integers(3, 40)) * MINUTE_MS,
                    }
                    yield Record(at, topics.NETWORK, f"acc-{k}", value)


def _of(name: str, machine: Machine) -> Iterable[Record]:
    chance = np.random.default_rng(2)
    for k in range(ACCOUNTS):
        yield from machine(f"acc-{k}", _source(name), START, DAYS, chance)


def _scores(records: Iterable[Record]) -> dict[tuple[str, str], tuple[float, str]]:
    """Score and stance by account and interest: of the last profile, or of the last morning."""
    tree = taxonomy.load()
    table = {f"host:{host}": TagEntry(((i, 1.0),), "test", 1.0) for host, i in WATCHED.items()}
    for name, interest in RAISED.items():
        for prefix in ("host", "programme"):
            table[f"{prefix}:{_source(name)}"] = TagEntry(((interest, 1.0),), "test", 1.0)
    table[f"host:{_source('short visits')}"] = TagEntry((("547", 1.0),), "test", 1.0)
    engine = Engine(Config(consent_default_grant=True), tree, Contents(tree, table))
    ordered = sorted(records, key=lambda record: record.at)
    end = {
        "event_id": "end",
        "account_id": "acc-0",
        "ts": START + (DAYS + 1) * DAY_MS,
        "line": "broadband",
        "host": "watched0.example",
        "duration_ms": MINUTE_MS,
    }
    ordered.append(Record(0, topics.NETWORK, "acc-0", end))
    found: dict[tuple[str, str], tuple[float, str]] = {}
    for part in range(0, len(ordered), 5000):
        chunk = ordered[part : part + 5000]
        n = len(chunk)
        batch, refused = parse(
            [orjson.dumps(record.value) for record in chunk],
            [record.key.encode() for record in chunk],
            np.array([KINDS[record.topic] for record in chunk], np.uint8),
            np.zeros(n, np.int32),
            np.arange(part, part + n, dtype=np.int64),
            Limits(),
        )
        assert not refused
        engine.apply(batch)
        for record in engine.collect({}).profiles:
            for interest in orjson.loads(record.value or b'{"interests": []}')["interests"]:
                found[record.key.decode(), interest["id"]] = interest["score"], interest["stance"]
    learner, store = engine.learner, engine.store
    rows = training_rows(store, START // DAY_MS + DAYS, 10**6, learner.population)
    said = learner.decisions(rows)
    names = [store.key(sid).decode() for sid in rows.subject.tolist()]
    ids = [tree.ids[interest] for interest in rows.interest.tolist()]
    stances = [Stance(code).word for code in said["stance"].tolist()]
    decided = zip(said["score"].tolist(), stances, strict=True)
    return found | dict(zip(zip(names, ids, strict=True), decided, strict=True))


@cache
def _undisturbed() -> dict[tuple[str, str], tuple[float, str]]:
    return _scores(_people())


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_a_machine_is_no_engagement(name: str) -> None:
    """Scored at 0.05 at most, never to be engaged, and nobody's watched interests move by 1 %."""
    found = _scores([*_people(), *_of(name, MACHINES[name])])
    raised = [said for (_, interest), said in found.items() if interest == RAISED[name]]
    assert all(score <= 0.05 and stance != "engage" for score, stance in raised)
    watched = {key: said for key, said in found.items() if key[1] in WATCHED.values()}
    assert watched.keys() == _undisturbed().keys()
    for key, (score, _) in watched.items():
        assert score == pytest.approx(_undisturbed()[key][0], rel=0.01)


def test_short_visits_of_a_person_are_one_engagement() -> None:
    """Three of four seconds a day count as a day together; one of them would not."""
    found = _scores([*_people(), *_of("short visits", short_visits)])
    visited = [said for (_, interest), said in found.items() if interest == "547"]
    assert len(visited) == ACCOUNTS
    assert min(score for score, _ in visited) > 0.3
    once = [r for r in _of("short visits", short_visits) if r.at % DAY_MS < 12 * HOUR_MS]
    alone = _scores([*_people(), *once])
    assert all(score <= 0.05 for (_, i), (score, _) in alone.items() if i == "547")
