"""The audiences app as its users run it: a process between real topics, killed and started."""

from __future__ import annotations

import signal
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import KafkaException, Producer
from jsonschema import Draft202012Validator

from streams.apps.speaker import Speaker, SpeakerFailed
from streams.contract.schemas import SCHEMAS
from streams.contract.topics import AUDIENCES, PROFILES
from streams.kafka import clients
from streams.kafka.topic_plan import create_topics
from streams.settings import Settings
from tests.conftest import Names
from tests.support.app_process import app_process
from tests.support.audience_counting import K, profile, records
from tests.support.processes import wait_until
from tests.support.worker_process import short_timings

_WAIT_S = 120.0
CHECK = Draft202012Validator(SCHEMAS[AUDIENCES])


class App:
    """The process, and what goes in and comes out."""

    def __init__(self, bootstrap: str, prefix: str, log: Path) -> None:
        self.settings: Settings = short_timings(bootstrap, prefix, partitions=2)
        create_topics(clients.admin(self.settings), self.settings)
        self.producer = Producer({"bootstrap.servers": bootstrap})
        self.log = log

    def running(self, **settings: Any) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """The app as a process."""
        return app_process(
            "streams.apps.audiences",
            self.log,
            *("-l", "debug"),
            BOOTSTRAP_SERVERS=self.settings.bootstrap_servers,
            HTTP_PORT=0,
            GROUP_ID=self.settings.group_id,
            TOPIC_PREFIX=self.settings.topic_prefix,
            AUDIENCE_INTERVAL_MS=300,
            **settings,
        )

    def write(self, subject: str, value: dict[str, object] | None) -> None:
        """Publish a profile as the worker would."""
        self.producer.produce(
            self.settings.topic(PROFILES),
            None if value is None else orjson.dumps(value),
            subject.encode(),
        )

    def flush(self) -> None:
        assert self.producer.flush(20) == 0

    def records(self) -> list[tuple[str, dict[str, Any] | None]]:
        """Everything that was ever said."""
        return records(self.settings)

    def said(self) -> dict[str, int]:
        """Accounts by cell, as a reader of the topic knows them."""
        found: dict[str, int] = {}
        for key, value in self.records():
            found.pop(key, None)
            if value is not None:
                found[key] = value["accounts"]
        return found

    def wait_for(self, **expected: int | None) -> None:
        """Wait until interests (by id after ``i``) are said as expected, None for not at all."""
        wanted = {f"interest/{name[1:]}": count for name, count in expected.items()}
        wait_until(
            lambda: {key: self.said().get(key) for key in wanted} == wanted,
            _WAIT_S,
            lambda: f"{self.said()}\n{self.log.read_text()[-3000:]}",
        )


def test_profiles_become_counts_and_tombstones_subtract(
    kafka: str, names: Names, tmp_path: Path
) -> None:
    """Without noise and with a release a second, so that counts can be told."""
    app = App(kafka, names.prefix, tmp_path / "app.log")
    exact = {"AUDIENCE_NOISE": "false", "AUDIENCE_RELEASE_MS": "1000"}
    for number in range(45):
        app.write(f"zqacc{number}", profile(1, ["483"]))
    for number in range(45, 75):
        app.write(f"zqacc{number}", profile(1, ["653"], audiences=False))
    app.flush()
    with app.running(**exact):
        app.wait_for(i483=40, i653=None)
        for number in range(45):
            app.write(f"zqacc{number}", profile(1, ["483"]))  # the same once more
        for number in range(3):
            app.write(f"zqacc{number}", None)
        app.flush()
    with app.running(**exact):  # killed and started: three left, which is too few to say
        for number in range(45, 75):
            app.write(f"zqacc{number}", profile(2, ["653"]))
        app.flush()
        app.wait_for(i483=40, i653=20)
        for number in range(3, 30):
            app.write(f"zqacc{number}", None)
        app.flush()
        app.wait_for(i483=None, i653=20)
    assert "zqacc" not in app.log.read_text()  # logs at debug level name nobody
    assert not [key for key in app.said() if "zqacc" in key]


def _town(kafka: str, names: Names, tmp_path: Path) -> App:
    """The app over 400 households who all watch sports."""
    app = App(kafka, names.prefix, tmp_path / "app.log")
    for number in range(400):
        app.write(f"zqacc{number}", profile(1, ["483"]))
    app.flush()
    return app


def test_a_day_is_drawn_once_and_accounted_for(kafka: str, names: Names, tmp_path: Path) -> None:
    """As it is by default: with noise, once a day, killed and started or not."""
    app = _town(kafka, names, tmp_path)
    with app.running():
        wait_until(lambda: "interest/483" in app.said(), _WAIT_S, app.log.read_text)
        first = app.records()
    with app.running():
        app.write("zqacc400", profile(1, ["483"]))
        for number in range(395):
            app.write(f"zqacc{number}", None)
        app.flush()
        wait_until(lambda: "interest/483" not in app.said(), _WAIT_S, app.log.read_text)
    assert app.records()[: len(first)] == first
    assert all(value is None for _, value in app.records()[len(first) :])  # nothing drawn again
    (_, release), *cells = [(key, value) for key, value in first if value is not None]
    assert release["kind"] == "release" and len(release["budget"]["releases"]) == 1
    for record in [release, *(value for _, value in cells)]:
        CHECK.validate(record)
        assert record["accounts"] % K == 0 and record["noise"] == pytest.approx(27.2, abs=0.1)


def test_what_another_speaker_said_while_this_one_speaks_is_taken_back(
    kafka: str, names: Names, tmp_path: Path
) -> None:
    """As by one that stalled when partition 0 was taken from it, or by a repartition."""
    app = _town(kafka, names, tmp_path)
    with app.running():
        wait_until(lambda: "interest/483" in app.said(), _WAIT_S, app.log.read_text)
        other = {key: value for key, value in app.records() if value is not None}["interest/483"]
        value = orjson.dumps({**other, "segment": "interest/653", "interests": ["653"]})
        app.producer.produce(app.settings.topic(AUDIENCES), value, b"interest/653")
        app.flush()
        wait_until(
            lambda: [v is None for k, v in app.records() if k == "interest/653"] == [False, True],
            _WAIT_S / 4,
            app.log.read_text,
        )
        assert "interest/483" in app.said()


def test_a_speaker_that_stalled_and_wakes_releases_nothing_twice(
    kafka: str, names: Names, tmp_path: Path
) -> None:
    """While it is stopped another one takes its place, and releases; then it goes on."""
    app, logs = _town(kafka, names, tmp_path), [tmp_path / "one.log", tmp_path / "two.log"]
    often = {"AUDIENCE_RELEASE_MS": 15_000, "AUDIENCE_EPSILON": 1e9, "SESSION_TIMEOUT_MS": 6_000}

    def releases() -> list[int]:
        return [value["release"] for key, value in app.records() if value and key == "release"]

    def released(times: int) -> None:
        wait_until(lambda: len(releases()) >= times, _WAIT_S, lambda: "".join(map(_text, logs)))

    app.log = logs[0]
    with app.running(**often) as stalled:
        released(1)
        app.log = logs[1]
        with app.running(**often):
            released(2)
            stalled.send_signal(signal.SIGSTOP)
            before = len(releases())
            released(before + 2)  # the other's, once the group has missed the first
            stalled.send_signal(signal.SIGCONT)
            released(before + 4)
            cells = [(key, value["release"]) for key, value in app.records() if value]
    assert len(releases()) == len(set(releases())), f"drawn twice: {releases()}"
    assert len(cells) == len(set(cells))


def _text(log: Path) -> str:
    return log.read_text()[-2000:] if log.exists() else ""


def test_whoever_begins_to_speak_fences_who_spoke_before(
    kafka: str, names: Names, tmp_path: Path
) -> None:
    """Also what that one has begun to write, and whatever it still believes."""
    app = App(kafka, names.prefix, tmp_path / "none.log")
    topic = app.settings.topic(AUDIENCES)
    cell = orjson.dumps({"accounts": K, "release": 1})
    stalled, other = Speaker(app.settings, topic), Speaker(app.settings, topic)
    stalled.begin()
    stalled.say([(b"interest/483", cell)])
    stalled._producer.begin_transaction()
    stalled._producer.produce(topic, cell, b"interest/653")
    stalled._producer.flush(20)
    other.begin()
    assert app.said() == {"interest/483": K}
    other.say([(b"interest/483", None)])
    with pytest.raises(KafkaException):
        stalled._producer.commit_transaction(20)
    with pytest.raises(SpeakerFailed):
        stalled.say([(b"interest/483", cell)])
    other.say([(b"interest/422", cell)])
    assert app.said() == {"interest/422": K}
