"""The stack of a game day: a cluster with users, workers, apps, look-up, and who watches them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from streams.kafka import access
from streams.sandbox.demo_worker import environment
from streams.settings import Settings
from streams.worker.wiring import warm_up
from tests.broker.kafka_cluster import KafkaCluster
from tests.broker.kafka_server import free_ports
from tests.broker.secured import Secured, secured
from tests.chaos.cluster import Cluster
from tests.chaos.progress import Progress
from tests.gameday.rules import hastened
from tests.gameday.timeline import Timeline
from tests.gameday.traffic import Traffic, now_ms
from tests.support.lookup_service import write_keys
from tests.support.paths import ROOT
from tests.support.prometheus import alerting, scraping
from tests.support.worker_process import READY_S, WorkerProcess, prepare

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
APPS = ("catalogue", "audiences", "lookup")
_SLOTS = 4
_COMMAND_S = 900.0
_SETTINGS: dict[str, Any] = {
    "topic_prefix": "gameday.",
    "group_id": "gameday.group",
    "partitions": 4,
    "tick_interval_ms": 10_000,
    "input_retry_ms": 45_000,  # an alert about what waits for it has to come before it
    "dead_letter_max_run": 500,
    "dead_letter_max_ratio": 0.9,
    "facts_per_person": 16,
    "audience_k": 2,
    "audience_release_ms": 30 * 86_400_000,  # the first release takes the whole budget
    "audience_interval_ms": 300,
}


class Stage(Cluster):
    """Everything of one game day; a context manager.

    Each worker is a user of its own, with the worker's rights: in even slots by password, in odd
    ones by certificate.

    Parameters
    ----------
    root : Path
        Working directory.
    brokers : int
        1 or 3.
    workers : int
        How many begin.
    apps : sequence of str
        Which of `APPS` run.
    rate : float
        Records a second that come in.
    behind_ms : int
        How old events are when they come, until a step says otherwise.
    outage_s : float
        How long an outage lasts at the least.
    """

    users: Secured
    traffic: Traffic
    began_ms: int

    def __init__(
        self,
        root: Path,
        *,
        brokers: int = 3,
        workers: int = 3,
        apps: tuple[str, ...] = APPS,
        rate: float = 60.0,
        outage_s: float = 0.0,
        behind_ms: int = 0,
    ) -> None:
        super().__init__(root, slots=_SLOTS, partitions=_SETTINGS["partitions"], brokers=brokers)
        # A stranger's change of the topics is seen soon.
        kafka = {**self.settings.kafka, "topic.metadata.refresh.interval.ms": "2000"}
        self.settings = replace(self.settings, kafka=kafka, **_SETTINGS)
        self.outage_s = outage_s
        self.timeline = Timeline()
        self._slots, self._apps = range(workers), apps
        self._rate, self._behind_ms = rate, behind_ms
        self._ports: dict[int | str, int] = {}
        self.apps: dict[str, WorkerProcess] = {}
        self._of_apps: dict[str, dict[str, Any]] = {}
        self._running = ExitStack()

    def _build(self, slots: int, nodes: Sequence[Mapping[str, str]]) -> KafkaCluster:
        self.users = secured(self.root, nodes)
        return self.users.server

    def _own(self, slot: int) -> Settings:
        user = f"w{slot}"
        by_password = slot % 2 == 0
        login = self.users.login(user) if by_password else self.users.certified(user)
        where = self.users.passwords if by_password else self.users.certificates
        kafka = {**self.settings.kafka, **login}
        return replace(
            self.settings, bootstrap_servers=where, kafka=kafka, http_port=self._ports[slot]
        )

    def as_user(self, name: str, **more: Any) -> Settings:
        """Settings of a principal of the table of users, by password."""
        login = self.users.login(access.BY_NAME[name].user(self.settings))
        settings = replace(self.settings, bootstrap_servers=self.users.passwords, kafka=login)
        return replace(settings, **more)

    def __enter__(self) -> Self:
        try:
            super().__enter__()
            self._open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _open(self) -> None:
        names = [*range(_SLOTS), *APPS]
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.began_ms = now_ms()
        self._admit()
        prepare(self.settings)
        warm_up()  # once, not by every worker beside the others
        self._watch()
        self.begin(self._slots)

    def _admit(self) -> None:
        """Make the users of the deployment, with their rights."""
        for principal in access.PRINCIPALS:
            self.users.add_user(principal.user(self.settings), principal.acls(self.settings))
        for slot in range(_SLOTS):
            self.users.add_user(f"w{slot}", access.BY_NAME["worker"].acls(self.settings))

    def begin(self, slots: Iterable[int]) -> None:
        """Let records come in, apps and workers start, and each partition commit something."""
        self.traffic = Traffic(self.as_user("producer"), self._rate, self._behind_ms)
        self.traffic.start()
        for name in self._apps:
            self.start_app(name)
        for slot in slots:
            self.start(slot)
        self.progress = Progress(self.settings, endless=True)
        begun = time.monotonic()
        self.wait_for(lambda: bool(self.fatal) or self.recovered(begun) is not None, READY_S)
        assert self.recovered(begun), self.said()
        self.settle(READY_S)

    def move(self, slots: Iterable[int], **more: Any) -> None:
        """Go on as a deployment of other settings, its topics being there."""
        for name in list(self.apps):
            self.stop_app(name)
        assert self.progress is not None
        self.progress.stop()
        self.settings = replace(self.settings, **more)
        self._admit()
        self._behind_ms = 0
        self.begin(slots)

    def __exit__(self, *error: object) -> None:
        if hasattr(self, "traffic"):
            self.traffic.halt()
        self.timeline.stop()
        self._running.close()
        for app in self.apps.values():
            app.kill()
        super().__exit__(*error)

    def start_app(self, name: str, **more: Any) -> None:
        """Start an app under its user, with settings of its own; it is started again if it ends."""
        self._of_apps[name] = more
        settings = self.as_user(name, http_port=self._ports[name], instance_id=name, **more)
        words = ["-m", "faust", "-A", f"streams.apps.{name}", "worker"]
        if name == "lookup":
            [port] = free_ports(1, self._ports.values())
            keys = write_keys(self.root / "keys.json")
            settings = replace(settings, lookup_jwks=str(keys), lookup_port=port)
            words = ["-m", "streams", name]
        command = ["env", f"TMPDIR={self.root}", sys.executable, *words]
        self.apps[name] = WorkerProcess(settings, self.root / f"{name}.log", command)

    def stop_app(self, name: str) -> None:
        """Kill an app, which is not started again."""
        self.apps.pop(name).kill()

    def have(self, slots: Iterable[int]) -> None:
        """Stop in order what else runs, and start what does not."""
        wanted = set(slots)
        for slot in sorted(self.wanted - wanted):
            self.stop(slot)
        for slot in sorted(wanted - self.wanted):
            self.start(slot)

    def tend(self) -> None:
        """Start again whatever ended, as a kubelet does, and keep what did not end by a kill."""
        for slot in sorted(self.wanted):
            code = self.workers[slot].exit_code()
            if code is None:
                continue
            if code != -signal.SIGKILL:
                last = "".join(self.workers[slot].text().strip().splitlines()[-1:])[:300]
                self.fatal.append(f"w{slot} ended with {code}: {last}")
                self.timeline.note(f"w{slot}", f"ended with {code}, is started again: {last}")
            self.start(slot)
        for name, app in list(self.apps.items()):
            if (code := app.exit_code()) is not None:
                last = "".join(app.text().strip().splitlines()[-1:])[:300]
                self.fatal.append(f"{name} ended with {code}: {last}")
                self.timeline.note(name, f"ended with {code}, is started again: {last}")
                self.start_app(name, **self._of_apps[name])

    def ready(self, slot: int) -> bool:
        """Whether a worker says so itself."""
        try:
            url = f"http://127.0.0.1:{self._ports[slot]}/readyz"
            with urllib.request.urlopen(url, timeout=5.0) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def command(self, user: str, *words: str) -> str:
        """Run a command as a principal, or as who may do anything; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "streams", *words],
            env=environment(self.as_user(user) if user else self.settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def recovered(self, since: float) -> float | None:
        """When every partition had committed something after `since`; None if not yet."""
        assert self.progress is not None
        return self.progress.recovered(since)

    def said(self) -> str:
        """The end of what each program wrote."""
        programs = {**{f"w{slot}": w for slot, w in self.workers.items()}, **self.apps}
        return "\n".join(f"-- {name}\n{it.text()[-1500:]}" for name, it in programs.items())

    def _watch(self) -> None:
        rules = self.root / "rules.yml"
        rules.write_text(hastened(RULES.read_text()))
        jobs = {"interest-streams": [self._ports[slot] for slot in range(_SLOTS)]}
        jobs |= {f"interest-streams-{name}": [self._ports[name]] for name in self._apps}
        taken = set(self._ports.values())
        manager = self._running.enter_context(alerting(self.root / "alertmanager", taken))
        self.timeline.start(
            self._running.enter_context(scraping(self.root / "prometheus", jobs, rules, manager)),
            manager,
        )
