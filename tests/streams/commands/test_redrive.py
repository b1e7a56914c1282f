"""Dead letters go back to their inputs once, whatever is asked for, interrupted and asked again."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st

from features.records.dead_letter import DeadLetter
from streams.__main__ import main
from streams.commands import redrive
from streams.commands.redrive import Run, read_runs, write_runs
from streams.contract.headers import dead_letter_headers
from streams.contract.topics import DEAD_LETTERS, INPUTS, NETWORK, TV
from streams.errors import UsageError
from streams.kafka import clients
from streams.kafka.copying import committed_records, ends_of
from streams.kafka.topic_plan import create_topics
from streams.settings import Settings
from streams.worker.dead_letters import withheld
from streams.worker.sealing import seal_of
from tests.conftest import Names
from tests.support.failing import Killed, killed
from tests.support.open_transactions import await_markers
from tests.support.worker_process import short_timings

_RUNS = st.builds(
    Run,
    st.sampled_from([(), ("late",), ("late", "range")]),
    st.sampled_from([(), (TV,)]),
    st.sampled_from([0, 5]),
    st.sampled_from([0, 9]),
    st.integers(0, 9),
    st.integers(0, 12),
)


@given(st.lists(_RUNS, max_size=6))
def test_a_note_tells_of_every_letter_whether_it_was_sent(runs: list[Run]) -> None:
    runs = [run for run in runs if run.first < run.end]
    noted = read_runs(write_runs(runs))
    for offset in range(13):
        for reason in ("late", "range", "other"):
            for topic in (TV, NETWORK):
                for at_ms in (1, 5, 9):
                    letter = DeadLetter(reason, "", "", topic)
                    assert any(run.sent(letter, at_ms, offset) for run in noted) == any(
                        run.sent(letter, at_ms, offset) for run in runs
                    )


def test_more_runs_than_a_broker_stores_are_refused() -> None:
    runs = [Run((f"reason-{n}",), first=n, end=n + 1) for n in range(200)]
    with pytest.raises(UsageError, match="too many different redrives"):
        write_runs(runs)


# -- on a real broker ------------------------------------------------------------------------

SINCE_MS = int(time.time()) * 1000 - 3_600_000
LETTERS = 40  # of each partition: late and range, of two inputs, in turn


@pytest.fixture
def deployed(kafka: str, names: Names, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = short_timings(kafka, names.prefix, partitions=2)
    create_topics(clients.admin(settings), settings)
    for name in ("topic_prefix", "group_id"):
        monkeypatch.setenv(f"INTEREST_STREAMS_{name.upper()}", getattr(settings, name))
    producer = Producer({"bootstrap.servers": kafka})
    for partition in range(2):
        for n in range(LETTERS):
            letter = DeadLetter(
                ("late", "range")[n % 2], "ts", "said", settings.topic((TV, NETWORK)[n // 2 % 2]),
                partition, n,
            )  # fmt: skip
            producer.produce(
                settings.topic(DEAD_LETTERS), b"value %d" % n, b"key %d" % n, partition,
                headers=list(dead_letter_headers(letter)), timestamp=SINCE_MS + n,
            )  # fmt: skip
    assert producer.flush(30) == 0
    return settings


def found(settings: Settings) -> Counter[tuple[str, int, bytes]]:
    """What lies in the inputs, by topic, partition and value, committed records alone."""
    await_markers(settings, INPUTS)  # of the command's last commit
    lying: Counter[tuple[str, int, bytes]] = Counter()
    spots = [(settings.topic(name), p) for name in INPUTS for p in range(settings.partitions)]
    for spot, (start, end) in ends_of(settings, spots).items():
        for message in committed_records(settings, spot, start, end):
            number = int((message.key() or b"").split()[1])
            assert message.value() == b"value %d" % number
            headers: Any = dict(message.headers() or ())
            assert (
                headers["redriven-from"]
                == f"{settings.topic(DEAD_LETTERS)}/{spot[1]}/{number}".encode()
            )
            lying[(*spot, message.value() or b"")] += 1
    return lying


def wanted(
    settings: Settings, numbers: Iterable[int], partitions: Iterable[int] = (0, 1)
) -> Counter[tuple[str, int, bytes]]:
    chosen = list(numbers)
    return Counter(
        (settings.topic((TV, NETWORK)[n // 2 % 2]), p, b"value %d" % n)
        for p in partitions
        for n in chosen
    )


def _command(settings: Settings, *words: str) -> int:
    return main(["redrive", *words, "--bootstrap", settings.bootstrap_servers])


@pytest.mark.kafka
def test_letters_go_back_once_by_reason_topic_and_time(
    deployed: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _command(deployed, "--reason", "late") == 0
    assert "repeat with --yes" in capsys.readouterr().out
    assert not found(deployed)
    assert _command(deployed, "--reason", "late", "--topic", TV, "--yes") == 0
    assert f"20 {deployed.topic(TV)} late" in capsys.readouterr().out
    assert found(deployed) == wanted(deployed, range(0, LETTERS, 4))
    assert _command(deployed, "--reason", "late", "--yes") == 0
    assert f"20 {deployed.topic(TV)} late: sent before" in capsys.readouterr().out
    assert found(deployed) == wanted(deployed, range(0, LETTERS, 2))
    until = datetime.fromtimestamp((SINCE_MS + 10) / 1000, UTC).isoformat()
    assert _command(deployed, "--until", until, "--yes") == 0
    assert found(deployed) == wanted(deployed, {*range(0, LETTERS, 2), *range(10)})
    assert _command(deployed, "--yes") == _command(deployed, "--yes") == 0
    assert found(deployed) == wanted(deployed, range(LETTERS))


@pytest.mark.kafka
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("commits", [0, 2, 5])
def test_killed_anywhere_it_goes_on_where_it_was(
    deployed: Settings, commits: int, before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redrive, "_PER_COMMIT", 7)
    with killed(monkeypatch, commits, before=before), pytest.raises(Killed):
        _command(deployed, "--yes")
    assert _command(deployed, "--yes") == 0
    assert found(deployed) == wanted(deployed, range(LETTERS))


@pytest.mark.kafka
def test_what_was_cut_or_withheld_stays(
    deployed: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = DeadLetter(
        "identifier", "account_id", "said", deployed.topic(TV), 0, 99, length=70, digest="c0ffee"
    )
    producer = Producer({"bootstrap.servers": deployed.bootstrap_servers})
    topic = deployed.topic(DEAD_LETTERS)
    producer.produce(topic, b"{}", b"key 99", 0, headers=list(dead_letter_headers(letter)))
    assert producer.flush(30) == 0
    assert _command(deployed, "--reason", "identifier", "--yes") == 0
    assert "identifier: the letter is not the whole record" in capsys.readouterr().out
    assert not found(deployed)


@pytest.mark.kafka
def test_what_is_sealed_goes_back_once_by_its_key_alone(
    deployed: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As openssl makes the keys; a run without a key passes such letters by, and notes it so."""
    paths = [tmp_path / name for name in ("repair.pem", "other.pem")]
    for path in paths:
        subprocess.run(["openssl", "genpkey", "-algorithm", "X25519", "-out", path], check=True)
    told = subprocess.run(["openssl", "pkey", "-in", paths[0], "-pubout"], capture_output=True)
    seal = seal_of(replace(deployed, dead_letter_key=told.stdout.decode()))
    assert seal is not None
    letter = DeadLetter(
        "identifier", "account_id", "said", deployed.topic(TV), 1, 7, b"key 40", b"value 40"
    )
    kept = seal.added(withheld(letter, b"a secret"), letter, 100_000)
    producer = Producer({"bootstrap.servers": deployed.bootstrap_servers})
    producer.produce(
        deployed.topic(DEAD_LETTERS), kept.value, kept.key, 1,
        headers=list(dead_letter_headers(kept)),
    )  # fmt: skip
    assert producer.flush(30) == 0
    secret = paths[0].read_text().splitlines()[1]
    for number, code, said, wrong in (
        (None, 0, ": sealed, to be opened with --key", ""),
        (1, 1, ": sealed for the key ", "other.pem does not open 1 of them"),
        (0, 0, "", ""),
        (0, 0, ": sent before", ""),
        (None, 0, ": sent before", ""),
    ):
        key = () if number is None else ("--key", str(paths[number]))
        with caplog.at_level("DEBUG"):
            assert _command(deployed, "--reason", "identifier", "--yes", *key) == code
        shown = capsys.readouterr()
        assert shown.out.strip().partition("identifier")[2].startswith(said)
        assert wrong in shown.err and secret not in shown.out + shown.err + caplog.text
        sent = code == 0 and not said.startswith(": sealed")
        assert found(deployed) == Counter({(deployed.topic(TV), 1, b"value 40"): 1} if sent else {})


@pytest.mark.kafka
def test_a_rate_is_kept(deployed: Settings) -> None:
    waited: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        # Time passes by waiting alone, however slow the broker is.
        patch.setattr("time.sleep", waited.append)
        patch.setattr("time.monotonic", lambda: sum(waited))
        assert _command(deployed, "--rate", "10", "--yes") == 0
    assert len(waited) == 2 * (LETTERS // 10 + 1)
    assert sum(waited) == pytest.approx(2 * LETTERS / 10)


def test_runs_are_noted_in_one_short_line() -> None:
    assert json.loads(write_runs([Run(("late",), end=3)])) == [{"reasons": ["late"], "end": 3}]
