"""Runs the worker: poll, hand over, have it committed, until told to stop.

What is handed over is folded and committed beside the loop (`streams.worker.pipeline`). The loop
knows four ways on. A commit that succeeded: go on. `Abandon`: nothing in memory can be trusted, so
producer and engines are thrown away and everything is restored from the last commit; without a
broker that is tried until one is there. A partition that fails is restored beside the others; one
that fails again is given up. `Stop`: leave with a message that tells what to do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from confluent_kafka import KafkaException

from features.engine import Engine
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import exact_tags
from streams import metrics
from streams.contract.topics import INPUTS
from streams.errors import Abandon, BadTopics, KafkaFailed, NoBroker, PartitionFailed, Stop
from streams.kafka import access, clients, topic_check, topic_plan
from streams.kafka.diagnosis import missing_on_topics, unreachable
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings
from streams.worker import binding
from streams.worker.ears import Ears
from streams.worker.health import Health
from streams.worker.inlet import Inlet
from streams.worker.lag_watch import LagWatch
from streams.worker.membership import Membership
from streams.worker.model_merger import ModelMerger
from streams.worker.outlet import Outlet
from streams.worker.pipeline import Pipeline
from streams.worker.reach import Reach
from streams.worker.reporting import Report
from streams.worker.sweeper import Sweeper
from streams.worker.ticker import Ticker
from streams.worker.topic_watch import TopicWatch
from streams.worker.twins import Twins
from streams.worker.watchdog import Watchdog
from streams.worker.wiring import engine_config, spare_collector, warm_up

log = logging.getLogger(__name__)
_MOST_ABANDONED = 10  # in a row, before a strict worker lets its supervisor decide
_BACKOFF_S, _LONGEST_BACKOFF_S = 0.5, 5.0
_SOON_S = 0.01
_LESS, _MORE = 0.5, 1.25  # what a transaction's failure and its success make of the next one's size


class Worker:
    """Runs one stream worker: the loop, its health page and its shutdown.

    Parameters
    ----------
    settings : Settings
    ports : Ports
        Kafka and the clock.
    """

    def __init__(self, settings: Settings, ports: Ports = REAL) -> None:
        self._settings = settings
        self._ports = ports
        self._started = False
        self._ears = Ears(lambda: not self._started or self._waits_for_broker())
        self._watchdog = Watchdog(settings.watchdog_ms)
        self._health = Health(
            settings.http_host,
            settings.http_port,
            stale_s=2 * settings.watchdog_ms / 1000.0,
            tenant=settings.tenant,
        )
        self._reach = Reach(settings, self._health.reached)
        self._contents = Contents(taxonomy.load(), exact_tags())
        self._report = Report()
        self._pipeline = Pipeline(settings, self._contents, self._report, ports)
        self._lag = LagWatch(settings)
        self._topics = TopicWatch(settings, ports)
        self._inlet = Inlet(settings, ports)
        self._ticker = Ticker(settings, ports)
        self._merger = ModelMerger(settings, ports) if settings.shared_model else None
        self._sweeper = Sweeper(settings, self._pipeline, ports)
        self._membership = Membership(
            settings,
            self._inlet,
            self._watchdog,
            self._make_engine,
            self._commit_before_revoke,
            self._await,
            ports,
        )
        self._twins = Twins(settings, ports, self._membership.departed.note)
        self._abandoned = 0
        self._failed: dict[int, float] = {}  # monotonic seconds of the latest failure
        self._succeeded = 0  # commits, of those that `_pipeline` counts
        self._share = 1.0  # of the usual size of a transaction
        self._uncommitted = 0
        self._committed_at = ports.monotonic()

    def run(self) -> int:
        """Work until SIGTERM or SIGINT; returns the exit code."""
        self._ears.open()
        self._watchdog.start()
        try:
            self._reach.start()
            settings = self._settings
            warm_up(settings.native_fetch, self._health.starting, settings.shared_model)
            self._begin()
            self._started = True
            if not self._settings.erasure_key:
                log.warning(
                    "erasure_key is not set: whoever reads the state topic can find out "
                    "which ids were erased, by trying them, and make event ids that collide"
                )
            self._lag.start()
            spare_collector()
            while not self._ears.asked:
                self.step()
                self._twins.look(self._membership.consumer.memberid() or "")
                self._topics.look(self._membership.owner)
            self.leave()
            return 0
        except Stop as error:
            log.error("%s", error)
            self._pipeline.discard()  # nothing more is committed
            if self._started:
                self.leave()  # or the group would wait for this worker until its session ends
            return error.code
        finally:
            self._pipeline.discard()
            self._health.close()
            self._lag.stop()
            self._reach.stop()
            self._watchdog.stop()

    def _begin(self) -> None:
        """Check the topics and start; without a broker that is tried until one is there.

        Until then a signal ends the process by itself, for nothing is under way.
        """
        while True:
            try:
                self._health.starting("looking at the topics")
                self._inlet.expect(check_topics(self._settings))
                self._health.starting("reading content tags")
                self._twins.wait(lambda: bool(self._ears.asked))
                self.start()
                return
            except (NoBroker, KafkaFailed) as error:
                if self._settings.strict_limits or not error.away:
                    raise
                why = "; ".join(item.said for item in unreachable(self._settings)) or str(error)
            log.warning("waiting for a broker: %s", why)
            self._health.starting(f"waiting for a broker: {why}")
            self._ports.sleep(_BACKOFF_S)

    def start(self) -> None:
        """Read the content tags, fence whoever had this worker's name, join the group."""
        self._pipeline.load()
        try:
            self._pipeline.outlet = self._new_outlet()
        except Abandon as error:
            log.warning("%s; trying again", error)
        self._membership.join()

    def step(self) -> None:
        """Do one turn of the loop, and rewind where it had to be abandoned.

        Raises
        ------
        Stop
        """
        try:
            if self._pipeline.outlet is None:
                self._recover()
            self._turn()
            self._pipeline.check()
            for number, part in list(self._inlet.partitions.items()):
                if part.broken is not None:
                    self._fail(number, part.broken)
            if self._pipeline.succeeded > self._succeeded:
                self._succeeded = self._pipeline.succeeded
                self._abandoned = 0
                self._share = min(1.0, self._share * _MORE)
        except KafkaFailed as error:
            self._abandon(error)
        except KafkaException as error:
            self._abandon(KafkaFailed("Kafka", error))

    def _fail(self, partition: int, cause: Exception) -> None:
        """Restore one partition anew, beside the others, or give it up if that can't help."""
        if self._settings.strict_limits:
            raise cause
        for_good = isinstance(cause, Stop)
        why = cause if isinstance(cause, Stop) else Stop(f"{type(cause).__name__}: {cause}")
        now, before = self._ports.monotonic(), self._failed.get(partition)
        again = before is not None and 1000 * (now - before) < self._settings.input_retry_ms
        self._failed[partition] = now
        log.error("partition %d: %s", partition, why, exc_info=None if for_good else cause)
        self._pipeline.settle()  # its last commit may be on its way
        self._membership.drop(partition)
        self._membership.given_up.add(partition, why, at_once=not (for_good or again))

    def _abandon(self, error: KafkaFailed) -> None:
        """Begin anew from the last commit, as soon as Kafka lets us."""
        self._abandoned += 1
        self._share *= _LESS  # a broker that was too slow may manage half of it in time
        metrics.ABORTS.labels("abandoned").inc()
        log.warning("abandoned (%d in a row): %s", self._abandoned, error)
        if self._abandoned >= _MOST_ABANDONED and self._settings.strict_limits:
            raise Stop(f"{self._abandoned} transactions in a row failed: {error}") from error
        self._pipeline.discard()
        self._health.tick(False, f"beginning anew: {error}")
        self._ports.sleep(min(_BACKOFF_S * self._abandoned, _LONGEST_BACKOFF_S))

    def _waits_for_broker(self) -> bool:
        """Whether nothing is under way that a broker could be told of."""
        return self._pipeline.outlet is None and not self._reach.there

    def leave(self) -> None:
        """Commit what was folded, and leave the group."""
        self._membership.leave()

    def _turn(self) -> None:
        settings, membership = self._settings, self._membership
        restoring = membership.restoring
        ready, said = membership.state
        self._health.tick(ready, said, said)
        metrics.LAST_POLL.set_to_current_time()
        self._lag.follow(membership.assigned)
        self._pipeline.listen()
        most = max(settings.poll_events, int(settings.commit_events * self._share))
        room = min(most - self._uncommitted, max(1, self._pipeline.turn_size))
        timeout = 0.0 if restoring else settings.poll_timeout_ms / 1000.0
        if membership.changing:  # its end is heard by the next poll, and no records before it
            timeout = min(timeout, _SOON_S)
        with self._watchdog.guard("poll"):
            try:
                most_now = max(1, min(settings.poll_events, room))
                self._inlet.poll(membership.consumer, most_now, timeout)
            except PartitionFailed as error:
                self._fail(error.partition, error.cause)
        if membership.restoring:
            membership.work(0.05 if membership.engines else 0.2)
            if not membership.engines:
                return
        released = self._inlet.release()
        self._pipeline.turn(
            [
                (self._inlet.partitions[number], membership.engines[number], batch)
                for number, batch in released
            ]
        )
        self._uncommitted += sum(len(batch) for _, batch in released)
        self._inlet.apply_backpressure(membership.consumer)
        membership.follow()
        membership.try_again()
        self._sweeper.look(self._inlet, membership.engines)
        self._ticker.look(self._inlet, membership.engines)
        if self._merger is not None:
            self._merger.look(self._inlet, membership.engines)
        self._report.watermarks(membership.engines)
        due = self._due() or self._inlet.owes()
        if self._uncommitted >= most or (due and not self._pipeline.committing):
            self._commit()

    # -- committing ----------------------------------------------------------------------

    def _due(self) -> bool:
        """Whether the interval since the last commit is over.

        Nobody waits for a profile made from records that waited for long themselves, so behind
        the inputs a worker commits less often: a profile that many of them changed is written
        once.
        """
        passed_ms = 1000.0 * (self._ports.monotonic() - self._committed_at)
        if passed_ms < self._settings.commit_interval_ms:
            return False
        late_ms = self._settings.catch_up_interval_ms * self._share
        return passed_ms >= late_ms or self._inlet.age_ms() < late_ms

    def _commit(self, deadline: float | None = None) -> None:
        """Have everything since the last commit committed, once that has succeeded."""
        if self._pipeline.committing:
            self._pipeline.settle()
        self._committed_at = self._ports.monotonic()
        self._uncommitted = 0
        cuts = self._inlet.cut()
        if cuts:
            engines = self._membership.engines
            self._pipeline.commit(cuts, engines, self._membership.consumer, deadline)

    def _commit_before_revoke(self, deadline: float) -> bool:
        """Commit; returns whether live state can be trusted to be what was committed."""
        if self._pipeline.outlet is None:
            return False
        return self._await(partial(self._commit, deadline))

    def _await(self, more: Callable[[], None] = lambda: None) -> bool:
        """Do `more` and wait until the executor is empty; returns whether all of it succeeded."""
        try:
            more()
            self._pipeline.settle()
        except KafkaFailed as error:
            metrics.ABORTS.labels("revoke").inc()
            log.warning("not committed before the partitions went: %s", error)
            self._pipeline.discard()
            return False
        return True

    def _recover(self) -> None:
        """Make everything new from the last commit."""
        self._pipeline.outlet = self._new_outlet()
        self._membership.rewind()

    def _new_outlet(self) -> Outlet:
        """A new producer, and with it what the output topics take now."""
        outlet = Outlet(self._settings, self._watchdog, self._ports)
        self._inlet.refusals.sizes = outlet.sizes
        return outlet

    def _make_engine(self) -> Engine:
        return Engine(engine_config(self._settings), taxonomy.load(), self._contents)


def check_topics(settings: Settings) -> int:
    """Refuse to start where topics are missing, not co-partitioned, or not the state's.

    Returns
    -------
    Partitions of every input.

    Raises
    ------
    BadTopics
        With the exact reasons.
    NoBroker
    """
    try:
        admin = clients.admin(settings)
        found = topic_plan.fetch(admin, settings)
    except topic_plan.TopicError as error:
        raise (NoBroker if error.away else Stop)(f"topics: {error}") from error
    reasons = topic_check.check(found, settings)
    if reasons:  # what a user may not see looks as if it were not there
        reasons += missing_on_topics(admin, access.BY_NAME["worker"].acls(settings))
    else:
        reasons = binding.committed_reasons(settings, binding.owner_now(settings))
    if reasons:
        raise BadTopics("topics: " + "; ".join(reasons))
    return found[settings.topic(INPUTS[0])].partitions
