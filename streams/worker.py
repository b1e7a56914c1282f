"""The worker: poll, fold, commit, until told to stop.

The loop knows three ways on. A commit that succeeded: go on. `Abandon`: nothing in memory can be
trusted, so producer and engines are thrown away and everything is restored from the last commit.
`Stop`: leave with a message that says what to do.
"""

from __future__ import annotations

import logging
import signal
import time
from types import FrameType

import numpy as np
from confluent_kafka import KafkaException, TopicPartition

from features import taxonomy
from features.batches import Batch
from features.contents import Contents
from features.engine import Engine
from features.kernels import layout as lay
from features.tagging import exact_tags
from streams import metrics, topic_admin
from streams.errors import Abandon, BadTopics, Stop
from streams.health import Health
from streams.inlet import Inlet, Refused
from streams.membership import Membership
from streams.outlet import Commit, Outlet
from streams.reporting import Report
from streams.settings import Settings
from streams.setup import engine_config, warm_up
from streams.tagfeed import TagFeed
from streams.topics import INPUTS
from streams.watchdog import Watchdog

log = logging.getLogger(__name__)
_MOST_ABANDONED = 10  # in a row, before the worker gives up and lets its supervisor decide
_BACKOFF_S = 0.5


class Worker:
    """One stream worker.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = False
        self._watchdog = Watchdog(settings.watchdog_ms)
        self._health = Health(settings.http_host, settings.http_port,
                              stale_s=2 * settings.watchdog_ms / 1000.0)
        self._contents = Contents(taxonomy.load(), exact_tags())
        self._inlet = Inlet(settings)
        self._membership = Membership(settings, self._inlet, self._watchdog, self._make_engine,
                                      self._commit_before_revoke)
        self._report = Report()
        self._outlet: Outlet | None = None
        self._refused: list[Refused] = []
        self._positions: dict[int, dict[str, tuple[int, int]]] = {}
        self._uncommitted = 0
        self._committed_at = time.monotonic()

    def run(self) -> int:
        """Work until SIGTERM or SIGINT; returns the exit code."""
        signal.signal(signal.SIGTERM, self._ask_to_stop)
        signal.signal(signal.SIGINT, self._ask_to_stop)
        try:
            self._start()
            self._loop()
            self._membership.leave()
            return 0
        except Stop as error:
            log.error("%s", error)
            return error.code
        finally:
            if self._outlet is not None:
                self._outlet.drop()
            self._health.close()
            self._watchdog.stop()

    def _start(self) -> None:
        warm_up()
        check_topics(self._settings)
        self._tags = TagFeed(self._settings, self._contents)
        self._tags.load()
        self._outlet = self._new_outlet()
        self._membership.join()

    def _loop(self) -> None:
        abandoned = 0
        while not self._stopping:
            try:
                committed = self._turn()
                abandoned = 0 if committed else abandoned
            except Abandon as error:
                abandoned += 1
                metrics.ABORTS.labels("abandoned").inc()
                log.warning("abandoned (%d in a row): %s", abandoned, error)
                if abandoned >= _MOST_ABANDONED:
                    raise Stop(f"{abandoned} transactions in a row failed: {error}") from error
                self._recover()

    def _turn(self) -> bool:
        """One turn of the loop; returns whether it committed."""
        settings, membership = self._settings, self._membership
        restoring = membership.restoring
        self._health.tick(bool(membership.engines) and not restoring,
                          "restoring" if restoring else "no partitions assigned")
        metrics.LAST_POLL.set_to_current_time()
        room = settings.commit_events - self._uncommitted
        timeout = 0.0 if restoring else settings.poll_timeout_ms / 1000.0
        with self._watchdog.guard("poll"):
            self._inlet.poll(membership.consumer, max(1, min(settings.poll_events, room)), timeout)
        if membership.restoring:
            membership.work(0.2)
            return False
        self._tags.follow()
        for partition, batch in self._inlet.release():
            self._fold(partition, batch)
        self._inlet.pressure(membership.consumer)
        self._report.lag(self._inlet, membership.engines)
        due = time.monotonic() - self._committed_at >= settings.commit_interval_ms / 1000.0
        if self._uncommitted >= settings.commit_events or due:
            return self._commit(time.monotonic() + settings.call_deadline_ms / 1000.0)
        return False

    def _fold(self, partition: int, batch: Batch) -> None:
        engine = self._membership.engines[partition]
        with metrics.LOOP_SECONDS.time():
            outcome = engine.apply(batch)
        self._uncommitted += len(batch)
        for i in np.flatnonzero(outcome == lay.LATE).tolist():
            row = batch.records[i]
            self._refused.append(Refused(
                self._settings.topic(INPUTS[int(row["kind"])]), partition, int(row["offset"]),
                batch.text(i, "account"), batch.raw(i), "late", "ts",
                f"older than the watermark {engine.watermark}"))

    # -- committing ----------------------------------------------------------------------

    def _commit(self, deadline: float) -> bool:
        """Commit everything since the last commit; returns whether there was anything."""
        self._committed_at = time.monotonic()
        commit = Commit()
        for partition, engine in self._membership.engines.items():
            positions = self._inlet.partitions[partition].merge.position()
            if positions == self._positions.get(partition):
                continue
            refused = self._inlet.refused(partition, {n: at[0] for n, at in positions.items()})
            engine.refuse(len(refused))
            commit.refused += refused
            commit.changes[partition] = engine.collect(positions)
            commit.offsets += [TopicPartition(name, partition, at[0])
                               for name, at in positions.items()]
            self._positions[partition] = positions
        if not commit.changes:
            return False
        commit.refused += self._refused
        assert self._outlet is not None  # made before the group was joined
        with metrics.COMMIT_SECONDS.time():
            self._outlet.commit(commit, self._membership.consumer, deadline)
        self._refused = []
        self._uncommitted = 0
        self._report.committed(commit, self._membership.engines)
        return True

    def _commit_before_revoke(self, deadline: float) -> None:
        try:
            self._commit(deadline)
        except Abandon as error:
            metrics.ABORTS.labels("revoke").inc()
            log.warning("not committed before the partitions went: %s", error)
            if self._outlet is not None:
                self._outlet.drop()
            self._outlet = None
        self._forget_uncommitted()

    def _recover(self) -> None:
        """Throw away what can't be trusted, make it new from the last commit."""
        self._forget_uncommitted()
        if self._outlet is not None:
            self._outlet.drop()
        self._outlet = None
        time.sleep(_BACKOFF_S)
        self._outlet = self._new_outlet()
        self._membership.rewind()

    def _forget_uncommitted(self) -> None:
        self._refused = []
        self._positions = {}
        self._uncommitted = 0

    def _new_outlet(self) -> Outlet:
        deadline = time.monotonic() + self._settings.watchdog_ms / 1000.0
        while True:
            try:
                return Outlet(self._settings, self._watchdog)
            except Abandon as error:
                if time.monotonic() > deadline or self._stopping:
                    raise Stop(f"no transactional producer: {error}") from error
                log.warning("%s; trying again", error)
                time.sleep(_BACKOFF_S)

    def _make_engine(self) -> Engine:
        return Engine(engine_config(self._settings), taxonomy.load(), self._contents)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True


def check_topics(settings: Settings) -> None:
    """Refuse to start where topics are missing or not co-partitioned.

    Raises
    ------
    BadTopics
        With the exact reasons.
    """
    try:
        reasons = topic_admin.check(
            topic_admin.fetch(topic_admin.admin_client(settings), settings), settings)
    except (topic_admin.TopicError, KafkaException) as error:
        raise Stop(f"topics: {error}") from error
    if reasons:
        raise BadTopics("topics: " + "; ".join(reasons))
