"""What operators do with commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from confluent_kafka.cimpl import NewPartitions

from streams.contract.topics import NETWORK
from streams.errors import ExitCode
from streams.kafka import access
from streams.settings import Settings
from tests.gameday.stage import Stage
from tests.support.processes import wait_until
from tests.support.worker_process import WorkerProcess, wait_for_end

_PREFIX, _SHADOW = "v2.", "shadow."
_MOST = "0.5"  # of the subjects: what came while it was copied, only the live ones know
_TIMES = 3
_END_S = 240.0


def redrive(stage: Stage) -> Iterator[None]:
    """What was refused is sent back, and given twice the command sends nothing twice."""
    first = stage.command("admin", "redrive", "--reason", "missing", "--yes")
    second = stage.command("admin", "redrive", "--reason", "missing", "--yes")
    stage.timeline.note("redrive", f"{' '.join(first.split())}; then {' '.join(second.split())}")
    yield


def replay(stage: Stage) -> Iterator[None]:
    """What came since the day began is copied into a shadow, and its profiles are compared."""
    since = datetime.fromtimestamp(stage.began_ms / 1000, UTC).isoformat(timespec="seconds")
    shadow = replace(stage.settings, topic_prefix=_SHADOW, instance_id="shadow", http_port=0)
    _let_in(stage, shadow)
    stage.command("admin", "replay", "--from", since.removesuffix("+00:00"), "--to-prefix", _SHADOW)
    with WorkerProcess(shadow, stage.root / "shadow.log") as worker:
        wait_for_end(shadow, worker)
        said = stage.command("admin", "compare", "--to-prefix", _SHADOW, "--most", _MOST)
    stage.timeline.note("replay", " ".join(said.split())[:200])
    yield


def repartition(stage: Stage) -> Iterator[None]:
    """A stranger's `--alter` stops every worker; the deployment moves to more partitions."""
    topic, count = stage.settings.topic(NETWORK), stage.settings.partitions
    admin = stage.users.admin()  # kept, or its answers go with it
    for answer in admin.create_partitions([NewPartitions(topic, count + 1)]).values():
        answer.result(_END_S)
    slots = sorted(stage.wanted)
    workers = [stage.workers[slot] for slot in slots]
    wait_until(lambda: not any(worker.running for worker in workers), _END_S, stage.said)
    assert {worker.exit_code() for worker in workers} == {ExitCode.BAD_TOPICS}, stage.said()
    stage.wanted.clear()
    yield
    _let_in(stage, replace(stage.settings, topic_prefix=_PREFIX))
    words = ("repartition", "--to-prefix", _PREFIX, "--partitions", str(_TIMES * count), "--yes")
    said = stage.command("admin", *words)
    assert "verified" in said, said
    stage.timeline.note("repartition", " ".join(said.split()))
    stage.move(slots, topic_prefix=_PREFIX, partitions=_TIMES * count)


def _let_in(stage: Stage, there: Settings) -> None:
    """Give whoever administers this deployment the rights of another's."""
    admin = access.BY_NAME["admin"]
    stage.users.allow(admin.user(stage.settings), admin.acls(there))
