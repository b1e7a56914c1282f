"""Where the records of divided partitions go: an account's home, or all parts of its partition."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import Message

from features.records.facts import SharedPart
from streams.contract.topics import AUDIENCES, FACTS, NETWORK
from streams.kafka import clients
from streams.kafka.copying import Outgoing, Progress
from streams.kafka.offsets import Spot
from streams.kafka.partitioners import PARTITIONERS
from streams.worker import repartitioning
from streams.worker.model_merger import part_record
from streams.worker.repartitioning import Migration
from tests.simulation import inputs

WAS, NOW = 2, 6
OLD = replace(inputs.settings(), partitions=WAS)
NEW = replace(OLD, topic_prefix="v2-", partitions=NOW)
TICK = json.dumps({"kind": "tick", "ts": inputs.START_MS, "now": inputs.START_MS}).encode()
PART = part_record(SharedPart("binned", 7, "AA==", inputs.START_MS, -1, "m"), OLD)
HOME = PARTITIONERS["murmur2"](b"acc-1", NOW)
HOME_OF_NOBODY = PARTITIONERS["murmur2"](b"", NOW)


class _Copies:
    """Takes what a copier would write."""

    def __init__(self, told: dict[Spot, Progress] | None = None) -> None:
        self.written: list[Outgoing] = []
        self.told: dict[Spot, Progress] = told or {}

    def done(self, spots: Iterable[Spot]) -> dict[Spot, Progress]:
        return {spot: self.told[spot] for spot in spots if spot in self.told}

    def commit(self, copies: Iterable[Outgoing], done: Mapping[Spot, Progress]) -> None:
        self.written += copies
        self.told |= done


@pytest.fixture
def migration(monkeypatch: pytest.MonkeyPatch) -> Migration:
    topics = {OLD.topic(name): SimpleNamespace(partitions=WAS) for name in ("interest-state",)}
    monkeypatch.setattr(clients, "admin", lambda settings: None)
    monkeypatch.setattr(repartitioning, "fetch", lambda admin, settings: topics)
    monkeypatch.setattr(repartitioning, "read_metas", lambda settings: {})
    return Migration(OLD, NEW)


def copied(
    migration: Migration,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    partition: int,
    *records: tuple[bytes | None, bytes],
) -> tuple[list[tuple[int, bytes | None]], dict[str, int]]:
    """Where records of a partition go, in order; and how many are counted for each place."""
    spot, copies = (OLD.topic(name), partition), _Copies()
    messages = [
        Message(topic=spot[0], partition=partition, offset=n, key=key, value=value)
        for n, (key, value) in enumerate(records)
    ]
    monkeypatch.setattr(repartitioning, "committed_records", lambda *_: iter(messages))
    done = migration._copy(cast("Any", copies), spot, name, 0, len(messages))
    assert sum(done) == len(messages)
    assert all(copy.topic == NEW.topic(name) for copy in copies.written)
    note: dict[str, int] = json.loads(copies.told[spot].note)
    return [(copy.partition, copy.value) for copy in copies.written], note


@pytest.mark.parametrize("partition", [0, 1])
@pytest.mark.parametrize("said", [TICK, PART], ids=["tick", "shared model"])
def test_what_a_worker_told_a_partition_is_told_to_each_part_and_to_no_other(
    migration: Migration, monkeypatch: pytest.MonkeyPatch, partition: int, said: bytes
) -> None:
    parts = list(range(partition, NOW, WAS))
    consent = (b"acc-1", b'{"kind":"consent"}')
    found, counts = copied(migration, monkeypatch, FACTS, partition, consent, (None, said), consent)
    assert found == [(HOME, consent[1]), *((part, said) for part in parts), (HOME, consent[1])]
    assert counts == {str(part): (part in parts) + 2 * (part == HOME) for part in {*parts, HOME}}


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        (FACTS, None, b'{"kind":"consent","account_id":"acc-1"}'),
        (FACTS, None, b"tick"),
        (FACTS, b"", TICK),
        (NETWORK, None, TICK),
    ],
)
def test_other_records_without_an_account_stay_one(
    migration: Migration, monkeypatch: pytest.MonkeyPatch, name: str, key: bytes, value: bytes
) -> None:
    """They are refused where they come, each once."""
    found, _ = copied(migration, monkeypatch, name, 1, (key, value))
    assert found == [(HOME_OF_NOBODY, value)]


def test_a_member_goes_with_his_account_and_a_cell_where_its_app_puts_it(
    migration: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert copied(migration, monkeypatch, NETWORK, 0, (b"acc-1/m-1", b"{}"))[0] == [(HOME, b"{}")]
    cell = PARTITIONERS["consistent"](b"interest/483", NOW)
    assert copied(migration, monkeypatch, AUDIENCES, 0, (b"interest/483", b"{}"))[0] == [
        (cell, b"{}")
    ]
