"""What goes into a simulated run, and what must come out whatever happens on the way.

A few accounts over a few days, with everything that asks for care: consent given and taken back,
an erasure with late events behind it, duplicates, late and malformed records, members and
households. Small on purpose: a run has some fifty records, a schedule of faults does the rest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from features.changes import Changes
from features.config import Config
from features.engine import Engine
from features.privacy.person import ATTRIBUTION
from features.privacy.words import Words
from features.records.batch import Batch, parse
from features.records.decoder import FACTS, Limits
from features.records.position import Position
from features.records.sequence import Merge
from features.records.tolerated import Tolerance
from features.state import layout as lay
from features.state.changelog_keys import Owner
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import TagEntry
from features.vocabulary import Reply
from streams.contract.topics import INPUTS, JOINABLE, OUTCOMES
from streams.settings import Settings
from streams.worker.wiring import engine_config, input_limits, rules_of
from tests.support.adopted_models import Places, Ticks, follow
from tests.support.reference import canonical, without_versions

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
START_MS = 1_700_006_400_000  # a midnight, UTC
#: When the records come: they are a backlog.
READ_MS = START_MS + 4 * 86_400_000 + 1_800_000
DAYS = 4
LAST_DAY_MS = START_MS + 3 * DAY_MS  # behind every fact
LATER = INPUTS[1]  # the input of which some comes later, see `staged`
PARTITIONS = 2
LATENESS_MS = 3 * 3_600_000
#: What the simulated workers join.
JOINED = JOINABLE
#: Content by input: news, soccer, cooking, cars; and something nobody tagged.
_CONTENT = {
    "network-usage": ("news.example", "sports.example", "plain.example"),
    "tv-viewing": ("match", "kitchen", "unknown"),
    "app-events": ("scores", "recipes", "garage"),
}
_TAGS = {
    "host:news.example": "1020",
    "host:sports.example": "533",
    "programme:match": "533",
    "programme:kitchen": "216",
    "app:scores": "533",
    "app:recipes": "216",
    "app:garage": "1",
}
#: Rules of contacts that a few days are enough for.
CONTACT_POLICY = str(Path(__file__).with_name("contact_policy.toml"))
Positions = dict[str, Position]
_OWNER = Owner("sim", PARTITIONS, {name: f"id of {name}'" for name in JOINED})


@dataclass(frozen=True)
class Record:
    """One input record, at its place in the logs."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes


@dataclass
class Expected:
    """What an uninterrupted run makes of one partition.

    Attributes
    ----------
    sequence : Batch
    facts : int
        How many records lie in front of what the workers wrote to the facts.
    refused : list of (str, int, str)
        Records that are none: topic, offset, reason.
    dead : list of (str, int, str)
        The same, and what came too late.
    state : dict of bytes to bytes
        All that decides what an engine does next, by name.
    """

    sequence: Batch
    facts: int
    ticks: Ticks
    shared: bool
    places: Places
    refused: list[tuple[str, int, str]]
    dead: list[tuple[str, int, str]] = field(default_factory=list)
    state: dict[bytes, bytes] = field(default_factory=dict)

    def begun(self) -> Engine:
        """An engine that will take what the workers wrote as they did."""
        engine = new_engine(self.shared)
        follow(engine, self.ticks, self.places)
        return engine


def settings(**more: Any) -> Settings:
    """A deployment with short time-outs; they are virtual."""
    return Settings(
        **{
            "group_id": _OWNER.group,
            "partitions": PARTITIONS,
            "replication": 1,
            "http_port": 0,
            "instance_id": "w",
            "call_deadline_ms": 5_000,
            "transaction_timeout_ms": 8_000,
            "revoke_deadline_ms": 6_000,
            "watchdog_ms": 20_000,
            "session_timeout_ms": 6_000,
            "max_poll_interval_ms": 60_000,
            "merge_wait_ms": 2_000,
            "lateness_ms": LATENESS_MS,
            "row_epsilon": 0.05,
            "attribution": True,
            "native_fetch": False,  # there is no librdkafka
            **more,
        }
    )


def tags() -> dict[str, TagEntry]:
    """What the content of these records is about."""
    return {key: TagEntry(((interest, 1.0),), "simulation", 1.0) for key, interest in _TAGS.items()}


@lru_cache(maxsize=64)
def contents() -> Contents:
    """Tags for engines beside the workers'."""
    return Contents(taxonomy.load(), tags())


@lru_cache(maxsize=256)
def records(seed: int) -> tuple[Record, ...]:
    """The input logs of one seed."""
    rng = Random(seed)
    logs: dict[tuple[str, int], list[tuple[bytes | None, bytes]]] = {
        (name, p): [] for name in JOINED for p in range(PARTITIONS)
    }
    for partition in range(PARTITIONS):
        _fill(rng, partition, logs)
    return tuple(
        Record(name, p, offset, key, value)
        for (name, p), log in logs.items()
        for offset, (key, value) in enumerate(log)
    )


@lru_cache(maxsize=256)
def staged(seed: int, shared: bool) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """The input logs, and what of them comes only when all before it was read.

    That is nothing but where models are shared: then events of the last day come late, and of one
    input alone. Of several no log would tell which came first, for all had been at their ends.
    """
    begun: set[tuple[str, int]] = set()
    parts: tuple[list[Record], list[Record]] = [], []
    for record in records(seed):
        where = record.topic, record.partition
        if shared and record.topic != INPUTS[FACTS] and _time_of(record) >= LAST_DAY_MS:
            begun.add(where)
        if where not in begun or record.topic == LATER:
            parts[where in begun].append(record)
    return tuple(parts[0]), tuple(parts[1])


def _time_of(record: Record) -> int:
    try:
        return int(json.loads(record.value)["ts"])
    except (ValueError, KeyError, TypeError):
        return 0


def _fill(
    rng: Random, partition: int, logs: dict[tuple[str, int], list[tuple[bytes | None, bytes]]]
) -> None:
    accounts = [f"acc-{partition}-{n}" for n in range(3)]
    erased = accounts[-1] if rng.random() < 0.7 else ""
    erased_at = START_MS + int(rng.uniform(1.0, 3.0) * DAY_MS)
    number = 0

    def add(topic: str, account: str, ts: int, **fields: Any) -> None:
        nonlocal number
        number += 1
        value = {"event_id": f"{partition}-{number}", "account_id": account, "ts": ts, **fields}
        logs[topic, partition].append((account.encode(), json.dumps(value).encode()))

    granted: dict[str, Any] = {"kind": "consent", "purpose": "profiling", "status": "granted"}
    if rng.random() < 0.3:  # all of them end at once
        granted["expires_at"] = START_MS + int(rng.uniform(1.0, 2.5) * DAY_MS)
    facts = [(START_MS + i, account, granted) for i, account in enumerate(accounts)]
    agreed = {"kind": "consent", "purpose": ATTRIBUTION, "status": "granted"}
    for account, member in ((accounts[0], "m0"), (accounts[0], "m1"), (accounts[1], "m1")):
        facts.append((START_MS + 10, account, {**agreed, "member_id": member}))
    if erased:
        facts.append((erased_at, erased, {"kind": "erasure"}))
    facts.append(
        (
            START_MS + int(rng.uniform(0.5, 3) * DAY_MS),
            accounts[0],
            rng.choice(
                [
                    {
                        "kind": "declaration",
                        "interest": "483",
                        "stance": rng.choice(["like", "dislike"]),
                    },
                    {"kind": "purchase", "interest": "1", "quiet_days": 1},
                    {"kind": "care_case", "case_id": "c", "status": "opened"},
                    {"kind": "consent", "purpose": "profiling", "status": "withdrawn"},
                ]
            ),
        )
    )
    for ts, account, fields in sorted(facts, key=lambda fact: fact[0]):
        add(INPUTS[0], account, ts, **fields)
    for _ in range(rng.randint(14, 26)):
        _event(rng, add, rng.choice(accounts))
    _speak(Random(f"{accounts} {erased_at}"), add, accounts)
    for topic in JOINED[1:]:
        log = logs[topic, partition]
        log.sort(key=lambda item: int(json.loads(item[1])["ts"]))
        _spoil(rng, log)


def _speak(rng: Random, add: Any, accounts: list[str]) -> None:
    """Contacts and answers, some before their contact, some twice."""
    for n in range(rng.randint(8, 16)):
        account, ts = rng.choice(accounts), START_MS + rng.randrange(DAYS * DAY_MS)
        member = {"member_id": f"m{rng.randrange(2)}"} if rng.random() < 0.5 else {}
        about = {"contact_id": f"c{n}", **member}
        said: dict[str, Any] = {"channel": rng.choice(["mail", "screen"])}
        said["interest"] = rng.choice(["533", "216"])
        said |= {"held_out": rng.random() < 0.4, "propensity": rng.choice([0.5, 0.8])}
        for _ in range(rng.randint(1, 2)):
            add(OUTCOMES, account, ts, kind="contact", **about, **said)
        for answer in rng.choices([*Reply], k=rng.randrange(3)):
            at = max(START_MS, ts + rng.randrange(-HOUR_MS, DAY_MS))
            add(OUTCOMES, account, at, kind="answer", answer=answer, **about)


def _event(rng: Random, add: Any, account: str) -> None:
    ts = START_MS + rng.randrange(60_000, DAYS * DAY_MS)
    member = {"member_id": f"m{rng.randrange(2)}"} if rng.random() < 0.5 else {}
    topic = rng.choice(list(_CONTENT))
    content, spent = rng.choice(_CONTENT[topic]), rng.randrange(60_000, 3_600_000)
    if topic == INPUTS[1]:
        add(topic, account, ts, line="mobile", host=content, duration_ms=spent, **member)
    elif topic == INPUTS[2]:
        add(topic, account, ts, content_id=content, watched_ms=spent, mode="live")
    else:
        add(topic, account, ts, app_id=content, action="open", duration_ms=spent, **member)


def _spoil(rng: Random, log: list[tuple[bytes | None, bytes]]) -> None:
    """Duplicates, late and malformed records, at places of their own."""
    sound = list(log)
    for _ in range(rng.randrange(3) if sound else 0):
        key, value = rng.choice(sound)
        place = log.index((key, value))
        kind = rng.randrange(3)
        if kind == 0:
            log.insert(place + rng.randint(0, 1), (key, value))
        elif kind == 1:
            log.insert(rng.randint(0, len(log)), (key, rng.choice([b"", b"{", b"[]", b'{"a":1}'])))
        else:
            event = json.loads(value) | {"ts": START_MS + 1_000, "event_id": f"late{len(log)}"}
            log.append((key, json.dumps(event).encode()))


def facts_count(seed: int, partition: int) -> int:
    """Number of the records in a partition's facts."""
    return sum((r.topic, r.partition) == (INPUTS[FACTS], partition) for r in records(seed))


@cache
def dead_letters(seed: int, partition: int, shared: bool) -> list[tuple[str, int, str]]:
    """What must be refused of one partition, whatever the workers write beside it."""
    return expected(seed, partition, shared=shared).dead


def expected(
    seed: int, partition: int, ticks: Ticks = (), shared: bool = False, places: Places = ()
) -> Expected:
    """An uninterrupted run over one partition: one sequence, one commit at its end."""
    merge, dead = Merge(JOINED, {name: Position(0, -1) for name in JOINED}), []
    facts = _of_log(seed, partition, shared, JOINED[FACTS])
    behind = [(value, None, at) for value, at in ticks]
    for name in JOINED:
        parts = [_parsed_log(seed, partition, shared, name)]
        if name == JOINED[FACTS]:
            parts.append(_parsed(behind, partition, name, len(facts)))
        for batch, end, refused in parts:
            merge.inputs[name].take(batch, end)
            dead += [(name, offset, reason) for offset, reason in refused.items()]
        merge.inputs[name].drained = True
    found = Expected(merge.release(), len(facts), ticks, shared, places, refused=[*dead])
    engine = found.begun()
    outcome = engine.apply(found.sequence)
    engine.refuse(len(dead))
    for row in found.sequence.records[outcome == lay.LATE]:
        dead.append((JOINED[int(row["kind"])], int(row["offset"]), "late"))
    found.dead = sorted(dead)
    found.state = without_versions(canonical(engine))
    return found


_Parsed = tuple[Batch, int, dict[int, str]]  # offset behind it, reasons of what is refused by place


def _of_log(
    seed: int, partition: int, shared: bool, name: str
) -> list[tuple[bytes, bytes | None, int]]:
    logs = sum(staged(seed, shared), ())
    return [(r.value, r.key, READ_MS) for r in logs if (r.topic, r.partition) == (name, partition)]


@cache
def _parsed_log(seed: int, partition: int, shared: bool, name: str) -> _Parsed:
    return _parsed(_of_log(seed, partition, shared, name), partition, name, 0)


def _parsed(
    log: Sequence[tuple[bytes, bytes | None, int]], partition: int, name: str, first: int
) -> _Parsed:
    count, came = len(log), [at for _, _, at in log]
    limits, words = _read_with()
    batch, rejected = parse(
        [value for value, _, _ in log],
        [key for _, key, _ in log],
        np.full(count, JOINED.index(name), np.uint8),
        np.full(count, partition, np.int32),
        np.arange(first, first + count, dtype=np.int64),
        limits,
        came,
        tolerance=Tolerance(words, came.__getitem__),
    )
    return batch, first + count, {first + at: r.reason for at, r in rejected.items()}


@cache
def _read_with() -> tuple[Limits, Words]:
    return input_limits(settings()), rules_of(settings()).words


def new_engine(shared: bool = False) -> Engine:
    """An engine as the simulated workers make it."""
    engine = Engine(_config(shared), taxonomy.load(), contents())
    engine.owner = _OWNER
    return engine


@cache
def _config(shared: bool) -> Config:
    return engine_config(settings(contact_policy=CONTACT_POLICY, shared_model=shared))


def replay(known: Expected, cuts: list[Positions]) -> tuple[list[Changes], Engine]:
    """What commits at these positions write in a run that was never interrupted."""
    engine, made = known.begun(), []
    rows, before = known.sequence.records, dict.fromkeys(JOINED, 0)
    # What a worker wrote may have come when its place had passed.
    in_place = (rows["kind"] != FACTS) | (rows["offset"] < known.facts)
    waiting = np.arange(len(rows))
    for cut in cuts:
        offsets = {name: at[0] for name, at in cut.items()}
        ends = np.array([offsets[name] for name in JOINED])
        beyond = rows["offset"][waiting] >= ends[rows["kind"][waiting]]
        stops = np.flatnonzero(beyond & in_place[waiting])
        beyond[stops[0] if len(stops) else len(waiting) :] = True
        engine.apply(Batch(rows[waiting[~beyond]], known.sequence.blob))
        waiting = waiting[beyond]
        engine.refuse(sum(before[t] <= at < offsets[t] for t, at, _ in known.refused))
        before = offsets
        made.append(engine.collect(cut))
    return made, engine
