"""Moves a deployment to topics of more partitions: state divided, records by key, exactly once.

All progress lies in the transactions that make it (`streams.kafka.copying`), so a move that was
interrupted anywhere goes on where it was.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, cast

from confluent_kafka import Message, TopicPartition

from features.audiences.segments import RELEASE
from features.state.changelog_keys import META, Owner
from streams.contract.topics import (
    AUDIENCES,
    FACTS,
    OFFERS,
    PROFILES,
    STATE,
    TAGS,
    UNTAGGED,
    joined_topics,
)
from streams.errors import UsageError
from streams.kafka import clients
from streams.kafka.copying import Copier, Outgoing, Progress, committed_records, ends_of, filled
from streams.kafka.offsets import Spot
from streams.kafka.partitioners import PARTITIONERS
from streams.kafka.topic_plan import fetch
from streams.settings import Settings
from streams.worker import binding, rekey
from streams.worker.metas import read_metas

_PER_COMMIT = 5_000
_PUBLISHED = (PROFILES, OFFERS)
_BY_APP = PARTITIONERS["consistent"]


class Migration:
    """Moves one deployment to other topics.

    Parameters
    ----------
    old, new : Settings
        Which differ in prefix and number of partitions.

    Raises
    ------
    UsageError
        Where that can't be done; the message says why.
    """

    def __init__(self, old: Settings, new: Settings) -> None:
        if new.group == old.group or new.topic_prefix == old.topic_prefix:
            raise UsageError(f"--to-prefix {new.topic_prefix!r}: topics and group must be others")
        if old.partitioner not in PARTITIONERS:
            raise UsageError("set partitioner to what the producers use: it says who goes where")
        self.old, self.new = old, new
        self._found = fetch(clients.admin(old), old)
        self.metas = read_metas(old)
        owners = [meta.owner for meta in self.metas.values() if meta.owner is not None]
        self.was = owners[0].partitions if owners else self._found[old.topic(STATE)].partitions
        if new.partitions % self.was or new.partitions <= self.was:
            raise UsageError(
                f"--partitions {new.partitions}: not a multiple of {self.was}, so that a new "
                "partition would have models and watermarks of several old ones"
            )
        self._home = partial(_home_of, PARTITIONERS[old.partitioner], new.partitions)

    def close(self, to: str) -> None:
        """Have the old workers refuse, or no more; the group must have no members.

        Raises
        ------
        UsageError
        """
        binding.refuse_members(self.old)
        nobody = Owner(self.old.group, self.was, {})
        other = {m.owner.moved_to for m in self.metas.values() if m.owner} - {"", to}
        if to and other:
            raise UsageError(f"the state was moved to {', '.join(other)} before")
        closed = {
            p: replace(meta, owner=replace(meta.owner or nobody, moved_to=to))
            for p, meta in self.metas.items()
        }
        if closed == self.metas:
            return
        topic = self.old.topic(STATE)
        with Copier(self.old, "repartition-close") as copier:
            copier.commit((Outgoing(topic, p, META, m.to_bytes()) for p, m in closed.items()), {})
        self.metas = closed

    def steps(self, copier: Copier) -> Iterator[tuple[str, Iterable[int]]]:
        """List the steps by title; each gives numbers of records as it goes.

        Raises
        ------
        UsageError
            Where somebody else has written to the new topics.
        """
        self._refuse_others(copier)
        yield "content tags", self._whole(copier, TAGS)
        # With the account of the privacy budget: what was drawn must not be drawn again.
        yield "audiences that were said", self._whole(copier, AUDIENCES)
        yield "facts that the state has taken up", self._inputs(copier, [FACTS], unread=False)
        yield "state and profiles", self._state(copier)
        yield "records not read yet", self._inputs(copier, joined_topics(self.new), unread=True)

    # -- inputs --------------------------------------------------------------------------

    def _refuse_others(self, copier: Copier) -> None:
        names = joined_topics(self.new)
        if copier.done(spot for name in (STATE, *names) for spot in self._spots(name)):
            return
        spots = [(self.new.topic(name), p) for name in names for p in range(self.new.partitions)]
        if other := filled(self.new, spots):
            raise UsageError(f"{other} has records already: take another prefix")

    def _whole(self, copier: Copier, name: str) -> Iterator[int]:
        for spot, (start, end) in self._spots(name).items():
            yield from self._copy(copier, spot, name, start, end)

    def _inputs(self, copier: Copier, names: Iterable[str], *, unread: bool) -> Iterator[int]:
        for name in names:
            for spot, (start, end) in self._spots(name).items():
                meta = self.metas.get(spot[1])
                at = meta.offsets[spot[0]].offset if meta else start
                if unread:
                    yield from self._copy(copier, spot, name, max(start, at), end)
                else:
                    yield from self._copy(copier, spot, name, start, min(at, end))

    def _spots(self, name: str) -> dict[Spot, tuple[int, int]]:
        topic = self.old.topic(name)
        there = self._found[topic].partitions if topic in self._found else 0
        return ends_of(self.old, [(topic, p) for p in range(there)])

    def _copy(self, copier: Copier, spot: Spot, name: str, start: int, end: int) -> Iterator[int]:
        done = copier.done([spot]).get(spot)
        counts = _counts(done)
        messages = committed_records(self.old, spot, max(start, done.offset if done else 0), end)
        while batch := list(islice(messages, _PER_COMMIT)):
            copies = [copy for message in batch for copy in self._copies(name, message)]
            counts.update(copy.partition for copy in copies)
            note = json.dumps(counts, separators=(",", ":"))
            copier.commit(copies, {spot: Progress((batch[-1].offset() or 0) + 1, note)})
            yield len(batch)

    def _copies(self, name: str, message: Message) -> list[Outgoing]:
        """Copy a record; what a worker told a partition, to all that it is divided into."""
        key, parts = message.key() or b"", range(0)
        if name == FACTS and rekey.is_of_partition(message.key(), message.value()):
            source = (message.partition() or 0) % self.was
            parts = rekey.children(source, self.was, self.new.partitions)
        # The app's own partitioner: whoever withdraws a cell finds it.
        home = _BY_APP(key, self.new.partitions) if name == AUDIENCES else self._home(key)
        return [self._outgoing(name, message, part) for part in parts or [home]]

    def _outgoing(self, name: str, message: Message, part: int) -> Outgoing:
        return Outgoing(
            self.new.topic(name),
            part,
            message.key(),
            message.value(),
            cast("Any", message.headers() or []),
            message.timestamp()[1],
        )

    # -- state ---------------------------------------------------------------------------

    def _state(self, copier: Copier) -> Iterator[int]:
        owner = binding.owner_now(self.new)
        spots = {p: (self.old.topic(STATE), p) for p in sorted(self.metas)}
        done = copier.done(spots.values())
        if not done:
            self._refuse_more_facts(copier)
        for p, spot in spots.items():
            if spot not in done:
                records, offsets = self._parts(p, owner)
                for name in _PUBLISHED:
                    latest = self._latest(self.old, name, p).values()
                    records += [c for message in latest for c in self._copies(name, message)]
                copier.commit(records, {spot: Progress(1, "")}, {self.new.group: offsets})
                yield len(records)

    def _refuse_more_facts(self, copier: Copier) -> None:
        """Refuse facts of somebody else: they would count as taken up."""
        topic = self.new.topic(FACTS)
        copied: Counter[int] = Counter()
        for done in copier.done(self._spots(FACTS)).values():
            copied += _counts(done)
        spans = ends_of(self.new, [(topic, p) for p in range(self.new.partitions)])
        for spot, span in spans.items():
            if sum(1 for _ in committed_records(self.new, spot, *span)) != copied[spot[1]]:
                raise UsageError(
                    f"{topic}[{spot[1]}] has facts of somebody who moved before the state did: "
                    "give the command --abandon, and begin anew with another prefix"
                )

    def _parts(self, p: int, owner: Owner) -> tuple[list[Outgoing], list[TopicPartition]]:
        meta, parts = self.metas[p], rekey.children(p, self.was, self.new.partitions)
        spots = [(self.new.topic(name), part) for name in joined_topics(self.new) for part in parts]
        spans = ends_of(self.new, spots)
        topic, out, offsets = self.new.topic(STATE), [], []
        for part, records in rekey.split(self._folded(self.old, p), parts, self._home).items():
            at = {
                # The facts taken up lie before the end; of the rest nothing is there yet.
                self.new.topic(name): meta.offsets[self.old.topic(name)]._replace(
                    offset=spans[self.new.topic(name), part][name == FACTS]
                )
                for name in joined_topics(self.new)
            }
            own = rekey.part_meta(meta, at, owner)
            out += [Outgoing(topic, part, key, value) for key, value in records.items()]
            out.append(Outgoing(topic, part, META, own.to_bytes()))
            offsets += [
                TopicPartition(name, part, place.offset, binding.committed_note(owner, name))
                for name, place in at.items()
            ]
        return out, offsets

    def _folded(self, settings: Settings, partition: int) -> dict[bytes, bytes]:
        found = self._latest(settings, STATE, partition)
        return {key: message.value() or b"" for key, message in found.items()}

    def _latest(self, settings: Settings, name: str, partition: int) -> dict[bytes, Message]:
        spot = (settings.topic(name), partition)
        latest: dict[bytes, Message] = {}
        for message in committed_records(settings, spot, *ends_of(settings, [spot])[spot]):
            if message.value() is None:
                latest.pop(message.key() or b"", None)
            else:
                latest[message.key() or b""] = message
        return latest

    # -- the end -------------------------------------------------------------------------

    def differences(self) -> list[str]:
        """Compare what was moved with the old, where no worker has changed it yet."""
        said: list[str] = []
        metas = read_metas(self.new)
        for p in sorted(self.metas):
            parts = rekey.children(p, self.was, self.new.partitions)
            if any(part not in metas for part in parts):
                said.append(f"state of partition {p}: not all parts are there")
                continue
            folded = self._folded(self.old, p)
            if any(sum(metas[part].outcomes) for part in parts) or len(folded) == 1:
                continue  # workers went on, or the old state is retracted
            for part, records in rekey.split(folded, parts, self._home).items():
                if self._folded(self.new, part) != records | {META: metas[part].to_bytes()}:
                    said.append(f"state of partition {p} in partition {part}")
            for name in _PUBLISHED:
                said += self._differing(name, p, parts)
        return said

    def _differing(self, name: str, p: int, parts: Iterable[int]) -> list[str]:
        old = self._latest(self.old, name, p)
        new = {k: m for part in parts for k, m in self._latest(self.new, name, part).items()}
        other = [
            key
            for key, message in old.items()
            if key not in new or new[key].value() != message.value()
        ]
        return [f"{name} of partition {p}: {len(other)} of {len(old)}"] if other else []

    def retract(self, copier: Copier) -> Iterator[int]:
        """Delete what the old topics published, and of the old state all but where it went."""
        for name in (*_PUBLISHED, AUDIENCES, UNTAGGED, STATE):
            topic = self.old.topic(name)
            for p in range(self._found[topic].partitions if topic in self._found else 0):
                found = self._latest(self.old, name, p)
                gone = [
                    Outgoing(topic, p, key, None, cast("Any", message.headers() or []))
                    for key, message in found.items()
                    # The account of the privacy budget stays where the cells it paid for go.
                    if key not in (META, RELEASE.encode())
                ]
                copier.commit(gone, {})
                yield len(gone)


def _counts(done: Progress | None) -> Counter[int]:
    """Read how many records went to each new partition."""
    counts = json.loads(done.note) if done and done.note else {}
    return Counter({int(part): count for part, count in counts.items()})


def _home_of(partitioner: Any, count: int, key: bytes) -> int:
    return int(partitioner(key.partition(b"/")[0], count))
