"""Every container of the example deployment, run as a node would: it starts, serves and stops."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.kafka.access import PRINCIPALS
from streams.kafka.clients import admin
from streams.kafka.topic_plan import create_topics
from streams.settings import PREFIX, Settings
from tests.broker.kafka_server import free_ports
from tests.broker.secured import Secured, secured_kafka
from tests.support.lookup_service import keys_text, token
from tests.support.manifests import PODS, Manifest, containers, pod_of, rendered
from tests.support.paths import ROOT
from tests.support.pod import Pod
from tests.support.processes import wait_until
from tests.support.wheel import compiled_wheel, installed
from tests.support.worker_process import READY_S

KUBERNETES = ROOT / "deploy" / "kubernetes"
EXAMPLE = KUBERNETES / "overlays" / "example"
PAGE = (ROOT / "deploy" / "README.md").read_text()
APPLIED = rendered(EXAMPLE)
WORKLOADS = {item["metadata"]["name"]: item for item in APPLIED if item["kind"] in PODS}
WORKER = WORKLOADS["interest-streams"]
#: Where an operator's commands are given; the others serve pages.
COMMANDS = WORKLOADS["interest-streams-commands"]
SERVING = [name for name, item in WORKLOADS.items() if item is not COMMANDS]
#: Secrets that the page tells to make, with their keys.
MADE = dict(
    re.findall(r"kubectl .*create secret generic ([\w-]+) .*--from-literal=([\w-]+)=", PAGE)
)
#: ConfigMaps that the page tells to make, with the names of their files.
MAPS = dict(re.findall(r"kubectl .*create configmap ([\w-]+) .*--from-file=([\w.-]+)", PAGE))
#: What Strimzi keeps of a cluster and of a user, in its cluster's namespace.
STRIMZI: dict[str, tuple[str, ...]] = {item["metadata"]["name"]: ("ca.crt", "user.crt", "user.key")
           for item in APPLIED if item["kind"] == "KafkaUser"}  # fmt: skip
STRIMZI |= {"kafka-cluster-ca-cert": ("ca.crt",)}


def _named(kind: str) -> dict[str, Manifest]:
    return {item["metadata"]["name"]: item for item in APPLIED if item["kind"] == kind}


# -- what is named is there


def test_the_manifests_are_rendered_as_kustomize_does(tmp_path: Path) -> None:
    """Where kubectl is at hand; the renderer of the tests must not be kinder than it."""
    if shutil.which("kubectl") is None:
        return
    everything = tmp_path / "everything"
    everything.mkdir()
    parts = [KUBERNETES / "base", *(KUBERNETES / "components").iterdir()]
    base, *components = (os.path.relpath(part, everything) for part in parts)
    (everything / "kustomization.yaml").write_text(
        json.dumps({"resources": [base], "components": sorted(components)})
    )
    for folder in (EXAMPLE, everything, KUBERNETES / "base", ROOT / "deploy" / "strimzi"):
        done = subprocess.run(
            ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=True
        )
        assert _sorted(rendered(folder)) == _sorted(list(yaml.safe_load_all(done.stdout)))


def _sorted(value: Any) -> Any:
    """Without the order of lists, which a patch changes to no effect."""
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(item) for item in value), key=partial(json.dumps, sort_keys=True))
    return value


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_object_that_a_pod_names_is_made_or_told_of(name: str) -> None:
    item = WORKLOADS[name]
    pod = pod_of(item)
    assert pod["serviceAccountName"] in _named("ServiceAccount")
    held = {volume["name"]: volume for volume in pod["volumes"]}
    secrets = {secret: set(keys) for secret, keys in STRIMZI.items()}
    secrets |= {secret: {key} for secret, key in MADE.items()}
    files: dict[str, str] = {}
    for volume in held.values():
        if "secret" in volume:
            keys = secrets[volume["secret"]["secretName"]]
            assert {entry["key"] for entry in volume["secret"].get("items", ())} <= keys
        if "configMap" in volume:
            files[volume["name"]] = MAPS[volume["configMap"]["name"]]
    for container in containers(item):
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert set(mounts) <= set(held)
        told = {variable.get("value") for variable in container.get("env", ())}
        assert {f"{mounts[volume]}/{file}" for volume, file in files.items()} <= told
        for source in container.get("envFrom", ()):
            assert source["configMapRef"]["name"] in _named("ConfigMap")
        for variable in container.get("env", ()):
            wanted = variable.get("valueFrom", {}).get("secretKeyRef")
            if wanted is not None and not wanted.get("optional"):
                assert wanted["key"] in secrets[wanted["name"]]


def test_what_strimzi_keeps_is_in_the_pods_namespace() -> None:
    """A Secret of another namespace is none: the pod would wait for it for ever."""
    places = {item["metadata"].get("namespace") for item in APPLIED}
    [cluster] = {item["metadata"]["labels"]["strimzi.io/cluster"]
                 for item in APPLIED if item["kind"] == "KafkaUser"}  # fmt: skip
    assert len(places) == 1
    settings = _named("ConfigMap")["interest-streams-settings"]["data"]
    [bootstrap] = settings[PREFIX + "BOOTSTRAP_SERVERS"].split(",")
    assert bootstrap == f"{cluster}-kafka-bootstrap:9093"  # in the same namespace, so a bare name
    assert f"{cluster}-cluster-ca-cert" in STRIMZI


def test_policies_and_services_are_of_the_ports_that_are_served() -> None:
    policies = [item["spec"] for item in _named("NetworkPolicy").values()]
    pods = {name: item["spec"]["template"]["metadata"]["labels"].items()
            for name, item in WORKLOADS.items()}  # fmt: skip
    served = {name: {port["name"]: port["containerPort"] for container in containers(item)
                     for port in container.get("ports", ())}
              for name, item in WORKLOADS.items()}  # fmt: skip
    for name, labels in pods.items():
        rules = [rule for policy in policies for rule in policy.get("ingress", ())
                 if policy["podSelector"]["matchLabels"].items() <= labels]  # fmt: skip
        let_in = {port["port"] for rule in rules for port in rule["ports"]}
        assert let_in == {*served[name].values(), Settings().http_port}, name
    for name, service in _named("Service").items():
        chosen = service["spec"]["selector"].items()
        [pod] = [pod for pod, labels in pods.items() if chosen <= labels]
        for port in service["spec"]["ports"]:
            assert port["port"] == served[pod][port["targetPort"]], name
    assert served["interest-streams-lookup"]["lookup"] == Settings().lookup_port


def test_images_are_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    images = {container["image"] for item in WORKLOADS.values() for container in containers(item)}
    assert images == {f"interest-streams:{version}"}


def test_a_worker_without_the_erasure_key_does_not_start() -> None:
    [variable] = [item for container in containers(WORKER) for item in container.get("env", ())
                  if item["name"] == PREFIX + "ERASURE_KEY"]  # fmt: skip
    assert not variable["valueFrom"]["secretKeyRef"].get("optional")


def test_the_operator_scrapes_every_pod() -> None:
    [monitor] = [item for item in rendered(ROOT / "deploy" / "prometheus" / "operator")
                 if item["kind"] == "PodMonitor"]  # fmt: skip
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    for item in map(WORKLOADS.__getitem__, SERVING):
        labels = item["spec"]["template"]["metadata"]["labels"]
        assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert monitor["spec"]["jobLabel"] in labels
        ports = [port for container in containers(item) for port in container.get("ports", ())]
        assert endpoint["port"] in {port["name"] for port in ports}


# -- what is started starts


@pytest.fixture(scope="module")
def broker(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured_kafka(tmp_path_factory.mktemp("pods")) as found:
        plain = replace(
            Settings(partitions=1, replication=1), bootstrap_servers=found.server.bootstrap
        )
        create_topics(admin(plain), plain)
        for principal in PRINCIPALS:
            found.add_user(principal.user(plain), principal.acls(plain))
        yield found


def _objects(broker: Secured | None = None) -> dict[str, dict[str, str]]:
    """ConfigMaps as they are made; Secrets as Strimzi and the page's commands make them."""
    found = {name: item["data"] for name, item in _named("ConfigMap").items()}
    found |= {name: {key: "not for long"} for name, key in MADE.items()}
    found |= {name: {file: keys_text()} for name, file in MAPS.items()}
    for name, keys in STRIMZI.items():
        made = dict.fromkeys(keys, "")
        if broker is not None:
            login = broker.certified(name)
            made["ca.crt"] = Path(login["ssl.ca.location"]).read_text()
            if "user.crt" in made:
                made["user.crt"] = Path(login["ssl.certificate.location"]).read_text()
                made["user.key"] = Path(login["ssl.key.location"]).read_text()
        found[name] = made
    return found


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as the image has it, with its kernels."""
    folder = tmp_path_factory.mktemp("package")
    site = installed(compiled_wheel(folder / "dist"), folder / "site")
    for path in (folder, *folder.parents):
        if path.is_relative_to(tmp_path_factory.getbasetemp().parent):
            path.chmod(0o755)  # a pod's user is another than whose tests these are
    return site


@pytest.mark.parametrize("name", SERVING)
def test_a_pod_starts_serves_and_stops(
    name: str, broker: Secured, package: Path, tmp_path: Path
) -> None:
    pod = Pod(WORKLOADS[name], tmp_path / "pod", _objects(broker), code=package)
    [main] = pod.spec["containers"]
    port, lookups = free_ports(2)
    process = pod.start(
        main["name"],
        # What a test's machine has otherwise: the broker's address, and free ports.
        INTEREST_STREAMS_BOOTSTRAP_SERVERS=broker.certificates,
        INTEREST_STREAMS_HTTP_PORT=str(port),
        INTEREST_STREAMS_LOOKUP_PORT=str(lookups),
    )
    log = pod.log(main["name"])

    def answers(probe: str) -> bool:
        assert process.poll() is None, log.read_text()[-3000:]
        url = f"http://127.0.0.1:{port}{main[probe]['httpGet']['path']}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return bool(answer.status == 200)
        except OSError:  # refused, or too late
            return False

    try:
        startup = main["startupProbe"]
        patience = float(startup["periodSeconds"] * startup["failureThreshold"])
        for probe, seconds in (("startupProbe", patience), ("readinessProbe", READY_S)):
            wait_until(partial(answers, probe), seconds, log.read_text)
        said = log.read_text().splitlines()
        assert [line for line in said if not line.startswith("{")] == []
        lines = [json.loads(line) for line in said]
        assert {(line["program"], line["instance"]) for line in lines} == {
            (main["name"], pod.name if name == "interest-streams" else socket.gethostname())
        }
        if name == "interest-streams":
            [ready] = [line["event"] for line in lines if "kernels ready" in line["event"]]
            assert ready.endswith("0 functions compiled here"), ready
        if name == "interest-streams-lookup":
            assert (_looked_up(lookups), _looked_up(lookups, token())) == (401, 404)
        process.terminate()
        assert process.wait(pod.spec["terminationGracePeriodSeconds"]) == 0, log.read_text()[-3000:]
    finally:
        process.kill()
        process.wait(30)


def _looked_up(port: int, bearer: str = "") -> int:
    """Status of a look-up of somebody of whom there is no profile."""
    said = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/v1/profiles/zqacc", headers=said)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=60)
    return refused.value.code


def test_commands_are_given_where_no_worker_is(
    broker: Secured, package: Path, tmp_path: Path
) -> None:
    pod = Pod(COMMANDS, tmp_path / "pod", _objects(broker), code=package)
    there = {PREFIX + "BOOTSTRAP_SERVERS": broker.certificates}
    waiting = pod.start("commands", **there)
    try:
        for words, code, said in (
            ("topics check", 0, "co-partitioned"),
            ("lag", 0, "0 records behind"),
            ("accounting", 0, "balanced"),
            ("subject zqacc", 1, "nothing is stored of zqacc"),
            ("offsets repair", 0, "nothing to do"),
            ("redrive", 0, "repeat with --yes"),
            ("repartition --to-prefix v2- --partitions 2", 0, "then repeat with --yes"),
            ("tags export --topic /tmp/tags.tsv", 0, ""),
            ("config check --running --connect --program admin", 0, "the admin do all it has to"),
        ):
            command = ["interest-streams", *words.split()]
            ended = pod.start("commands", command, **there).wait(240)
            told = pod.log("commands", command).read_text()
            assert ended == code and said in told, f"{words}: {ended}: {told}"
        assert (pod.volume("tmp") / "tags.tsv").exists()
        assert waiting.poll() is None
        waiting.terminate()
        assert waiting.wait(30) == 0, pod.log("commands").read_text()
    finally:
        waiting.kill()
        waiting.wait(30)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("touch /opt/written", 1),
        ("touch /etc/written", 1),
        ("touch /tmp/written", 0),
        ("cp -a /etc/. /tmp", 1),  # preserves times of a folder of root's
        ("chown 0 /tmp", 1),
        ("id -u | grep -qx 10001", 0),
        ("grep -q ^CapEff:.0000000000000000 /proc/self/status", 0),
        ("grep -q ^CapBnd:.0000000000000000 /proc/self/status", 0),
        ("grep -q ^NoNewPrivs:.1 /proc/self/status", 0),
        ('test "$PYTHONDONTWRITEBYTECODE" = 1', 0),
    ],
)
def test_the_emulation_refuses_what_a_node_would(command: str, code: int, tmp_path: Path) -> None:
    pod = Pod(deepcopy(WORKER), tmp_path / "pod", _objects())
    pod.container("worker")["command"] = ["sh", "-c", command]
    assert pod.run("worker") == code, pod.log("worker").read_text()
