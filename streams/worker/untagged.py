"""The heaviest contents without tags, kept by each worker and published once a minute.

``interest-streams untagged`` prints them; the topic ``untagged`` is for an editor or a crawler.
This is a look at the stream, not a part of it: it lives in memory outside the exactly-once
state, starts afresh with the worker, counts a replayed event again, and a lost publication is
made good by the next. Seconds by source are counted exactly (``untagged_attention_seconds``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from confluent_kafka import KafkaException, Producer
from numpy.typing import NDArray

from features.records.inputs import INPUTS
from features.vocabulary import Outcome
from streams import metrics
from streams.contract import topics
from streams.contract.untagged import Heavy
from streams.kafka import clients
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings

log = logging.getLogger(__name__)

#: Contents a worker keeps, and of those how many it publishes and how many are metrics.
KEPT, PUBLISHED, SHOWN = 2_000, 100, 10
#: Contents of one batch that are named: a key costs microseconds, a light one says nothing.
_NAMED = 256
_EVERY_S = 60.0
_HALF_LIFE_S = 86_400.0  # what nobody asks for any more goes
_FEWEST_SECONDS = 1.0  # an event counts as a second even if it names no duration


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
        from features.tags.heavy_hitters import HeavyHitters

        self._settings = settings
        self._known = known
        self._ports = ports
        self._held: HeavyHitters[tuple[str, str]] = HeavyHitters(KEPT)
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
                    INPUTS.names[int(rows["kind"][first[k]])],
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
                self._producer = clients.producer("untagged", self._settings, self._ports)
            self._producer.poll(0)
            for key, value in records.items():
                self._producer.produce(topic, value, key.encode())
            for key in self._told - records.keys():
                self._producer.produce(topic, None, key.encode())
            self._told = set(records)
        except (KafkaException, BufferError) as error:
            log.warning("untagged contents not published: %s", error)
