"""The worker as a process on a real Kafka: what it makes of its input, whatever befalls it."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Producer
from jsonschema import Draft202012Validator

from features.privacy import rules
from features.records.decoder import FACTS as FACT
from features.records.facts import Doubted, Fact
from features.records.tolerated import Tolerance, take_up
from streams.client.reader import ProfileReader
from streams.commands import accounting
from streams.contract.record import Record
from streams.contract.schemas import SCHEMAS
from streams.contract.topics import FACTS, INPUTS, NETWORK, PROFILES
from streams.errors import KafkaFailed
from streams.kafka import clients
from streams.kafka.consumer_group import describe
from streams.sandbox.embedded_broker import EMBEDDED_KAFKA_OVERRIDES, EmbeddedBroker, free_port
from streams.settings import Settings
from streams.worker.dead_letters import keyed_digest
from tests.conftest import Names
from tests.support.evidence import collect
from tests.support.holding_worker import HoldingProcess
from tests.support.http_page import ask
from tests.support.malformed_cases import CASES, MAX_BYTES, Case
from tests.support.messages import headers_of
from tests.support.mortal_worker import PLACES
from tests.support.processes import stands_still, wait_until
from tests.support.verifier import verify, violated
from tests.support.worker_process import (
    READY_S,
    WorkerProcess,
    deployed,
    feed,
    prepare,
    short_timings,
    simulated_events,
    taken,
    wait_for_end,
)

pytestmark = pytest.mark.kafka

#: Small batches make many commits, so that a kill lands between some of them.
SMALL_BATCHES = {"poll_events": 300, "commit_events": 600, "commit_interval_ms": 50}
MORTAL = (sys.executable, "-m", "tests.support.mortal_worker")


def flow(settings: Settings, log: Path, embedded: bool = False) -> None:
    """Simulated households in; balanced account and valid profiles out."""
    source = settings
    if embedded:  # it takes a last batch for one record, see streams.sandbox.embedded_broker
        source = replace(settings, kafka={**settings.kafka, "batch.num.messages": "1"})
    prepare(source)
    produced = feed(source, simulated_events())
    with WorkerProcess(settings, log) as worker:
        wait_for_end(settings, worker)
        account = accounting.read(settings)
        assert account.balanced, account
        assert sum(account.taken.values()) == produced.total
        assert set(account.behind.values()) == {0}
        _metrics_agree(settings, account)
        assert worker.terminate() == 0, worker.text()
    with ProfileReader(
        settings.bootstrap_servers, settings.topic(PROFILES), kafka=settings.kafka
    ) as reader:
        profiles = reader.bootstrap(60)
        assert reader.unreadable == 0
    assert len(profiles) > 40  # households and their members, but for those without consent
    for found in map(lambda p: collect(settings, p), range(settings.partitions)):
        for message in found.profiles:
            headers = {name: value.decode() for name, value in headers_of(message).items()}
            assert not list(_HEADERS.iter_errors(headers))
            value = message.value()
            if value is not None:
                assert not list(_VALUE.iter_errors(orjson.loads(value)))


_VALUE = Draft202012Validator(SCHEMAS[PROFILES])
_HEADERS = Draft202012Validator(SCHEMAS["interest-profiles.headers"])


def _metrics_agree(settings: Settings, account: accounting.Account) -> None:
    """See the account in the metrics: a commit is seen before its worker has heard of it."""
    wanted = {
        f'interest_streams_outcomes_total{{outcome="{outcome}"}}': float(count)
        for outcome, count in account.outcomes.items()
        if count
    }

    def shown() -> dict[str, float]:
        lines = ask(settings.http_port, "/metrics")[1].decode().splitlines()
        parts = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in parts if name in wanted}

    wait_until(lambda: shown() == wanted, 120, lambda: f"{shown()}, not {wanted}")
    wait_until(lambda: ask(settings.http_port, "/readyz")[0] == 200, 120)


def test_events_become_profiles(kafka: str, names: Names, tmp_path: Path) -> None:
    settings = short_timings(kafka, names.prefix, http_port=free_port(), http_host="127.0.0.1")
    flow(settings, tmp_path / "worker.log")
    assert not violated(verify(settings))


def test_events_become_profiles_on_the_embedded_broker(names: Names, tmp_path: Path) -> None:
    with EmbeddedBroker() as broker:
        flow(
            short_timings(
                broker.bootstrap_servers,
                names.prefix,
                http_port=free_port(),
                http_host="127.0.0.1",
                kafka={
                    name: value
                    for name, value in EMBEDDED_KAFKA_OVERRIDES.items()
                    if name != "session.timeout.ms"
                },
            ),
            tmp_path / "worker.log",
            embedded=True,
        )


def test_killed_in_the_middle_it_ends_where_an_uninterrupted_run_ends(
    kafka: str, names: Names, tmp_path: Path
) -> None:
    """The reference that `verify` computes is such a run; a calm worker equals it, too."""
    struck = deployed(kafka, names.prefix, **SMALL_BATCHES)
    total = feed(struck, simulated_events()).total
    # Inside a commit, not at a time: a fast machine ends the input in between.
    for number, place in zip((2, 1, 1), PLACES, strict=True):
        command = (*MORTAL, "--commit", str(number), "--at", place)
        with WorkerProcess(struck, tmp_path / "struck.log", command) as worker:
            assert worker.wait(READY_S) == -signal.SIGKILL, worker.text()
        assert 0 < taken(struck) < total
    with WorkerProcess(struck, tmp_path / "struck.log") as worker:
        wait_for_end(struck, worker)
    assert not violated(verify(struck))


def test_asked_to_stop_it_commits_and_leaves(kafka: str, names: Names, tmp_path: Path) -> None:
    # No commit is due meanwhile: what is committed at the end, the farewell committed. Weeks of
    # event time are fed within a second to a worker that stands at the end of every input: one
    # input alone, for of several the order would hang on which of them the producer sent first.
    settings = deployed(kafka, names.prefix)
    feed(settings, islice(simulated_events(), 2_000))
    with HoldingProcess(settings, tmp_path / "worker.log") as worker:
        wait_for_end(settings, worker)
        worker.hold()
        before = worker.folded
        more = (
            record for record in islice(simulated_events(), 2_000, None) if record.topic == NETWORK
        )
        fed = feed(settings, islice(more, 2_000)).total
        wait_until(lambda: worker.folded == before + fed, 240, worker.text)
        assert taken(settings) == 2_000, "void: committed before it was asked to stop"
        assert worker.terminate() == 0, worker.text()
    assert taken(settings) == 2_000 + fed
    assert not violated(verify(settings))


def test_malformed_records_become_dead_letters(kafka: str, names: Names, tmp_path: Path) -> None:
    settings = deployed(kafka, names.prefix, max_message_bytes=MAX_BYTES)
    feed(settings, islice(simulated_events(), 2_000))
    producer = Producer({"bootstrap.servers": kafka})
    for case in CASES:
        producer.produce(settings.topic(INPUTS[case.kind]), case.raw, case.key, partition=1)
    assert producer.flush(30) == 0
    with WorkerProcess(settings, tmp_path / "worker.log") as worker:
        wait_for_end(settings, worker)
    found = collect(settings, 1)
    tolerance = Tolerance(rules.load().words, lambda index: None)
    secret = settings.erasure_key.encode()

    def told(raw: bytes | None) -> str:
        return keyed_digest(raw or b"", secret)

    def taken_up(case: Case) -> bool:
        read = case.kind == FACT and take_up(case.raw, case.key, tolerance, "", 0)
        return isinstance(read, Fact) and not isinstance(read.said, Doubted)

    wanted = {
        (told(case.key), told(case.raw), case.reason, case.field)
        for case in CASES
        if not taken_up(case)
    }
    assert len(CASES) - 3 < len(wanted) <= len(CASES)
    assert wanted <= {
        (
            told(key) if letter.whole else (key or told(b"").encode()).decode(),
            letter.digest or told(value),
            letter.reason,
            letter.field,
        )
        for letter, key, value in found.dead
    }
    assert not violated(verify(settings))


def test_too_many_dead_letters_stop_a_strict_worker_and_nothing_is_lost(
    kafka: str, names: Names, tmp_path: Path
) -> None:
    settings = deployed(kafka, names.prefix, dead_letter_max_run=50, strict_limits=True)
    feed(settings, islice(simulated_events(), 2_000))
    bad = (Record(0, NETWORK, "acc-1", b'{"event_id": %d}' % n) for n in range(60))
    feed(settings, bad)
    with WorkerProcess(settings, tmp_path / "worker.log") as worker:
        assert worker.wait(240) == 3
        assert "51 records in a row were refused" in worker.text()
        assert "nothing was lost" in worker.text()
        assert "Traceback" not in worker.text()
    with WorkerProcess(
        replace(settings, dead_letter_max_run=100), tmp_path / "worker.log"
    ) as worker:
        wait_for_end(settings, worker)
    assert not violated(verify(settings))


def test_one_of_two_workers_is_killed(kafka: str, names: Names, tmp_path: Path) -> None:
    settings = deployed(kafka, names.prefix, **SMALL_BATCHES)
    other = replace(settings, instance_id="w2")
    records = list(simulated_events())
    feed(settings, records[:2_000])
    # Inside a commit, not at a time; once both have partitions there is more to commit, little by
    # little. That is of one input: it may meet workers that stand at the end of all.
    command = (*MORTAL, "--commit", "3", "--at", "produced")
    with (
        WorkerProcess(settings, tmp_path / "one.log") as one,
        WorkerProcess(other, tmp_path / "two.log", command) as two,
    ):
        wait_until(
            lambda: not two.running or _owners(settings) == 2,
            READY_S,
            lambda: one.text() + two.text(),
        )
        more = [record for record in records[2_000:] if record.topic == NETWORK]
        for at in range(0, len(more), 200):
            feed(settings, more[at : at + 200])
        assert two.wait(READY_S) == -signal.SIGKILL, two.text()
        wait_for_end(settings, one)
        assert not violated(verify(settings))


def _owners(settings: Settings) -> int:
    """Members of the group that have partitions; none where nobody can say."""
    try:
        members = describe(clients.admin(settings), settings.group_id, 30.0).members
    except KafkaFailed:
        return 0
    return sum(1 for member in members if member.assignment.topic_partitions)


def test_a_stalled_worker_wakes_after_the_rebalance_and_is_fenced(
    kafka: str, names: Names, tmp_path: Path
) -> None:
    settings = deployed(kafka, names.prefix, **SMALL_BATCHES)
    total = feed(settings, simulated_events()).total
    # Inside a commit, not at a time: a fast machine ends the input in between.
    command = (*MORTAL, "--commit", "3", "--at", "produced", "--stop")
    with WorkerProcess(settings, tmp_path / "one.log", command) as one:
        wait_until(lambda: stands_still(one.pid), READY_S, one.text)
        before = taken(settings)
        assert 0 < before < total
        with WorkerProcess(replace(settings, instance_id="w2"), tmp_path / "two.log") as two:
            wait_until(lambda: taken(settings) > before, 240, two.text)
            one.signal(signal.SIGCONT)
            wait_for_end(settings, one, two)
            assert not violated(verify(settings))


def test_without_topics_it_says_so_and_ends(kafka: str, names: Names, tmp_path: Path) -> None:
    settings = short_timings(kafka, names.prefix)
    with WorkerProcess(settings, tmp_path / "worker.log") as worker:
        assert worker.wait(240) == 5
        assert settings.topic(FACTS) in worker.text()
        assert "Traceback" not in worker.text()
