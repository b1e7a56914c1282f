"""From 2 to 6 partitions, killed around every commit, with records under way: nothing is lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions

from features.privacy.disclosure import describe_subject
from features.state import changelog_keys as keys
from features.state.changelog_keys import Kind
from features.tags import taxonomy
from streams.commands import accounting
from streams.contract.topics import AUDIENCES, FACTS, INPUTS, OFFERS, PROFILES, STATE, UNTAGGED
from streams.errors import BadTopics
from streams.kafka import clients
from streams.kafka.compacted import CompactedTopic
from streams.kafka.topic_plan import create_topics
from streams.settings import Settings
from streams.worker import repartitioning
from streams.worker.metas import read_metas
from streams.worker.worker import Worker, check_topics
from tests.conftest import Names
from tests.support.command_line import command
from tests.support.failing import Killed, killed
from tests.support.live_worker import consented, live, running, settled, step_until
from tests.support.open_transactions import await_markers

pytestmark = [pytest.mark.usefixtures("calm"), pytest.mark.kafka]

ACCOUNTS = 12
SAID = {b"release": b'{"budget": {}}', b"interest/483": b'{"accounts": 20}'}
LOADED = 8  # kills during which records come


def _moved(old: Settings) -> Settings:
    return replace(old, topic_prefix="v2-" + old.topic_prefix, partitions=6, instance_id="w9")


def _command(old: Settings, monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    to = ["--to-prefix", _moved(old).topic_prefix, "--partitions", "6"]
    return command(old, monkeypatch, "repartition", *to, *more)


def _visits(settings: Settings) -> Counter[str]:
    """Events that the state knows of, by account."""
    tree, found = taxonomy.load(), _latest(settings, STATE)
    named = {spot.name.decode(): v for k, v in found.items() if (spot := keys.parse(k))
             and spot.kind is Kind.SUBJECT}  # fmt: skip
    return Counter({name: describe_subject(v, tree)["events"] for name, v in named.items()})


def _latest(settings: Settings, name: str) -> dict[bytes, bytes]:
    await_markers(settings, [name])  # of a command's last commit
    topic = CompactedTopic(settings.bootstrap_servers, settings.topic(name))
    found = topic.latest(lambda key: True)
    topic.close()
    return {key: value for (key, _), value in found.items()}


def _published(settings: Settings) -> list[dict[bytes, bytes]]:
    return [_latest(settings, name) for name in (PROFILES, OFFERS)]


def _say_audiences(settings: Settings) -> None:
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    for key, value in SAID.items():
        producer.produce(settings.topic(AUDIENCES), value, key)
    producer.produce(settings.topic(UNTAGGED), b"{}", b"host:a.example@w0")
    assert producer.flush(60) == 0


def _started(settings: Settings) -> Worker:
    check_topics(settings)
    worker = Worker(settings)
    worker.start()
    return worker


def _all(events: int) -> Counter[str]:
    return Counter({f"acc-{n}": events for n in range(ACCOUNTS)})


def test_killed_around_every_commit_it_moves_everything_once(
    kafka: str, names: Names, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = live(kafka, names.prefix)
    new = _moved(old)
    worker = running(old)
    consented(old, ACCOUNTS, events=3)
    settled(worker, old)
    before, published = _visits(old), _published(old)
    assert published[0] and published[0].keys() == published[1].keys()
    _say_audiences(old)
    consented(old, ACCOUNTS, events=2)  # nobody reads these
    monkeypatch.setattr(repartitioning, "_PER_COMMIT", 9)
    with pytest.raises(Killed), killed(monkeypatch, 1, before=True):
        _command(old, monkeypatch, "--yes")  # amid the first copies: there is no progress yet
    kills = 0
    for strike in range(200):
        try:
            with killed(monkeypatch, strike % 2, before=strike % 3 == 0):
                assert _command(old, monkeypatch, "--yes") == 0
        except Killed:
            kills += 1
            if kills <= LOADED:
                consented(old, 1)  # the load goes on
        else:
            break
    assert kills > LOADED
    assert "NOT THE SAME" not in capsys.readouterr().out
    with pytest.raises(BadTopics, match="was moved to the topics with prefix"):
        worker = _started(old)
        step_until(worker, lambda: False)
    worker.leave()
    assert _visits(new) == before and _published(new) == published
    assert _latest(new, AUDIENCES) == SAID, "what was drawn is not drawn again"
    settled(_started(new), new)
    account = accounting.read(new)
    assert account.balanced and sum(account.behind.values()) == 0
    more = Counter({"acc-0": LOADED})
    assert _visits(new) == before + _all(2) + more

    consented(old, ACCOUNTS)  # producers that have not followed yet
    assert _command(old, monkeypatch, "--yes", "--retract") == 0
    assert "NOT THE SAME" not in capsys.readouterr().out
    settled(_started(new), new)
    assert _visits(new) == before + _all(3) + more
    assert not _visits(old) and not any(_published(old)) and not _latest(old, UNTAGGED)
    assert _latest(old, AUDIENCES).keys() == {b"release"}
    assert read_metas(old).keys() == {0, 1}
    assert _command(old, monkeypatch, "--yes", "--retract") == 0, "and again"


def test_partitions_that_a_stranger_raised_are_moved_with_what_went_astray(
    kafka: str, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = live(kafka, names.prefix)
    new = _moved(old)
    worker = running(old)
    settled(worker, old)
    before = _visits(old)
    asked = [NewPartitions(old.topic(name), 6) for name in (*INPUTS, STATE, PROFILES)]
    admin = AdminClient({"bootstrap.servers": kafka})
    for future in admin.create_partitions(asked).values():
        future.result(60)
    consented(old, ACCOUNTS, events=2)
    assert _command(old, monkeypatch, "--yes") == 0
    settled(_started(new), new)
    assert _visits(new) == before + _all(2)


def test_what_can_not_be_moved_is_refused_by_name(
    kafka: str, names: Names, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = live(kafka, names.prefix)
    worker = running(old)
    assert _command(old, monkeypatch, "--yes") == 2
    assert "has 1 members: stop every worker first" in capsys.readouterr().err
    settled(worker, old)
    words = ["repartition", "--yes"]
    to = ["--to-prefix", "x-", "--partitions", "5"]
    assert command(old, monkeypatch, *words, *to) == 2
    assert "not a multiple of 2" in capsys.readouterr().err
    to = ["--to-prefix", old.topic_prefix, "--partitions", "4"]
    assert command(old, monkeypatch, *words, *to) == 2
    new = _moved(old)
    create_topics(clients.admin(new), new)
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(new.topic(FACTS), b"{}", b"acc-1")
    assert producer.flush(60) == 0
    assert _command(old, monkeypatch, "--yes") == 2
    assert "has records already: take another prefix" in capsys.readouterr().err
    assert _command(old, monkeypatch, "--yes", "--abandon") == 0
    consented(old)
    settled(_started(old), old)
