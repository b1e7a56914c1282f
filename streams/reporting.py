"""What the loop does, as metrics; counters move only with what was committed."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from confluent_kafka import Consumer

from features.engine import Engine
from features.kernels import layout as lay
from streams import metrics
from streams.inlet import Inlet
from streams.outlet import Commit

_LOG = logging.getLogger(__name__)
_EVERY_S = 1.0
_SOURCES = {1: "network", 2: "tv", 3: "app"}


class Report:
    """Turns engines' running totals into counters."""

    def __init__(self) -> None:
        self._seen: dict[int, list[int]] = {}
        self._days: dict[int, tuple[int, int]] = {}
        self._looked = 0.0
        self._shown: set[str] = set()

    def committed(self, commit: Commit, engines: Mapping[int, Engine]) -> None:
        """Take up a commit."""
        metrics.COMMITS.inc()
        metrics.LAST_COMMIT.set_to_current_time()
        for topic, count in commit.taken.items():
            metrics.INPUT.labels(topic).inc(count)
        for letter in commit.refused:
            metrics.DEAD_LETTERS.labels(letter.reason).inc()
        for partition, changes in commit.changes.items():
            gone = sum(1 for item in changes.profiles if item[1] is None)
            metrics.PROFILES.inc(len(changes.profiles) - gone)
            metrics.TOMBSTONES.labels("interest-profiles").inc(gone)
            metrics.STATE_ROWS.inc(len(changes.state))
            self._totals(partition, engines[partition])
        for partition in list(self._seen):
            if partition not in engines:
                self._seen.pop(partition)
                self._days.pop(partition, None)
        live = engines.values()
        answering = Counter(engine.learner.champion.id for engine in live)
        for name in {name for engine in live for name in engine.learner.models}:
            metrics.CHAMPIONS.labels(name).set(answering[name])
        metrics.SUBJECTS.set(sum(int(e.store.c[lay.C_LIVE]) for e in live))
        metrics.ROWS.set(sum(int(e.store.c[lay.C_ROWS_LIVE]) for e in live))
        metrics.STATE_BYTES.set(sum(e.store.nbytes() for e in live))

    def lag(self, inlet: Inlet, consumer: Consumer, engines: Mapping[int, Engine]) -> None:
        """Refresh lag and watermark, about once a second."""
        now = time.monotonic()
        if now - self._looked < _EVERY_S:
            return
        self._looked = now
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        # a gauge of a partition that went would stand still and look like a stuck one
        for name in self._shown - {str(partition) for partition in engines}:
            metrics.LAG_SECONDS.remove(name)
            metrics.LAG_RECORDS.remove(name)
            metrics.WATERMARK.remove(name)
        self._shown = {str(partition) for partition in engines}
        for partition, engine in engines.items():
            name = str(partition)
            metrics.LAG_RECORDS.labels(name).set(inlet.lag_records(partition, consumer))
            metrics.LAG_SECONDS.labels(name).set(inlet.lag_seconds(partition, now_ms))
            metrics.WATERMARK.labels(name).set(max(0, engine.watermark) / 1000.0)

    def _totals(self, partition: int, engine: Engine) -> None:
        now = engine.store.o.tolist()
        before = self._seen.get(partition, engine.restored_totals)
        for number, name in enumerate(lay.OUTCOMES):
            if now[number] > before[number]:
                metrics.OUTCOME.labels(name).inc(now[number] - before[number])
        for kind, name in _SOURCES.items():
            seconds = now[lay.O_SECONDS + kind] - before[lay.O_SECONDS + kind]
            metrics.UNTAGGED_SECONDS.labels(name).inc(max(0, seconds))
        self._seen[partition] = now
        days, learned = self._days.get(partition, (0, engine.restored_learned))
        metrics.DAYS_CLOSED.inc(max(0, engine.days_closed - days))
        metrics.LEARNED.inc(max(0, engine.learner.champion.learned - learned))
        self._days[partition] = engine.days_closed, engine.learner.champion.learned
        if engine.learner.champion.learned:
            metrics.LOG_LOSS.set(engine.learner.tally().log_loss)
            for name in engine.learner.models:
                tally = engine.learner.tally(name)
                metrics.MODEL_LOG_LOSS.labels(name).set(tally.log_loss)
                metrics.MODEL_CALIBRATION.labels(name).set(tally.calibration_error)
        for news in engine.learner.news:
            metrics.MODEL_NEWS.labels(news.what, news.model).inc()
            _LOG.warning("partition %d, day %d: %s %s, %s; log-loss won %.4f +- %.4f", partition,
                         news.day, news.what, news.model, news.other, news.gain, news.error)
        engine.learner.news.clear()
