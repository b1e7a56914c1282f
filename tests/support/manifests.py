"""Kubernetes manifests as they are applied: what of Kustomize ours use, in sixty lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

#: By what the items of a list are told apart when a patch is merged into it.
_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
}
#: Kinds without a namespace.
_CLUSTER_WIDE = frozenset({"Namespace"})
PODS = ("StatefulSet", "Deployment", "Job", "CronJob")


def rendered(folder: Path) -> list[Manifest]:
    """The manifests of a folder with a ``kustomization.yaml``."""
    custom = yaml.safe_load((folder / "kustomization.yaml").read_text())
    found: list[Manifest] = []
    for name in (*custom["resources"], *custom.get("components", ())):
        path = folder / name
        found += rendered(path.resolve()) if path.is_dir() else documents(path)
    for patch in custom.get("patches", []):
        for change in documents(folder / patch["path"]):
            [target] = [item for item in found if _name(item) == _name(change)]
            target.update(_merged(target, change))
    for item in found:
        if "namespace" in custom and item["kind"] not in _CLUSTER_WIDE:
            item["metadata"]["namespace"] = custom["namespace"]
        for labels in custom.get("labels", []):
            item["metadata"].setdefault("labels", {}).update(labels["pairs"])
        for container in containers(item):
            for image in custom.get("images", []):
                if container["image"].partition(":")[0] == image["name"]:
                    name = image.get("newName", image["name"])
                    container["image"] = f"{name}:{image['newTag']}"
    return found


def documents(path: Path) -> list[Manifest]:
    """The documents of a YAML file."""
    return [item for item in yaml.safe_load_all(path.read_text()) if item is not None]


def pod_of(item: Manifest) -> Manifest:
    """The specification of the pods of a workload."""
    spec: Manifest = item["spec"]["template"]["spec"]
    return spec


def containers(item: Manifest) -> Iterator[Manifest]:
    """All containers of a workload, those for its start first; none of anything else."""
    if item["kind"] in PODS:
        pod = pod_of(item)
        yield from (*pod.get("initContainers", ()), *pod["containers"])


def _name(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]


def _merged(base: Any, change: Any, key: str = "") -> Any:
    if isinstance(base, dict) and isinstance(change, dict):
        both = {name: _merged(base[name], change[name], name) for name in base.keys() & change}
        return {**base, **change, **both}
    if isinstance(base, list) and isinstance(change, list) and key in _KEYS:
        by = _KEYS[key]
        merged = {item[by]: item for item in base}
        for item in change:
            merged[item[by]] = _merged(merged.get(item[by], item), item)
        return list(merged.values())
    return change
