"""Environments of the peers, made once from their locked files and kept under ``.cache/bench``."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

CACHE = ROOT / ".cache" / "bench"
PEERS = Path(__file__).resolve().parent / "peers"

_TIMEOUT_S = 900.0
#: These wheels end at Python 3.12 or have no others; the peers share one interpreter.
PYTHON = "3.11"


class PeerUnavailable(RuntimeError):
    """A peer's environment cannot be made here; the text says what is missing."""


def python(name: str) -> Path:
    """The interpreter of a Python peer's environment.

    Raises
    ------
    PeerUnavailable
        Without a Python of the right version, or where the install fails.
    """
    locked = PEERS / f"{name}.txt"
    folder = CACHE / f"venv-{name}-{_digest(locked)}"
    interpreter = folder / "bin" / "python"
    if (folder / ".complete").exists():
        return interpreter
    base = sys.executable if sys.version.startswith(PYTHON) else shutil.which(f"python{PYTHON}")
    if base is None:
        raise PeerUnavailable(f"no python{PYTHON} on the path, which {name} is locked for")
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{name}: installing {locked.name}", flush=True)
    _run(name, [base, "-m", "venv", str(folder)])
    _run(
        name,
        [
            str(interpreter),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "-r",
            str(locked),
        ],
    )
    (folder / ".complete").touch()
    return interpreter


def classes() -> str:
    """The class path of the Java peer: jars from Maven, its one file compiled.

    Raises
    ------
    PeerUnavailable
        Where Maven or the Java compiler is missing or fails.
    """
    source = PEERS / "kstreams"
    folder = CACHE / f"kstreams-{_digest(source / 'pom.xml', source / 'InterestPeer.java')}"
    libs, made = folder / "libs", folder / "classes"
    if not (folder / ".complete").exists():
        for tool, package in (("mvn", "maven"), ("javac", "openjdk-17-jdk-headless")):
            if shutil.which(tool) is None:
                raise PeerUnavailable(f"no {tool}: apt-get install {package}")
        shutil.rmtree(folder, ignore_errors=True)
        made.mkdir(parents=True)
        _run(
            "kstreams",
            [
                "mvn",
                "-q",
                "-B",
                "-f",
                str(source / "pom.xml"),
                "dependency:copy-dependencies",
                f"-DoutputDirectory={libs}",
            ],
        )
        _run(
            "kstreams",
            [
                "javac",
                "-nowarn",
                "-cp",
                f"{libs}/*",
                "-d",
                str(made),
                str(source / "InterestPeer.java"),
            ],
        )
        (folder / ".complete").touch()
    return f"{made}:{libs}/*"


def kernels_digest() -> str:
    """Names the compiled code: Numba itself looks at no other file than a function's own."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "features" / "kernels").glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _run(name: str, command: list[str]) -> None:
    try:
        subprocess.run(
            command,
            check=True,
            timeout=_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = str(error.stdout or "")[-1500:]
        raise PeerUnavailable(f"{name}: {command[0]} failed: {said}") from None


def _digest(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:12]
