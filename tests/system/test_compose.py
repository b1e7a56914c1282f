"""docker-compose.yml without Docker: what it names is there, and each of our commands works.

What is emulated: a service is a process here with the service's entrypoint, command and variables;
its address is this machine's, so the broker's name and the port of the pages differ.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from streams.contract import topics
from streams.kafka.clients import admin
from streams.settings import PREFIX, load
from tests.broker.kafka_server import KafkaServer, free_ports
from tests.support.paths import ROOT
from tests.support.pod import image_command
from tests.support.processes import DIES_WITH_US, wait_until
from tests.support.worker_process import READY_S

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
IMAGE = "interest-streams:latest"
OURS = {name: item for name, item in SERVICES.items() if item["image"] == IMAGE}


# -- what is named is there


def test_who_is_waited_for_can_be_waited_for() -> None:
    for name, service in SERVICES.items():
        wanted = service.get("depends_on", {})
        for other in wanted:
            assert other in SERVICES, f"{name} waits for {other}"
            if isinstance(wanted, dict) and wanted[other]["condition"] == "service_healthy":
                assert "test" in SERVICES[other]["healthcheck"]
            if isinstance(wanted, dict) and "completed" in wanted[other]["condition"]:
                assert SERVICES[other].get("restart") != "unless-stopped"


def test_volumes_are_declared_or_here() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source, _, target = volume.partition(":")
            if source.startswith("."):
                assert (ROOT / source).exists(), volume
                assert target.endswith(":ro"), f"{volume}: ours are read only"
            elif target:
                assert source in COMPOSE["volumes"], volume


def test_images_of_others_have_an_exact_version() -> None:
    """A digest would say more, but none can be looked up where this is written."""
    for name, service in SERVICES.items():
        if name not in OURS:
            assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"]), service["image"]


def test_only_this_machine_reaches_the_ports() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_everybody_with_pages_is_scraped() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    scraped = {target for job in config["scrape_configs"]
               for group in job["static_configs"] for target in group["targets"]}  # fmt: skip
    serving = {name for name in OURS if name != "topics"}
    assert scraped == {f"{name}:{load(environ={}).http_port}" for name in serving}


def test_prometheus_tells_alertmanager() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    [group] = config["alerting"]["alertmanagers"][0]["static_configs"]
    assert group["targets"] == ["alertmanager:9093"]
    routes = yaml.safe_load((ROOT / "deploy/prometheus/alertmanager.yml").read_text())
    named = {route["receiver"] for route in (routes["route"], *routes["route"]["routes"])}
    assert named == {receiver["name"] for receiver in routes["receivers"]}


def test_grafana_finds_its_dashboards_and_prometheus() -> None:
    mounts = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])
    provisioning = ROOT / "deploy" / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_text())[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090" and source["isDefault"]
    [provider] = yaml.safe_load((provisioning / "dashboards/files.yaml").read_text())["providers"]
    [folder] = [here for here, there in mounts.items() if there == provider["options"]["path"]]
    assert len(list((ROOT / folder).glob("*.json"))) == 3
    assert mounts["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"


# -- what is started works


@contextmanager
def _started(
    name: str, broker: KafkaServer, port: int, folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    service = SERVICES[name]
    entrypoint, words = image_command()
    command = [*service.get("entrypoint", entrypoint), *service.get("command", words)]
    programs = {"interest-streams": "streams", "faust": "faust"}
    environ = {key: text for key, text in os.environ.items() if not key.startswith(PREFIX)}
    environ |= service["environment"] | {
        PREFIX + "BOOTSTRAP_SERVERS": broker.bootstrap,
        PREFIX + "HTTP_PORT": str(port),
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder),
    }
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [*DIES_WITH_US, sys.executable, "-m", programs[command[0]], *command[1:]],
            env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


def _healthy(name: str, port: int, path: str | None = None) -> bool:
    """Whether the service's own check, or the image's, says so."""
    said = SERVICES[name].get("healthcheck", {}).get("test")
    if said is None:
        text = (ROOT / "deploy" / "Dockerfile").read_text()
        said = ["CMD", *yaml.safe_load(re.findall(r"HEALTHCHECK .*\\\n  CMD (\[.*\])", text)[0])]
    program = said[3].replace(":8080/", f":{port}/")
    program = program if path is None else program.replace("/livez", path)
    words = [sys.executable, "-c", program]
    return subprocess.run(words, capture_output=True, timeout=240).returncode == 0


def test_each_service_does_its_work(own_kafka: KafkaServer, tmp_path: Path) -> None:
    variables = {
        **SERVICES["topics"]["environment"],
        PREFIX + "BOOTSTRAP_SERVERS": own_kafka.bootstrap,
    }
    settings = load(environ=variables)
    serving = [name for name in OURS if name != "topics"]
    ports = dict(zip(serving, free_ports(len(serving), {own_kafka.port}), strict=True))
    logs = [tmp_path / f"{name}.log" for name in serving]

    def said() -> str:
        return "\n".join(log.read_text()[-2000:] for log in logs)

    with _started("topics", own_kafka, 0, tmp_path) as process:
        assert process.wait(240) == 0, (tmp_path / "topics.log").read_text()
    asked = admin(settings)
    wanted = {settings.topic(topic.name) for topic in topics.TOPICS}
    # The controller made them; the broker that is asked learns of them a little later.
    wait_until(lambda: wanted <= set(asked.list_topics(timeout=60).topics), 120)
    with ExitStack() as running:
        processes = [running.enter_context(_started(name, own_kafka, ports[name], tmp_path))
                     for name in serving]  # fmt: skip
        for name in serving:
            wait_until(partial(_healthy, name, ports[name]), READY_S, said)
        for name in ("worker-1", "worker-2"):
            wait_until(partial(_healthy, name, ports[name], "/readyz"), READY_S, said)
        assert [process.poll() for process in processes] == [None] * len(serving), said()
        for process in processes:
            process.terminate()
        assert [process.wait(240) for process in processes] == [0] * len(serving), said()
