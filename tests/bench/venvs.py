"""Environments of the peers, made once from their locked files and kept under ``.cache/bench``."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.broker.jars import copy_jars
from tests.support import paths
from tests.support.needs import lacking
from tests.support.processes import CommandFailed, run_command

CACHE = paths.CACHE / "bench"
PEERS = Path(__file__).resolve().parent / "peers"

_TIMEOUT_S = 900.0
#: These wheels end at Python 3.12 or have no others; the peers share one interpreter.
PYTHON = "3.11"
_NAMED = f"python{PYTHON}"


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
    with _made_once(name, folder) as missing:
        if missing:
            base = sys.executable if sys.version.startswith(PYTHON) else shutil.which(_NAMED)
            if base is None:
                raise PeerUnavailable(f"no {_NAMED} on the path, which {name} is locked for")
            print(f"{name}: installing {locked.name}", flush=True)
            install = ["-m", "pip", "install", "--quiet", "--require-hashes"]
            install += ["--only-binary", ":all:", "-r", str(locked)]
            run_command([base, "-m", "venv", str(folder)], _TIMEOUT_S)
            run_command([str(interpreter), *install], _TIMEOUT_S)
    return interpreter


def classes(name: str) -> str:
    """The class path of a Java peer: jars from Maven, its file compiled with the shared work.

    Raises
    ------
    PeerUnavailable
        Where Maven or the Java compiler is missing or fails.
    """
    pom = PEERS / name / "pom.xml"
    sources = [*sorted((PEERS / name).glob("*.java")), *sorted((PEERS / "java").glob("*.java"))]
    folder = CACHE / f"{name}-{_digest(pom, *sources)}"
    libs, made = folder / "libs", folder / "classes"
    with _made_once(name, folder, "mvn", "javac") as missing:
        if missing:
            copy_jars(pom, libs)
            compile_java(sources, libs, made)
    return f"{made}:{libs}/*"


def compile_java(sources: Sequence[Path], libs: Path, made: Path) -> None:
    """Compile Java files against a folder of jars.

    Raises
    ------
    CommandFailed
    """
    made.mkdir(parents=True)
    options = ["-nowarn", "-cp", f"{libs}/*", "-d", str(made)]
    run_command(["javac", *options, *map(str, sources)], _TIMEOUT_S)


def program(name: str) -> Path:
    """A native peer, built by Cargo.

    Raises
    ------
    PeerUnavailable
        Where Cargo is missing or fails.
    """
    source = PEERS / name
    sources = sorted((source / "src").glob("*.rs"))
    folder = CACHE / f"{name}-{_digest(source / 'Cargo.toml', *sources)}"
    with _made_once(name, folder, "cargo") as missing:
        if missing:
            shutil.copytree(source, folder)  # Cargo writes a lock file beside what it reads
            print(f"{name}: building, some minutes", flush=True)
            manifest = str(folder / "Cargo.toml")
            build = ["cargo", "build", "--quiet", "--release", "--manifest-path", manifest]
            run_command(build, _TIMEOUT_S)
    return folder / "target" / "release" / name


@contextmanager
def _made_once(name: str, folder: Path, *commands: str) -> Iterator[bool]:
    """Yield whether a folder is still to be made, by commands; it is made where that ends well."""
    complete = folder / ".complete"
    if complete.exists():
        yield False
        return
    if lacks := lacking(*commands):
        raise PeerUnavailable(lacks)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield True
    except CommandFailed as error:
        raise PeerUnavailable(f"{name}: {error}") from None
    complete.touch()


def _digest(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:12]
