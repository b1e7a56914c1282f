"""The promises, held against everything that a simulated run committed.

A run that was never interrupted, with commits at the same places, must have written the same
bytes in every one of them: state, profiles with their versions, receipts. And with no commits in
between at all it must end in the same state and the same models.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from features.engine import Engine
from features.records.position import Position
from features.state.changelog_keys import SHARED
from streams.contract.headers import parse_dead_letter
from streams.contract.topics import DEAD_LETTERS, INPUTS, MODELS, OFFERS, PROFILES, RECEIPTS, STATE
from tests.broker.memory_broker import Entry, Transaction
from tests.simulation import inputs
from tests.simulation.deployment import GROUP, Simulation, Violation
from tests.support.adopted_models import Ticks, places_of
from tests.support.reference import canonical, differences, without_versions

_META, _UNSWEPT = b"p/meta", b"o/"


def check(simulation: Simulation) -> None:
    """Raise `Violation`, naming the invariant, where a drained run broke a promise."""
    _owners(simulation)
    for partition in range(inputs.PARTITIONS):
        commits = [
            txn
            for txn in simulation.broker.commits
            if (INPUTS[0], partition) in txn.offsets.get(GROUP, {})
        ]
        _offsets(commits, partition)
        _dead_letters(simulation, commits, partition)
        _content(simulation, commits, partition)
        _output(simulation, partition)


def _owners(simulation: Simulation) -> None:
    owner: dict[tuple[int, int], str] = {}
    for txn in simulation.broker.commits:
        generation, member = txn.member
        for _, partition in txn.offsets.get(GROUP, {}):
            if owner.setdefault((generation, partition), member) != member:
                raise Violation(f"I7: partition {partition} had two owners in {generation}")


def _offsets(commits: list[Transaction], partition: int) -> None:
    before = dict.fromkeys(inputs.JOINED, 0)
    for txn in commits:
        offsets = {name: txn.offsets[GROUP][name, partition] for name in inputs.JOINED}
        for name in inputs.JOINED:
            if offsets[name] < before[name]:
                raise Violation(
                    f"I4: {name}[{partition}] went from {before[name]} back to {offsets[name]}"
                )
        state = {name: at[0] for name, at in _cut(txn, partition).items()}
        if state != offsets:
            raise Violation(f"I5: state at {state}, offsets at {offsets}")
        before = offsets


def _dead_letters(simulation: Simulation, commits: list[Transaction], partition: int) -> None:
    letters = [
        parse_dead_letter(entry.headers)
        for txn in commits
        for entry in _written(txn, DEAD_LETTERS, partition)
    ]
    found = sorted((letter.topic, letter.offset, letter.reason) for letter in letters)
    wanted = inputs.dead_letters(simulation.input_seed, partition, simulation.shared)
    if found != wanted:
        lost = [item for item in wanted if item not in found]
        raise Violation(f"I1: dead letters of partition {partition}: lost {lost}, found {found}")


def _content(simulation: Simulation, commits: list[Transaction], partition: int) -> None:
    seed, ticks = simulation.input_seed, _ticks(simulation, partition)
    cuts = [_cut(txn, partition) for txn in commits]
    learned = [e.value for t in commits for e in _written(t, STATE, partition) if e.key == SHARED]
    places = places_of(value for value in learned if value)
    simulation.adopted += len(places)
    known = inputs.expected(seed, partition, ticks, simulation.shared, places)
    made, engine = inputs.replay(known, cuts)
    gone: dict[str, set[bytes | None]] = {PROFILES: set(), OFFERS: set()}
    for number, (txn, changes) in enumerate(zip(commits, made, strict=True)):
        place = f"commit {number} of partition {partition}"
        wanted: dict[str, dict[bytes, Any]] = {
            STATE: {k: v for k, v in changes.state.items() if k[:2] != _UNSWEPT},
            RECEIPTS: dict(changes.receipts),
            PROFILES: {key: value for key, value, _, _ in changes.profiles},
            OFFERS: {key: value for key, value, _, _ in changes.offers},
            MODELS: {b"%d" % partition: changes.lesson} if changes.lesson is not None else {},
        }
        for topic, records in wanted.items():
            entries = [
                entry
                for entry in _written(txn, topic, partition)
                if not _of_a_sweep(topic, entry, gone.get(topic))
                or (topic in gone and entry.key in records)
            ]
            if topic in gone:
                gone[topic] |= {entry.key for entry in entries if entry.value is None}
                gone[topic] -= {entry.key for entry in entries if entry.value is not None}
            found = {e.key: _unswept(e.value) if e.key == _META else e.value for e in entries}
            if len(found) != len(entries):
                raise Violation(f"I2: {place}: a key twice in {topic}")
            _same(f"I2: {place}: {topic}", records, found, _text)
    live = canonical(engine)
    _same(f"I11: partition {partition}", known.state, without_versions(live), None)
    restored = inputs.new_engine(simulation.shared)
    restored.load(_fold(simulation, STATE, partition).items())
    _same(f"I5: changelog of partition {partition}", live, canonical(restored), None)
    for owner, mine in _live(simulation, partition):
        _same(f"I5: live state of {owner}, partition {partition}", live, canonical(mine), None)


def _ticks(simulation: Simulation, partition: int) -> Ticks:
    """What the workers wrote to a partition's facts."""
    log = simulation.broker.log(INPUTS[0], partition).read(0, committed=True)
    written = inputs.facts_count(simulation.input_seed, partition)
    return tuple((e.value or b"", e.timestamp) for offset, e in log if offset >= written)


def _of_a_sweep(topic: str, entry: Entry, gone: set[bytes | None] | None) -> bool:
    """Whether a record says that somebody looked at what stands published: whenever it was.

    Behind a transaction that hangs open one sees what is `gone`, and deletes it once more.
    """
    if gone is not None:
        return entry.value is None and entry.key in gone
    if topic == STATE:
        return (entry.key or b"")[:2] == _UNSWEPT
    return topic == RECEIPTS and b'"swept_at"' in (entry.value or b"")


def _unswept(value: bytes | None) -> bytes | None:
    """The partition record as it is before somebody looked at what stands published."""
    return value and value.replace(b'"swept": true', b'"swept": false')


def _output(simulation: Simulation, partition: int) -> None:
    versions: dict[bytes, int] = {}
    for txn in simulation.broker.commits:
        for entry in _written(txn, PROFILES, partition):
            key = entry.key or b""
            if entry.value is None:
                versions.pop(key, None)  # forgotten: who comes back is new
                continue
            version = json.loads(entry.value)["version"]
            if version != versions.get(key, 0) + 1:
                raise Violation(f"I3: {key!r} went from {versions.get(key, 0)} to {version}")
            versions[key] = version
    profiles = _fold(simulation, PROFILES, partition)
    if profiles.keys() != versions.keys():
        raise Violation(f"I6: profiles of {profiles.keys() ^ versions.keys()}")
    state = _fold(simulation, STATE, partition)
    for key in profiles:
        if b"s/" + key not in state:
            raise Violation(f"I8: {key!r} has a profile and no state")


def _same(
    what: str, wanted: dict[Any, Any], found: dict[Any, Any], text: Callable[[Any], bytes] | None
) -> None:
    if wanted == found:
        return
    if text is not None:
        wanted = {key: text(value) for key, value in wanted.items()}
        found = {key: text(value) for key, value in found.items()}
    raise Violation(f"{what}: {'; '.join(differences(wanted, found)[:3])}")


def _text(value: bytes | None) -> bytes:
    return b"(tombstone)" if value is None else value


def _cut(txn: Transaction, partition: int) -> inputs.Positions:
    metas = [entry for entry in _written(txn, STATE, partition) if entry.key == _META]
    if len(metas) != 1:
        raise Violation(f"I5: {len(metas)} meta records in a commit of partition {partition}")
    return {
        name: Position(*at) for name, at in json.loads(metas[0].value or b"")["offsets"].items()
    }


def _written(txn: Transaction, topic: str, partition: int) -> list[Entry]:
    return [entry for spot, entry in txn.written if spot == (topic, partition)]


def _fold(simulation: Simulation, topic: str, partition: int) -> dict[bytes, bytes]:
    folded: dict[bytes, bytes] = {}
    for _, entry in simulation.broker.log(topic, partition).read(0, committed=True):
        if entry.value is None:
            folded.pop(entry.key or b"", None)
        else:
            folded[entry.key or b""] = entry.value
    return folded


def _live(simulation: Simulation, partition: int) -> list[tuple[str, Engine]]:
    """Engines of workers that still own the partition, as far as the group knows."""
    members = {
        m.owner
        for m in simulation.broker.group(GROUP).members.values()
        if m.assigned is None and not m.joined
    }
    return [
        (p.owner, p.worker._membership.engines[partition])
        for p in simulation.processes
        if p.owner in members and partition in p.worker._membership.engines
    ]
