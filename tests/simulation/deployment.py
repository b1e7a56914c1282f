"""A whole deployment in one thread and virtual time, and a schedule of faults to survive.

The workers are the real ones; only Kafka and the clock are `tests.broker.memory_broker`'s. All
that a worker does to the world goes through a call of a Kafka client, so a fault stands at a
call. What it does beside its loop, it does by chance some calls later:

=========  ==============================================================================
CRASH      the process is gone, before or after the call took effect
PAUSE      the process stops there (SIGSTOP), the group moves on, the process wakes
ABORT      the broker refuses the call
TIMEOUT    the call times out; it took effect, did not, or will when nobody expects it
FENCE      someone else takes the transactional id
JOIN       a worker joins
LEAVE      a worker is asked to leave (SIGTERM)
RESEND     a client sends the end of a transaction twice, and says nothing; one comes much later
COMPACT    the changelog is compacted
=========  ==============================================================================

(REVOKE is what JOIN and LEAVE do to others; LATE, DUPLICATE and MALFORMED are records.) One
seed decides everything: records, schedule, who runs when, how much a fetch returns.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from unittest import mock

from confluent_kafka import KafkaError, KafkaException

from streams.contract.topics import STATE, TOPICS
from streams.errors import Stop
from streams.settings import Settings
from streams.worker.worker import Worker
from tests.broker.memory_broker import MemoryBroker, failure
from tests.broker.memory_clients import ports
from tests.simulation import inputs

KINDS = ("CRASH", "PAUSE", "ABORT", "TIMEOUT", "FENCE", "JOIN", "LEAVE", "RESEND", "COMPACT")
GROUP = "sim"
INPUT_SEEDS = 64  # as many different inputs; their expected results are computed once
_SPOTS = [(name, p) for name in inputs.JOINED for p in range(inputs.PARTITIONS)]
_MOST_STEPS = 3_000
_MOST_WORKERS = 3
_EXCHANGES = 15  # looks of whoever merges and of whoever tells, each a turn of its own
#: Calls that a broker answers, so that it can refuse them or not answer at all.
_ANSWERED = frozenset(
    {
        "committed",
        "list_offsets",
        "init_transactions",
        "produce",
        "produce_batch",
        "send_offsets_to_transaction",
        "commit_transaction",
    }
)
_TRANSACTION = _ANSWERED - {"committed", "list_offsets"}
_DELAYED = frozenset({"init_transactions", "send_offsets_to_transaction", "commit_transaction"})
_FAILED = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.CONCURRENT_TRANSACTIONS,
    KafkaError._TRANSPORT,
)


class Crashed(BaseException):
    """A process ended at once; no handler of its own may see it."""


class Violation(AssertionError):
    """An invariant broke; names it."""


@dataclass
class Fault:
    """What happens at which call: the `after`-th one since the former fault that suits it.

    `at` names the only call it may strike at; `variant` in [0, 1) chooses between its forms.
    """

    kind: str
    after: int
    variant: float
    at: str = ""

    def suits(self, call: str) -> bool:
        """Whether it can strike at a call."""
        if self.at and self.at != call:
            return False
        if self.kind == "FENCE":
            return call in _TRANSACTION
        return self.kind not in ("ABORT", "TIMEOUT") or call in _ANSWERED

    def __str__(self) -> str:
        return f"{self.kind}+{self.after}"


@dataclass
class Process:
    """One run of a worker's process."""

    name: str
    owner: str
    worker: Worker
    busy: bool = False  # in the middle of a call, stopped or waiting for others


@dataclass
class Trace:
    """What happened."""

    fired: list[str] = field(default_factory=list)
    steps: int = 0
    calls: int = 0
    ended: list[str] = field(default_factory=list)


class Simulation:
    """One schedule.

    Parameters
    ----------
    seed : int
    faults : sequence of Fault, optional
        Instead of the seed's own.
    """

    def __init__(self, seed: int, faults: Sequence[Fault] | None = None) -> None:
        self.seed = seed
        self.rng = rng = Random(seed)
        self.input_seed = rng.randrange(INPUT_SEEDS)
        self.broker = MemoryBroker(rng.getrandbits(32), start=inputs.READ_MS / 1000)
        self.broker.around = self._around
        self.trace = Trace()
        self.processes: list[Process] = []
        self._names = [f"w{n}" for n in range(rng.randint(1, _MOST_WORKERS))]
        self._down = list(self._names)
        self._runs = 0
        self._settings = _varied(rng)
        self.shared = self._settings.shared_model
        self.adopted = 0  # merged models that partitions took, as the checks find
        self.faults = (
            faults
            if faults is not None
            else [
                Fault(rng.choice(KINDS), rng.randrange(25), rng.random())
                for _ in range(rng.randint(1, 8))
            ]
        )
        self._late: list[Callable[[], Any]] = []
        self._due = [replace(fault) for fault in self.faults]
        for topic in TOPICS:
            self.broker.create(topic.name, inputs.PARTITIONS)
        at_once, self._later = inputs.staged(self.input_seed, self.shared)
        self._put(at_once)

    def run(self) -> Trace:
        """Until everything is processed after the last fault.

        Raises
        ------
        Violation
            When it does not come to an end (I9), or a worker ends in a way it should not.
        """
        self._drain()
        if self.shared:  # what was learned is exchanged, comes back, and is taken on the last day
            for _ in range(_EXCHANGES):
                self.broker.sleep(self._settings.shared_model_wait_ms / 1000.0)
                for _ in range(_MOST_WORKERS * 4):
                    self._step()
            self._put(self._later)
            self._drain()
        # A process that crashed may have left a transaction open in front of what is to be read.
        self.broker.sleep(2 * self._settings.transaction_timeout_ms / 1000.0)
        return self.trace

    def _put(self, records: Sequence[inputs.Record]) -> None:
        for record in records:
            self.broker.put(record.topic, record.partition, record.value, record.key)

    def _drain(self) -> None:
        while not self._drained():
            self._step()

    # -- who runs ------------------------------------------------------------------------

    def _step(self) -> None:
        self.trace.steps += 1
        if self.trace.steps > _MOST_STEPS:
            raise Violation(f"I9: not drained after {_MOST_STEPS} steps: {self._behind()}")
        idle = [p for p in self.processes if not p.busy]
        if self._down and (not idle or self.rng.random() < 0.1):
            self._start(self._down.pop(self.rng.randrange(len(self._down))))
        elif idle:
            chosen = self.rng.choice(idle)
            # What it looks up beside its loop.
            here = [f"interest-streams/{process.name}" for process in self.processes]
            chosen.worker._membership.departed.note(here)
            self._live(chosen, lambda process: process.worker.step())
        else:
            self.broker.sleep(1.0)

    def _start(self, name: str) -> None:
        self._runs += 1
        owner = f"{name}#{self._runs}"
        process = Process(
            name,
            owner,
            Worker(replace(self._settings, instance_id=name), ports(self.broker, owner, self.rng)),
        )
        self.processes.append(process)
        self._live(process, lambda process: process.worker.start())

    def _live(self, process: Process, what: Callable[[Process], None]) -> None:
        process.busy = True
        try:
            what(process)
        except Crashed:
            self._end(process, "crashed")
        except Stop as error:
            if "in a row failed" not in str(error) and "no transactional" not in str(error):
                raise Violation(f"{process.owner} stopped: {error}") from error
            self._end(process, str(error))
        except Exception as error:
            raise Violation(f"{process.owner} crashed: {error!r}") from error
        else:
            process.busy = False

    def _end(self, process: Process, why: str) -> None:
        self.trace.ended.append(f"{process.owner}: {why}")
        self.broker.silence(process.owner)
        self.processes.remove(process)
        self._down.append(process.name)
        if self.rng.random() < 0.5:  # started again before or after its session ran out
            self.broker.sleep(self.rng.uniform(0, 9))

    # -- faults --------------------------------------------------------------------------

    def _around(self, owner: str, call: str, effect: Callable[[], Any]) -> Any:
        self.trace.calls += 1
        if self._late and self.rng.random() < 0.1:
            with suppress(KafkaException):  # nobody hears it
                self._late.pop()()
        process = next((p for p in self.processes if p.owner == owner), None)
        if not self._due or process is None:
            return effect()
        fault = self._due[0]
        if not fault.suits(call):
            return effect()
        fault.after -= 1
        if fault.after >= 0:
            return effect()
        self._due.pop(0)
        self.trace.fired.append(f"{fault.kind} at {call} of {owner}")
        return getattr(self, "_" + fault.kind.lower())(process, call, effect, fault.variant)

    def _crash(self, process: Process, call: str, effect: Callable[[], Any], v: float) -> Any:
        if v < 0.5:
            effect()
        raise Crashed

    def _pause(self, process: Process, call: str, effect: Callable[[], Any], v: float) -> Any:
        self.broker.silence(process.owner)
        until = self.broker.now + (20 if v < 0.7 else 10 * v)
        for _ in range(400):
            if self.broker.now >= until:
                break
            if not self._down and all(p.busy for p in self.processes):
                self.broker.sleep(1.0)
            else:
                self._step()
        self.broker.wake(process.owner)
        return effect()

    def _abort(self, process: Process, call: str, effect: Callable[[], Any], v: float) -> Any:
        raise failure(_FAILED[int(v * len(_FAILED))], abort=call in _TRANSACTION)

    def _timeout(self, process: Process, call: str, effect: Callable[[], Any], v: float) -> Any:
        if v < 0.4:
            effect()
        elif v < 0.7 and call in _DELAYED:
            self._late.append(effect)
        self.broker.sleep(5 + 5 * v)
        raise failure(KafkaError._TIMED_OUT, retriable=True)

    def _resend(self, process: Process, call: str, effect: Callable[[], Any], v: float) -> Any:
        self.broker.resend[process.owner] = self._late
        return effect()

    def _fence(self, process: Process, call: str, effect: Callable[[], Any], v: float) -> Any:
        self.broker.fence(f"{GROUP}-{process.name}")
        return effect()

    def _join(self, process: Process, call: str, effect: Callable[[], Any], v: float) -> Any:
        running = {p.name for p in self.processes}
        name = next((f"w{n}" for n in range(_MOST_WORKERS + 1) if f"w{n}" not in running), None)
        if name is not None and name not in self._down:
            self._down.append(name)
        return effect()

    def _leave(self, process: Process, call: str, effect: Callable[[], Any], v: float) -> Any:
        others = [p for p in self.processes if not p.busy]
        if others:
            leaver = others[int(v * len(others))]
            self._live(leaver, lambda process: process.worker.leave())
            if leaver in self.processes:
                self._end(leaver, "left")
        return effect()

    def _compact(self, process: Process, call: str, effect: Callable[[], Any], v: float) -> Any:
        for log in self.broker.topics[STATE]:
            # a day passes before tombstones go, and copies are read anew by then
            log.compact(tombstones=not self._settings.standby)
        return effect()

    # -- the end -------------------------------------------------------------------------

    def _behind(self) -> dict[tuple[str, int], int]:
        done = self.broker.group(GROUP).offsets
        behind = {spot: self.broker.log(*spot).end - done.get(spot, 0) for spot in _SPOTS}
        return {spot: count for spot, count in behind.items() if count}

    def _drained(self) -> bool:
        done = self.broker.group(GROUP).offsets
        ends = ((spot, self.broker.log(*spot).end) for spot in _SPOTS)
        return all(end == done.get(spot, 0) for spot, end in ends) and not any(
            p.busy for p in self.processes
        )


def _varied(rng: Random) -> Settings:
    poll = rng.randint(1, 12)
    interval_ms = rng.choice([100, 500, 2000])
    shared = rng.random() < 0.25
    # A tick's place may be behind events that are still to come, where these come by stages.
    return inputs.settings(
        poll_events=poll,
        commit_events=poll + rng.randrange(20),
        commit_interval_ms=interval_ms,
        catch_up_interval_ms=interval_ms * rng.choice([1, 2]),
        held_events=rng.choice([2, 5, 1000]),
        kafka={"queue.buffering.max.messages": rng.choice(["3", "100000"])},
        standby=rng.random() < 0.3,
        turn_persons=rng.choice([1, 2, 2_000]),
        outcomes=True,
        contact_policy=inputs.CONTACT_POLICY,
        shared_model=shared,
        **({"tick_interval_ms": 0} if shared else {}),
        shared_model_wait_ms=rng.choice([500, 5_000]),
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Leave the bundled tags and the log lines of expected trouble out of simulated workers."""
    log = logging.getLogger("streams")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with mock.patch(
            "streams.worker.worker.exact_tags", inputs.tags
        ):  # 32,000 entries otherwise
            yield
    finally:
        log.setLevel(level)
