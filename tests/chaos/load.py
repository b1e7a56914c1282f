"""What the workers are fed: simulated households, storms of bad records, clocks that are wrong."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

from streams.contract.record import Record
from streams.contract.topics import APP, FACTS, INPUTS, NETWORK, OUTCOMES, TV
from streams.sandbox.simulator import DEFAULT_START, Simulation, simulated

DAYS = 10
_RECORDS_A_DAY = 35  # of a household; the simulator's mean is above
_STORM = 400  # refused records in a row of a storm, spread over partitions
_HOUR_MS = 3_600_000
_OUTCOMES = 0.02  # contacts and answers behind so many of the records
_LATEST = 200  # contacts that answers are to
_SPARE_DAYS = 8  # of the simulation, so that there are enough records
_START_MS = (DEFAULT_START.toordinal() - 719_163) * 24 * _HOUR_MS
#: Event time behind all of the load, ms since 1970.
END_MS = _START_MS + (DAYS + _SPARE_DAYS + 1) * 24 * _HOUR_MS

_ANSWERS = ("accepted", "ignored", "dismissed", "complained", "bought")
_CHANNELS = ("mail", "sms", "screen")
_INTERESTS = ("483", "216", "646", "1")
_BAD = (
    b"",
    b"{",
    b"[1,2]",
    b'{"event_id":"e"}',
    b"\xff\xfe",
    b'{"a":' * 40 + b"1" + b"}" * 40,
    b'{"event_id":"e","account_id":"+491701234567","ts":1551661200000}',
)


def records(
    seed: int, events: int, storms: int = 0, jumps: int = 0, facts_until: int = DAYS + _SPARE_DAYS
) -> Iterator[Record]:
    """Exactly `events` records of the joined topics, the same for the same arguments.

    Parameters
    ----------
    storms : int
        Bursts of malformed records, counted in `events`.
    jumps : int
        Stretches in which every tenth record's clock is an hour ahead or far behind.
    facts_until : int
        Days after which there are no facts: what workers write to them has its place behind the
        last, so only then it is among the events.
    """
    last_fact = _START_MS + facts_until * 24 * _HOUR_MS
    households = max(20, events // (DAYS * _RECORDS_A_DAY))
    whole = (
        record
        for record in simulated(Simulation(seed, households, DAYS + _SPARE_DAYS))
        if record.topic in INPUTS and (record.topic != FACTS or record.at < last_fact)
    )
    rng = random.Random(seed)
    return islice(_troubled(rng, _with_outcomes(rng, whole), events, storms, jumps), events)


def _with_outcomes(rng: random.Random, plain: Iterator[Record]) -> Iterator[Record]:
    """Have some people spoken to, and some answer; of a few contacts only the answers come."""
    made: deque[tuple[str, str]] = deque(maxlen=_LATEST)
    for number, record in enumerate(plain):
        yield record
        if not isinstance(record.value, dict) or rng.random() >= _OUTCOMES:
            continue
        if made and rng.random() < 0.5:
            account, contact = rng.choice(made)
            said: dict[str, Any] = {
                "kind": "answer",
                "contact_id": contact,
                "answer": rng.choice(_ANSWERS),
            }
        else:
            account, contact = record.value["account_id"], f"k-{number}"
            made.append((account, contact))
            said = {"kind": "contact", "contact_id": contact, "channel": rng.choice(_CHANNELS)}
            said |= {"interest": rng.choice(_INTERESTS), "held_out": rng.random() < 0.35}
            if rng.random() < 0.1:  # only its answers are told
                continue
        said |= {"event_id": f"o-{number}", "account_id": account, "ts": record.value["ts"]}
        yield Record(record.at, OUTCOMES, account, said)


def _troubled(
    rng: random.Random, plain: Iterator[Record], events: int, storms: int, jumps: int
) -> Iterator[Record]:
    storm_at = {rng.randrange(events) for _ in range(storms)}
    jump_at = {rng.randrange(events) for _ in range(jumps)}
    wrong = 0
    for number, record in enumerate(plain):
        if number in storm_at:
            topic = rng.choice((NETWORK, TV, APP))
            for _ in range(_STORM):
                yield Record(record.at, topic, f"acc-{rng.randrange(1_000)}", rng.choice(_BAD))
        if number in jump_at:
            wrong = 2_000
        wrong -= wrong > 0
        if wrong and wrong % 10 == 0 and isinstance(record.value, dict):
            off = rng.choice((_HOUR_MS, -2 * _HOUR_MS, -30 * _HOUR_MS))
            record = record._replace(value={**record.value, "ts": record.value["ts"] + off})
        yield record
