"""A Prometheus that scrapes programs of a test, to be asked what it sees and what it alerts."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.broker.kafka_server import free_ports
from tests.support.processes import DIES_WITH_US, wait_until

RUNBOOK = "https://runbook.example/RUNBOOK.md"


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

    def up(self) -> int:
        """Targets that were scraped."""
        return sum(1 for series in self.query("up") if series["value"][1] == "1")

    def _get(self, what: str, **words: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1/{what}?{urllib.parse.urlencode(words)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{words}: {error.read().decode()}") from None


@contextmanager
def scraping(
    folder: Path, targets: Mapping[str, Sequence[int]], rules: Path | str = ""
) -> Iterator[Prometheus]:
    """A server that scrapes the ports of each job every second, stopped at the end."""
    config = {
        "global": {
            "scrape_interval": "1s",
            "evaluation_interval": "1s",
            "external_labels": {"runbook": RUNBOOK},
        },
        "rule_files": [str(rules)] if rules else [],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{p}" for p in ports]}]}
            for job, ports in targets.items()
        ],
    }
    folder.mkdir()
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    [port] = free_ports(1, {taken for ports in targets.values() for taken in ports})
    log = folder / "prometheus.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*DIES_WITH_US, "prometheus", f"--config.file={folder / 'prometheus.yml'}",
             f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    server = Prometheus(port)

    def answers() -> bool:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    try:
        wait_until(answers, 60, log.read_text)
        yield server
    finally:
        process.kill()
        process.wait(30)
