"""Offsets that mean nothing any more: each case is named, and has a way on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from features.records.position import Position
from features.state.changelog_keys import Bound, Meta, Owner
from streams.commands import offsets
from streams.contract.topics import BY_NAME, NETWORK
from streams.errors import BadTopics, LostOffsets, Stop, UsageError
from streams.kafka.consumer_group import Group
from streams.settings import Settings
from streams.worker.metas import read_metas
from streams.worker.worker import Worker, check_topics
from tests.conftest import Names
from tests.support.command_line import command
from tests.support.live_worker import consented, live, running, settled, step_until
from tests.support.new_topics import create, delete

pytestmark = pytest.mark.usefixtures("calm")

NOW = Owner("g", 1, {"net": "id-1"})
META = Meta(
    Bound((1.0, 7.0, 60.0), 0, "t", "k"), {"net": Position(10, 5)}, 0, 0, 0, 0, (0,), "r", NOW
)


@pytest.mark.parametrize(
    ("start", "end", "anew", "to"),
    [
        (0, 10, False, 10),  # all read
        (12, 20, False, 12),  # deleted unread
        (0, 4, False, 4),  # cut short
        (0, 30, True, 0),  # created anew, and longer than the old one
        (10, 10, True, 10),  # created anew, and by chance the same offset: still to be bound
    ],
)
def test_where_a_log_goes_on(
    start: int, end: int, anew: bool, to: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"earliest": {("net", 0): start}, "latest": {("net", 0): end}}
    looked = iter(["earliest", "latest"])
    monkeypatch.setattr(offsets, "offsets_at", lambda *_: found[next(looked)])
    now = replace(NOW, topic_ids={"net": "id-2"}) if anew else NOW
    moves = offsets.find_lost(Settings(), {0: META}, now)
    assert [(move.was, move.to) for move in moves] == ([(10, to)] if to != 10 or anew else [])


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (replace(NOW, partitions=4), "repartition --partitions 4"),
        (replace(NOW, group="h"), "offsets repair"),
    ],
)
def test_what_no_reset_mends_is_said(now: Owner, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        offsets.find_lost(Settings(), {0: META}, now)


# -- on a real broker ------------------------------------------------------------------------

Meddle = Callable[[Settings, AdminClient], None]


def _delete_unread(settings: Settings, admin: AdminClient) -> None:
    consented(settings)
    with Group(settings) as group:
        spots = [TopicPartition(settings.topic(NETWORK), p) for p in range(2)]
        at = group.committed(spots)
    asked = [TopicPartition(topic, p, offset + 1) for (topic, p), offset in at.items()]
    for future in admin.delete_records(asked).values():
        future.result(60)


def _create_anew(settings: Settings, admin: AdminClient) -> None:
    name = settings.topic(NETWORK)
    delete(admin, name)
    create(admin, NewTopic(name, 2, 1, config=dict(BY_NAME[NETWORK].config)))
    consented(settings, events=3)  # the new log is longer than the old one was


def _move_by_hand(settings: Settings, admin: AdminClient) -> None:
    consumer = Consumer(
        {"bootstrap.servers": settings.bootstrap_servers, "group.id": settings.group}
    )
    consumer.commit(offsets=[TopicPartition(settings.topic(NETWORK), 0, 0)], asynchronous=False)
    consumer.close()


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("meddle", "action", "named"),
    [
        (_delete_unread, "reset", "records from"),
        (_create_anew, "reset", "created anew"),
        (_move_by_hand, "repair", "where the state stands"),
    ],
)
def test_each_kind_stops_a_worker_and_has_a_way_on(
    meddle: Meddle,
    action: str,
    named: str,
    kafka: str,
    names: Names,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = live(kafka, names.prefix)
    settled(running(settings), settings)
    meddle(settings, AdminClient({"bootstrap.servers": kafka}))
    with pytest.raises((BadTopics, LostOffsets), match=f"offsets {action}"):
        _run(settings)
    assert command(settings, monkeypatch, "offsets", action) == 0
    assert named in capsys.readouterr().out
    with pytest.raises(Stop):  # it only asked
        _run(settings)
    assert command(settings, monkeypatch, "offsets", action, "--yes") == 0
    before = sum(sum(meta.outcomes) for meta in read_metas(settings).values())
    worker = _started(settings)
    consented(settings)
    settled(worker, settings)
    assert sum(sum(meta.outcomes) for meta in read_metas(settings).values()) > before
    capsys.readouterr()
    assert command(settings, monkeypatch, "offsets", action) == 0
    assert "nothing to do" in capsys.readouterr().out


@pytest.mark.kafka
def test_another_groups_state_is_taken_over_once_its_workers_are_gone(
    kafka: str, names: Names, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blue = live(kafka, names.prefix)
    green = replace(blue, group_id=names.prefix + "green", instance_id="w2")
    worker = running(blue)
    with pytest.raises(BadTopics, match="belongs to group"):
        _run(green)
    assert command(green, monkeypatch, "offsets", "repair", "--yes") == 1
    assert "still has 1 members: stop every worker first" in capsys.readouterr().err
    settled(worker, blue)
    assert command(green, monkeypatch, "offsets", "repair", "--yes") == 0
    consented(green)
    settled(_started(green), green)
    with pytest.raises(BadTopics, match=f"belongs to group {green.group}"):
        _run(blue)


@pytest.mark.kafka
def test_a_group_whose_name_had_no_prefix_is_taken_over(
    kafka: str, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = live(kafka, names.prefix, group_id="plain-" + names.prefix)
    with monkeypatch.context() as patch:
        patch.setattr(Settings, "group", property(lambda self: self.group_id))
        patch.setattr(Meta, "to_bytes", _without_owner(Meta.to_bytes))  # an older release
        settled(running(new), new)
    with pytest.raises(BadTopics, match="begins with topic_prefix now.*offsets repair"):
        check_topics(new)
    assert command(new, monkeypatch, "offsets", "repair", "--yes") == 0
    assert check_topics(new) == 2
    consented(new)
    settled(_started(new), new)


def _without_owner(to_bytes: Callable[[Meta], bytes]) -> Callable[[Meta], bytes]:
    return lambda meta: to_bytes(replace(meta, owner=None))


def _started(settings: Settings) -> Worker:
    check_topics(settings)
    worker = Worker(settings)
    worker.start()
    return worker


def _run(settings: Settings) -> None:
    """Until the worker refuses, as it should."""
    worker = _started(settings)
    try:
        step_until(worker, lambda: worker._pipeline.succeeded > 0)
    finally:
        worker._pipeline.discard()
        worker.leave()
