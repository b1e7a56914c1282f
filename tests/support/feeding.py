"""An engine fed by hand: records as a producer would write them, commits, restarts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.changes import Changes
from features.config import Config
from features.engine import Engine
from features.records.batch import parse
from features.records.decoder import APP, FACTS, NETWORK, TV, Limits
from features.records.tolerated import Tolerance
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import TagEntry, exact_tags
from features.vocabulary import Outcome
from streams.contract.topics import OFFERS, PROFILES, STATE

DAY = 86_400_000
HOUR = 3_600_000
#: A Monday, midnight UTC.
START = 19_723 * DAY

Record = tuple[int, bytes, bytes | None]


class Feed:
    """Makes records with event ids of their own; `day` may be a fraction."""

    def __init__(self) -> None:
        self.count = 0

    def record(self, topic: int, account: str, day: float, **fields: Any) -> Record:
        """A record of a topic (`features.records.decoder`)."""
        self.count += 1
        body = {
            "event_id": f"e-{self.count}",
            "account_id": account,
            "ts": START + int(day * DAY),
            **fields,
        }
        return topic, json.dumps(body).encode(), account.encode()

    def visit(self, account: str, day: float, host: str, **fields: Any) -> Record:
        """Ten minutes on a host."""
        return self.record(
            NETWORK,
            account,
            day,
            **{"line": "mobile", "host": host, "duration_ms": 600_000, **fields},
        )

    def watch(self, account: str, day: float, content: str, **fields: Any) -> Record:
        """An hour of television."""
        return self.record(
            TV,
            account,
            day,
            **{"content_id": content, "watched_ms": 3_600_000, "mode": "live", **fields},
        )

    def use(self, account: str, day: float, app: str, **fields: Any) -> Record:
        """Ten minutes of an app."""
        return self.record(
            APP, account, day, **{"app_id": app, "action": "view", "duration_ms": 600_000, **fields}
        )

    def fact(self, account: str, day: float, kind: str, **fields: Any) -> Record:
        """Something known."""
        return self.record(FACTS, account, day, **{"kind": kind, **fields})

    def tick(self, day: float) -> Record:
        """What a worker writes to a silent partition."""
        now = START + int(day * DAY)
        return FACTS, json.dumps({"kind": "tick", "ts": now, "now": now}).encode(), None

    def consent(self, account: str, day: float, status: str = "granted", **fields: Any) -> Record:
        """A consent fact, for profiling unless `purpose` says."""
        return self.fact(account, day, "consent", **{"status": status, **fields})


class Stream:
    """An engine, and what a broker would hold of its changelog and profiles.

    Attributes
    ----------
    state, profiles, offers : dict of bytes to bytes
        Compacted topics.
    written : list of bytes
        Every value ever written to state, profiles, offers and receipts.
    receipts : list of (bytes, bytes)
    """

    def __init__(
        self, config: Config | None = None, table: Mapping[str, TagEntry] | None = None
    ) -> None:
        self.config = config or Config()
        self.contents = Contents(taxonomy.load(), exact_tags() if table is None else table)
        self.engine = self._engine()
        self.state: dict[bytes, bytes] = {}
        self.profiles: dict[bytes, bytes] = {}
        self.offers: dict[bytes, bytes] = {}
        self.receipts: list[tuple[bytes, bytes]] = []
        self.written: list[bytes] = []
        self.limits = Limits()
        self._offset = 0

    def feed(self, *records: Record, now: int | None = None) -> list[str]:
        """Fold records, which came at `now` (ms) if that is given; returns what became of each."""
        n = len(records)
        batch, refused = parse(
            [r[1] for r in records],
            [r[2] for r in records],
            np.array([r[0] for r in records], np.uint8),
            np.zeros(n, np.int32),
            np.arange(self._offset, self._offset + n),
            self.limits,
            now,
            tolerance=Tolerance(self.config.rules.words, lambda _: now),
        )
        assert all(letter.holds for letter in refused.values()), refused
        self._offset += n
        outcome: NDArray[np.uint8] = self.engine.apply(batch)
        return [Outcome(code).word for code in outcome]

    def commit(self) -> Changes:
        """Write what changed."""
        changes = self.engine.collect({})
        for key, value in changes.state.items():
            self.written += [key, value or b""]
            _put(self.state, key, value)
        for topic, records in ((self.profiles, changes.profiles), (self.offers, changes.offers)):
            for key, value, _, _ in records:
                self.written += [key, value or b""]
                _put(topic, key, value)
        for key, value in changes.receipts:
            self.written += [key, value]
        self.receipts += changes.receipts
        return changes

    def restart(self) -> None:
        """Throw the engine away and restore another from the last commit."""
        self.engine = self._engine()
        self.engine.load(self.state.items())

    def profile(self, subject: str) -> Any:
        """The published profile, decoded; None where there is none."""
        value = self.profiles.get(subject.encode())
        return None if value is None else json.loads(value)

    def _engine(self) -> Engine:
        return Engine(self.config, taxonomy.load(), self.contents)


def stance(profile: Any, interest: str) -> str | None:
    """Stance of an interest in a profile."""
    return next((i["stance"] for i in profile["interests"] if i["id"] == interest), None)


def _put(topic: dict[bytes, bytes], key: bytes, value: bytes | None) -> None:
    if value is None:
        topic.pop(key, None)
    else:
        topic[key] = value


def latest_of(held: Stream) -> Callable[..., dict[tuple[bytes, int], bytes]]:
    """Stand in for `streams.kafka.latest.read_latest`, with what a stream wrote last."""

    def latest(
        settings: Any, name: str, wants: Callable[[bytes], bool], timeout: float
    ) -> dict[tuple[bytes, int], bytes]:
        topic = {STATE: held.state, PROFILES: held.profiles, OFFERS: held.offers}[name]
        return {(key, 0): value for key, value in topic.items() if wants(key)}

    return latest
