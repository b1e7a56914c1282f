"""Simulates customers with known tastes, and yields the records of what they do."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.vocabulary import FactKind, Purpose
from streams.contract import topics
from streams.contract.record import Record
from streams.errors import UsageError
from streams.sandbox import days as plan
from streams.sandbox.contents import INTERESTS, PROGRAMMES_PER_INTEREST, programme
from streams.sandbox.people import Households, HouseholdTruth
from streams.sandbox.records import EventTruth, RecordWriter, Simulated

__all__ = ["EventTruth", "Simulated", "Simulation", "Truth", "catalogue", "simulated"]

DEFAULT_START = date(2019, 3, 4)  # a Monday


class Truth(Mapping[str, HouseholdTruth]):
    """Truth by account_id; computed when asked for."""

    def __init__(self, people: Households) -> None:
        self._people = people
        self._index = {people.account(h): h for h in range(people.households)}

    def __getitem__(self, account_id: str) -> HouseholdTruth:
        return self._people.truth(self._index[account_id])

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


class Simulation:
    """Households that live for some days; iterating yields their records.

    Records come in the order in which they reach the operator: by event time, but for those that
    are late (about 1 %, by up to 2 hours; 0.03 % by 9 to 10) and those that come twice (0.5 %).
    The same arguments give the same records. Memory holds the households and about two of
    their days, whatever `days` is.

    Parameters
    ----------
    seed : int
    households : int
        Of 1 to 5 members; about 60 records a day each at `scale` 1.
    days : int
    start_day : datetime.date
        Local date of the first day.
    scale : float
        Multiplies how often things are done.
    story_days : int or None
        Days over which interests come and go and facts happen; None is all `days`. All but
        the last day of a shorter simulation are the first days of a longer one with its story.

    Attributes
    ----------
    truth : Truth
        account_id -> `HouseholdTruth`.
    """

    def __init__(
        self,
        seed: int = 7,
        households: int = 100,
        days: int = 28,
        start_day: date = DEFAULT_START,
        scale: float = 1.0,
        story_days: int | None = None,
    ) -> None:
        if not (0 < households <= 1_000_000 and 0 < days <= 3_660 and 0 < scale <= 100):
            raise UsageError("households 1..1000000, days 1..3660 and scale above 0, at most 100")
        self.seed, self.households, self.days, self.scale = seed, households, days, scale
        self.start_day = start_day
        self.people = Households(seed, households, story_days or days)
        self.truth = Truth(self.people)
        midnight = datetime(start_day.year, start_day.month, start_day.day, tzinfo=UTC)
        self.start_ms = int(midnight.timestamp() * 1000)

    def __iter__(self) -> Iterator[Simulated]:
        writer = RecordWriter(self.people, self.seed)
        facts = self._facts(writer)
        events = self._events(writer)
        # Stable: at equal times what is known comes before what is done.
        return heapq.merge(facts, events, key=lambda record: record.truth.at)

    def _facts(self, writer: RecordWriter) -> Iterator[Simulated]:
        people, number = self.people, 0
        before = self.start_ms - plan.EARLIEST_MS - plan.HOUR_MS
        for h in range(self.households):
            status = "denied" if people.consent[h] == "denied" else "granted"
            number += 1
            yield writer.fact(
                before,
                h,
                number,
                FactKind.CONSENT,
                {"purpose": Purpose.PROFILING, "status": status},
            )
            for k in range(int(people.size[h])):
                number += 1
                member, account = f"m{k + 1}", people.account(h)
                yield writer.fact(
                    before,
                    h,
                    number,
                    FactKind.REGISTRY,
                    {
                        "device_id": f"ph-{account}-{member}",
                        "owner_member_id": member,
                        "adult": bool(people.adult[people.first[h] + k]),
                    },
                )
            for device in ("rt-", "tv-"):
                number += 1
                yield writer.fact(
                    before, h, number, FactKind.REGISTRY, {"device_id": device + people.account(h)}
                )
        for day, h, kind, data in people.fates:
            number += 1
            noon = self.start_ms + day * plan.DAY_MS + 12 * plan.HOUR_MS
            yield writer.fact(noon + h % 3_600_000, h, number, kind, data)

    def _events(self, writer: RecordWriter) -> Iterator[Simulated]:
        trips = plan.Trips(len(self.people.household))
        held: NDArray[np.void] = np.zeros(0, plan.ROW)
        number = 0
        for day in range(self.days):
            rng = np.random.default_rng([self.seed, 2, day])
            midnight = self.start_ms + day * plan.DAY_MS
            weekday = (self.start_day.weekday() + day) % 7
            rows = plan.plan_day(rng, self.people, trips, day, weekday, midnight, self.scale)
            rows["n"] = np.arange(number, number + len(rows))
            number += len(rows)
            held = np.concatenate((held, plan.with_duplicates(rng, rows)))
            held = held[np.argsort(held["at"], kind="stable")]
            ready = np.searchsorted(held["at"], midnight + plan.DAY_MS - plan.EARLIEST_MS)
            yield from writer.records(held[:ready])
            held = held[ready:]
        yield from writer.records(held)


def catalogue() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Records of the topic `catalogue` for the invented programmes: (topic, key, value)."""
    for interest in INTERESTS:
        if interest.channels:
            for number in range(PROGRAMMES_PER_INTEREST):
                content_id, title = programme(interest, number)
                key = f"programme:{content_id}"
                yield (
                    topics.CATALOGUE,
                    key,
                    {
                        "key": key,
                        "title": title,
                        "text": "",
                        "genres": [interest.genre],
                        "language": "en",
                    },
                )


def simulated(simulation: Simulation) -> Iterator[Record]:
    """Records of a simulation, its catalogue first."""
    for topic, key, value in catalogue():
        yield Record(simulation.start_ms - 86_400_000, topic, key, value)
    for record in simulation:
        yield Record(record.truth.at, record.topic, record.key, record.value)
