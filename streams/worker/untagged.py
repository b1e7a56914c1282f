"""The heaviest contents without tags: kept by each worker, published, listed by a command.

``interest-streams untagged`` prints them; the topic ``untagged`` is for an editor or a crawler.
This is a look at the stream, not a part of it: it lives in memory outside the exactly-once
state, starts afresh with the worker, counts a replayed event again, and a lost publication is
made good by the next. Seconds by source are counted exactly (``untagged_attention_seconds``).
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from confluent_kafka import KafkaException, Producer
from numpy.typing import NDArray

from features.vocabulary import Outcome, Source
from streams import metrics
from streams.contract import topics
from streams.kafka.compacted import CompactedTopic, ReaderError
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings, SettingsError, load

log = logging.getLogger(__name__)

SCHEMA = 1
#: Contents a worker keeps, and of those how many it publishes and how many are metrics.
KEPT, PUBLISHED, SHOWN = 2_000, 100, 10
#: Contents of one batch that are named: a key costs microseconds, a light one says nothing.
_NAMED = 256
_EVERY_S = 60.0
_HALF_LIFE_S = 86_400.0  # what nobody asks for any more goes
_FEWEST_SECONDS = 1.0  # an event counts as a second even if it names no duration
_STALE_MS = 2 * 86_400_000  # of the command: records of workers that are gone


@dataclass(frozen=True)
class Heavy:
    """One content without tags.

    Attributes
    ----------
    key : str
        Content key.
    source : str
        network, tv or app.
    seconds : float
        Attention lost, halved every day; at least so much.
    as_of : int
        Epoch milliseconds.
    """

    key: str
    source: str
    seconds: float
    as_of: int

    def value(self, worker: str) -> bytes:
        """Value of a record of the topic."""
        return json.dumps(
            {
                "schema": SCHEMA,
                "key": self.key,
                "source": self.source,
                "seconds": round(self.seconds, 1),
                "as_of": self.as_of,
                "worker": worker,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()


class Untagged:
    """What one worker keeps.

    Parameters
    ----------
    settings : Settings
    known : callable
        Whether a content key has tags by now.
    ports : Ports
    """

    def __init__(
        self, settings: Settings, known: Callable[[str], bool], ports: Ports = REAL
    ) -> None:
        from features.tags.heavy_hitters import Hitters

        self._settings = settings
        self._known = known
        self._ports = ports
        self._held: Hitters[tuple[str, str]] = Hitters(KEPT)
        self._told: set[str] = set()
        self._producer: Producer | None = None
        self._published_at = self._faded_at = ports.monotonic()

    def add(self, batch: Any, outcome: NDArray[np.uint8]) -> None:
        """Take up a folded batch.

        Parameters
        ----------
        batch : features.records.batch.Batch
        outcome : ndarray of uint8, shape (len(batch),)
        """
        index = np.flatnonzero(outcome == Outcome.UNTAGGED)
        if not index.size:
            return
        rows = batch.records[index]
        hashes, first, group = np.unique(
            rows["content_hash"], return_index=True, return_inverse=True
        )
        seconds = np.maximum(rows["duration_ms"] / 1000.0, _FEWEST_SECONDS)
        sums = np.bincount(group.ravel(), weights=seconds, minlength=len(hashes))
        heavy = np.argsort(-sums, kind="stable")[:_NAMED]
        self._held.add(
            (
                (
                    batch.content_key(int(index[first[k]]), "content"),
                    Source(int(rows["kind"][first[k]])).word,
                ),
                float(sums[k]),
            )
            for k in heavy.tolist()
        )

    def top(self, count: int) -> list[Heavy]:
        """Heaviest contents that still have no tags."""
        for key, source in [pair for pair in self._held if self._known(pair[0])]:
            self._held.drop((key, source))
        now = int(self._ports.wall() * 1000)
        return [
            Heavy(key, source, seconds, now) for (key, source), seconds in self._held.top(count)
        ]

    def publish(self) -> None:
        """Once a minute: fade, show as metrics, write what changed. Never waits or fails."""
        now = self._ports.monotonic()
        if now - self._published_at < _EVERY_S:
            return
        self._published_at = now
        self._held.fade(0.5 ** ((now - self._faded_at) / _HALF_LIFE_S))
        self._faded_at = now
        heavy = self.top(PUBLISHED)
        metrics.UNTAGGED_HEAVIEST.clear()
        for item in heavy[:SHOWN]:
            metrics.UNTAGGED_HEAVIEST.labels(item.key, item.source).set(item.seconds)
        self._write(
            {
                f"{item.key}@{self._settings.instance}": item.value(self._settings.instance)
                for item in heavy
            }
        )

    def _write(self, records: Mapping[str, bytes]) -> None:
        topic = self._settings.topic(topics.UNTAGGED)
        try:
            if self._producer is None:
                self._producer = self._ports.producer(
                    {
                        **self._settings.kafka,
                        "bootstrap.servers": self._settings.bootstrap_servers,
                        "queue.buffering.max.messages": 4 * PUBLISHED,
                    }
                )
            self._producer.poll(0)
            for key, value in records.items():
                self._producer.produce(topic, value, key.encode())
            for key in self._told - records.keys():
                self._producer.produce(topic, None, key.encode())
            self._told = set(records)
        except (KafkaException, BufferError) as error:
            log.warning("untagged contents not published: %s", error)


def read(settings: Settings, now_ms: int) -> list[Heavy]:
    """Heaviest contents over all workers that published lately, heaviest first.

    Raises
    ------
    ReaderError
    """
    reader = CompactedTopic(
        settings.bootstrap_servers, settings.topic(topics.UNTAGGED), kafka=settings.kafka
    )
    newest: dict[bytes, dict[str, Any] | None] = {}
    try:
        for message in reader.past(settings.restore_timeout_ms / 1000):
            newest[message.key() or b""] = _record(message.value())
    finally:
        reader.close()
    found: dict[tuple[str, str], Heavy] = {}
    for record in newest.values():
        if record is None or record["as_of"] < now_ms - _STALE_MS:
            continue
        name = record["key"], record["source"]
        held = found.get(name)
        found[name] = Heavy(
            *name,
            record["seconds"] + (held.seconds if held else 0.0),
            max(record["as_of"], held.as_of if held else 0),
        )
    return sorted(found.values(), key=lambda item: (-item.seconds, item.key))


def _record(value: bytes | None) -> dict[str, Any] | None:
    try:
        record = json.loads(value or b"null")
        if not isinstance(record, dict):
            return None
        return {
            "key": str(record["key"]),
            "source": str(record["source"]),
            "seconds": float(record["seconds"]),
            "as_of": int(record["as_of"]),
        }
    except (ValueError, KeyError, TypeError):
        return None


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add ``untagged`` to the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "untagged", help="heaviest contents that nobody has given tags"
    )
    parser.add_argument("--config", type=Path, help="settings file")
    parser.add_argument("--bootstrap", metavar="SERVERS", help="instead of bootstrap_servers")
    parser.add_argument("--top", type=int, default=20, metavar="N")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Print them; 0 done, 1 Kafka failed, 2 wrong settings."""
    try:
        settings = load(args.config)
        if args.bootstrap:
            settings = replace(settings, bootstrap_servers=args.bootstrap)
        found = read(settings, int(REAL.wall() * 1000))[: max(0, args.top)]
    except SettingsError as error:
        print(f"untagged: {error}", file=sys.stderr)
        return 2
    except (ReaderError, OSError) as error:
        print(f"untagged: {error}", file=sys.stderr)
        return 1
    for item in found:
        if args.json:
            print(
                json.dumps(
                    {
                        "key": item.key,
                        "source": item.source,
                        "seconds": round(item.seconds, 1),
                        "as_of": item.as_of,
                    },
                    ensure_ascii=False,
                )
            )
        else:
            print(f"{item.seconds:12,.0f} s  {item.source:8} {item.key}")
    if not found:
        print("untagged: nothing published yet (workers do it once a minute)", file=sys.stderr)
    return 0
