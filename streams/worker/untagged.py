"""Lists the heaviest contents without tags, per worker, and publishes them once a minute.

``interest-streams untagged`` prints them; the topic ``untagged`` is for an editor or a crawler.
This is a look at the stream, not a part of it: it lives in memory outside the exactly-once
state, starts afresh with the worker, counts a replayed event again, and a lost publication is
made good by the next. Seconds by source are counted exactly (``untagged_attention_seconds``).

It names nobody: a host by its registered domain alone, never an address or a name inside a house;
a key of at least ``audience_k`` households; and none of the seconds of an account of which a fact
arrived since (an erasure or a withdrawal above all), or whose partition is another worker's now. Of
seconds one digit is told: the others, from minute to minute, are what one household did.
What a former worker of this name published is withdrawn unless earned again.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import Any

import numpy as np
from confluent_kafka import KafkaException, Producer
from numpy.typing import NDArray

from features.records.decoder import FACTS
from features.records.inputs import INPUTS
from features.vocabulary import Outcome
from streams import metrics
from streams.contract import topics
from streams.contract.untagged import STALE_MS, Heavy
from streams.kafka import clients
from streams.kafka.compacted import CompactedTopic, ReaderError
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings
from streams.worker.crowds import MOST, Crowds

log = logging.getLogger(__name__)

#: Contents a worker keeps, and of those how many it publishes and how many are metrics.
KEPT, PUBLISHED, SHOWN = 2_000, 100, 10
#: Contents of one batch that are named: a key costs microseconds, a light one is not worth it.
_NAMED = 256
_EVERY_S = 60.0
_HALF_LIFE_S = 86_400.0  # what nobody asks for any more goes
_FEWEST_SECONDS = 1.0  # an event counts as a second even if it names no duration


class Untagged:
    """Counts attention to contents without tags, for one worker.

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
        from features.tags.keys import public_key

        self._settings = settings
        self._known = known
        self._public = public_key
        self._ports = ports
        self._held: HeavyHitters[tuple[str, str]] = HeavyHitters(KEPT)
        self._crowds: Crowds[tuple[str, str]] = Crowds(max(MOST, 2 * settings.audience_k))
        self._told: set[str] = set()
        self._producer: Producer | None = None
        self._published_at = self._faded_at = ports.monotonic()

    def load(self) -> None:
        """Read what this worker's name published before, and what workers left that are gone."""
        stale_ms = int(self._ports.wall() * 1000) - STALE_MS
        own = f"@{self._settings.instance}".encode()
        try:
            with closing(
                CompactedTopic(
                    self._settings.bootstrap_servers,
                    self._settings.topic(topics.UNTAGGED),
                    kafka=self._settings.kafka,
                    make=self._ports.consumer,
                )
            ) as topic:
                for (key, _), value in topic.latest(lambda key: True).items():
                    item = Heavy.from_value(value)
                    if key.endswith(own) or item is None or item.as_of < stale_ms:
                        self._told.add(key.decode(errors="replace"))
        except (KafkaException, ReaderError) as error:
            log.warning("earlier contents without tags are not taken back: %s", error)

    def keep(self, partitions: Iterable[int]) -> None:
        """Forget the households of partitions that are not this worker's any more."""
        self._crowds.keep_partitions(partitions)

    def add(self, batch: Any, outcome: NDArray[np.uint8]) -> None:
        """Count a folded batch.

        Parameters
        ----------
        batch : features.records.batch.Batch
        outcome : ndarray of uint8, shape (len(batch),)
        """
        index = np.flatnonzero(outcome == Outcome.UNTAGGED)
        facts = np.flatnonzero(batch.records["kind"] == FACTS)
        if facts.size:
            index = self._after_facts(batch.records["account_hash"], facts, index)
        if not index.size:
            return
        rows = batch.records[index]
        hashes, first, group = np.unique(
            rows["content_hash"], return_index=True, return_inverse=True
        )
        seconds = np.maximum(rows["duration_ms"] / 1000.0, _FEWEST_SECONDS)
        sums = np.bincount(group.ravel(), weights=seconds, minlength=len(hashes))
        named: dict[int, tuple[str, str]] = {}
        for k in np.argsort(-sums, kind="stable")[:_NAMED].tolist():
            key = self._public(batch.content_key(int(index[first[k]]), "content"))
            if key is not None:
                named[k] = key, INPUTS.names[int(rows["kind"][first[k]])]
        self._held.add((key, float(sums[k])) for k, key in named.items())
        households = self._crowds.pseudonyms(rows["account_hash"])
        for k, household, partition, spent in zip(
            group.ravel().tolist(),
            households.tolist(),
            rows["partition"].tolist(),
            seconds.tolist(),
            strict=True,
        ):
            if k in named:
                self._crowds.add(named[k], household, partition, spent)

    def _after_facts(
        self, accounts: NDArray[np.uint64], facts: NDArray[np.int64], index: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Forget accounts of which a fact arrived; events of theirs after it, and of all others."""
        last = dict(zip(accounts[facts].tolist(), facts.tolist(), strict=True))
        for household in self._crowds.pseudonyms(np.array([*last], np.uint64)).tolist():
            self._crowds.forget(household)
        after = [i > last.get(a, -1) for i, a in zip(index, accounts[index].tolist(), strict=True)]
        return index[np.array(after, np.bool_)]

    def top(self, count: int) -> list[Heavy]:
        """Heaviest contents of enough households that still have no tags."""
        for key, source in [pair for pair in self._held if self._known(pair[0])]:
            self._held.drop((key, source))
        now = int(self._ports.wall() * 1000)
        self._crowds.keep(self._held)
        least = self._settings.audience_k
        said = [(pair, self._crowds.publishable(pair, least)) for pair, _ in self._held.top(KEPT)]
        return [Heavy(*pair, _coarse(seconds), now) for pair, seconds in said if seconds][:count]

    def publish(self) -> None:
        """Once a minute: fade, show as metrics, write what changed. Never waits or fails."""
        now = self._ports.monotonic()
        if now - self._published_at < _EVERY_S:
            return
        self._published_at = now
        self._held.fade(0.5 ** ((now - self._faded_at) / _HALF_LIFE_S))
        self._crowds.fade(0.5 ** ((now - self._faded_at) / _HALF_LIFE_S))
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
            for key in sorted(self._told - records.keys()):
                self._producer.produce(topic, None, key.encode())
            self._told = set(records)
        except (KafkaException, BufferError) as error:
            log.warning("untagged contents not published: %s", error)


def _coarse(seconds: float) -> float:
    """Seconds above 0, rounded down to one digit."""
    unit = 10.0 ** math.floor(math.log10(seconds))
    return seconds // unit * unit
