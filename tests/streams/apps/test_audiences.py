"""The audiences app as its users run it: a process between real topics, killed and started."""

from __future__ import annotations

import subprocess
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Producer

from streams.contract.topics import AUDIENCES, PROFILES
from streams.kafka import clients
from streams.kafka.compacted import CompactedTopic, ReaderError
from streams.kafka.topic_plan import create_topics
from streams.settings import Settings
from tests.conftest import Names
from tests.support.app_process import app_process
from tests.support.audience_profiles import profile
from tests.support.processes import wait_until
from tests.support.worker_process import short_timings

_WAIT_S = 120.0


class App:
    """The process, and what goes in and comes out."""

    def __init__(self, bootstrap: str, prefix: str, log: Path) -> None:
        self.settings: Settings = short_timings(bootstrap, prefix, partitions=2)
        create_topics(clients.admin(self.settings), self.settings)
        self.producer = Producer({"bootstrap.servers": bootstrap})
        self.log = log

    def running(self) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """The app as a process."""
        return app_process(
            "streams.apps.audiences",
            self.log,
            *("-l", "debug", "--without-web"),
            BOOTSTRAP_SERVERS=self.settings.bootstrap_servers,
            HTTP_PORT=0,
            GROUP_ID=self.settings.group_id,
            TOPIC_PREFIX=self.settings.topic_prefix,
            AUDIENCE_INTERVAL_MS=300,
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

    def said(self) -> dict[str, int]:
        """Accounts by cell, as a reader of the topic knows them."""
        reader = CompactedTopic(self.settings.bootstrap_servers, self.settings.topic(AUDIENCES))
        found: dict[str, int] = {}
        with suppress(ReaderError), closing(reader):  # a new topic may have no leader yet
            for message in reader.past(30):
                key, value = (message.key() or b"").decode(), message.value()
                found.pop(key, None)
                if value is not None:
                    found[key] = orjson.loads(value)["accounts"]
        return found

    def wait_for(self, **expected: int | None) -> None:
        """Wait until interests (by id after ``i``) are said as expected, None for not at all."""
        wanted = {f"interest/{name[1:]}": count for name, count in expected.items()}
        wait_until(
            lambda: {key: self.said().get(key) for key in wanted} == wanted,
            _WAIT_S,
            lambda: f"{self.said()}\n{self.log.read_text()[-3000:]}",
        )


@pytest.mark.timeout(500)
def test_profiles_become_counts_and_tombstones_subtract(
    kafka: str, names: Names, tmp_path: Path
) -> None:
    app = App(kafka, names.prefix, tmp_path / "app.log")
    for number in range(45):
        app.write(f"zqacc{number}", profile(1, ["483"]))
    for number in range(45, 75):
        app.write(f"zqacc{number}", profile(1, ["653"], audiences=False))
    app.flush()
    with app.running():
        app.wait_for(i483=45, i653=None)
        for number in range(45):
            app.write(f"zqacc{number}", profile(1, ["483"]))  # the same once more
        for number in range(10):
            app.write(f"zqacc{number}", None)
        app.flush()
    with app.running():  # killed and started: ten left, which is too few to say
        for number in range(45, 75):
            app.write(f"zqacc{number}", profile(2, ["653"]))
        app.flush()
        app.wait_for(i483=45, i653=30)
        for number in range(10, 20):
            app.write(f"zqacc{number}", None)
        app.flush()
        app.wait_for(i483=25)
    assert "zqacc" not in app.log.read_text()  # logs at debug level name nobody
    assert not [key for key in app.said() if "zqacc" in key]
