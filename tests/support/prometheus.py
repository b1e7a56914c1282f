"""A Prometheus that scrapes programs of a test, to be asked what it sees and what it alerts."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.broker.kafka_server import free_ports
from tests.support.processes import DIES_WITH_US, wait_until

RUNBOOK = "https://runbook.example/RUNBOOK.md"
_ANSWER_S = 60.0


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    port: int

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an expression now.

        Raises
        ------
        AssertionError
            The server refuses it.
        """
        return list(self._get("query", query=expression)["result"])

    def rules(self) -> list[dict[str, Any]]:
        """The rules, as they were last evaluated."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def alerts(self) -> set[str]:
        """Names of the alerts that fire."""
        return {alert["labels"]["alertname"] for alert in self._get("alerts")["alerts"]
                if alert["state"] == "firing"}  # fmt: skip

    def states(self) -> dict[str, str]:
        """Each alert that is pending or fires: which of both, for the worst of its series."""
        found = self._get("alerts")["alerts"]
        worst_last = sorted(found, key=lambda alert: bool(alert["state"] == "firing"))
        return {alert["labels"]["alertname"]: alert["state"] for alert in worst_last}

    def up(self) -> int:
        """Targets that were scraped."""
        return sum(1 for series in self.query("up") if series["value"][1] == "1")

    def _get(self, what: str, **words: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1/{what}?{urllib.parse.urlencode(words)}"
        try:
            with urllib.request.urlopen(url, timeout=_ANSWER_S) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{words}: {error.read().decode()}") from None


@dataclass(frozen=True)
class Alertmanager:
    """A running Alertmanager, whose calls nobody gets."""

    port: int

    def active(self) -> set[str]:
        """Names of the alerts about which it would call somebody."""
        url = f"http://127.0.0.1:{self.port}/api/v2/alerts?silenced=false&inhibited=false"
        with urllib.request.urlopen(url, timeout=_ANSWER_S) as answer:
            return {alert["labels"]["alertname"] for alert in json.load(answer)}


@contextmanager
def alerting(folder: Path, beside: Collection[int] = ()) -> Iterator[Alertmanager | None]:
    """An Alertmanager, stopped at the end; None where it isn't installed."""
    command = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if command is None:
        yield None
        return
    folder.mkdir()
    route = {"receiver": "nobody", "group_wait": "0s", "group_interval": "1s"}
    config = {"route": route, "receivers": [{"name": "nobody"}]}
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    [port] = free_ports(1, beside)
    alone = [command, "--cluster.listen-address=", f"--storage.path={folder / 'data'}"]
    with _served(alone, port, folder / "alertmanager.yml"):
        yield Alertmanager(port)


@contextmanager
def scraping(
    folder: Path,
    targets: Mapping[str, Sequence[int]],
    rules: Path | str = "",
    manager: Alertmanager | None = None,
) -> Iterator[Prometheus]:
    """A server that scrapes the ports of each job every second, stopped at the end.

    Parameters
    ----------
    manager : Alertmanager, optional
        Who is told of alerts.
    """
    told = [{"static_configs": [{"targets": [f"127.0.0.1:{manager.port}"]}]}] if manager else []
    config = {
        "global": {
            "scrape_interval": "1s",
            "evaluation_interval": "1s",
            "external_labels": {"runbook": RUNBOOK},
        },
        "rule_files": [str(rules)] if rules else [],
        "alerting": {"alertmanagers": told},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{p}" for p in ports]}]}
            for job, ports in targets.items()
        ],
    }
    folder.mkdir()
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    taken = {taken for ports in targets.values() for taken in ports}
    [port] = free_ports(1, taken | ({manager.port} if manager else set()))
    words = ["prometheus", f"--storage.tsdb.path={folder / 'data'}"]
    with _served(words, port, folder / "prometheus.yml"):
        yield Prometheus(port)


@contextmanager
def _served(words: Sequence[str], port: int, config: Path) -> Iterator[None]:
    """A server at a port that says when it is ready, killed at the end."""
    own = [f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
    log = config.with_suffix(".log")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*DIES_WITH_US, *words, *own], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )

    def answers() -> bool:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    try:
        wait_until(answers, 240, log.read_text)
        yield
    finally:
        process.kill()
        process.wait(30)
