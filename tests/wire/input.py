"""What goes into the run that `tests.wire` pins: simulated customers, and some with a story each.

Everything follows from `SEED`: households of the simulator over `DAYS` days, beside them a few
accounts that say all there is to say in a fact and do all there is to do in an event, and every
malformed record of `tests.support.malformed_cases`.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from itertools import count
from random import Random
from typing import Any, NamedTuple

import orjson

from features.records.decoder import APP, FACTS, NETWORK, TV
from features.vocabulary import ConsentStatus
from streams.contract.topics import INPUTS
from streams.sandbox.simulator import Simulation, catalogue
from tests.support.malformed_cases import CASES

SEED = 20_190_304
HOUSEHOLDS = 32
DAYS = 11
BACKLOG_DAY = 5  # comes all at once, as after an outage
PARTITIONS = 2
DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000
SIMULATION = Simulation(SEED, HOUSEHOLDS, DAYS)
START_MS = SIMULATION.start_ms
#: Wall clock at the start: all of the input lies behind, but for what comes from the future.
WALL_MS = START_MS + 30 * DAY_MS
_PARTS = 12

_SAID: dict[str, list[tuple[float, dict[str, Any]]]] = {
    "wire-facts": [
        (-1.0, {"kind": "consent", "status": "granted", "expires_at": START_MS + 4 * DAY_MS}),
        (0.1, {"kind": "registry", "device_id": "ph-1", "owner_member_id": "m1", "adult": True}),
        (0.1, {"kind": "registry", "device_id": "ph-2", "owner_member_id": "m2", "adult": False}),
        (0.1, {"kind": "registry", "device_id": "tv-1"}),
        (0.5, {"kind": "declaration", "interest": "533", "stance": "like", "member_id": "m1"}),
        (0.6, {"kind": "declaration", "interest": "210", "stance": "dislike"}),
        (0.7, {"kind": "declaration", "interest": "286", "stance": "like"}),  # sensitive
        (0.8, {"kind": "declaration", "interest": "nobody", "stance": "like"}),
        (1.1, {"kind": "purchase", "interest": "632", "product": "Fernseher \u00d6"}),
        (1.4, {"kind": "purchase", "interest": "653", "quiet_days": 2}),
        (1.6, {"kind": "decision_against", "interest": "1", "quiet_days": 1}),
        (2.1, {"kind": "declaration", "interest": "533", "stance": "neutral", "member_id": "m1"}),
        (2.3, {"kind": "purchase", "interest": "632", "returned": True}),
        (2.5, {"kind": "care_case", "case_id": "c-1", "status": "opened"}),
        (3.2, {"kind": "care_case", "case_id": "c-1", "status": "closed"}),
        (3.5, {"kind": "care_case", "case_id": "c-2", "status": "opened"}),
        (5.5, {"kind": "consent", "purpose": "profiling", "status": "granted"}),
        (6.1, {"kind": "registry", "device_id": "ph-2", "owner_member_id": "m2", "adult": True}),
    ],
    "wire-purposes": [
        (-1.0, {"kind": "consent", "purpose": "dpv:Personalisation", "status": "granted"}),
        (0.2, {"kind": "consent", "purpose": "dpv:Marketing", "status": "denied"}),
        (2.2, {"kind": "consent", "purpose": "marketing", "status": "granted"}),
        (3.2, {"kind": "consent", "purpose": "audiences", "status": "objected"}),
        (4.2, {"kind": "consent", "purpose": "offers", "status": "withdrawn", "member_id": "m1"}),
        (4.3, {"kind": "consent", "purpose": "something-else", "status": "granted"}),
    ],
    "wire-erased": [
        (-1.0, {"kind": "consent", "status": "granted"}),
        (0.4, {"kind": "purchase", "interest": "1"}),
        (3.3, {"kind": "erasure"}),
        (3.2, {"kind": "declaration", "interest": "483", "stance": "like"}),  # too late for it
        (5.4, {"kind": "consent", "status": "granted"}),
        (7.4, {"kind": "erasure"}),
    ],
    "wire-child": [
        (-1.0, {"kind": "consent", "status": "granted"}),
        (1.5, {"kind": "registry", "device_id": "tv-9", "adult": False}),
        (4.5, {"kind": "registry", "device_id": "tv-9", "adult": True}),
        (5.0, {"kind": "registry", "device_id": "ph-9", "owner_member_id": "m1", "adult": False}),
    ],
    **{
        f"wire-gone-{n}": [
            (-1.0, {"kind": "consent", "status": "granted"}),
            (5.5, {"kind": "erasure"}),
        ]
        for n in range(4)
    },  # in one commit
    "wire-denied": [(-1.0, {"kind": "consent", "status": "denied"})],
    "wire-silent": [],
    "wire-again": [
        (1.0, {"kind": "consent", "status": "granted"}),
        (3.0, {"kind": "consent", "status": "withdrawn"}),
        (5.0, {"kind": "consent", "status": "granted"}),
        (6.0, {"kind": "erasure"}),
    ],
    "wire-states": [
        (0.5 + n, {"kind": "consent", "status": status}) for n, status in enumerate(ConsentStatus)
    ],
}

_DONE: tuple[tuple[int, dict[str, Any]], ...] = (
    (
        NETWORK,
        {
            "line": "mobile",
            "host": "www.espn.com",
            "duration_ms": 900_000,
            "bytes_down": 5_000_000,
            "country": "FR",
            "tz_offset_min": 60,
        },
    ),
    (NETWORK, {"line": "broadband", "host": "WWW.BBC.co.uk.", "duration_ms": 1.2e6}),
    (NETWORK, {"line": "mobile", "app": "com.spotify.music", "duration_ms": 61_234}),
    (NETWORK, {"line": "broadband", "host": "googleapis.com:443", "bytes_up": 17}),
    (NETWORK, {"line": "mobile", "host": "[2001:db8::1]:443", "duration_ms": 400_000}),
    (NETWORK, {"line": "mobile", "host": "unheard-of.example.com", "duration_ms": 2_400_000}),
    (NETWORK, {"line": "mobile", "host": "webmd.com", "duration_ms": 600_000}),
    (
        TV,
        {
            "content_id": "wire-1",
            "channel": "BBC One",
            "watched_ms": 3_000_000,
            "content_ms": 3_600_000,
            "mode": "live",
            "title": "Fu\u00dfball",
        },
    ),
    (TV, {"content_id": "wire-\u00d6", "watched_ms": 2_000_000, "mode": "vod"}),
    (TV, {"content_id": "wire-later", "watched_ms": 1_700_000, "mode": "catchup"}),
    (APP, {"app_id": "com.netflix.mediaclient", "action": "open", "duration_ms": 1_500_000}),
    (APP, {"app_id": "unheard.of", "action": "view", "section": "beach", "duration_ms": 300_000}),
    (
        APP,
        {
            "app_id": "unheard.of.later",
            "action": "pinch",
            "duration_ms": 500_000,
            "new_field": {"of": ["a", "later", "version"]},
        },
    ),
)
_MEMBERS: tuple[dict[str, str], ...] = (
    {},
    {"member_id": "m1", "device_id": "ph-1"},
    {"member_id": "m2", "device_id": "ph-2"},
    {"device_id": "tv-1"},
)


class Arrival(NamedTuple):
    """One record on its way to a topic, and when it comes (epoch ms)."""

    at: int
    topic: str
    partition: int
    key: bytes | None
    value: bytes


def days() -> list[list[list[Arrival]]]:
    """What comes, day by day, each in parts of some hours."""
    found: list[list[list[Arrival]]] = [
        [[] for _ in range(1 if day == BACKLOG_DAY else _PARTS)] for day in range(DAYS + 1)
    ]
    for record in sorted([*_simulated(), *_stories(), *_malformed()], key=lambda r: r.at):
        day, time = divmod(max(0, record.at - START_MS), DAY_MS)
        found[day][time * len(found[day]) // DAY_MS].append(record)
    return found


def entries() -> Iterator[tuple[bytes | None, bytes]]:
    """Records of the catalogue: known, unknown and refused."""
    for _, key, value in catalogue():
        yield key.encode(), orjson.dumps(value)
    yield b"app:x.y.z", b'{"title":"x.y.z","category":"SPORTS"}'
    yield b"host:unheard-of.example.com", b'{"key":"host:unheard-of.example.com","title":"?"}'
    yield from (
        (b"host:a.com", b""),
        (b"host:a.com", b"{nope"),
        (b"host:a.com", b"[1]"),
        (None, b"{}"),
        (b"nothing", b"{}"),
        (b"host:a.com", b'{"key":7}'),
        (b"host:a.com", b'{"key":"host:b.com"}'),
        (b"host:a.com", b" " * 5_000),
    )


def partition_of(key: bytes | None) -> int:
    """Where a key's records lie."""
    return zlib.crc32(key or b"") % PARTITIONS


def _arrival(at: float, kind: int, key: bytes | None, value: bytes) -> Arrival:
    return Arrival(int(at), INPUTS[kind], partition_of(key), key, value)


def _simulated() -> Iterator[Arrival]:
    for record in SIMULATION:
        yield _arrival(
            record.truth.at,
            INPUTS.index(record.topic),
            record.key.encode(),
            orjson.dumps(record.value),
        )


def _stories() -> Iterator[Arrival]:
    rng, numbers = Random(SEED), count(1)
    for account, said in _SAID.items():
        key = account.encode()
        for day, fact in said:
            ts = START_MS + int(day * DAY_MS)
            value = {"event_id": f"f-{next(numbers)}", "account_id": account, "ts": ts, **fact}
            yield _arrival(ts, FACTS, key, json.dumps(value).encode())
        for day in range(DAYS):
            for _ in range(10):
                yield from _deed(rng, next(numbers), account, START_MS + day * DAY_MS)


def _deed(rng: Random, number: int, account: str, midnight: int) -> Iterator[Arrival]:
    """An event, as it may be twice, late or too late, with its letters escaped or not."""
    kind, what = rng.choice(_DONE)
    ts = midnight + rng.randrange(DAY_MS)
    value = {
        "event_id": f"e-{number}",
        "account_id": account,
        "ts": ts,
        **(rng.choice(_MEMBERS)),
        **what,
    }
    raw = json.dumps(value, ensure_ascii=number % 2 == 0, indent=2 if number % 7 == 0 else None)
    at = ts + rng.choice((0, 0, 0, 0, 0, 30 * MINUTE_MS, 2 * HOUR_MS, 11 * HOUR_MS))
    yield _arrival(at, kind, account.encode(), raw.encode())
    if rng.random() < 0.1:
        yield _arrival(
            at + rng.choice((0, 50 * MINUTE_MS, 20 * HOUR_MS)), kind, account.encode(), raw.encode()
        )


def _malformed() -> Iterator[Arrival]:
    step = DAYS * DAY_MS // len(CASES)
    for number, case in enumerate(CASES):
        yield _arrival(START_MS + number * step, case.kind, case.key, case.raw)
    ahead = {
        "event_id": "ahead",
        "account_id": "wire-facts",
        "ts": WALL_MS + DAY_MS,
        "app_id": "a",
        "action": "open",
    }
    yield _arrival(START_MS + DAY_MS, APP, b"wire-facts", json.dumps(ahead).encode())
