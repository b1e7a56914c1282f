"""The stack of a game day: a cluster with users, workers, apps, look-up, and who watches them."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from streams.kafka import access
from streams.settings import Settings
from streams.worker.wiring import warm_up
from tests.broker.kafka_server import KafkaServer, free_ports
from tests.broker.secured import Secured, secured
from tests.chaos.cluster import Cluster
from tests.chaos.progress import Progress
from tests.gameday.rules import hastened
from tests.gameday.timeline import Timeline
from tests.gameday.traffic import Traffic
from tests.support.lookup_service import write_keys
from tests.support.paths import ROOT
from tests.support.prometheus import alerting, scraping
from tests.support.worker_process import READY_S, WorkerProcess, prepare

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
APPS = ("catalogue", "audiences", "lookup")
_SLOTS = 4
_SETTINGS: dict[str, Any] = {
    "topic_prefix": "gameday.",
    "group_id": "gameday.group",
    "partitions": 4,
    "tick_interval_ms": 10_000,
    "input_retry_ms": 10_000,
    "dead_letter_max_run": 500,
    "dead_letter_max_ratio": 0.9,
    "facts_per_person": 16,
    "audience_k": 2,
    "audience_release_ms": 1_000,
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
    workers : int
        How many begin.
    apps : sequence of str
        Which of `APPS` run.
    rate : float
        Records a second that come in.
    outage_s : float
        How long an outage lasts at the least.
    """

    users: Secured

    def __init__(
        self,
        root: Path,
        *,
        workers: int = 3,
        apps: tuple[str, ...] = APPS,
        rate: float = 60.0,
        outage_s: float = 0.0,
    ) -> None:
        super().__init__(root, slots=_SLOTS, partitions=_SETTINGS["partitions"])
        self.settings = replace(self.settings, **_SETTINGS)
        self.outage_s = outage_s
        self.timeline = Timeline()
        self._begin, self._apps = range(workers), apps
        self._ports: dict[int | str, int] = {}
        self.apps: dict[str, WorkerProcess] = {}
        self._running = ExitStack()
        self.traffic = Traffic(self.as_user("producer"), rate)

    def _build(self, slots: int, properties: Mapping[str, str]) -> KafkaServer:
        self.users = secured(self.root, properties)
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
        for principal in access.PRINCIPALS:
            self.users.add_user(principal.user(self.settings), principal.acls(self.settings))
        for slot in range(_SLOTS):
            self.users.add_user(f"w{slot}", access.BY_NAME["worker"].acls(self.settings))
        prepare(self.settings)
        warm_up()  # once, not by every worker beside the others
        names = [*range(_SLOTS), *APPS]
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        self._watch()
        self.traffic.start()
        for name in self._apps:
            self.start_app(name)
        for slot in self._begin:
            self.start(slot)
        self.progress = Progress(self.settings, endless=True)
        begun = time.monotonic()
        self.wait_for(lambda: bool(self.fatal) or self.recovered(begun) is not None, READY_S)
        assert self.recovered(begun), self.said()
        self.settle(READY_S)

    def __exit__(self, *error: object) -> None:
        self.traffic.halt()
        self.timeline.stop()
        self._running.close()
        for app in self.apps.values():
            app.kill()
        super().__exit__(*error)

    def start_app(self, name: str, **more: Any) -> None:
        """Start an app under its user, with settings of its own."""
        settings = self.as_user(name, http_port=self._ports[name], instance_id=name, **more)
        words = ["-m", "faust", "-A", f"streams.apps.{name}", "worker"]
        if name == "lookup":
            [port] = free_ports(1, self._ports.values())
            keys = write_keys(self.root / "keys.json")
            settings = replace(settings, lookup_jwks=str(keys), lookup_port=port)
            words = ["-m", "streams", name]
        command = ["env", f"TMPDIR={self.root}", sys.executable, *words]
        self.apps[name] = WorkerProcess(settings, self.root / f"{name}.log", command)

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
