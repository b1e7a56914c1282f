"""On a real Kafka: withdraw, erase, grant again, come late; and what is left on the disk.

The topics are set to what they are in production, only faster: segments roll each second, the
cleaner may not lag, tombstones go at once. Records are stored uncompressed, so that a search for
bytes would find an identifier.
"""

from __future__ import annotations

import json
import urllib.request
from itertools import cycle, groupby
from operator import itemgetter
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from features.records.concealed import keyed_mark
from streams.commands import subject
from streams.contract.topics import (
    AUDIENCES,
    DEAD_LETTERS,
    INPUTS,
    OFFERS,
    PROFILES,
    RECEIPTS,
    STATE,
)
from streams.kafka import clients
from streams.kafka.compacted import CompactedTopic
from streams.sandbox.embedded_broker import free_port
from tests.broker.kafka_server import KafkaServer, Options
from tests.support.feeding import DAY, START, Feed, Record
from tests.support.processes import wait_until
from tests.support.worker_process import WorkerProcess, deployed, wait_for_end

ERASED, WITHDRAWN, STAYS = "zqerased7f3a", "zqwithdrawn1b2c", "zqstays9d4e"
SECRET = "a secret of this test, long enough"
HOST = "bbc.co.uk"
_GONE_S = 400.0
_FAST = {
    "segment.ms": "1000",
    "max.compaction.lag.ms": "1000",
    "delete.retention.ms": "0",
    "min.cleanable.dirty.ratio": "0.001",
    "file.delete.delay.ms": "100",
    "compression.type": "uncompressed",
}


class Deployment:
    """One worker on one partition, and records sent to it one by one."""

    def __init__(self, server: KafkaServer, tmp_path: Path) -> None:
        self.server = server
        self.settings = deployed(
            server.bootstrap,
            "privacy.",
            partitions=1,
            http_port=free_port(),
            http_host="127.0.0.1",
            erasure_key=SECRET,
        )
        admin = clients.admin(self.settings)
        for name in (STATE, PROFILES, OFFERS, AUDIENCES):
            changes = [
                ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                for key, value in _FAST.items()
            ]
            resource = ConfigResource(
                ResourceType.TOPIC, self.settings.topic(name), incremental_configs=changes
            )
            for future in admin.incremental_alter_configs([resource]).values():
                future.result(20)
        self.producer = Producer({"bootstrap.servers": server.bootstrap})
        self.worker = WorkerProcess(self.settings, tmp_path / "worker.log")

    def send(self, *records: Record) -> None:
        """Produce records and wait until the worker has committed them, in this very order.

        A worker that stands at the end of all inputs takes what comes of another topic as it
        arrives: it has to be done with the one before the next is there.
        """
        for topic, those in groupby(records, key=itemgetter(0)):
            for _, value, key in those:
                self.producer.produce(self.settings.topic(INPUTS[topic]), value, key)
            assert self.producer.flush(60) == 0
            wait_for_end(self.settings, self.worker)

    def records(self, name: str) -> list[tuple[bytes, bytes | None]]:
        """Committed records of a topic, as a `read_committed` consumer sees them."""
        reader = CompactedTopic(self.settings.bootstrap_servers, self.settings.topic(name))
        try:
            return [(m.key() or b"", m.value()) for m in reader.past(30)]
        finally:
            reader.close()

    def held(self, name: str) -> dict[bytes, bytes]:
        """What is held under each key of a compacted topic."""
        found: dict[bytes, bytes] = {}
        for key, value in self.records(name):
            found.pop(key, None)
            if value is not None:
                found[key] = value
        return found

    def on_disk(self, name: str, text: str) -> list[str]:
        """Files of a topic's partition in which a text stands."""
        folder = self.server.log_dir(self.settings.topic(name), 0)
        return [path.name for path in sorted(folder.iterdir()) if contains(path, text)]


def contains(path: Path, text: str) -> bool:
    """Whether a file holds a text; the cleaner may take it away meanwhile."""
    try:
        return text.encode() in path.read_bytes()
    except FileNotFoundError:
        return False


#: The log cleaner looks several times a second.
CLEANING = Options(properties={"log.cleaner.backoff.ms": "200"})


@pytest.mark.kafka
@pytest.mark.parametrize("own_kafka", [CLEANING], indirect=True)
def test_what_is_gone_is_gone_from_the_disk(own_kafka: KafkaServer, tmp_path: Path) -> None:
    feed = Feed()
    work = Deployment(own_kafka, tmp_path)
    with work.worker:
        everybody = (ERASED, WITHDRAWN, STAYS)
        work.send(
            *[feed.consent(account, 0) for account in everybody],
            *[feed.visit(account, day + 0.4, HOST) for day in range(3) for account in everybody],
            feed.visit(ERASED, 2.4, HOST, member_id="m1"),
        )
        profiles = work.held(PROFILES)
        assert {ERASED.encode(), WITHDRAWN.encode(), f"{ERASED}/m1".encode()} <= profiles.keys()
        assert work.on_disk(STATE, ERASED) and work.on_disk(PROFILES, ERASED)  # the search finds

        _withdraw_and_erase(work, feed)
        _come_late(work, feed)
        _grant_again(work, feed)
        _shown(work)
        _until_gone(work, feed)
        _nothing_names_anybody(work, everybody)


def _withdraw_and_erase(work: Deployment, feed: Feed) -> None:
    work.send(feed.consent(WITHDRAWN, 3, "withdrawn"), feed.fact(ERASED, 3, "erasure"))
    last = dict(work.records(PROFILES))
    for gone in (ERASED, f"{ERASED}/m1", WITHDRAWN):
        assert last[gone.encode()] is None  # a tombstone, read by `read_committed`
    state = work.held(STATE)
    name = keyed_mark(SECRET.encode(), ERASED, "erasure")
    assert json.loads(state[b"e/" + name.encode()] or b"")["at"] == START + 3 * DAY
    assert not [key for key, value in state.items() if ERASED.encode() in key + value]
    assert not [key for key in state if key.startswith(b"s/" + WITHDRAWN.encode())]
    (receipt,) = [(key, json.loads(value or b"")) for key, value in work.records(RECEIPTS)]
    assert receipt[0] == name.encode() and receipt[1]["profiles"] == 2
    assert receipt[1]["requested_at"] == START + 3 * DAY


def _come_late(work: Deployment, feed: Feed) -> None:
    """Events of before and after, a consent of before, the erasure once more."""
    before = len(work.records(DEAD_LETTERS))
    erasure = feed.fact(ERASED, 2.9, "erasure")
    work.send(
        feed.visit(ERASED, 0.4, HOST),
        feed.visit(ERASED, 2.95, HOST),
        feed.consent(ERASED, 2),
        feed.visit(ERASED, 3.1, HOST),
        erasure,
        erasure,
    )
    assert not [key for key in work.held(PROFILES) if key.startswith(ERASED.encode())]
    assert not [key for key, value in work.held(STATE).items() if ERASED.encode() in key + value]
    assert len(work.records(DEAD_LETTERS)) == before  # nor do they wait in the dead letters
    assert len(work.records(RECEIPTS)) == 2  # one for each request, however often it comes


def _grant_again(work: Deployment, feed: Feed) -> None:
    work.send(
        feed.visit(WITHDRAWN, 3.15, HOST),
        feed.consent(WITHDRAWN, 3.2),
        feed.visit(WITHDRAWN, 3.3, HOST),
    )
    profile = json.loads(work.held(PROFILES)[WITHDRAWN.encode()])
    assert profile["evidence"]["events"] == 1 and profile["version"] == 1


def _shown(work: Deployment) -> None:
    """What `interest-streams subject` says of each of them."""
    shown = subject.held(work.settings, WITHDRAWN)
    assert shown["state"][WITHDRAWN]["events"] == 1 and shown["profiles"][WITHDRAWN]["interests"]
    (consent,) = shown["facts"]["consent"]
    assert consent["statusValidForProcessing"] and "dpv:Personalisation".lower() in consent["terms"]
    assert [step["status"] for step in consent["history"]] == ["granted", "withdrawn", "granted"]
    gone = subject.held(work.settings, ERASED)
    assert (gone["state"], gone["facts"], gone["profiles"]) == ({}, None, {})
    assert gone["erased"]["requested_at"] == START + 3 * DAY
    assert [line for line in gone["also"] if "dead-letters" in line and "14 days" in line]


def _until_gone(work: Deployment, feed: Feed) -> None:
    """Others go on, so segments roll and the cleaner gets its turn."""
    moment = [3.4]
    status = cycle(("opened", "closed"))  # each of them is published

    def gone() -> bool:
        moment[0] += 0.05
        work.send(
            feed.visit(STAYS, moment[0], HOST),
            feed.fact(STAYS, moment[0], "care_case", case_id="c-1", status=next(status)),
        )
        return not (
            work.on_disk(STATE, ERASED)
            or work.on_disk(PROFILES, ERASED)
            or work.on_disk(OFFERS, ERASED)
            or work.on_disk(AUDIENCES, ERASED)
            or work.on_disk(RECEIPTS, ERASED)
            or work.on_disk(DEAD_LETTERS, ERASED)
        )

    wait_until(
        gone,
        _GONE_S,
        lambda: str(
            {
                name: work.on_disk(name, ERASED)
                for name in (STATE, PROFILES, OFFERS, AUDIENCES, RECEIPTS)
            }
        ),
    )
    assert work.on_disk(STATE, STAYS)


def _nothing_names_anybody(work: Deployment, accounts: tuple[str, ...]) -> None:
    url = f"http://127.0.0.1:{work.settings.http_port}/metrics"
    with urllib.request.urlopen(url, timeout=60) as answer:
        metrics = answer.read().decode()
    assert "interest_streams_commits_total" in metrics
    for account in accounts:
        assert account not in metrics
        assert account not in work.worker.text()
