"""A changelog of another group, other topics or another number of partitions is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient, NewPartitions

from features.state.changelog_keys import META, Meta, Owner
from streams.__main__ import main
from streams.contract.topics import INPUTS, NETWORK, STATE
from streams.errors import BadTopics
from streams.kafka import clients
from streams.settings import Settings
from streams.worker import binding
from streams.worker.binding import Go, Migrate, Refuse, judge_notes, judge_owner
from streams.worker.metas import read_metas
from streams.worker.worker import Worker, check_topics
from tests.broker.memory_broker import MemoryBroker
from tests.conftest import Names
from tests.simulation import inputs
from tests.support.live_worker import consented, live, running, step_until
from tests.support.small_worker import NETWORK_TOPIC, event, fed, put, start, steps

OURS = Owner("blue", 4, {"a": "id-a", "b": "id-b"})

pytestmark = pytest.mark.usefixtures("calm")


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        (replace(OURS, group="green"), "belongs to group green.*offsets repair"),
        (replace(OURS, partitions=2), "have 4 partitions and had 2.*repartition --partitions 4"),
        (replace(OURS, partitions=6), "have 4 partitions and had 6.*repartition --partitions 6"),
        (replace(OURS, topic_ids={"a": "old", "b": "id-b"}), "^a: created anew.*offsets reset"),
        (replace(OURS, moved_to="v2-"), "prefix 'v2-'"),
    ],
)
def test_what_differs_is_named_with_the_command_that_mends_it(theirs: Owner, says: str) -> None:
    verdict = judge_owner(theirs, OURS)
    assert isinstance(verdict, Refuse)
    assert re.search(says, verdict.sentence)


def test_what_is_ours_or_has_no_owner_yet_goes_on() -> None:
    assert judge_owner(OURS, OURS) == Go()
    assert judge_owner(None, OURS) == Migrate()
    # A broker that tells no ids binds nothing, and one that begins to is believed.
    assert judge_owner(replace(OURS, topic_ids={}), OURS) == Migrate()
    assert judge_owner(OURS, replace(OURS, topic_ids={})) == Migrate()


def test_notes_beside_offsets_tell_of_every_partition() -> None:
    note = binding.committed_note
    assert note(None, "a") == ""
    fine = {("a", 0): note(OURS, "a"), ("b", 3): note(OURS, "b"), ("b", 1): "", ("a", 1): "by hand"}
    assert judge_notes(fine, OURS) == []
    (reason,) = judge_notes(fine, replace(OURS, partitions=12))
    assert "have 12 partitions and had 4" in reason
    (reason,) = judge_notes(fine, replace(OURS, topic_ids={"a": "new", "b": "id-b"}))
    assert reason.startswith("a: created anew")


def _raise_all(broker: MemoryBroker, *names: str) -> None:
    for name in names:
        broker.topics[name] += [type(broker.log(name, 0))()]


@pytest.mark.parametrize("raised", [INPUTS, (NETWORK_TOPIC,)], ids=["all", "one"])
def test_partitions_that_are_raised_stop_a_worker_before_anything_is_lost(
    raised: tuple[str, ...],
) -> None:
    broker = fed(3)
    worker = start(broker)
    steps(10, worker)
    before = len(broker.commits)
    put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + 10**7))
    _raise_all(broker, *raised, *((STATE,) if raised == INPUTS else ()))
    with pytest.raises(BadTopics, match="had 1 when|not co-partitioned"):
        _rebalanced(broker, worker)
    worker._pipeline.discard()
    worker.leave()
    written = {spot for txn in broker.commits[before:] for spot, _ in txn.written}
    assert {partition for _, partition in written} <= {0}
    with pytest.raises(BadTopics, match="had 1 when|not co-partitioned"):
        steps(30, start(broker, "w1"))


def _rebalanced(broker: MemoryBroker, worker: Worker) -> None:
    broker._rebalance(broker.group("sim"))
    steps(30, worker)


@pytest.mark.parametrize(
    ("meddle", "says"),
    [
        (lambda broker: broker.create(NETWORK_TOPIC, 1), "network-usage: created anew"),
        (lambda broker: broker.groups.clear(), None),  # offsets that expired are in the state
    ],
)
def test_a_restored_changelog_is_compared_with_the_topics(
    meddle: Callable[[MemoryBroker], None], says: str | None
) -> None:
    broker = fed(3)
    worker = start(broker)
    steps(10, worker)
    worker.leave()
    meddle(broker)
    if says is None:
        steps(10, start(broker))
    else:
        with pytest.raises(BadTopics, match=says):
            steps(10, start(broker))


def test_two_groups_do_not_share_a_state() -> None:
    broker = fed(3)
    blue = start(broker)
    steps(10, blue)
    with pytest.raises(BadTopics, match="belongs to group sim, and this worker is of group green"):
        steps(10, start(broker, "w1", group_id="green"))
    put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + 10**7))
    steps(10, blue)


def test_what_an_older_release_wrote_is_bound_with_the_next_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = fed(3)
    with monkeypatch.context() as patch:
        patch.setattr(Meta, "to_bytes", _without_owner(Meta.to_bytes))
        worker = start(broker)
        steps(10, worker)
        worker.leave()
    assert _last_meta(broker).owner is None
    put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + 10**7))
    steps(20, start(broker))
    owner = _last_meta(broker).owner
    assert owner is not None and (owner.group, owner.partitions) == ("sim", 1)
    assert owner.topic_ids == {name: broker.topic_ids[name] for name in INPUTS}


def _without_owner(to_bytes: Callable[[Meta], bytes]) -> Callable[[Meta], bytes]:
    return lambda meta: to_bytes(replace(meta, owner=None))


def _last_meta(broker: MemoryBroker) -> Meta:
    return Meta.from_bytes(
        [e.value for _, e in broker.log(STATE, 0).read(0, True) if e.key == META][-1] or b""
    )


def test_another_prefix_is_another_group() -> None:
    assert Settings().group == "interest-streams"
    assert Settings(topic_prefix="eu-").group == "eu-interest-streams"
    assert Settings(topic_prefix="eu-", group_id="eu-blue").group == "eu-blue"
    settings = Settings(topic_prefix="eu-", instance_id="w1")
    made = clients.producer_config("worker", settings)["transactional.id"]
    assert made == "eu-interest-streams-w1"


# -- on a real broker ------------------------------------------------------------------------


@pytest.mark.kafka
@pytest.mark.parametrize("raised", [INPUTS, (NETWORK,)], ids=["all", "one"])
def test_on_a_real_broker_raised_partitions_are_refused_and_told_by_topics_check(
    kafka: str,
    names: Names,
    raised: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = live(kafka, names.prefix)
    for name in ("topic_prefix", "group_id"):
        monkeypatch.setenv(f"INTEREST_STREAMS_{name.upper()}", getattr(settings, name))
    check = ["topics", "check", "--bootstrap", kafka]
    assert main(check) == 0
    worker = running(settings)
    assert main(check) == 0
    assert "as the state knows them" in capsys.readouterr().out
    more = [*raised, *(("interest-state", "interest-profiles", "dead-letters", "erasure-receipts")
                       if raised == INPUTS else ())]  # fmt: skip
    admin = AdminClient({"bootstrap.servers": kafka})
    asked = [NewPartitions(settings.topic(name), 6) for name in more]
    for future in admin.create_partitions(asked).values():
        future.result(60)
    with pytest.raises(BadTopics, match="repartition"):
        step_until(worker, lambda: False)
    worker._pipeline.discard()
    worker.leave()
    consented(settings)  # most of it in new partitions
    assert main(check) == 1
    assert "partitions" in capsys.readouterr().err
    with pytest.raises(BadTopics):
        check_topics(settings)
    assert all(meta.owner and meta.owner.partitions == 2 for meta in read_metas(settings).values())


@pytest.mark.kafka
def test_on_a_real_broker_a_stranger_in_the_group_is_named(kafka: str, names: Names) -> None:
    settings = live(kafka, names.prefix)
    worker = running(settings)
    stranger = Consumer(
        {
            "bootstrap.servers": kafka,
            "client.id": "console-consumer",
            "group.id": settings.group,
            "partition.assignment.strategy": "range",
            "session.timeout.ms": 6000,
            "enable.auto.commit": False,
        }
    )
    try:
        stranger.subscribe([settings.topic(NETWORK)])

        def intrude() -> bool:
            stranger.poll(0.05)
            return False

        with pytest.raises(BadTopics, match=r"without some of their inputs: console-consumer at /"):
            step_until(worker, intrude)
        worker._pipeline.discard()
        worker.leave()
    finally:
        stranger.close()
