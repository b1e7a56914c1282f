"""Kafka's jars, through Maven. ``python -m tests.broker.jars`` fetches them ahead of the tests."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from tests.support.needs import lacking
from tests.support.paths import CACHE, TESTS
from tests.support.processes import CommandFailed, run_command

POM = TESTS / "broker" / "pom.xml"
LIBS = CACHE / "kafka"
#: 54 MB of jars from the configured Maven repository.
FETCH_TIMEOUT_S = 600.0


class KafkaUnavailable(RuntimeError):
    """The server cannot be had here; the text says what to install or where its log is."""


def fetch_jars() -> Path:
    """Return the folder with the broker's jars, fetched once.

    Raises
    ------
    KafkaUnavailable
        When Java or Maven is missing (naming the Debian package) or the fetch fails.
    """
    done = LIBS / ".complete"
    complete = done.exists() and _wanted(done) == _wanted(POM)
    missing = lacking("java") if complete else lacking("java", "mvn")
    if missing:
        raise KafkaUnavailable(missing)
    if complete:
        return LIBS
    LIBS.parent.mkdir(parents=True, exist_ok=True)
    # Into a fresh folder, then renamed: an interrupted fetch leaves nothing half done.
    fresh = Path(tempfile.mkdtemp(prefix="kafka-", dir=LIBS.parent))
    try:
        copy_jars(POM, fresh)
    except CommandFailed as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise KafkaUnavailable(f"Kafka could not be fetched: {error}") from None
    (fresh / ".complete").write_text(POM.read_text())
    shutil.rmtree(LIBS, ignore_errors=True)
    fresh.rename(LIBS)
    return LIBS


def _wanted(pom: Path) -> str:
    """What a project depends on, without its comments: another word in one fetches nothing."""
    return re.sub(r"<!--.*?-->|\s+", "", pom.read_text(), flags=re.DOTALL)


def copy_jars(pom: Path, folder: Path) -> None:
    """Copy what a project depends on into a folder.

    Raises
    ------
    CommandFailed
    """
    goal, to = "dependency:copy-dependencies", f"-DoutputDirectory={folder}"
    run_command(["mvn", "-q", "-B", "-f", str(pom), goal, to], FETCH_TIMEOUT_S)


if __name__ == "__main__":
    try:
        print(f"Kafka is in {fetch_jars()}")
    except KafkaUnavailable as unavailable:
        raise SystemExit(f"Kafka: {unavailable}") from None
