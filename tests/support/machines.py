"""Makes events that no person stands behind, and short visits that a person does.

Each is what one device of a household would send over some days, beside what people do; an
interest that only a machine brought is no interest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from streams.contract import topics
from streams.contract.record import Record
from streams.sandbox.days import DAY_MS, HOUR_MS, MINUTE_MS

#: Of a machine: account, host it talks to (of television: its programme), start, days, chance.
Machine = Callable[[str, str, int, int, np.random.Generator], Iterator[Record]]


def _flow(account: str, host: str, at: int, moved: int, lasted: int) -> Record:
    value: dict[str, Any] = {
        "event_id": f"{account}-{host}-{at:x}"[:64],
        "account_id": account,
        "ts": at,
        "line": "broadband",
        "host": host,
        "bytes_down": moved - moved // 8,
        "bytes_up": moved // 8,
        "duration_ms": lasted,
    }
    return Record(at, topics.NETWORK, account, value)


def beacon(
    account: str, host: str, start: int, days: int, rng: np.random.Generator
) -> Iterator[Record]:
    """One or two kilobytes at regular gaps, day and night: each a flow of tens of milliseconds."""
    gap = int(rng.choice([5 * MINUTE_MS, HOUR_MS, DAY_MS]))
    for at in range(start + int(rng.integers(gap)), start + days * DAY_MS, gap):
        yield _flow(account, host, at, int(rng.integers(500, 4_000)), int(rng.integers(20, 400)))


def update(
    account: str, host: str, start: int, days: int, rng: np.random.Generator
) -> Iterator[Record]:
    """Hundreds of megabytes as fast as the line gives them, at night, every other day."""
    for day in range(0, days, 2):
        at = start + day * DAY_MS + 2 * HOUR_MS + int(rng.integers(HOUR_MS))
        moved = int(rng.integers(200, 900)) * 1_000_000
        yield _flow(account, host, at, moved, moved // int(rng.integers(6_000, 12_000)))


def open_tab(
    account: str, host: str, start: int, days: int, rng: np.random.Generator
) -> Iterator[Record]:
    """A connection kept alive for hours by a page nobody looks at."""
    for at in range(start + 9 * HOUR_MS, start + days * DAY_MS, 2 * HOUR_MS):
        lasted = int(rng.integers(90, 119)) * MINUTE_MS
        yield _flow(account, host, at, lasted * int(rng.integers(10, 80)) // 1000, lasted)


def prefetch(
    account: str, host: str, start: int, days: int, rng: np.random.Generator
) -> Iterator[Record]:
    """Some megabytes within a second or two, in case somebody should come: nobody does."""
    for day in range(days):
        at = start + day * DAY_MS + 6 * HOUR_MS + int(rng.integers(HOUR_MS))
        moved, lasted = int(rng.integers(1_500_000, 3_500_000)), int(rng.integers(900, 2_500))
        yield _flow(account, host, at, moved, lasted)


def sleeping_television(
    account: str, programme: str, start: int, days: int, rng: np.random.Generator
) -> Iterator[Record]:
    """A box on one channel from the evening to the morning."""
    for day in range(days):
        at = start + day * DAY_MS + 22 * HOUR_MS + int(rng.integers(HOUR_MS))
        value = {
            "event_id": f"{account}-{at:x}",
            "account_id": account,
            "ts": at,
            "content_id": programme,
            "watched_ms": int(rng.integers(5 * 60, 10 * 60)) * MINUTE_MS,
            "mode": "live",
        }
        yield Record(at, topics.TV, account, value)


def short_visits(
    account: str, host: str, start: int, days: int, rng: np.random.Generator
) -> Iterator[Record]:
    """Three glances of four seconds a day, by a person: one engagement together."""
    for day in range(days):
        for hour in (9, 13, 20):
            at = start + day * DAY_MS + hour * HOUR_MS + int(rng.integers(HOUR_MS))
            yield _flow(account, host, at, int(rng.integers(150_000, 900_000)), 4_000)


#: What is no engagement, by name.
MACHINES: Mapping[str, Machine] = MappingProxyType(
    {
        "beacon": beacon,
        "update": update,
        "open tab": open_tab,
        "prefetch": prefetch,
        "sleeping television": sleeping_television,
    }
)
