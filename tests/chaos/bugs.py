"""Bugs to plant in a worker, each a promise of the design broken in one place.

A verifier that finds nothing proves nothing until it has found these.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from features.changes import Changes
from features.engine import Engine
from features.records.position import Position
from streams.settings import Settings
from streams.worker.membership import Membership
from streams.worker.outlet import Commit, Outlet
from streams.worker.partition import Cut
from streams.worker.pipeline import Pipeline
from streams.worker.restore import Restore


def plant(name: str) -> None:
    """Change the worker of this process; `BUGS` has the names."""
    BUGS[name]()


def _replace(where: type, name: str, bug: Callable[..., Any]) -> None:
    setattr(where, name, bug)


def _offsets_outside() -> None:
    """Offsets are committed after the transaction instead of inside."""
    commit, give, consumers = Outlet.commit, Pipeline.commit, list[Consumer]()

    def given(
        self: Pipeline,
        cuts: Sequence[Cut],
        engines: Mapping[int, Engine],
        consumer: Consumer,
        deadline: float | None = None,
    ) -> None:
        consumers[:] = [consumer]
        give(self, cuts, engines, consumer, deadline)

    def split(self: Outlet, what: Commit, member: Any, deadline: float) -> None:
        offsets, what.offsets = what.offsets, []
        commit(self, what, member, deadline)
        try:
            consumers[0].commit(offsets=offsets, asynchronous=False)
        except KafkaException:
            pass

    _replace(Pipeline, "commit", given)
    _replace(Outlet, "commit", split)


def _engine_kept() -> None:
    """After an abandoned transaction the engines are kept, not restored."""

    def keep(self: Membership) -> None:
        pass

    _replace(Membership, "rewind", keep)


def _row_skipped() -> None:
    """One of a hundred subjects never reaches the changelog."""
    collect = Engine.collect

    def forgetful(self: Engine, offsets: Mapping[str, Position]) -> Changes:
        changes = collect(self, offsets)
        for key in [
            key for key in changes.state if key.startswith(b"s/") and zlib.crc32(key) % 100 == 0
        ]:
            del changes.state[key]
        return changes

    _replace(Engine, "collect", forgetful)


def _label_leaked() -> None:
    """After a restart the last closed day is learned once more, its labels known."""
    load = Engine.load

    def leak(self: Engine, records: Any) -> dict[str, Position]:
        offsets = load(self, records)
        if self.store.counters["open_day"] > 0:
            self.store.counters["open_day"] -= 1
        return offsets

    _replace(Engine, "load", leak)


def _zombie_unfenced() -> None:
    """Commits don't say which generation of the group they belong to, and a loss is ignored."""
    commit, make, strangers = Outlet.commit, Outlet.__init__, dict[Outlet, Consumer]()

    def made(self: Outlet, settings: Settings, *more: Any) -> None:
        make(self, settings, *more)
        # Of the group by name only: without a generation the broker has nothing to compare.
        strangers[self] = Consumer(
            {
                "bootstrap.servers": settings.bootstrap_servers,
                "group.id": settings.group,
                "log_level": 0,
            }
        )

    def unfenced(self: Outlet, what: Commit, member: Any, deadline: float) -> None:
        commit(self, what, strangers[self].consumer_group_metadata(), deadline)

    def deaf(self: Membership, consumer: Consumer, spots: list[TopicPartition]) -> None:
        pass

    _replace(Outlet, "__init__", made)
    _replace(Outlet, "commit", unfenced)
    _replace(Membership, "_lost", deaf)


def _dead_letter_dropped() -> None:
    """One of twenty dead letters is dropped when its transaction is written."""
    commit = Outlet.commit

    def careless(self: Outlet, what: Commit, member: Any, deadline: float) -> None:
        what.refused = [letter for letter in what.refused if letter.offset % 20]
        commit(self, what, member, deadline)

    _replace(Outlet, "commit", careless)


def _profile_forgotten() -> None:
    """Profiles that were written are not all published: every 50th key is left out."""
    collect = Engine.collect

    def lossy(self: Engine, offsets: Mapping[str, Position]) -> Changes:
        changes = collect(self, offsets)
        changes.profiles = [item for item in changes.profiles if zlib.crc32(item[0]) % 50]
        return changes

    _replace(Engine, "collect", lossy)


def _ids_forgotten() -> None:
    """A restored engine does not remember which event ids it has seen."""
    load = Engine.load

    def amnesia(self: Engine, records: Any) -> dict[str, Position]:
        offsets = load(self, records)
        self.store.live.dedup.hash[:] = 0
        self.store.counters["ids"] = 0
        return offsets

    _replace(Engine, "load", amnesia)


def _state_not_awaited() -> None:
    """A partition starts at its committed offsets with whatever state was read so far."""
    step = Restore.step

    def hasty(self: Restore, seconds: float) -> bool:
        step(self, 0.05)
        return True

    _replace(Restore, "step", hasty)


#: Name to what plants it.
BUGS: dict[str, Callable[[], None]] = {
    "offsets-outside": _offsets_outside,
    "engine-kept": _engine_kept,
    "row-skipped": _row_skipped,
    "label-leaked": _label_leaked,
    "zombie-unfenced": _zombie_unfenced,
    "dead-letter-dropped": _dead_letter_dropped,
    "profile-forgotten": _profile_forgotten,
    "ids-forgotten": _ids_forgotten,
    "state-not-awaited": _state_not_awaited,
}

#: The faults that bring it to light.
FAULTS_FOR: dict[str, tuple[str, ...]] = {
    "offsets-outside": ("EndTxn answer lost",),
    "engine-kept": ("EndTxn held", "network held"),
    "row-skipped": ("SIGTERM",),
    "label-leaked": ("kill -9", "SIGTERM"),
    "zombie-unfenced": ("zombie",),
    "dead-letter-dropped": ("SIGTERM",),
    "profile-forgotten": ("SIGTERM",),
    "ids-forgotten": ("kill -9", "SIGTERM"),
    "state-not-awaited": ("kill -9", "cold start"),
}
