"""Runs a pod's containers here, as near to how a node runs them as root gets without a runtime.

Each container's command runs in a mount namespace of its own whose root is read-only, with the
pod's volumes where its mounts say, as its user and groups, without capabilities and without a way
to new privileges, and with no environment but the image's and its own. What is emulated: the image
is this machine, with the virtual environment at the place that the Dockerfile gives it and the code
that is tested before it; an emptyDir
is a folder as the kubelet makes it (root's, for the pod's group); the network is the machine's.
Memory and CPU limits and seccomp are not.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.manifests import Manifest, pod_of
from tests.support.paths import ROOT
from tests.support.processes import DIES_WITH_US

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
#: Where the image has its packages.
VENV = "/opt/venv"
#: Of the machine, not of the image; a node gives each container its own.
_OWN = ("/proc", "/sys", "/dev")


def image_environment() -> dict[str, str]:
    """The variables that the image sets, of its last stage, with the build's arguments."""
    stage = DOCKERFILE.read_text().rpartition("\nFROM ")[2].replace("\\\n", " ")
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)", stage, re.M))
    found: dict[str, str] = {}
    for words in re.findall(r"^ENV (.+)", stage, re.M):
        for word in shlex.split(words):
            name, _, value = word.partition("=")
            for argument, text in arguments.items():
                value = value.replace(f"${{{argument}}}", text)
            found[name] = value
    found["PATH"] = found["PATH"].replace("$PATH", "/usr/local/bin:/usr/bin:/bin")
    return found


def image_command() -> tuple[list[str], list[str]]:
    """The image's ENTRYPOINT and CMD."""
    stage = DOCKERFILE.read_text().rpartition("\nFROM ")[2]
    said = dict(re.findall(r"^(ENTRYPOINT|CMD) \[(.+)\]", stage, re.M))
    words = {name: [word.strip(' "') for word in text.split(",")] for name, text in said.items()}
    return words["ENTRYPOINT"], words["CMD"]


@dataclass
class Pod:
    """One pod of a workload, with its volumes in a folder.

    Parameters
    ----------
    workload : Manifest
    folder : Path
        New; its volumes, and its containers' logs.
    objects : mapping
        ConfigMaps and Secrets by name, to their text by key.
    name : str
        Of the pod.
    code : Path
        What stands for the installed package.
    """

    workload: Manifest
    folder: Path
    objects: Mapping[str, Mapping[str, str]]
    name: str = "pod-0"
    code: Path = ROOT

    def __post_init__(self) -> None:
        self.spec = pod_of(self.workload)
        for volume in self.spec.get("volumes", ()):
            self._make(volume)

    def container(self, name: str) -> Manifest:
        """One of its containers, those for its start too."""
        both = (*self.spec.get("initContainers", ()), *self.spec["containers"])
        found: Manifest = next(item for item in both if item["name"] == name)
        return found

    def environment(self, container: Manifest) -> dict[str, str]:
        """The variables that a container gets.

        Raises
        ------
        KeyError
            Where an object or a key is missing; the container would not be created.
        """
        found = {"HOSTNAME": self.name, "HOME": "/"}
        for source in container.get("envFrom", ()):
            found |= self.objects[source["configMapRef"]["name"]]
        for item in container.get("env", ()):
            value = item["value"] if "value" in item else self._from(item["valueFrom"])
            if value is not None:
                found[item["name"]] = value
        return found

    def start(
        self, name: str, entered: Sequence[str] = (), **other: str | None
    ) -> subprocess.Popen[bytes]:
        """Start a container's process, or another in it; with a log of its own.

        Parameters
        ----------
        name : str
        entered : sequence of str
            A command as ``kubectl exec`` gives it, in place of the container's.
        other : str or None
            Variables that differ here, None for unset.
        """
        container = self.container(name)
        entrypoint, words = image_command()
        if "command" in container:
            entrypoint, words = container["command"], []
        command = entered or [*entrypoint, *container.get("args", words)]
        environ = {**image_environment(), **self.environment(container), **other}
        given = {key: value for key, value in environ.items() if value is not None}
        # A file: beside a full folder it gets longer than an argument may be.
        script = self.folder / f"{_label(name, entered)}.sh"
        script.write_text(self._script(container, command, given))
        with self.log(name, entered).open("ab") as log:
            return subprocess.Popen(
                [*DIES_WITH_US, "unshare", "--mount", "--propagation", "private",
                 "bash", "-eu", str(script)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def run(self, name: str, seconds: float = 400.0) -> int:
        """Run a container to its end; returns its exit code."""
        return self.start(name).wait(seconds)

    def log(self, name: str, entered: Sequence[str] = ()) -> Path:
        """What a container wrote, or a command that was given in it."""
        return self.folder / f"{_label(name, entered)}.log"

    def volume(self, name: str) -> Path:
        """A volume's folder."""
        return self.folder / "volumes" / name

    def _make(self, volume: Manifest) -> None:
        place = self.volume(volume["name"])
        place.mkdir(parents=True)
        group = self.spec["securityContext"]["fsGroup"]
        if "secret" in volume:
            held = self.objects[volume["secret"]["secretName"]]
            items = volume["secret"].get("items") or [{"key": k, "path": k} for k in held]
            for item in items:
                path = place / item["path"]
                path.write_text(held[item["key"]])
                os.chown(path, 0, group)
                path.chmod(0o640)  # as the kubelet does where the pod has an fsGroup
        elif "configMap" in volume:
            for key, text in self.objects[volume["configMap"]["name"]].items():
                (place / key).write_text(text)
        elif "emptyDir" not in volume:
            raise NotImplementedError(f"volume {volume}")
        os.chown(place, 0, group)
        place.chmod(0o2777)

    def _from(self, source: Manifest) -> str | None:
        match source:
            case {"fieldRef": {"fieldPath": "metadata.name"}}:
                return self.name
            case {"secretKeyRef": {"name": name, "key": key, **more}}:
                held = self.objects[name]
                return held.get(key) if more.get("optional") else held[key]
        raise NotImplementedError(f"valueFrom {source}")

    def _script(
        self, container: Manifest, command: Iterable[str], environ: Mapping[str, str]
    ) -> str:
        root = self.folder / f"{container['name']}.root"
        root.mkdir(exist_ok=True)
        mounts = {"/" + path.strip("/"): place for path, place in self._seen().items()}
        writable = []
        for mount in container.get("volumeMounts", ()):
            mounts[mount["mountPath"]] = self.volume(mount["name"])
            if not mount.get("readOnly"):
                writable.append(mount["mountPath"])
        lines = [f"mount -t tmpfs -o mode=755 root {root}"]
        lines += _laid("/", str(root), sorted(mounts))
        for path, place in sorted(mounts.items()):
            lines.append(f"mkdir -p {root}{path}")
            lines.append(f"mount --rbind {shlex.quote(str(place))} {root}{path}")
        lines.append(_read_only(root, [f"{root}{path}" for path in writable]))
        lines.append(f"exec {shlex.join(self._entered(root, container, command, environ))}")
        return "\n".join(lines)

    def _seen(self) -> dict[str, Path]:
        """What stands in the image: packages, interpreter, code."""
        own = (Path(sys.base_prefix), Path(sys.prefix), ROOT, self.code)
        return {**{str(path): path for path in own}, VENV: Path(sys.prefix)}

    def _entered(
        self, root: Path, container: Manifest, command: Iterable[str], environ: Mapping[str, str]
    ) -> list[str]:
        pod, own = self.spec["securityContext"], container["securityContext"]
        assert own["capabilities"] == {"drop": ["ALL"]} and own["readOnlyRootFilesystem"]
        setpriv = shutil.which("setpriv") or "setpriv"
        words = ["chroot", str(root), setpriv, "--pdeathsig", "KILL"]
        words += [f"--reuid={pod['runAsUser']}", f"--regid={pod['runAsGroup']}"]
        words += [f"--groups={pod['fsGroup']}", "--inh-caps=-all", "--bounding-set=-all"]
        if own["allowPrivilegeEscalation"] is False:
            words.append("--no-new-privs")
        variables = [f"{name}={value}" for name, value in sorted(environ.items())]
        # The image's WORKDIR.
        given = ["env", "-i", *variables, f"PYTHONPATH={self.code}"]
        return [*words, "sh", "-c", f"cd /tmp; exec {shlex.join([*given, *command])}"]


def _laid(source: str, target: str, needed: list[str]) -> list[str]:
    """Lines that bind this machine's files, leaving room for mount points that it doesn't have.

    A folder on the way to one, or one that only root may enter, is made anew, and what is in it
    bound one by one.
    """
    lines = []
    for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
        path, place = entry.path, shlex.quote(f"{target}/{entry.name}")
        below = [one for one in needed if one == path or one.startswith(path + "/")]
        if entry.is_symlink():
            lines.append(f"ln -s {shlex.quote(os.readlink(path))} {place}")
        elif path in _OWN:
            lines += [f"mkdir {place}", f"mount --rbind {path} {place}"]
        elif entry.is_dir() and below:
            lines.append(f"mkdir -m 755 {place}")
            if path not in needed:
                # Of a home only what is needed: the rest is nobody else's business.
                private = not entry.stat().st_mode & 0o001
                lines += [] if private else _laid(path, f"{target}/{entry.name}", needed)
        elif entry.is_dir():
            lines += [f"mkdir {place}", f"mount --rbind {shlex.quote(path)} {place}"]
        elif entry.is_file():
            lines += [f"touch {place}", f"mount --bind {shlex.quote(path)} {place}"]
    return lines


def _read_only(root: Path, but: Iterable[str]) -> str:
    """Line that makes all mounts below a root read-only, but some and the machine's own."""
    spared = "|".join([*but, *(f"{root}{path}" for path in _OWN), *(f"{root}{p}/*" for p in _OWN)])
    return (
        f"for place in $(findmnt -rno TARGET | grep '^{root}' | sort -r); do\n"
        f"  case $place in {spared}) ;; *) mount -o remount,bind,ro $place ;; esac\ndone"
    )


def _label(name: str, entered: Sequence[str]) -> str:
    return "-".join((name, *entered)).replace("/", "-")


def has_namespaces() -> bool:
    """Whether this process may make mount namespaces (root may, outside strict sandboxes)."""
    tried = subprocess.run(
        ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True
    )
    return tried.returncode == 0
