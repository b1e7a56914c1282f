"""Schedules of faults against the real worker over a Kafka in memory, and bugs it must catch.

A failing schedule names its seed: ``python -m tests.simulation --seed N`` repeats it. The long form
is ``python -m tests.simulation --schedules 10000 --jobs 2``.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import OFFSET_END, KafkaException, TopicPartition

from features import checkpoint
from features.engine import Engine
from features.models.adoption import Adoption
from features.models.pooled import Pool
from features.state import changelog_keys as keys
from features.state import layout as lay
from features.vocabulary import Outcome
from streams.errors import Abandon
from streams.worker.inlet import Inlet
from streams.worker.membership import Membership
from streams.worker.model_merger import ModelMerger
from streams.worker.outlet import Commit, Outlet
from streams.worker.partition import Partition
from streams.worker.pipeline import Pipeline
from tests.broker.memory_consumer import GroupMetadata, MemoryConsumer
from tests.simulation import inputs
from tests.simulation.deployment import KINDS, Fault
from tests.simulation.schedules import attempt, run

SCHEDULES = 200
#: A planted bug needs the right fault at the right call; most are met within ten schedules.
MOST_UNTIL_CAUGHT = 400


pytestmark = pytest.mark.usefixtures("calm")


def test_no_schedule_breaks_a_promise(seed: int) -> None:
    tally = run(range(seed, seed + SCHEDULES))
    assert not tally.broken, "\n".join(
        f"python -m tests.simulation --seed {n}: {broken}" for n, broken in tally.broken
    )
    assert set(tally.faults) == set(KINDS)
    assert tally.void < SCHEDULES / 20
    assert tally.adopted


def test_a_seed_repeats_its_schedule() -> None:
    first, again = attempt(11)[0], attempt(11)[0]
    assert first.trace == again.trace
    written = [
        [
            (spot, entry.key, entry.value)
            for txn in simulation.broker.commits
            for spot, entry in txn.written
        ]
        for simulation in (first, again)
    ]
    assert written[0] == written[1] != []


def test_without_faults_every_record_has_one_outcome() -> None:
    simulation, broken = attempt(3, [])
    assert broken is None
    log = simulation.broker.log("interest-state", 0)
    metas = [entry.value for _, entry in log.read(0, True) if entry.key == b"p/meta"]
    outcomes = json.loads(metas[-1] or b"")["outcomes"]
    taken = sum(simulation.broker.log(name, 0).end for name in inputs.JOINED)
    assert sum(outcomes[: len(Outcome)]) == taken


def test_the_inputs_have_every_kind_of_trouble() -> None:
    reasons, outcomes, taught = set(), [0] * len(Outcome), 0
    for seed in range(32):
        for partition in range(inputs.PARTITIONS):
            found = inputs.expected(seed, partition)
            reasons |= {reason for _, _, reason in found.dead}
            taught += keys.UPLIFT in found.state
            totals = json.loads(found.state[b"p/totals"])["outcomes"]
            outcomes = [a + b for a, b in zip(outcomes, totals, strict=False)]
    assert {"late", "empty", "not_json", "not_object", "missing"} <= reasons
    assert taught > 8, "what comes of contacts has to be learned"
    assert all(
        outcomes[kind]
        for kind in (
            lay.COUNTED,
            lay.UNTAGGED,
            lay.FACT,
            lay.DUPLICATE,
            lay.NO_CONSENT,
            lay.LATE,
            lay.MALFORMED,
        )
    )


# -- planted bugs ------------------------------------------------------------------------------


def _offsets_outside_the_transaction(patch: pytest.MonkeyPatch) -> None:
    def commit(self: Outlet, commit: Commit, member: Any, deadline: float) -> None:
        producer, left = self._producer, self._left(deadline)
        try:
            producer.begin_transaction()
            self._produce(commit, deadline)
            producer.commit_transaction(left)
            producer.begin_transaction()
            producer.send_offsets_to_transaction(commit.offsets, member, left)
            producer.commit_transaction(left)
        except KafkaException as error:
            raise Abandon(str(error)) from error

    patch.setattr(Outlet, "commit", commit)


def _engine_kept_after_an_abort(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Membership, "rewind", lambda self: None)


def _state_row_skipped(patch: pytest.MonkeyPatch) -> None:
    write = checkpoint.Checkpoint.write

    def skip(self: Any, state: dict[bytes, bytes | None], *rest: Any) -> None:
        write(self, state, *rest)
        rows = [key for key in state if key.startswith(b"s/")]
        if len(rows) > 2:
            del state[rows[-1]]

    patch.setattr(checkpoint.Checkpoint, "write", skip)


def _label_leaked_across_a_restart(patch: pytest.MonkeyPatch) -> None:
    load = Engine.load

    def again(self: Engine, records: Any) -> Any:
        offsets = load(self, records)
        if self.store.counters["open_day"] > 0:
            self.store.counters["open_day"] -= 1  # its labels are learned once more
        return offsets

    patch.setattr(Engine, "load", again)


def _zombie_unfenced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        MemoryConsumer,
        "consumer_group_metadata",
        lambda self: GroupMetadata(self._group.name, "", -1),
    )


def _dead_letter_dropped(patch: pytest.MonkeyPatch) -> None:
    take = Partition.take_refused
    patch.setattr(Partition, "take_refused", lambda self, positions: take(self, positions)[:1])


def _impatient_merge(patch: pytest.MonkeyPatch) -> None:
    poll = Inlet.poll

    def by_the_clock(self: Inlet, *rest: Any) -> int:
        self._listened = self._ports.monotonic()
        return poll(self, *rest)

    patch.setattr(Inlet, "poll", by_the_clock)


def _commit_of_a_former_owner(patch: pytest.MonkeyPatch) -> None:
    """Partitions go while a commit waits, which then says it is of the generation after."""
    give, commit = Pipeline.commit, Outlet.commit
    consumers: dict[Any, Any] = {}

    def given(self: Pipeline, cuts: Any, engines: Any, consumer: Any, *more: Any) -> None:
        consumers[self._settings.instance] = consumer
        give(self, cuts, engines, consumer, *more)

    def late(self: Outlet, what: Commit, member: Any, deadline: float) -> None:
        commit(
            self,
            what,
            consumers[vars(self._producer)["_tid"].removeprefix("sim-")].consumer_group_metadata(),
            deadline,
        )

    patch.setattr(Pipeline, "commit", given)
    patch.setattr(Outlet, "commit", late)
    patch.setattr(Pipeline, "settle", lambda self: None)


def _assigned_at_the_end(patch: pytest.MonkeyPatch) -> None:
    """The worker's place until its seek is a look-up, which the client may repeat after it."""
    assign = MemoryConsumer.assign

    def at_the_end(self: MemoryConsumer, spots: list[TopicPartition]) -> None:
        places = [TopicPartition(s.topic, s.partition, OFFSET_END) for s in spots]
        assign(self, places if self._topics else spots)

    patch.setattr(MemoryConsumer, "assign", at_the_end)


def _resent_unnoticed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Outlet, "_is_doubtful", lambda self, deadline: False)


def _lessons_lost_at_a_restart(patch: pytest.MonkeyPatch) -> None:
    """What a partition gave, and which merged model it stands on, is not read back."""
    patch.setattr(Pool, "restore", lambda self, data: None)


def _merged_model_taken_beside_the_log(patch: pytest.MonkeyPatch) -> None:
    """A worker takes the merged model as soon as it sees it, not at its place in the log."""
    tell = ModelMerger._tell

    def at_once(self: Any, reading: Any, merged: Any, inlet: Any, engines: Any) -> None:
        for number, engine in engines.items():
            until, _ = merged.until.get(number, (-1, -1))
            parts = {part: b64decode(data) for part, data in reading.parts().items()}
            engine.adopt(Adoption(0, reading.of, merged.day, until, parts))
        tell(self, reading, merged, inlet, engines)

    patch.setattr(ModelMerger, "_tell", at_once)


#: Bugs, and faults to strike with where the seed's own would take long to meet them.
BUGS: dict[Any, Sequence[Fault] | None] = {
    _offsets_outside_the_transaction: None,
    _engine_kept_after_an_abort: None,
    _state_row_skipped: None,
    _label_leaked_across_a_restart: None,
    _zombie_unfenced: [Fault("PAUSE", 1, 0.5, at="begin_transaction")],
    _dead_letter_dropped: None,
    _impatient_merge: None,
    _commit_of_a_former_owner: None,
    _resent_unnoticed: [Fault("RESEND", 4 * n, 0.5) for n in range(4)],
    _assigned_at_the_end: None,
    _lessons_lost_at_a_restart: None,
    _merged_model_taken_beside_the_log: None,
}


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__.strip("_"))
def test_a_planted_bug_is_caught(plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    for seed in range(MOST_UNTIL_CAUGHT):
        _, broken = attempt(seed, BUGS[plant])
        if broken is not None:
            print(f"caught by schedule {seed}: {broken[:150]}")
            return
    pytest.fail(f"not caught in {MOST_UNTIL_CAUGHT} schedules")


def test_a_planted_bug_needs_few_faults_to_show(monkeypatch: pytest.MonkeyPatch) -> None:
    _engine_kept_after_an_abort(monkeypatch)
    found = [attempt(seed, [Fault("ABORT", 3, 0.5)])[1] for seed in range(30)]
    assert any(found)
