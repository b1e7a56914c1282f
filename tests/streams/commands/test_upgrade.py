"""What a new release would refuse is said before it is there, and nothing is written."""

from __future__ import annotations

import json

import pytest
from confluent_kafka import Producer

from features.state.changelog_keys import META
from streams.__main__ import main
from streams.contract.topics import STATE
from streams.kafka.copying import ends_of
from streams.settings import Settings
from streams.worker.metas import read_metas
from tests.conftest import Names
from tests.support.live_worker import live, running, settled

pytestmark = [pytest.mark.usefixtures("calm"), pytest.mark.kafka]


def _check(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> int:
    for name in ("topic_prefix", "group_id", "replication", "partitions"):
        monkeypatch.setenv(f"INTEREST_STREAMS_{name.upper()}", str(getattr(settings, name)))
    return main(["upgrade", "check", "--bootstrap", settings.bootstrap_servers])


def test_beside_a_worker_it_says_what_would_be_refused_and_writes_nothing(
    kafka: str, names: Names, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = live(kafka, names.prefix)
    worker = running(settings)
    spots = [(settings.topic(STATE), p) for p in range(2)]
    assert _check(settings, monkeypatch) == 0
    said = capsys.readouterr().out
    assert "2 partitions of format 2, which this release writes" in said
    assert "2 partitions can be loaded" in said
    settled(worker, settings)
    before = ends_of(settings, spots)

    monkeypatch.setenv("INTEREST_STREAMS_HALF_LIVES_DAYS", "1,7,30")
    assert _check(settings, monkeypatch) == 1
    said = capsys.readouterr().out
    assert said.count("was written with half_lives = [1.0, 7.0, 60.0]") == 2
    assert ends_of(settings, spots) == before
    monkeypatch.delenv("INTEREST_STREAMS_HALF_LIVES_DAYS")

    older, newer = (
        json.dumps(json.loads(meta.to_bytes()) | {"format": number}).encode()
        for (_, meta), number in zip(sorted(read_metas(settings).items()), (1, 9), strict=True)
    )
    producer = Producer({"bootstrap.servers": kafka})
    for partition, value in enumerate((older, newer)):
        producer.produce(settings.topic(STATE), value, META, partition)
    assert producer.flush(20) == 0
    assert _check(settings, monkeypatch) == 1
    said = capsys.readouterr().out
    assert "1 partitions of format 1: the first commit of a worker of this release writes 2" in said
    assert "was written with format = 9, this worker has 2" in said
