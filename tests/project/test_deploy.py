"""What `deploy/` and docker-compose.yml name exists: commands, settings, ports, topics, metrics."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from opentelemetry.exporter.otlp.proto.http.trace_exporter import DEFAULT_ENDPOINT

from streams import metrics
from streams.settings import PREFIX, Settings, SettingsError, load
from tests.support.needs import need_commands
from tests.support.paths import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE = ROOT / "docker-compose.yml"
BASE = DEPLOY / "kubernetes" / "base"
COMPONENTS = sorted((DEPLOY / "kubernetes" / "components").iterdir())
OVERLAY = DEPLOY / "kubernetes" / "overlays" / "example"
RULES = DEPLOY / "prometheus" / "rules.yml"
RUNBOOK = DEPLOY / "RUNBOOK.md"
DEFAULTS = Settings()
HAS_CLI = importlib.util.find_spec("streams.__main__") is not None


def _documents(path: Path) -> list[dict[str, Any]]:
    return [item for item in yaml.safe_load_all(path.read_text()) if item is not None]


def _all(kind: str, *folders: Path) -> Iterator[dict[str, Any]]:
    for folder in folders:
        for path in sorted(folder.glob("*.yaml")):
            yield from (item for item in _documents(path) if item["kind"] == kind)


#: What runs pods, by name; a component's as the base's.
WORKLOADS = {
    item["metadata"]["name"]: item["spec"]["template"]["spec"]
    for kind in ("StatefulSet", "Deployment", "Job", "CronJob")
    for item in _all(kind, BASE, *COMPONENTS)
}


def _worker() -> dict[str, Any]:
    pod: dict[str, Any] = next(_all("StatefulSet", BASE))["spec"]["template"]["spec"]
    return pod


def _texts() -> dict[Path, str]:
    paths = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    return {path: path.read_text() for path in [*paths, COMPOSE]}


def _alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


def _minutes(text: str) -> int:
    assert text.endswith("m"), text
    return int(text[:-1])


# -- everything parses and names what exists


@pytest.mark.parametrize(
    "path",
    [path for path in _texts() if path.suffix in (".yaml", ".yml", ".json")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_it_parses(path: Path) -> None:
    if path.suffix == ".json":
        assert json.loads(path.read_text())
    else:
        assert _documents(path)


def test_named_metrics_and_labels_exist() -> None:
    known: set[str] = set()
    labels = {"job", "instance", "le", "partition", "tenant"}
    for collector in vars(metrics).values():
        if not hasattr(collector, "describe") or isinstance(collector, type):
            continue
        labels |= set(getattr(collector, "_labelnames", ()))
        for family in collector.describe():
            suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
            known |= {family.name + end for end in suffixes.get(family.type, [""])}
    assert len(known) > 20
    for path, text in _texts().items():
        named = set(re.findall(r"\binterest_streams_[a-z_]+", text))
        assert named <= known, f"{path}: no such metric: {named - known}"
        grouped = {
            label.strip()
            for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", text)
            for label in group.split(",")
            if label.strip()
        }
        prose = path.suffix == ".md" or "contract" in path.parts
        assert prose or grouped <= labels, f"{path}: {grouped - labels}"


def test_named_settings_exist_and_are_accepted() -> None:
    environ: dict[str, str] = {}
    for item in _all("ConfigMap", BASE, OVERLAY):
        environ |= item["data"]
    for service in yaml.safe_load(COMPOSE.read_text())["services"].values():
        mine = service.get("environment", {}).items()
        environ |= {name: value for name, value in mine if name.startswith(PREFIX)}
    assert load(environ=environ).http_port == DEFAULTS.http_port
    fields = set(load(environ={}).__dataclass_fields__)
    for path, text in _texts().items():
        for name in re.findall(PREFIX + r"([A-Z_]+[A-Z])\b", text):
            known = name.removesuffix("_FILE").lower() in fields  # of a file, as secrets are read
            assert name.startswith("KAFKA__") or known, f"{path}: {name}"
        # The runbook and the comments name fields as the code does: `restore_timeout_ms`.
        for name in re.findall(r"\b[a-z]+(?:_[a-z]+)+_ms\b", text):
            assert path.suffix == ".py" or name in fields, f"{path}: no setting {name}"


def test_named_commands_exist() -> None:
    named = {
        tuple(words.split())
        for text in _texts().values()
        for words in re.findall(r"`interest-streams ((?:[a-z]+ ?)+)`", text)
    }
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    named |= {
        tuple(service["command"])
        for service in services.values()
        if service.get("image") == "interest-streams:latest" and "entrypoint" not in service
    }
    named |= {tuple(item["args"]) for item in _worker()["containers"]}
    assert {("worker",), ("topics", "apply"), ("topics", "check"), ("config", "check")} <= named
    if HAS_CLI:
        build = importlib.import_module("streams.__main__").build_parser
        for words in named:
            assert build(words[0]).parse_args(words), words


def test_faust_apps_are_named_by_their_module() -> None:
    apps = {
        item["metadata"]["name"]: item["spec"]["template"]["spec"]["containers"][0]
        for item in _all("Deployment", BASE)
    }
    for name in ("catalogue", "audiences"):
        args = apps[f"interest-streams-{name}"]["args"]
        assert args == ["--quiet", "-A", f"streams.apps.{name}", "worker", "-l", "info"]
    catalogue = apps["interest-streams-catalogue"]
    service = yaml.safe_load(COMPOSE.read_text())["services"]["catalogue"]
    assert catalogue["command"] == service["entrypoint"] == ["faust"]
    assert catalogue["args"] == ["--quiet", *service["command"]]  # no banner between JSON lines
    module = service["command"][service["command"].index("-A") + 1]
    assert (ROOT / Path(*module.split("."))).with_suffix(".py").exists()


def test_ports_and_pages_are_the_settings() -> None:
    port = str(DEFAULTS.http_port)
    for path in (DEPLOY / "Dockerfile", COMPOSE):
        assert set(re.findall(r"127\.0\.0\.1:(\d+)/", path.read_text())) == {port}
    for kind in ("StatefulSet", "Deployment"):
        template = next(_all(kind, BASE))["spec"]["template"]
        assert template["metadata"]["annotations"]["prometheus.io/port"] == port
        assert template["spec"]["containers"][0]["ports"][0]["containerPort"] == int(port)
    assert next(_all("Service", BASE))["spec"]["ports"][0]["port"] == int(port)
    targets = re.findall(
        r"[\w-]+:(\d+)",
        str(
            yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
        ),
    )
    assert set(targets) == {port}
    if HAS_CLI:
        source = "".join(path.read_text() for path in (ROOT / "streams").rglob("*.py"))
        for page in ("/livez", "/readyz", "/metrics"):
            assert f'"{page}"' in source, f"nobody serves {page}"


# -- Kubernetes


def test_probes_and_grace_fit_the_time_outs() -> None:
    worker = _worker()
    container = worker["containers"][0]
    grace_s = worker["terminationGracePeriodSeconds"]
    assert grace_s * 1000 > max(DEFAULTS.transaction_timeout_ms, DEFAULTS.watchdog_ms)
    live = container["livenessProbe"]
    assert live["periodSeconds"] * live["failureThreshold"] * 1000 > DEFAULTS.watchdog_ms
    paths = {
        name: container[name]["httpGet"]["path"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert paths == {
        "startupProbe": "/livez",
        "livenessProbe": "/livez",
        "readinessProbe": "/readyz",
    }
    compose = yaml.safe_load(COMPOSE.read_text())["services"]
    assert {compose[name]["stop_grace_period"] for name in ("worker-1", "worker-2")} == {
        f"{grace_s}s"
    }


@pytest.mark.parametrize("name", WORKLOADS)
def test_pods_are_restricted(name: str) -> None:
    pod = WORKLOADS[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"]
    uid = str(pod["securityContext"]["runAsUser"])
    assert f"USER {uid}:" in (DEPLOY / "Dockerfile").read_text()


def test_no_service_puts_settings_into_a_pod() -> None:
    """Kubernetes names a service's variables after it, and these look like settings of ours."""
    service = next(_all("Service", BASE))["metadata"]["name"]
    variable = service.upper().replace("-", "_") + "_SERVICE_HOST"
    with pytest.raises(SettingsError, match="unknown setting"):
        load(environ={variable: "10.0.0.1"})
    assert {"interest-streams", "interest-streams-commands"} < set(WORKLOADS)
    for name, pod in WORKLOADS.items():
        assert pod["enableServiceLinks"] is False, name


def test_workers_start_together_and_leave_one_by_one() -> None:
    stateful = next(_all("StatefulSet", BASE))
    assert stateful["spec"]["podManagementPolicy"] == "Parallel"
    budget = next(_all("PodDisruptionBudget", BASE))["spec"]
    labels = stateful["spec"]["template"]["metadata"]["labels"]
    assert budget["maxUnavailable"] == 1
    for selector in (
        budget["selector"]["matchLabels"],
        stateful["spec"]["selector"]["matchLabels"],
        next(_all("Service", BASE))["spec"]["selector"],
    ):
        assert selector.items() <= labels.items()
    names = [item["name"] for item in _worker()["containers"][0]["env"]]
    ours = ("INSTANCE_ID", "ERASURE_KEY", "ERASURE_KEYS_BEFORE")
    assert names == [PREFIX + name for name in ours]


@pytest.mark.parametrize("folder", [BASE, OVERLAY, *COMPONENTS], ids=lambda folder: folder.name)
def test_kustomizations_name_what_is_there(folder: Path) -> None:
    custom = _documents(folder / "kustomization.yaml")[0]
    named = {*custom["resources"], *(patch["path"] for patch in custom.get("patches", []))}
    assert all((folder / name).exists() for name in (*named, *custom.get("components", ())))
    files = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert files <= named, "a file that nothing applies"
    base = {
        (item["kind"], item["metadata"]["name"])
        for place in (BASE, *COMPONENTS)
        for path in place.glob("*.yaml")
        for item in _documents(path)
        if "metadata" in item
    }
    for patch in custom.get("patches", []):
        for item in _documents(folder / patch["path"]):
            assert (item["kind"], item["metadata"]["name"]) in base


def test_traces_may_leave_workers_for_a_collector() -> None:
    [policy] = _all("NetworkPolicy", DEPLOY / "kubernetes" / "components" / "traces")
    labels = next(_all("StatefulSet", BASE))["spec"]["template"]["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    [port] = [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]
    assert port == urlsplit(DEFAULT_ENDPOINT).port
    [named] = re.findall(r"lets workers reach port (\d+)", (DEPLOY / "README.md").read_text())
    assert port == int(named)


def test_scaling_never_ends_at_none_or_above_the_partitions() -> None:
    spec = next(_all("ScaledObject", DEPLOY / "keda"))["spec"]
    assert spec["minReplicaCount"] == 1
    assert spec["maxReplicaCount"] == DEFAULTS.partitions
    assert spec["scaleTargetRef"]["name"] == next(_all("StatefulSet", BASE))["metadata"]["name"]


# -- alerts and their runbook


def test_every_alert_has_a_section_a_test_and_a_severity() -> None:
    alerts = _alerts()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOK.read_text(), re.S | re.M))
    assert set(sections) == set(alerts)
    tests = yaml.safe_load((DEPLOY / "prometheus" / "rules_test.yml").read_text())["tests"]
    fired = {
        case["alertname"]
        for test in tests
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert fired == set(alerts)
    for name, rule in alerts.items():
        assert rule["annotations"]["runbook_url"] == (
            f"{{{{ $externalLabels.runbook }}}}#{name.lower()}"
        )
        assert rule["labels"]["severity"] in ("page", "ticket")
        headings = re.findall(r"^\*\*(\w+)\.\*\*", sections[name], re.M)
        assert headings == ["Meaning", "Impact", "Diagnosis", "Mitigation"], name


def test_alert_thresholds_fit_the_settings() -> None:
    alerts = _alerts()
    stalled = int(alerts["InterestStreamsWatermarkStalled"]["expr"].split(") > ")[1].split()[0])
    assert stalled * 1000 > DEFAULTS.lateness_ms
    assert _minutes(alerts["InterestStreamsNotReady"]["for"]) * 60_000 > DEFAULTS.restore_timeout_ms
    silent = int(re.findall(r"seconds > (\d+)", alerts["InterestStreamsNotCommitting"]["expr"])[0])
    assert silent * 1000 > DEFAULTS.watchdog_ms


@pytest.mark.parametrize(
    "check",
    [
        ("check", "rules", "rules.yml"),
        ("test", "rules", "rules_test.yml"),
        ("check", "config", "prometheus.yml"),
    ],
    ids=" ".join,
)
def test_promtool_agrees(check: tuple[str, str, str]) -> None:
    need_commands("promtool")
    done = subprocess.run(
        ["promtool", *check], cwd=DEPLOY / "prometheus", timeout=300, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


# -- the image


def test_the_image_compiles_its_kernels_ahead(tmp_path: Path) -> None:
    image = (DEPLOY / "Dockerfile").read_text()
    [words] = re.findall(r"interest-streams (compile .+?) \\\n", image)
    command = f"{sys.executable} -m streams {words} --into {tmp_path}"
    cpu = os.environ.get("NUMBA_CPU_NAME", "native")
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env={**os.environ, "CPU": cpu},
        timeout=500, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f" functions for {cpu} in {tmp_path}" in done.stdout
    assert len(list(tmp_path.glob("*.nbi"))) > 20
