"""Reports the loop as metrics; counters move only with what was committed."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from features.engine import Engine
from features.figures import Figures, Totals
from features.state.shared_screens import BANDS_SAID, LINES, Attributed
from features.vocabulary import Outcome, Reply
from streams import metrics
from streams.worker.outlet import Commit

_LOG = logging.getLogger(__name__)
_EVERY_S = 1.0


def _report_attribution(found: list[Attributed]) -> None:
    """Set what is said of attribution, of all partitions together; nothing where it is off."""
    labels, said = sum(a.labels for a in found), sum(sum(a.posteriors) for a in found)
    if labels:
        lost = sum(a.log_loss * a.labels for a in found if a.labels)
        metrics.ATTRIBUTION_LOG_LOSS.set(lost / labels)
    if said:
        entropy = sum(a.entropy * sum(a.posteriors) for a in found if any(a.posteriors))
        metrics.ATTRIBUTION_ENTROPY.set(entropy / said)
    for band, *counts in zip(BANDS_SAID, *(a.posteriors for a in found), strict=True):
        if said:
            metrics.ATTRIBUTION_SHARE.labels(band).set(sum(counts) / said)
    for lines in LINES if found else ():
        metrics.ATTRIBUTION_HOMES.labels(lines).set(sum(a.homes[lines] for a in found))


class Report:
    """Turns engines' running totals into counters."""

    def __init__(self) -> None:
        self._commits = 0
        self._seen: dict[int, Totals] = {}
        self._looked = 0.0
        self._shown: set[str] = set()

    def committed(self, commit: Commit, found: Mapping[int, Figures]) -> None:
        """Count a commit, and the figures of every engine that were taken with it."""
        self._commits += 1
        if _LOG.isEnabledFor(logging.DEBUG):
            _LOG.debug("committed", extra={"about": self._about(commit)})
        metrics.COMMITS.inc()
        metrics.LAST_COMMIT.set_to_current_time()
        for topic in commit.taken:
            for outcome in Outcome.words()[1:]:  # 0 too: a counter's first increase is not seen
                became = commit.outcomes[topic, outcome]
                metrics.INPUT.labels(topic).inc(became)
                metrics.INPUT_OUTCOMES.labels(topic, outcome).inc(became)
        if commit.arrivals:
            came = np.concatenate(commit.arrivals)
            waited_ms = time.time() * 1000.0 - came[came >= 0]
            metrics.EVENT_TO_PROFILE.observe_all(np.maximum(waited_ms, 0.0) / 1000.0)
        for letter in commit.refused:
            metrics.DEAD_LETTERS.labels(letter.reason).inc()
            metrics.UNDECIDED_FACTS.inc(letter.undecided)
        metrics.FACTS_SENT_ON.inc(len(commit.astray))
        for partition, changes in commit.changes.items():
            gone = sum(1 for item in changes.profiles if item.value is None)
            metrics.PROFILES.inc(len(changes.profiles) - gone)
            metrics.TOMBSTONES.labels("interest-profiles").inc(gone)
            metrics.STATE_ROWS.inc(len(changes.state))
            for _, receipt in changes.receipts:
                asked = orjson.loads(receipt)["requested_at"] / 1000.0
                metrics.ERASURE_SECONDS.observe(max(0.0, time.time() - asked))
            for kind, count in changes.evicted.items():
                metrics.EVICTED_FACTS.labels(kind).inc(count)
            for news, count in changes.contacted.items():
                counter = metrics.ANSWERS if isinstance(news, Reply) else metrics.CONTACTS
                counter.labels(news).inc(count)
            for said, count in changes.answered.items():
                asked, engaged = ("yes" if yes else "no" for yes in (said.asked, said.engaged))
                metrics.DECLARED.labels(asked, said.opinion, engaged).inc(count)
            for reading, count in changes.tolerated.items():
                metrics.TOLERATED_FACTS.labels(reading).inc(count)
            self._totals(partition, found[partition])
        for partition in list(self._seen):
            if partition not in found:
                self._seen.pop(partition)
        answering = Counter(item.champion for item in found.values())
        for name in {name for item in found.values() for name in item.models}:
            metrics.CHAMPIONS.labels(name).set(answering[name])
        _report_attribution([item.attributed for item in found.values() if item.attributed])
        metrics.SUBJECTS.set(sum(item.subjects for item in found.values()))
        metrics.ROWS.set(sum(item.rows for item in found.values()))
        metrics.STATE_BYTES.set(sum(item.nbytes for item in found.values()))

    def watermarks(self, engines: Mapping[int, Engine]) -> None:
        """Refresh the watermarks, about once a second."""
        now = time.monotonic()
        if now - self._looked < _EVERY_S:
            return
        self._looked = now
        # a gauge of a partition that went would stand still and look like a stuck one
        for name in self._shown - {str(partition) for partition in engines}:
            metrics.WATERMARK.remove(name)
        self._shown = {str(partition) for partition in engines}
        for partition, engine in engines.items():
            name = str(partition)
            metrics.WATERMARK.labels(name).set(max(0, engine.watermark) / 1000.0)

    def _about(self, commit: Commit) -> dict[str, Any]:
        """Which commit it was and what of: numbers alone, for the log."""
        offsets = {f"{spot.topic}[{spot.partition}]": spot.offset for spot in commit.offsets}
        records = sum(commit.outcomes.values())
        return {"batch": self._commits, "records": records, "offsets": offsets}

    def _totals(self, partition: int, now: Figures) -> None:
        totals, before = now.totals, self._seen.get(partition, now.restored)
        self._seen[partition] = totals
        for name, count in totals.outcomes.items():
            if count > before.outcomes[name]:
                metrics.OUTCOME.labels(name).inc(count - before.outcomes[name])
        for name, seconds in totals.untagged_seconds.items():
            more = seconds - before.untagged_seconds[name]
            metrics.UNTAGGED_SECONDS.labels(name).inc(max(0, more))
        metrics.DAYS_CLOSED.inc(max(0, totals.days_closed - before.days_closed))
        metrics.LEARNED.inc(max(0, totals.learned - before.learned))
        if totals.learned:
            metrics.LOG_LOSS.set(now.models[now.champion].log_loss)
            for name, model in now.models.items():
                metrics.MODEL_LOG_LOSS.labels(name).set(model.log_loss)
                metrics.MODEL_CALIBRATION.labels(name).set(model.calibration_error)
        for news in now.news:
            metrics.MODEL_NEWS.labels(news.what, news.model).inc()
            _LOG.warning(
                "partition %d, day %d: %s %s, %s; log-loss won %.4f +- %.4f",
                partition,
                news.day,
                news.what,
                news.model,
                news.other,
                news.gain,
                news.error,
            )
