"""Live state and changelogs as plain values, to compare with twins and with each other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from features.changes import Changes, ProfileRecord
from features.config import Config
from features.engine import Engine
from features.records.batch import Batch
from features.records.position import Position
from features.state import layout as lay
from features.state import snapshots
from features.state.changelog_keys import META
from features.state.contents import Contents
from features.state.packing_kernel import FORMAT, HEAD, SIZES
from features.tags.taxonomy import load
from features.vocabulary import Outcome
from tests.support.generators import TABLE, Record, batch
from tests.support.profile_differences import without_days_then

FLAGS = {
    lay.F_LIKE: "like",
    lay.F_DISLIKE: "dislike",
    lay.F_QUIET: "quiet",
    lay.F_ENGAGED: "engaged",
}


@dataclass
class Run:
    """An engine, the fold of its changelog, and all profiles and offers that it published."""

    config: Config
    engine: Engine = field(init=False)
    changelog: dict[bytes, bytes] = field(default_factory=dict)
    published: list[ProfileRecord] = field(default_factory=list)
    offered: list[ProfileRecord] = field(default_factory=list)
    offset: int = 0

    def __post_init__(self) -> None:
        self.engine = new_engine(self.config)

    def apply(self, records: Sequence[Record]) -> list[str]:
        """Fold records; says what became of each."""
        outcome = self.engine.apply(batch(records, self.offset))
        self.offset += len(records)
        return [Outcome(code).word for code in outcome.tolist()]

    def fold(self, records: Batch) -> None:
        """Fold records that are parsed already."""
        self.engine.apply(records)

    def commit(self) -> Changes:
        """Collect, and fold what comes out as Kafka's compaction would."""
        changes = self.engine.collect({"input": Position(self.offset, 0)})
        self.published += changes.profiles
        self.offered += changes.offers
        for key, value in changes.state.items():
            if value is None:
                self.changelog.pop(key, None)
            else:
                self.changelog[key] = value
        return changes

    def restart(self) -> None:
        """Forget the engine, go on from the changelog, whose keys come in another order."""
        self.engine = new_engine(self.config)
        self.engine.load(sorted(self.changelog.items(), key=lambda item: item[0][::-1]))

    def profiles(self) -> dict[bytes, Any]:
        """Every profile as it would be published now, without what depends on earlier versions."""
        store = self.engine.store
        found = {}
        for sid in range(int(store.counters["subjects"])):
            if not store.subjects["status"][sid] & lay.S_GONE:
                value = self.engine.profile(store.key(sid))
                if value is not None:
                    found[store.key(sid)] = document = json.loads(value) | {"version": None}
                    for item in document["interests"]:
                        del item["stance_since"]
                        without_days_then(item)
        return found


def new_engine(config: Config) -> Engine:
    """An engine that knows the tests' contents."""
    return Engine(config, load(), Contents(load(), TABLE))


def run(config: Config, pieces: Sequence[Sequence[Record]], restart: bool = False) -> Run:
    """Fold pieces with a commit after each and, if asked, a restart."""
    done = Run(config)
    for piece in pieces:
        done.apply(piece)
        done.commit()
        if restart:
            done.restart()
    return done


def canonical(changelog: Mapping[bytes, bytes], config: Config) -> dict[bytes, object]:
    """A changelog without what depends on where commits fell.

    What was published and when does: versions, digests, days, what is shown; so does how event
    ids are spread over records, and how long ids linger that no longer count.
    """
    meta = json.loads(changelog[META])
    clock = config.clock()
    oldest = (meta["max_ts"] - clock.horizon) // clock.bucket
    found: dict[bytes, object] = {}
    ids: set[tuple[int, int]] = set()
    for key, value in changelog.items():
        if key.startswith(b"s/"):
            head = np.frombuffer(value[: HEAD.itemsize], HEAD).copy()
            head["version"], head["digest"], head["published"] = 0, 0, 0
            rows, lead = np.frombuffer(value[HEAD.itemsize :], np.uint8).copy(), SIZES[FORMAT].lead
            rows[: lead * int(head["used"][0])].reshape(-1, lead)[:, 2:] = 0  # what was shown
            found[key] = head.tobytes() + rows.tobytes()
        elif key.startswith(b"d/"):
            arrays = snapshots.unpack(value)[1]
            ids |= {
                pair
                for pair in zip(arrays["hash"].tolist(), arrays["bucket"].tolist(), strict=True)
                if pair[1] >= oldest
            }
        else:
            found[key] = value
    found[META] = {**meta, "next": 0, "offsets": {}}
    found[b"d/"] = ids
    return found


def live_rows(engine: Engine) -> dict[str, dict[int, int]]:
    """Row numbers by subject key and interest, both in their order."""
    store = engine.store
    found: dict[str, dict[int, int]] = {}
    for sid in range(int(store.counters["subjects"])):
        if not store.subjects["status"][sid] & lay.S_GONE:
            start = int(store.subjects["start"][sid])
            found[store.key(sid).decode()] = {
                int(store.rows.interest[j]): j
                for j in range(start, start + int(store.subjects["used"][sid]))
            }
    return found


def row_values(engine: Engine, j: int) -> dict[str, Any]:
    """A row in words: its day, its bitmap from that day's next on, first day, masses."""
    row = engine.store.rows.windows[j]
    return {
        "day": int(row["day"]),
        "bits": int(row["bits"]),
        "first": int(row["first"]),
        "active": int(row["active"]),
        "flags": {name for flag, name in FLAGS.items() if row["known"] & flag},
        "parts": row["part"].astype(float).tolist(),
        "tv": float(row["tv"]),
        "app": float(row["app"]),
        "abroad": float(row["abroad"]),
    }
