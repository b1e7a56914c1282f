"""Exports the state of a stopped group to a file, and imports it where there is none, once.

An export holds the changelog, the offsets that belong to it (in its partition records), and what
stood published. An import writes each partition's changelog and the group's offsets in one
transaction, with the export's id as a mark, so it may be interrupted and given again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

from confluent_kafka import Message, TopicPartition
from confluent_kafka.admin import OffsetSpec

from features.checkpoint import Checkpoint, unpublished
from features.state.changelog_keys import META, IncompatibleState, Meta, Owner
from features.tags import taxonomy
from streams.contract.topics import OFFERS, PROFILES, STATE
from streams.errors import UsageError
from streams.kafka import clients
from streams.kafka.copying import Copier, Outgoing, Progress, committed_records, ends_of
from streams.kafka.offsets import Spot, offsets_at
from streams.kafka.topic_plan import fetch
from streams.settings import Settings
from streams.worker import binding
from streams.worker.metas import read_metas
from streams.worker.rekey import part_meta
from streams.worker.state_file import StateFile, StatePart, StoredRecord, opened_state, write_state
from streams.worker.wiring import engine_config

_EXPORTED = (STATE, PROFILES, OFFERS)


def export_state(settings: Settings, path: Path, key: bytes | None = None) -> int:
    """Write a file of all state; returns the number of records.

    Raises
    ------
    UsageError
        Where a worker runs or there is no state; the message says what to do.
    """
    binding.refuse_members(settings)
    metas = read_metas(settings)
    if not metas:
        raise UsageError(f"{settings.topic(STATE)} has no state")
    spots = [(settings.topic(name), p) for name in _EXPORTED for p in sorted(metas)]
    spans = ends_of(settings, spots)

    def parts() -> Iterator[StatePart]:
        for p in sorted(metas):
            for name in _EXPORTED:
                yield StatePart(name, p, _latest(settings, (settings.topic(name), p), spans))
        binding.refuse_members(settings)
        if ends_of(settings, spots) != spans:
            raise UsageError("a worker wrote state meanwhile: stop every worker, and begin anew")

    return write_state(path, {p: m.to_bytes() for p, m in metas.items()}, parts(), key)


class Import:
    """Imports a file into a group that has no state.

    Parameters
    ----------
    file : Path
    key : bytes, optional
    anew : bool
        Go on at the start of the inputs, where they are others than those of the export.
    profiles : bool
        Write what stood published, too.

    Raises
    ------
    UsageError, StateFileError
        Where the file is not for this group; the message names what differs.
    """

    def __init__(
        self,
        settings: Settings,
        file: Path,
        key: bytes | None = None,
        *,
        anew: bool = False,
        profiles: bool = False,
    ) -> None:
        self._settings, self._path, self._key = settings, file, key
        self._topics = (STATE, *((PROFILES, OFFERS) if profiles else ()))
        binding.refuse_members(settings)
        self._owner = binding.owner_now(settings)
        with opened_state(file, key) as state:
            self.created, self._id = state.created, state.id
            self._metas = self._judged(state, anew)
        self._spots = {p: (settings.topic(STATE), p) for p in self._metas}
        self._refuse_unequal()

    def run(self) -> Iterator[int]:
        """Import each partition that was not before; gives the number of records of each.

        Raises
        ------
        UsageError
            Where a partition has other records.
        """
        for _ in self._by_partition():  # damage is found before anything is written
            pass
        with Copier(self._settings, "import") as copier:
            done = copier.done(self._spots.values())
            waiting = [p for p, spot in self._spots.items() if not self._is_done(spot, done)]
            for partition, records in self._by_partition():
                if partition in waiting:
                    mark = {self._spots[partition]: Progress(1, self._id)}
                    offsets = {self._settings.group: self._offsets(partition)}
                    copier.commit(records, mark, offsets)
                    yield len(records)

    def _judged(self, state: StateFile, anew: bool) -> dict[int, Meta]:
        checkpoint = Checkpoint(engine_config(self._settings), taxonomy.load())
        found = {}
        for partition, value in state.metas.items():
            try:
                meta = Meta.from_bytes(value)
                checkpoint.refuse_other(meta)
            except IncompatibleState as error:
                raise UsageError(f"{self._path}: {error}") from None
            began = {} if meta.owner is None else meta.owner.began
            ours = replace(meta, owner=replace(self._owner, began=began))
            if other := self._others(meta.owner, anew):
                starts = offsets_at(
                    self._settings, [(name, partition) for name in other], OffsetSpec.earliest()
                )
                offsets = {
                    name: at._replace(offset=starts.get((name, partition), at.offset))
                    for name, at in meta.offsets.items()
                }
                ours = part_meta(meta, offsets, self._owner)
            found[partition] = ours
        return found

    def _others(self, theirs: Owner | None, anew: bool) -> list[str]:
        """Inputs that are others than those of the export; refuses what can't be mended."""
        now, where = self._owner, self._path
        if theirs is None or theirs.moved_to:
            raise UsageError(
                f"{where}: the state was moved to the topics with prefix {theirs.moved_to!r}"
                if theirs
                else f"{where}: the state is bound to no group: it is of an older release"
            )
        if theirs.group != now.group:
            raise UsageError(
                f"{where}: group {theirs.group}, and these settings are of group {now.group}: set "
                "group_id and topic_prefix to what they were"
            )
        if theirs.partitions != now.partitions:
            raise UsageError(
                f"{where}: {theirs.partitions} partitions, and the inputs have {now.partitions}: "
                f"import it where they have {theirs.partitions}, then `interest-streams "
                "repartition`"
            )
        ids = theirs.topic_ids
        other = [name for name in ids if now.topic_ids.get(name) != ids[name]]
        if other and not anew:
            raise UsageError(
                f"{where}: {', '.join(other)}: not the topics of the export, or created anew "
                "since, so its offsets mean nothing there. To go on at the start of what they "
                "hold, repeat with --anew; events that are in the state already count twice"
            )
        return other

    def _refuse_unequal(self) -> None:
        found = fetch(clients.admin(self._settings), self._settings)
        for name in map(self._settings.topic, self._topics):
            there = found[name].partitions if name in found else 0
            if there != self._owner.partitions:
                raise UsageError(
                    f"{name} has {there} partitions and the inputs {self._owner.partitions}: "
                    "`interest-streams topics plan` tells what is missing"
                )

    def _is_done(self, spot: Spot, done: Mapping[Spot, Progress]) -> bool:
        """Whether a partition has this import; refuses any other record."""
        for name in self._topics:
            here = (self._settings.topic(name), spot[1])
            if not _latest(self._settings, here, ends_of(self._settings, [here])):
                continue
            if spot in done and done[spot].note == self._id:
                return True
            raise UsageError(
                f"{here[0]}[{here[1]}] has records: an import is for a group without state "
                "(`interest-streams state reset`)"
            )
        return False

    def _by_partition(self) -> Iterator[tuple[int, list[Outgoing]]]:
        with opened_state(self._path, self._key) as state:
            for partition, parts in groupby(state.parts(), attrgetter("partition")):
                records = [record for part in parts for record in self._outgoing(part)]
                meta = self._metas[partition].to_bytes()
                yield partition, [*records, Outgoing(*self._spots[partition], META, meta)]

    def _outgoing(self, part: StatePart) -> Iterator[Outgoing]:
        if part.topic in self._topics:
            topic = self._settings.topic(part.topic)
            for record in part.records:
                if record.key != META:
                    yield Outgoing(
                        topic,
                        part.partition,
                        record.key,
                        self._said_of(part.topic, record),
                        record.headers,
                        record.time_ms,
                    )

    def _said_of(self, topic: str, record: StoredRecord) -> bytes:
        """The value; where nothing is published with it, all is written when it is next looked at.

        What is unchanged would never be, for the state says that it was.
        """
        unknown = topic == STATE and PROFILES not in self._topics
        return unpublished(record.key, record.value) if unknown else record.value

    def _offsets(self, partition: int) -> list[TopicPartition]:
        return [
            TopicPartition(name, partition, at.offset, binding.committed_note(self._owner, name))
            for name, at in self._metas[partition].offsets.items()
        ]


def _latest(
    settings: Settings, spot: Spot, spans: Mapping[Spot, tuple[int, int]]
) -> list[StoredRecord]:
    """The newest record of each key, in the order in which they were written."""
    latest: dict[bytes, Message] = {}
    for message in committed_records(settings, spot, *spans[spot]):
        latest.pop(message.key() or b"", None)
        if message.value() is not None:
            latest[message.key() or b""] = message
    return [
        StoredRecord(
            key,
            message.value() or b"",
            message.timestamp()[1],
            cast("Any", message.headers() or []),
        )
        for key, message in latest.items()
    ]
