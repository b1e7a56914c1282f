"""Logs of the apps and of look-up name nobody at DEBUG, over thousands of records and requests."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Producer

from streams.contract.topics import CATALOGUE, DEAD_LETTERS, LOOKUPS, PROFILES, TAGS
from streams.kafka import clients
from streams.kafka.copying import ends_of
from streams.kafka.topic_plan import create_topics
from streams.settings import Settings
from tests.conftest import Names
from tests.support import reported_contacts
from tests.support.app_process import app_process
from tests.support.audience_counting import profile, records
from tests.support.lookup_service import token, write_keys
from tests.support.paths import ROOT
from tests.support.processes import DIES_WITH_US, wait_until
from tests.support.worker_process import short_timings

RECORDS, REQUESTS = 3_000, 500
#: Stands in every id, title and path of somebody, and in no word of a library.
TOKEN = "zqx"
_WAIT_S = 120.0


class App:
    """One of the programs, and what it is fed."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.settings, self.log = settings, log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    @contextmanager
    def running(self, program: str, form: str) -> Iterator[None]:
        """The program as a process that logs all it can."""
        report = self.log.with_name("report.json")
        reported_contacts.write(report, held_back={TOKEN: 30})
        asked: dict[str, object] = {
            "BOOTSTRAP_SERVERS": self.settings.bootstrap_servers,
            "TOPIC_PREFIX": self.settings.topic_prefix,
            "GROUP_ID": self.settings.group_id,
            "HTTP_PORT": 0,
            "LOG_LEVEL": "DEBUG",
            "LOG_FORMAT": form,
            "AUDIENCE_INTERVAL_MS": 300,
            "LOOKUP_PORT": self.port,
            "LOOKUP_JWKS": write_keys(self.log.with_name("keys.json")),
            "LOOKUP_REPORT": report,
            "KAFKA__DEBUG": "fetch,protocol,msg,topic",
        }
        if program != "lookup":
            with app_process(f"streams.apps.{program}", self.log, "-l", "debug", **asked):
                yield
            return
        environ = {name: text for name, text in os.environ.items() if "INTEREST_" not in name}
        environ |= {f"INTEREST_STREAMS_{name}": str(value) for name, value in asked.items()}
        command = [*DIES_WITH_US, sys.executable, "-m", "streams", "lookup"]
        with self.log.open("ab") as out:
            served = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=out, stderr=out)
        try:
            yield
        finally:
            served.kill()
            served.wait(30)

    def produce(self, topic: str, records: Mapping[str, bytes | None]) -> None:
        """Write records by their keys."""
        producer = Producer({"bootstrap.servers": self.settings.bootstrap_servers})
        for number, (key, value) in enumerate(records.items()):
            producer.produce(self.settings.topic(topic), value, key.encode())
            if number % 1_000 == 0:
                producer.poll(0)
        assert producer.flush(60) == 0

    def written(self, topic: str) -> int:
        """Records that stand in a topic, with what ends transactions."""
        spots = [(self.settings.topic(topic), p) for p in range(self.settings.partitions)]
        return sum(end - start for start, end in ends_of(self.settings, spots).values())

    def ask(self, path: str, method: str = "GET", body: bytes | None = None) -> int:
        """Status of an answer, 0 for none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {token()}"})
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait for something the program does."""
        wait_until(condition, _WAIT_S, lambda: self.log.read_text()[-3000:])


def _audiences(app: App) -> None:
    people = {f"{TOKEN}{n}/{TOKEN}m": orjson.dumps(profile(1, ["483"])) for n in range(RECORDS)}
    app.produce(PROFILES, people)
    app.wait(lambda: any(value is not None for _, value in records(app.settings)[1:]))
    app.produce(PROFILES, dict.fromkeys(people))
    app.wait(lambda: any(value is None for _, value in records(app.settings)))  # taken back


def _catalogue(app: App) -> None:
    """Entries that name somebody where no entry should, half of them refused."""
    entries: dict[str, bytes | None] = {}
    for n in range(RECORDS):
        key = f"programme:{TOKEN}{n}"
        said = {"key": key, "title": f"{TOKEN} +49170123{n:04}", "genres": ["Drama"]}
        entries[key] = (
            orjson.dumps(said) if n % 2 else b'{"account_id":"%s%d"' % (TOKEN.encode(), n)
        )
    app.produce(CATALOGUE, entries)
    app.wait(lambda: app.written(TAGS) + app.written(DEAD_LETTERS) >= RECORDS)


def _lookup(app: App) -> None:
    people = {f"{TOKEN}{n}/{TOKEN}m": _stored(f"{TOKEN}{n}/{TOKEN}m", n) for n in range(RECORDS)}
    app.produce(PROFILES, people)
    app.wait(lambda: app.ask(f"/v1/profiles/{TOKEN}0/{TOKEN}m") == 200)
    assert app.ask("/v1/outcomes") == 200
    body = orjson.dumps({"subjects": [f"{TOKEN}{n}" for n in range(20)]})
    for n in range(REQUESTS):
        path = f"/v1/profiles/{TOKEN}{n}"
        app.ask((path, f"{path}/why/{TOKEN}", f"{path}?purpose={TOKEN}", f"/{TOKEN}")[n % 4])
    assert app.ask("/v1/profiles:batch", "POST", body) in (200, 415)
    app.ask(f"/v1/profiles/{TOKEN}%0a", "DELETE")
    app.wait(lambda: app.written(LOOKUPS) > REQUESTS // 4)


def _stored(subject: str, number: int) -> bytes:
    """A profile, or of every tenth what is none and names somebody."""
    whole = {"schema": 1, "subject": subject, "version": 1, "as_of": 5}
    bad = [
        f"not JSON {subject}".encode(),
        orjson.dumps({**whole, "subject": f"{TOKEN}other"}),
        orjson.dumps({**whole, "version": subject}),
        orjson.dumps({**whole, "interests": subject}),
        orjson.dumps({**whole, "interests": [{"id": subject}], "suppressions": []}),
    ]
    if number % 10 == 9:
        return bad[number // 10 % len(bad)]
    return orjson.dumps({**whole, "interests": [], "suppressions": []})


@pytest.mark.kafka
@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("program", "fed"),
    [("audiences", _audiences), ("catalogue", _catalogue), ("lookup", _lookup)],
    ids=["audiences", "catalogue", "lookup"],
)
def test_no_line_names_anybody(
    program: str, fed: Callable[[App], None], form: str, kafka: str, names: Names, tmp_path: Path
) -> None:
    app = App(short_timings(kafka, names.prefix, partitions=2), tmp_path / "log")
    create_topics(clients.admin(app.settings), app.settings)
    with app.running(program, form):
        fed(app)
    lines = app.log.read_text(errors="replace").splitlines()
    assert len(lines) > 20  # it has said a lot
    assert not [line[:300] for line in lines if TOKEN in line][:5]
