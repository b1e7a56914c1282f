"""Was everything counted exactly once? Read the logs, recompute, compare.

In the manner of Kafka Streams' EosTestDriver: no transaction may be open; the inputs are read up
to the *committed* offsets and folded in one pass by an engine that never stopped; that must
equal the fold of the changelog, the compacted profiles and, where given, the live state of the
workers. `verify` gives a verdict per invariant.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from confluent_kafka import ConsumerGroupState, TopicPartition
from confluent_kafka.admin import OffsetSpec

from features.engine import Engine
from features.privacy.ledger import Ledger
from features.state.changelog_keys import IncompatibleState
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import exact_tags
from streams.contract.topics import DEAD_LETTERS, OFFERS, PROFILES, STATE, joined_topics
from streams.kafka import clients
from streams.kafka.consumer_group import Group
from streams.kafka.offsets import offsets_at
from streams.settings import Settings
from streams.worker.tag_feed import TagFeed
from tests.broker.log_files import aborted
from tests.support.dead_letter_proof import dead_letters
from tests.support.evidence import Evidence, collect
from tests.support.history import History
from tests.support.open_transactions import open_transactions
from tests.support.profile_differences import profile_differences
from tests.support.profile_records import offers, versions
from tests.support.reference import (
    Reference,
    canonical,
    differences,
    digest_of,
    live_subjects,
    recompute,
    restored,
    without_versions,
)

_SHOWN = 3  # examples of a violation
_ADMIN_S = 30.0

#: What is checked, and what is said of it when it holds.
INVARIANTS = {
    "I1 no event lost": "{taken} of {taken} input records accounted for",
    "I2 none counted twice": "{commits} commits, each with as many outcomes as records",
    "I3 versions grow by one": "{profile_records} profile records, {tombstones} tombstones",
    "I3 offers are those of the profiles": "{profile_records} records, {tombstones} tombstones",
    "I4 offsets only grow": "{commits} commits",
    "I5 state = fold(changelog) = fold(input)": "{subjects} subjects, River model bit for bit",
    "I5 live state = fold(changelog)": "{live} partitions",
    "I5 profiles = those of one pass": "{kept} profiles",
    "I6 no aborted record visible": "no transaction open; {aborted} aborted records in the files",
    "I7 one owner per partition": "{owners} members own {partitions} partitions",
    "I8 erased stays erased": "{erased} erased accounts",
    "I9 lag is 0": "{taken} records, all committed",
    "I12 nothing without consent": "{denied} accounts without consent",
    "I13 nothing sensitive": "{subjects} subjects, {kept} profiles",
    "dead letters are whole": "{dead} dead letters, whole or by length and digest; {sealed} boxes",
}


@dataclass(frozen=True)
class Verdict:
    """What was found about one invariant."""

    invariant: str
    ok: bool
    detail: str

    def __str__(self) -> str:
        return f"{'ok      ' if self.ok else 'VIOLATED'} {self.invariant}: {self.detail}"


def verify(
    settings: Settings,
    live: Mapping[int, str] | None = None,
    *,
    ended: bool = True,
    files: Path | None = None,
    history: History | None = None,
    unordered: tuple[str, ...] = (),
) -> list[Verdict]:
    """Check every invariant that can be read from the logs.

    Parameters
    ----------
    live : mapping of int to str, optional
        `digest_of` the live state per partition, from the partition's owner.
    ended : bool
        Whether all input must have been taken by now.
    files : Path, optional
        Holds the brokers' folders: what was aborted is read there, and must be nowhere else.
    history : History, optional
        Of inputs that were emptied or created anew.
    unordered : tuple of str
        Fields of subjects that depend on which of several inputs came first, where records come
        as they happen: no log says it.
    """
    contents, history = contents_of(settings), history or History()
    broken: dict[str, list[str]] = {name: [] for name in INVARIANTS}
    totals: Counter[str] = Counter(partitions=settings.partitions, live=len(live or ()))
    _settled(settings, broken)
    _owners(settings, totals, broken)
    for partition in range(settings.partitions):
        found = collect(settings, partition, history)
        if files is not None:
            _aborted(settings, files, partition, found, totals, broken)
        reference = recompute(settings, contents, partition, found.offsets, history, found.learned)
        _logs(settings, partition, found, reference, history, totals, broken, ended)
        try:
            engine = restored(settings, contents, found.folded)
        except IncompatibleState as error:
            broken["I5 state = fold(changelog) = fold(input)"].append(f"[{partition}]: {error}")
            continue
        state = canonical(engine)
        broken["I5 state = fold(changelog) = fold(input)"] += [
            f"partition {partition}: {text}"
            for text in differences(
                without_versions(canonical(reference.engine), *unordered),
                without_versions(state, *unordered),
            )
        ]
        _states(settings, partition, state, found, reference, live, broken)
        _privacy(settings, engine, found, totals, broken)
    skipped = () if live is not None else ("I5 live state = fold(changelog)",)
    return [
        Verdict(name, not broken[name], _detail(broken[name]) or good.format_map(totals))
        for name, good in INVARIANTS.items()
        if name not in skipped
    ]


def violated(verdicts: list[Verdict]) -> list[str]:
    """The verdicts that are not well."""
    return [str(verdict) for verdict in verdicts if not verdict.ok]


def _detail(problems: list[str]) -> str:
    more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return "; ".join(problems[:_SHOWN]) + more


def contents_of(settings: Settings) -> Contents:
    """The content tags of a deployment."""
    contents = Contents(taxonomy.load(), exact_tags())
    tags = TagFeed(settings, contents)
    tags.load()
    tags.close()
    return contents


# -- the group and its transactions ----------------------------------------------------------


def _settled(settings: Settings, broken: dict[str, list[str]]) -> None:
    """No transaction open: readers of committed records get to the end."""
    admin = clients.admin(settings)
    spots = [
        (settings.topic(name), p)
        for name in (STATE, PROFILES, OFFERS, DEAD_LETTERS)
        for p in range(settings.partitions)
    ]
    broken["I6 no aborted record visible"] += [
        f"{topic}[{p}]: a transaction is open at {offset}"
        for (topic, p), offset in open_transactions(admin, spots).items()
    ]


def _aborted(
    settings: Settings,
    files: Path,
    partition: int,
    found: Evidence,
    totals: Counter[str],
    broken: dict[str, list[str]],
) -> None:
    for topic in (STATE, PROFILES, OFFERS, DEAD_LETTERS):
        hidden = aborted(files, settings.topic(topic), partition)
        totals["aborted"] += len(hidden)
        broken["I6 no aborted record visible"] += [
            f"{topic}[{partition}]@{offset} was aborted and is visible"
            for offset in found.visible[topic]
            if offset in hidden
        ]


def _owners(settings: Settings, totals: Counter[str], broken: dict[str, list[str]]) -> None:
    admin = clients.admin(settings)
    group = admin.describe_consumer_groups([settings.group])[settings.group].result(_ADMIN_S)
    owned = Counter(
        (spot.topic, spot.partition)
        for member in group.members
        for spot in member.assignment.topic_partitions
    )
    totals["owners"] = len(group.members)
    problems, joined = broken["I7 one owner per partition"], len(joined_topics(settings))
    problems += [f"{topic}[{p}] has {n} owners" for (topic, p), n in owned.items() if n > 1]
    for member in group.members:
        parts = Counter(spot.partition for spot in member.assignment.topic_partitions)
        problems += [
            f"partition {p} is split between workers" for p, n in parts.items() if n != joined
        ]
    if group.state == ConsumerGroupState.STABLE and len(owned) != joined * settings.partitions:
        problems.append(f"{len(owned)} partitions of {joined * settings.partitions} are owned")


def _committed(settings: Settings, partition: int, history: History) -> dict[str, int]:
    wanted = [TopicPartition(settings.topic(name), partition) for name in joined_topics(settings)]
    with Group(settings, stable=True) as group:
        found = group.committed(wanted, _ADMIN_S)
    names = [spot.topic for spot in wanted]
    return {
        name: found.get((name, partition), 0) + history.shift(name, partition) for name in names
    }


# -- the logs ----------------------------------------------------------------------------------


def _logs(
    settings: Settings,
    partition: int,
    found: Evidence,
    reference: Reference,
    history: History,
    totals: Counter[str],
    broken: dict[str, list[str]],
    ended: bool,
) -> None:
    place = f"partition {partition}"
    committed = _committed(settings, partition, history)
    offsets = {name: found.offsets.get(name, 0) for name in committed}
    if committed != offsets:
        broken["I1 no event lost"].append(f"{place}: group {committed}, state {offsets}")
    counted = sum(found.commits[-1]["outcomes"][:16]) if found.commits else 0
    if counted != reference.taken:
        broken["I1 no event lost"].append(
            f"{place}: {counted} outcomes for {reference.taken} records"
        )
    if ended:
        ends = offsets_at(settings, [(name, partition) for name in offsets], OffsetSpec.latest())
        broken["I9 lag is 0"] += [
            f"{name}[{p}]: {behind} behind"
            for (name, p), end in ends.items()
            if (behind := end + history.shift(name, p) - offsets[name])
        ]
    _steps(place, found, reference, broken)
    broken["I3 versions grow by one"] += versions(found.profiles)
    broken["I3 offers are those of the profiles"] += [
        f"{place}: {text}" for text in offers(found.profiles, found.offers)
    ]
    secret = settings.erasure_key.encode()
    broken["dead letters are whole"] += [
        f"{place}: {text}" for text in dead_letters(found, reference, secret)
    ]
    gone = sum(message.value() is None for message in found.profiles)
    totals.update(
        taken=reference.taken,
        commits=len(found.commits),
        tombstones=gone,
        profile_records=len(found.profiles) - gone,
        dead=len(found.dead),
        sealed=sum(bool(letter.sealed) for letter, _, _ in found.dead),
    )


def _steps(place: str, found: Evidence, reference: Reference, broken: dict[str, list[str]]) -> None:
    """Between any two commits as many outcomes were counted as records were passed.

    Markers and aborted records have offsets, too.
    """
    before: dict[str, int] = {}
    counted = 0
    for number, commit in enumerate(found.commits):
        after = {name: at[0] for name, at in commit["offsets"].items()}
        total = sum(commit["outcomes"][:16])
        for name, offset in after.items():
            if offset < before.get(name, 0):
                broken["I4 offsets only grow"].append(
                    f"{place}: {name} went from {before[name]} to {offset}"
                )
        passed = sum(
            bisect_left(reference.seen[name], offset)
            - bisect_left(reference.seen[name], before.get(name, 0))
            for name, offset in after.items()
        )
        if total - counted != passed:
            broken["I2 none counted twice"].append(
                f"{place}: commit {number} counted {total - counted} of {passed} records"
            )
        before, counted = after, total


# -- state and profiles ------------------------------------------------------------------------


def _states(
    settings: Settings,
    partition: int,
    state: Mapping[bytes, bytes],
    found: Evidence,
    reference: Reference,
    live: Mapping[int, str] | None,
    broken: dict[str, list[str]],
) -> None:
    place = f"partition {partition}"
    if live is not None and live.get(partition) != digest_of(state):
        broken["I5 live state = fold(changelog)"].append(
            f"{place}: live {live.get(partition, 'absent')[:12]}, changelog {digest_of(state)[:12]}"
        )
    broken["I5 profiles = those of one pass"] += [
        f"{place}: {text}"
        for text in profile_differences(reference.profiles, found.latest(), settings)
    ]


def _privacy(
    settings: Settings,
    engine: Engine,
    found: Evidence,
    totals: Counter[str],
    broken: dict[str, list[str]],
) -> None:
    tree, profiles = taxonomy.load(), found.latest()
    sensitive = {tree.ids[i] for i in np.flatnonzero(tree.sensitive)}
    ledger = Ledger(settings.erasure_key.encode(), settings.consent_default == "grant")
    for key, value in found.folded.items():
        ledger.restore(key, value)
    spans = {account: ledger.person(account).span() for account in ledger.accounts()}
    refused = {
        account
        for account, (start, until) in spans.items()
        if until <= min(engine.watermark, start)
    }
    subjects = live_subjects(engine)
    for key in [*subjects, *profiles]:
        account = key.partition(b"/")[0]
        mark, span = ledger.mark(account), ledger.person(account).span()
        if mark is not None and (span[0] <= mark.at or not span[1]):
            broken["I8 erased stays erased"].append(f"{key.decode()} is held")
    for key, sid in subjects.items():
        start, used = (
            int(engine.store.subjects["start"][sid]),
            int(engine.store.subjects["used"][sid]),
        )
        if key.partition(b"/")[0] in refused and (used or engine.store.subjects["events"][sid]):
            broken["I12 nothing without consent"].append(f"{key.decode()} has state")
        broken["I13 nothing sensitive"] += [
            f"{key.decode()} has a row of {tree.names[i]}"
            for i in engine.store.rows.interest[start : start + used]
            if tree.sensitive[i]
        ]
    for key, value in profiles.items():
        if key.partition(b"/")[0] in refused:
            broken["I12 nothing without consent"].append(f"{key.decode()} has a profile")
        broken["I13 nothing sensitive"] += [
            f"{key.decode()} shows {item['name']}"
            for item in json.loads(value)["interests"]
            if item["id"] in sensitive
        ]
    totals.update(
        subjects=len(subjects), kept=len(profiles), erased=len(ledger.marks), denied=len(refused)
    )
