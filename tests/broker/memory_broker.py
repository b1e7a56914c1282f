"""A Kafka in memory, one thread, virtual time: logs, transactions and consumer groups.

As much of the broker as a worker can tell apart, and no more; `tests.broker.memory_clients` are its
clients. What it does is pinned by `tests.broker.contract`, which also runs on the real one:

* a transaction's end occupies an offset in each partition it wrote to; `read_committed` readers
  see nothing behind the first open transaction, and no aborted record;
* a transactional id fences its former users by epoch, a consumer group its former members by
  generation (KIP-447), a broker its idle transactions by time;
* a group rebalances eagerly: all give up everything inside `consume`, then get a range each.

Time passes only in `MemoryBroker.sleep`: whoever waits, moves the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException

Spot = tuple[str, int]  # topic, partition
NEVER = -1001  # "no committed offset" in librdkafka


class Entry(NamedTuple):
    """One offset of a log; a transaction marker has `control` set."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]] | None
    timestamp: int
    txn: Transaction | None
    control: bool = False


@dataclass(eq=False)
class Transaction:
    """What belongs together: logs written to, offsets by group, and on whose behalf."""

    started: float
    timeout: float
    state: str = "open"
    logs: list[Log] = field(default_factory=list)
    written: list[tuple[Spot, Entry]] = field(default_factory=list)
    offsets: dict[str, dict[Spot, int]] = field(default_factory=dict)
    member: tuple[int, str] = (-1, "")  # generation, member id


class Log:
    """One partition. Offsets never move; what compaction took is None."""

    def __init__(self) -> None:
        self.entries: list[Entry | None] = []
        self.first = 0
        self._open: dict[Transaction, int] = {}

    @property
    def end(self) -> int:
        """Offset behind everything, open transactions and markers included."""
        return len(self.entries)

    @property
    def stable_end(self) -> int:
        """Offset behind what a `read_committed` reader may see."""
        return min(self._open.values()) if self._open else len(self.entries)

    def append(self, entry: Entry) -> int:
        """Add a record; returns its offset."""
        if entry.txn is not None and entry.txn not in self._open:
            self._open[entry.txn] = self.end
            entry.txn.logs.append(self)
        self.entries.append(entry)
        return self.end - 1

    def mark(self, txn: Transaction, now_ms: int) -> None:
        """Write the marker that ends a transaction."""
        del self._open[txn]
        self.entries.append(Entry(None, None, None, now_ms, txn, control=True))

    def read(self, start: int, committed: bool) -> Iterator[tuple[int, Entry]]:
        """Visible records from `start` on, with their offsets."""
        for offset in range(start, self.stable_end if committed else self.end):
            entry = self.entries[offset]
            if entry is None or entry.control:
                continue
            if committed and entry.txn is not None and entry.txn.state == "aborted":
                continue
            yield offset, entry

    def compact(self, *, tombstones: bool = True) -> None:
        """Keep the newest committed value of each key; markers go too, and old `tombstones`."""
        newest = {entry.key: offset for offset, entry in self.read(0, committed=True)}
        for offset in range(self.stable_end):
            entry = self.entries[offset]
            if entry is not None and (
                newest.get(entry.key) != offset or (entry.value is None and tombstones)
            ):
                self.entries[offset] = None

    def delete_before(self, offset: int) -> None:
        """Let retention take everything before an offset."""
        self.first = max(self.first, offset)
        self.entries[:offset] = [None] * offset


@dataclass(eq=False)
class Member:
    """One consumer in a group; `assigned` waits for its next poll to be told."""

    id: str
    owner: str
    topics: list[str]
    session_s: float
    poll_s: float
    polled: float
    joined: bool = True
    assigned: list[Spot] | None = None
    client_id: str = ""


class Group:
    """Members, generation and offsets of one consumer group."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: dict[str, Member] = {}
        self.generation = 0
        self.joining_since: float | None = None
        self.offsets: dict[Spot, int] = {}


@dataclass
class Coordinator:
    """Who may use a transactional id, and what is under way."""

    epoch: int = 0
    txn: Transaction | None = None


class MemoryBroker:
    """The cluster.

    Parameters
    ----------
    seed : int
        Of everything that a real broker leaves open: member ids, how much a fetch returns.
    start : float
        Seconds since 1970 at which time begins.

    Attributes
    ----------
    around : callable
        Stands around every call of a client: given the owner's name, the call's name and the
        effect, which it runs. The place for faults.
    """

    def __init__(self, seed: int = 0, start: float = 1_700_000_000.0) -> None:
        self.rng = Random(seed)
        self.now = 0.0
        self.start = start
        self.topics: dict[str, list[Log]] = {}
        self.topic_ids: dict[str, str] = {}
        self.groups: dict[str, Group] = {}
        self.coordinators: dict[str, Coordinator] = {}
        self.commits: list[Transaction] = []  # for those who check what happened
        self.around: Callable[[str, str, Callable[[], Any]], Any] = lambda _, __, effect: effect()
        self.max_message_bytes: dict[str, int] = {}  # of topics that were told
        #: Who sends the next end of a transaction twice, to where the other one waits meanwhile.
        self.resend: dict[str, list[Callable[[], Any]]] = {}
        self._silent: dict[str, float] = {}

    # -- time ----------------------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        """Let time pass, and end what waited too long."""
        self.now += seconds
        for coordinator in self.coordinators.values():
            txn = coordinator.txn
            if txn is not None and self.now - txn.started > txn.timeout:
                coordinator.epoch += 1
                self.end(coordinator, "aborted")
        for group in self.groups.values():
            self._expire(group)

    def wall(self) -> float:
        """Seconds since 1970."""
        return self.start + self.now

    def wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Let time pass until the condition holds; returns whether it came to hold."""
        until = self.now + timeout
        while not condition():
            if self.now >= until:
                return False
            self.sleep(min(0.1, until - self.now))
        return True

    def silence(self, owner: str) -> None:
        """A process stops or ends: no heartbeats any more."""
        self._silent.setdefault(owner, self.now)

    def wake(self, owner: str) -> None:
        """A stopped process goes on."""
        self._silent.pop(owner, None)

    # -- logs ----------------------------------------------------------------------------

    def create(self, topic: str, partitions: int) -> None:
        """Make a topic, anew where there is one of that name."""
        self.topic_ids[topic] = self.topic_ids.get(topic, f"id of {topic}") + "'"
        self.topics[topic] = [Log() for _ in range(partitions)]

    def log(self, topic: str, partition: int) -> Log:
        """One partition; `KafkaException` where there is none."""
        logs = self.topics.get(topic, [])
        if not 0 <= partition < len(logs):
            raise failure(KafkaError._UNKNOWN_TOPIC if not logs else KafkaError._UNKNOWN_PARTITION)
        return logs[partition]

    def put(
        self,
        topic: str,
        partition: int,
        value: bytes | None,
        key: bytes | None = None,
        txn: Transaction | None = None,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> int:
        """Append a record; returns its offset."""
        now_ms = int(self.wall() * 1000)
        entry = Entry(key, value, headers, now_ms, txn)
        if txn is not None:
            txn.written.append(((topic, partition), entry))
        return self.log(topic, partition).append(entry)

    # -- transactions --------------------------------------------------------------------

    def fence(self, tid: str) -> int:
        """Take a transactional id over: ends what was under way; returns the new epoch."""
        coordinator = self.coordinators.setdefault(tid, Coordinator())
        self.end(coordinator, "aborted")
        coordinator.epoch += 1
        return coordinator.epoch

    def end(self, coordinator: Coordinator, state: str) -> None:
        """Write the markers; offsets count from then on."""
        txn, coordinator.txn = coordinator.txn, None
        if txn is None:
            return
        txn.state = state
        for log in txn.logs:
            log.mark(txn, int(self.wall() * 1000))
        if state == "committed":
            for name, offsets in txn.offsets.items():
                self.groups[name].offsets.update(offsets)
            self.commits.append(txn)

    def pending(self, group: str, spots: list[Spot]) -> bool:
        """Whether an open transaction holds offsets of these partitions."""
        return any(
            spot in coordinator.txn.offsets.get(group, {})
            for coordinator in self.coordinators.values()
            if coordinator.txn is not None
            for spot in spots
        )

    # -- groups --------------------------------------------------------------------------

    def group(self, name: str) -> Group:
        """A group, made where it is not there yet."""
        return self.groups.setdefault(name, Group(name))

    def join(self, group: Group, member: Member) -> None:
        """Take a member in; everyone rebalances."""
        group.members[member.id] = member
        self._rebalance(group)

    def leave(self, group: Group, member: Member) -> None:
        """Let a member go; everyone else rebalances."""
        if group.members.pop(member.id, None) is not None:
            self._rebalance(group)

    def check_member(self, group: Group, member: str, generation: int) -> None:
        """Refuse offsets of former members; without group metadata there is no check."""
        if generation < 0 and not member:
            return
        if member not in group.members:
            raise failure(KafkaError.UNKNOWN_MEMBER_ID, abort=True)
        if generation != group.generation:
            raise failure(KafkaError.ILLEGAL_GENERATION, abort=True)

    def settle(self, group: Group) -> None:
        """Begin the next generation once every member has joined."""
        if group.joining_since is None or not all(m.joined for m in group.members.values()):
            return
        group.joining_since = None
        group.generation += 1
        members = sorted(group.members.values(), key=lambda m: m.id)
        for member in members:
            member.assigned = []
        for topic in sorted({t for m in members for t in m.topics}):
            takers = [m for m in members if topic in m.topics]
            each, more = divmod(len(self.topics.get(topic, [])), len(takers))
            first = 0
            for i, member in enumerate(takers):
                count = each + (i < more)
                assert member.assigned is not None
                member.assigned += [(topic, p) for p in range(first, first + count)]
                first += count

    def _rebalance(self, group: Group) -> None:
        group.joining_since = self.now
        for member in group.members.values():
            # One who was never told has nothing to give up.
            member.joined = member.assigned is not None or member.joined
            member.assigned = None
        self.settle(group)

    def _expire(self, group: Group) -> None:
        for member in list(group.members.values()):
            silent = self._silent.get(member.owner)
            if silent is not None:
                gone = self.now - silent > member.session_s
            else:
                gone = self.now - member.polled > member.poll_s
            if gone:
                self.leave(group, member)
        since = group.joining_since
        if since is not None:
            patience = max((m.poll_s for m in group.members.values()), default=0.0)
            if self.now - since > patience:
                group.members = {m.id: m for m in group.members.values() if m.joined}
                self.settle(group)


def failure(
    code: int, text: str = "", *, fatal: bool = False, abort: bool = False, retriable: bool = False
) -> KafkaException:
    """A client's exception."""
    return KafkaException(
        KafkaError(code, text or None, fatal=fatal, retriable=retriable, txn_requires_abort=abort)
    )
