"""Takes over partitions with their state, and gives them up after their last commit.

Committed offsets are read first (`streams.worker.committed`), and only then is the changelog read
to its end. So state and offsets belong together whatever the former owner was doing when it lost
them.

State that went with a successful last commit is kept until the next assignment: where the group
has committed nothing since, for every commit moves an offset, it is still the state, and a
partition that comes back needs no restore.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from features.engine import Engine
from features.state.changelog_keys import Owner
from streams import metrics
from streams.contract.topics import joined_topics
from streams.errors import BadTopics, Stop
from streams.kafka import clients
from streams.kafka.native_fetching import native_fetch
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings
from streams.worker import binding
from streams.worker.committed import Committed, Start
from streams.worker.departed import Departed
from streams.worker.given_up import GivenUp
from streams.worker.inlet import Inlet, deleted_unread
from streams.worker.restore import Restore
from streams.worker.standby import Copy, Standby
from streams.worker.watchdog import Watchdog

log = logging.getLogger(__name__)
_SILENT_S = 0.5  # of a changelog whose end is not reached: a transaction may be open in it


class Membership:
    """Restores and starts engines for assigned partitions, and commits before they are revoked.

    Parameters
    ----------
    make_engine : callable
        Gives an empty engine.
    before_revoke : callable
        Commits what is under way; called with the deadline (monotonic seconds), returns whether
        live state is now what was committed.
    before_loss : callable
        Waits until nothing is under way any more.

    Attributes
    ----------
    engines : dict of int to Engine
        Restored and running.
    assigned : frozenset of int
        Partitions of the latest assignment; in a rebalance those of the former one.
    given_up : GivenUp
        Partitions that are assigned and can't go on.
    owner : Owner or None
        What the state is bound to since the latest assignment.
    departed : Departed
        Members of the group that are gone.
    changing : bool
        Partitions were revoked, and those that come instead are not known.
    """

    def __init__(
        self,
        settings: Settings,
        inlet: Inlet,
        watchdog: Watchdog,
        make_engine: Callable[[], Engine],
        before_revoke: Callable[[float], bool],
        before_loss: Callable[[], bool],
        ports: Ports = REAL,
    ) -> None:
        self._settings = settings
        self._ports = ports
        self._inlet = inlet
        self._watchdog = watchdog
        self._make = make_engine
        self._before_revoke = before_revoke
        self._before_loss = before_loss
        self._names = [settings.topic(name) for name in joined_topics(settings)]
        self._restore: Restore | None = None
        self._joined = self._leaving = self.changing = False
        self.engines: dict[int, Engine] = {}
        self.assigned: frozenset[int] = frozenset()
        self.given_up = GivenUp(settings, ports)
        self.departed = Departed(settings, ports)
        self.owner: Owner | None = None
        #: Engines between two assignments, and where their partitions' inputs go on.
        self._parked: dict[int, tuple[Engine, Start]] = {}
        self._standby = Standby(settings, ports) if settings.standby else None
        self.consumer = clients.consumer("worker", settings, ports)
        # Kept: a new client's first look-up of offsets takes three seconds now and then.
        self._admin = clients.admin(settings, ports, "offsets")
        self._committed = Committed(
            settings, self.consumer, self._admin, watchdog, self.departed, ports
        )
        self._native = None
        if settings.native_fetch:
            self._native = native_fetch(self.consumer, clients.client_id(settings))
        if self._native is not None:
            inlet.fetch = self._native

    def join(self) -> None:
        """Subscribe to the inputs."""
        added, removed = self._assigned, self._revoked
        if self._settings.group_protocol == "consumer":
            added, removed = self._added, self._removed
        self.consumer.subscribe(self._names, on_assign=added, on_revoke=removed, on_lost=self._lost)

    def leave(self) -> None:
        """Commit through the revoke callback, and leave the group."""
        if self._native is not None:
            self._native.close()
        self._leaving = True
        with self._watchdog.guard("consumer.close"):
            self.consumer.close()
        self._drop()
        if self._standby is not None:
            self._standby.close()

    @property
    def restoring(self) -> bool:
        """Whether partitions wait for their state."""
        return self._restore is not None

    def work(self, seconds: float) -> None:
        """Go on restoring for about so long; partitions start once all have their state."""
        if self._restore is None:
            return
        if not self._restore.step(seconds):
            if self._restore.silent_s > _SILENT_S:
                self.departed.end()
            return
        made = self._restore.engines()
        self._bind(engine for engine, _ in made.values())
        failed: dict[int, Stop] = dict(self._restore.failed)
        self._restore.close()
        self._restore = None
        starts, lost = self._committed.starts({p: offsets for p, (_, offsets) in made.items()})
        for partition, why in (failed | lost).items():
            self.given_up.add(partition, why)
        ready = {p: (made[p][0], start) for p, start in starts.items()} | self._parked
        self._parked = {}
        spots = self._committed.spots(ready)
        if self._native is not None:
            self._native.forward(spots)
        # A broker's thread with nothing to fetch sleeps for a second. A seek wakes it, a resume
        # does not (librdkafka 2.16); what comes before the seek is of an older version and dropped.
        self.consumer.resume(spots)
        for partition, (engine, start) in ready.items():
            self._open(partition, engine, start)
        metrics.PARTITIONS.set(len(self.engines))

    def _open(self, partition: int, engine: Engine, start: Start) -> None:
        for name, at in start.items():
            try:
                self.consumer.seek(TopicPartition(name, partition, at.offset))
            except KafkaException as error:
                if error.args[0].code() != KafkaError._STATE:
                    raise
                # A fetch came before the pause and found its place outside of the log: such a
                # partition stands still, and takes no other place until it is assigned anew.
                why = deleted_unread(f"{name}[{partition}]", error.args[0])
                self.given_up.add(partition, why)
                self.consumer.pause(self._committed.spots([partition]))
                return
        self._inlet.open(partition, start)
        self.engines[partition] = engine

    def drop(self, partition: int) -> None:
        """Let go of what is live of a partition, which stays assigned."""
        self.consumer.pause(self._committed.spots([partition]))
        self._inlet.close(partition)
        self.engines.pop(partition, None)
        metrics.PARTITIONS.set(len(self.engines))

    def try_again(self) -> None:
        """Restore partitions that were given up long enough ago, beside those that run."""
        if not self.restoring and (due := self.given_up.take_due()):
            spots = self._committed.spots(due)
            self._committed.read(spots)
            self._begin(spots)

    @property
    def state(self) -> tuple[bool, str]:
        """Whether this worker does what it should, and what that is, for people."""
        parts = self._inlet.partitions.values()
        halted = [f"halted: {why}" for part in parts for _, why in part.halted.values()]
        said = [*self.given_up.sentences(), *halted]
        if self.engines:
            return True, "\n".join(["ready", *said])
        if self.restoring:
            return False, "\n".join(["restoring", *said])
        if said:
            return False, "\n".join(said)
        if self._joined:
            return True, "standby: no partition is assigned to this worker"
        return False, "joining the group"

    def follow(self) -> None:
        """Update the standby copies of other workers' partitions, if there are to be any."""
        if self._standby is not None:
            self._standby.follow(self.engines.keys())

    def rewind(self) -> None:
        """Discard live state and restore it from the last commit."""
        spots = self.consumer.assignment()
        self._drop()
        self._parked = {}  # of what failed nothing is trusted
        if spots:
            self.consumer.pause(spots)
            self._committed.read(spots)
            self._begin(spots)

    def _assigned(self, consumer: Consumer, spots: list[TopicPartition]) -> None:
        self._take(consumer, spots, lambda: consumer.assign(self._placed(spots)))

    def _revoked(self, consumer: Consumer, spots: list[TopicPartition]) -> None:
        metrics.REBALANCES.labels("revoked").inc()
        self.changing = True
        self._hurry()
        self._park()
        log.info("revoked partitions %s", sorted({s.partition for s in spots}))

    # With KIP-848 a callback says only what changes. What stays is parked meanwhile, as if it had
    # gone and come back: one way for both protocols, for a commit and no restore.

    def _added(self, consumer: Consumer, spots: list[TopicPartition]) -> None:
        self._park()
        whole = [*consumer.assignment(), *spots]
        self._take(consumer, whole, lambda: consumer.incremental_assign(self._placed(spots)))

    def _removed(self, consumer: Consumer, spots: list[TopicPartition]) -> None:
        self._revoked(consumer, spots)
        consumer.incremental_unassign(spots)
        self._take(consumer, consumer.assignment(), lambda: None)

    def _park(self) -> None:
        """Commit, and keep the engines that went with it; what is live goes."""
        deadline = self._ports.monotonic() + self._settings.revoke_deadline_ms / 1000.0
        if self.engines and self._before_revoke(deadline):
            self._parked = {
                p: (engine, self._inlet.partitions[p].merge.position())
                for p, engine in self.engines.items()
                if self._inlet.partitions[p].broken is None
            }
            for engine, _ in self._parked.values():
                engine.count_from_here()
        self._drop()

    def _take(
        self, consumer: Consumer, spots: list[TopicPartition], assign: Callable[[], None]
    ) -> None:
        """Take over all partitions that are this worker's from now on."""
        metrics.REBALANCES.labels("assigned").inc()
        self.changing = False
        self._hurry()
        self._drop()
        self._joined = True
        self.assigned = frozenset(s.partition for s in spots)
        self.given_up.take_all()
        if not spots or self._leaving:  # what a rebalance gave while it leaves goes on at once
            self._parked = {}
            assign()
            return
        try:
            self._check(spots)
            self._committed.read(spots)
        finally:
            # Whatever failed: partitions that this callback did not assign, the client would
            # assign itself, and where nothing was committed yet tell of lost offsets.
            assign()
            consumer.pause(spots)
        self._begin(spots)
        log.info("assigned partitions %s", sorted({s.partition for s in spots}))

    def _hurry(self) -> None:
        """Have the poll that called back wait for no records: there are other things to do."""
        if self._native is not None:
            self._native.hurried = True

    def _placed(self, spots: list[TopicPartition]) -> list[TopicPartition]:
        """Partitions at their committed offsets.

        The place is a number and never "end" or "beginning": librdkafka (2.16) repeats a look-up of
        those that a seek overtook, and then goes there, past all that lies between.
        """
        return [
            TopicPartition(s.topic, s.partition, self._committed.place(s.topic, s.partition))
            for s in spots
        ]

    def _lost(self, consumer: Consumer, spots: list[TopicPartition]) -> None:
        metrics.REBALANCES.labels("lost").inc()
        self.changing = False
        self._before_loss()
        self._drop()
        self._joined = False
        self.assigned = frozenset()
        self._parked = {}
        log.warning("lost partitions %s", sorted({s.partition for s in spots}))

    def _check(self, spots: list[TopicPartition]) -> None:
        """Refuse partitions of other topics than the state was made from, whole ones or parts."""
        with self._watchdog.guard("topics"):
            owner = binding.owner_now(self._settings, self._ports, self._admin)
        verdict = binding.judge_owner(self.owner, owner)
        if isinstance(verdict, binding.Refuse):
            raise BadTopics(verdict.sentence)
        self.owner = owner
        for p in binding.incomplete(spots, self._names):
            self.given_up.add(p, BadTopics(binding.foreign(self._settings, [p], self._ports)))

    def _bind(self, engines: Iterable[Engine]) -> None:
        """Refuse state that is not ours, and write down whose it is."""
        assert self.owner is not None, "nothing is restored before an assignment"
        for engine in engines:
            verdict = binding.judge_owner(engine.owner, self.owner)
            if isinstance(verdict, binding.Refuse):
                raise BadTopics(verdict.sentence)
            was = engine.owner or self.owner
            engine.owner = replace(self.owner, began=was.began, swept=was.swept)

    def _begin(self, spots: list[TopicPartition]) -> None:
        partitions = {s.partition for s in spots if s.partition not in self.given_up}
        self._parked = {
            p: kept
            for p, kept in self._parked.items()
            if p in partitions and self._committed.unmoved(p, kept[1])
        }
        wanted = sorted(partitions - self._parked.keys())
        warm: dict[int, Copy] = {} if self._standby is None else self._standby.take(partitions)
        self._restore = Restore(self._settings, wanted, self._make, self._ports, warm, self._admin)

    def _drop(self) -> None:
        if self._restore is not None:
            self._restore.close()
            self._restore = None
        for partition in list(self._inlet.partitions):
            self._inlet.close(partition)
        self.engines.clear()
        metrics.PARTITIONS.set(0)
