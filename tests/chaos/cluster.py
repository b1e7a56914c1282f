"""Broker, networks and workers of one run, and how far they have come."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from streams.errors import ExitCode
from streams.kafka.consumer_group import Group, GroupError
from streams.settings import Settings
from tests.broker.kafka_cluster import KafkaCluster
from tests.broker.kafka_server import Options, free_ports
from tests.chaos.disks import SmallDisk
from tests.chaos.load import END_MS
from tests.chaos.progress import Progress
from tests.chaos.proxy import FAIR, Network, Weather
from tests.chaos.worker import write_json
from tests.support.history import History
from tests.support.processes import FairClock, peak_memory
from tests.support.sealed_letters import PUBLIC
from tests.support.worker_process import WorkerProcess, short_timings

#: Ends that a supervisor answers by starting the worker again.
_RESTARTED = {1: "gave up", 70: "watchdog"}
#: Ends of a worker that an operator stops, or who sees by itself that offsets are lost.
_HALTED = {0, *_RESTARTED, -signal.SIGTERM, ExitCode.LOST_OFFSETS, ExitCode.BAD_TOPICS}
#: A paced worker must meet every input soon.
SMALL_FETCHES = "max.partition.fetch.bytes"
_SHARED_WAIT_MS = 5_000
_END_S = 180.0  # of a worker on a busy machine
_PROPERTIES = {"log.retention.check.interval.ms": "1000"}


class Cluster:
    """Everything of one run; a context manager.

    Parameters
    ----------
    root : Path
        Working directory.
    slots : int
        Most workers at a time, each with a network of its own.
    brokers : int
        1 or 3.
    shared : bool
        All partitions have one model.
    bug : str or None
        Planted in every worker.
    """

    def __init__(
        self,
        root: Path,
        *,
        slots: int = 4,
        partitions: int = 6,
        bug: str | None = None,
        brokers: int = 1,
        shared: bool = False,
    ) -> None:
        self.root = root
        #: By slot, the way to the brokers.
        self.networks: list[Network] = []
        #: Where half of the first broker's partitions lie, if it could be had.
        first = root / "kafka" / "1"
        self.disk = SmallDisk(first / "second")
        nodes = [_PROPERTIES] * brokers
        if self.disk.there:
            nodes[0] = {**_PROPERTIES, "log.dirs": f"{first / 'data'},{self.disk.folder}"}
        self.broker = self._build(slots, nodes)
        self.settings = short_timings(
            self.broker.bootstrap,
            "chaos.",
            partitions=partitions,
            replication=brokers,
            poll_events=5_000,
            commit_events=10_000,
            dead_letter_max_run=5_000,
            dead_letter_max_ratio=0.9,
            outcomes=True,
            shared_model=shared,
            shared_model_wait_ms=_SHARED_WAIT_MS,
            # Paced workers must not hold a minute of one partition before they see the next.
            kafka={
                "queued.min.messages": "500",
                SMALL_FETCHES: "16384",
                "reconnect.backoff.max.ms": "1000",
            },
        )
        self.orders = root / "orders.json"
        self.rate = self.clock_off_s = 0.0
        #: Event time of what faults add, ms: behind the load, and later from fault to fault.
        self.event_ms = END_MS
        self._wanted_dump = 0
        self.workers: dict[int, WorkerProcess] = {}
        self.wanted: set[int] = set()
        self.ends: Counter[str] = Counter()
        self.fatal: list[str] = []
        self.peak_bytes = 0
        self._bug = bug
        #: What faults took out of the inputs.
        self.history = History()
        self.progress: Progress | None = None

    def _build(self, slots: int, nodes: Sequence[Mapping[str, str]]) -> KafkaCluster:
        """The brokers, not started, each with its properties, and a way to them for each slot."""
        ports = free_ports(slots * len(nodes))
        self.networks = [Network(ports[slot::slots]) for slot in range(slots)]
        ways = map(dict[int, int], zip(*self.networks, strict=True))
        options = [Options(listeners=to, properties=it) for to, it in zip(ways, nodes, strict=True)]
        return KafkaCluster(self.root / "kafka", options)

    def _own(self, slot: int) -> Settings:
        """The settings of whoever works in a slot."""
        return replace(self.settings, bootstrap_servers=self.networks[slot].bootstrap)

    def __enter__(self) -> Self:
        self.broker.start()
        self.pace(0.0)
        return self

    def __exit__(self, *_: object) -> None:
        if self.progress is not None:
            self.progress.stop()
        for worker in self.workers.values():
            worker.kill()
        for network in self.networks:
            network.close()
        self.broker.kill()
        self.disk.close()

    def pace(self, rate: float | None = None, clock_off_s: float | None = None) -> None:
        """Records a second and worker, 0 for all they can; seconds their clocks are off."""
        self.rate = self.rate if rate is None else rate
        self.clock_off_s = self.clock_off_s if clock_off_s is None else clock_off_s
        self._order()

    def watch(self) -> Progress:
        """Begin to look at the group's progress."""
        self.progress = Progress(self.settings)
        return self.progress

    def start(self, slot: int) -> None:
        """Start a worker; it is started again until `stop`."""
        self.wanted.add(slot)
        self.workers[slot] = self.process(slot, self.root / f"w{slot}.log")

    def process(self, slot: int, log: Path) -> WorkerProcess:
        """A process of a slot's name and network."""
        own = self._own(slot)
        settings = replace(
            own,
            instance_id=f"w{slot}",
            native_fetch=slot % 2 == 1,  # every fault strikes both ways to take records
            dead_letter_key=PUBLIC if slot % 4 in (1, 2) else "",  # and both kinds of letters
            kafka={**own.kafka, "client.id": f"w{slot}"},
        )
        command = [
            "env",
            f"TMPDIR={self.root}",  # how it ended is kept there
            sys.executable,
            "-m",
            "tests.chaos.worker",
            "--orders",
            str(self.orders),
            "--dump",
            str(self._dump(slot)),
        ]
        if self._bug:
            command += ["--bug", self._bug]
        return WorkerProcess(settings, log, command)

    def configure(self, topics: Iterable[str], keys: Mapping[str, str | None]) -> None:
        """Set keys of topics, or with None take back what was set."""
        admin = AdminClient({"bootstrap.servers": self.settings.bootstrap_servers})
        entries = [
            ConfigEntry(
                key,
                value or "",
                incremental_operation=(
                    AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
                ),
            )
            for key, value in keys.items()
        ]
        resources = [
            ConfigResource("topic", self.settings.topic(name), incremental_configs=entries)
            for name in topics
        ]
        for answer in admin.incremental_alter_configs(resources).values():
            answer.result(120.0)

    def stop(self, slot: int) -> None:
        """SIGTERM; a worker must then commit and end with 0, if it had come to hear it."""
        self.wanted.discard(slot)
        worker = self.workers.pop(slot)
        code = worker.terminate(_END_S)
        self.ends[f"SIGTERM -> {code}"] += 1
        if code == -signal.SIGTERM and not worker.text():
            return  # Python was still reading modules
        if code != 0 and code not in _RESTARTED:
            self.fatal.append(f"w{slot} ended with {code} on SIGTERM")

    def halt(self) -> None:
        """SIGTERM to all, as an operator does who reads that offsets are lost."""
        for worker in self.workers.values():
            worker.signal(signal.SIGTERM)
        for slot, worker in self.workers.items():
            if (code := worker.wait(_END_S)) not in _HALTED:
                self.fatal.append(f"w{slot} ended with {code} where offsets were lost")

    def up(self) -> list[int]:
        """Slots whose process runs."""
        return sorted(slot for slot, worker in self.workers.items() if worker.running)

    def tend(self) -> None:
        """Start again what gave up, as a supervisor does; note what must not have ended."""
        for slot in sorted(self.wanted):
            code = self.workers[slot].exit_code()
            if code is None:
                self.peak_bytes = max(self.peak_bytes, peak_memory(self.workers[slot].pid))
                continue
            if code in _RESTARTED:
                self.ends[_RESTARTED[code]] += 1
            elif code != -signal.SIGKILL:
                last = self.workers[slot].text().strip().splitlines()[-1:]
                self.fatal.append(f"w{slot} ended with {code}: {''.join(last)[:300]}")
                self.wanted.discard(slot)
                continue
            self.start(slot)

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Tend the cluster until the condition holds; whether it did in time.

        The time is one of a machine without other work.
        """
        clock = FairClock()
        while not condition():
            if clock.passed() > seconds:
                return False
            self.tend()
            time.sleep(0.1)
        return True

    def done(self) -> bool:
        """Whether all is committed, what faults added included."""
        try:
            with Group(self.settings) as group:
                return group.lag().done
        except GroupError:
            return False

    def weather(self, weather: Weather = FAIR, slot: int | None = None) -> None:
        """Set the network of one worker, or of all."""
        for number, network in enumerate(self.networks):
            if slot is None or number == slot:
                network.set(weather)

    def digests(self, seconds: float = 180.0) -> dict[int, str]:
        """Digest of live state by partition, from the owners; a second owner is an error."""
        deadline = time.monotonic() + seconds
        self.settle(seconds)
        before: dict[int, str] = {}
        while True:
            together = self._ask()
            # a worker may not have seen yet what the group has assigned to it, nor have merged yet
            # what the partitions learned last
            ended = together == before or not self.settings.shared_model
            if len(together) == self.settings.partitions and ended or time.monotonic() > deadline:
                return together
            if self.settings.shared_model:
                before = together
                time.sleep(2e-3 * _SHARED_WAIT_MS)

    def _ask(self) -> dict[int, str]:
        self._wanted_dump += 1
        self._order()
        together: dict[int, str] = {}
        for slot in self.up():
            self.wait_for(partial(self._reported, slot), 60.0)
            for number, digest in self._report(slot).get("digests", {}).items():
                together[int(number)] = "held twice" if int(number) in together else digest
        return together

    def owners(self) -> list[int]:
        """Slots of running workers that own partitions; of all that run, if nobody can say."""
        admin = AdminClient({"bootstrap.servers": self.settings.bootstrap_servers, "log_level": 0})
        group = admin.describe_consumer_groups([self.settings.group], request_timeout=5)
        try:
            members = group[self.settings.group].result(10).members
        except (KafkaException, TimeoutError):
            return self.up()
        found = {
            int(member.client_id.partition("/")[0][1:])
            for member in members
            if member.assignment.topic_partitions
        }
        return sorted(found & set(self.up())) or self.up()

    def settle(self, seconds: float) -> None:
        """Wait until the group has every worker and no other member."""
        admin = AdminClient({"bootstrap.servers": self.settings.bootstrap_servers})

        def settled() -> bool:
            group = admin.describe_consumer_groups([self.settings.group])
            try:
                found = group[self.settings.group].result(30)
            except KafkaException:
                return False  # its coordinator is still loading
            return found.state == ConsumerGroupState.STABLE and len(found.members) == len(self.up())

        assert self.wait_for(settled, seconds), "the group does not settle"

    def _order(self) -> None:
        write_json(
            self.orders,
            {"rate": self.rate, "clock_off_s": self.clock_off_s, "dump": self._wanted_dump},
        )

    def _reported(self, slot: int) -> bool:
        return self._report(slot).get("number") == self._wanted_dump

    def _report(self, slot: int) -> dict[str, Any]:
        path = self._dump(slot)
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def _dump(self, slot: int) -> Path:
        return self.root / f"w{slot}.digest.json"
