"""A shadow reads what the live deployment read, once, and publishes nothing there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from confluent_kafka import Producer

from streams.contract.topics import FACTS, INPUTS, NETWORK, TOPICS
from streams.kafka import clients, shadow
from streams.kafka.copying import committed_records, ends_of
from streams.kafka.topic_plan import create_topics, fetch
from streams.settings import Settings
from tests.conftest import Names
from tests.support.command_line import command
from tests.support.failing import Killed, killed
from tests.support.live_worker import consented, live, running, settled
from tests.support.open_transactions import await_markers

pytestmark = [pytest.mark.usefixtures("calm"), pytest.mark.kafka]

_LONG_AGO = "2020-01-01"


def _shadow(settings: Settings, name: str = "canary-") -> Settings:
    return replace(settings, topic_prefix=name + settings.topic_prefix, instance_id="w9")


def _records(settings: Settings) -> dict[tuple[str, int], tuple[int, int]]:
    await_markers(settings, [topic.name for topic in TOPICS])  # they occupy offsets
    found = fetch(clients.admin(settings), settings)
    spots = [(name, p) for name, topic in found.items() for p in range(topic.partitions)]
    return ends_of(settings, spots)


def _told(settings: Settings) -> dict[tuple[str, int], list[tuple[object, ...]]]:
    """What lies in the inputs: key, value and time, in order."""
    await_markers(settings, INPUTS)  # of the command's last commit
    spots = [(name, p) for name in INPUTS for p in range(2)]
    return {
        (name, p): [
            (item.key(), item.value(), item.timestamp(), item.headers())
            for item in committed_records(settings, spot, *ends_of(settings, [spot])[spot])
        ]
        for name, p in spots
        for spot in [(settings.topic(name), p)]
    }


def _live(bootstrap: str, names: Names) -> Settings:
    settings = live(bootstrap, names.prefix)
    consented(settings, events=3)
    settled(running(settings), settings)
    return settings


def test_killed_around_every_commit_a_shadow_says_the_same(
    kafka: str, names: Names, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = _live(kafka, names)
    before, there = _records(settings), _shadow(settings)
    words = ["replay", "--from", _LONG_AGO, "--to-prefix", there.topic_prefix]
    monkeypatch.setattr(shadow, "_PER_COMMIT", 15)
    kills = 0
    for strike in range(40):
        try:
            with killed(monkeypatch, strike % 2, before=strike % 3 == 0):
                assert command(settings, monkeypatch, *words) == 0
            break
        except Killed:
            kills += 1
    else:
        pytest.fail("it never ends")
    assert kills > 2
    assert _told(there) == _told(settings), "each record once, in order, with its time"
    settled(running(there), there)
    compare = ["compare", "--to-prefix", there.topic_prefix, "--most", "0"]
    capsys.readouterr()
    assert command(settings, monkeypatch, *compare) == 0
    said = capsys.readouterr().out
    assert "8 100.00% equal" in said and "acted on otherwise: 0.00%" in said
    assert _records(settings) == before, "nothing is written to the live topics"

    consented(settings, 3, events=2)  # live goes on, and the shadow follows when asked again
    settled(running(settings), settings)
    assert command(settings, monkeypatch, *words) == 0
    settled(running(there), there)
    assert command(settings, monkeypatch, *compare) == 0

    other = ["replay", "--from", "2021-01-01", "--to-prefix", there.topic_prefix]
    assert command(settings, monkeypatch, *other) == 2
    assert "were filled from another time (1577836800000 ms)" in capsys.readouterr().err


def test_events_from_a_time_and_facts_whole(
    kafka: str, names: Names, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = _live(kafka, names)
    there = _shadow(settings, "late-")
    words = ["replay", "--from", "2099-01-01", "--to-prefix", there.topic_prefix]
    assert command(settings, monkeypatch, *words) == 0
    written = {name for (name, _), (start, end) in _records(there).items() if end > start}
    assert written == {there.topic(FACTS)}
    compare = ["compare", "--to-prefix", there.topic_prefix]
    assert command(settings, monkeypatch, *compare) == 1
    assert "8 100.00% only in the first" in capsys.readouterr().out
    same = ["compare", "--from-prefix", there.topic_prefix, "--to-prefix", there.topic_prefix]
    assert command(settings, monkeypatch, *same) == 2
    nothing = ["compare", "--from-prefix", "no-", "--to-prefix", there.topic_prefix]
    assert command(settings, monkeypatch, *nothing) == 2
    assert "no-interest-profiles does not exist" in capsys.readouterr().err


def test_topics_of_somebody_else_are_no_shadow(
    kafka: str, names: Names, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = live(kafka, names.prefix)
    words = ["replay", "--from", _LONG_AGO, "--to-prefix"]
    assert command(settings, monkeypatch, *words, settings.topic_prefix) == 2
    assert "topics and group must be others" in capsys.readouterr().err
    there = _shadow(settings)
    create_topics(clients.admin(there), there)
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(there.topic(NETWORK), b"{}", b"acc-1")
    assert producer.flush(60) == 0
    assert command(settings, monkeypatch, *words, there.topic_prefix) == 2
    assert f"{there.topic(NETWORK)} has records already" in capsys.readouterr().err
