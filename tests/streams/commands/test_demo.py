"""The demo's parts; the worker itself is tested elsewhere, so a stand-in takes its place."""

from __future__ import annotations

import sys
import time
import webbrowser
from datetime import date

import pytest
from rich.console import Console

from streams.client.parts import Evidence, Interest
from streams.client.profile import Profile
from streams.commands import demo
from streams.contract import topics
from streams.contract.record import Record
from streams.kafka import clients
from streams.kafka.topic_plan import create_topics
from streams.sandbox.demo_worker import WorkerEnded, WorkerProcess, environment
from streams.sandbox.embedded_broker import EmbeddedBroker, free_port
from streams.sandbox.simulator import Simulation
from streams.sandbox.truth_table import choose, privacy_line, score_lines
from streams.settings import PREFIX, Settings, load
from tests.support.processes import wait_until


def test_settings_survive_the_way_to_the_worker() -> None:
    settings = Settings(
        bootstrap_servers="a:1,b:2",
        half_lives_days=(0.5, 3.0, 30.0),
        partitions=4,
        topic_prefix="demo-",
        dead_letter_max_ratio=0.25,
        kafka={"heartbeat.interval.ms": "500"},
    )
    variables = environment(settings)
    ours = {name: value for name, value in variables.items() if name.startswith(PREFIX)}
    assert load(environ=ours) == settings


def test_settings_of_another_deployment_stay_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTEREST_STREAMS_GROUP_ID", "production")
    assert "INTEREST_STREAMS_GROUP_ID" not in environment(Settings())


def test_a_worker_that_ends_is_noticed_with_its_last_words() -> None:
    command = (sys.executable, "-c", "print('one', flush=True); raise SystemExit('no such topic')")
    with WorkerProcess(Settings(), command) as worker:
        with pytest.raises(WorkerEnded, match="code 1: no such topic"):
            for _ in range(4_000):
                worker.check()
                time.sleep(0.05)


def test_a_worker_is_asked_to_stop() -> None:
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); "
        "print('ready', flush=True); time.sleep(300)"
    )
    worker = WorkerProcess(Settings(), (sys.executable, "-c", code))
    wait_until(lambda: worker.last_line() == "ready", 120)
    worker.check()
    assert worker.stop() == 0
    assert worker.stop() == 0


_SLOW_START = """
import sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

class Page(BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self):
        Page.asked += 1
        self.send_response(200 if Page.asked > 2 else 503)
        self.end_headers()
        self.wfile.write(b"ready" if Page.asked > 2 else b"compiling")

    def log_message(self, *_):
        pass

time.sleep(0.5)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""


def test_patience_with_the_worker_begins_when_it_is_ready(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    settings = Settings(http_port=port)
    with WorkerProcess(settings, (sys.executable, "-c", _SLOW_START, str(port))) as worker:
        demo._wait_ready(settings, worker, Console())
        assert capsys.readouterr().out.splitlines() == ["worker: starting", "worker: compiling"]
        assert worker.state(port) == (True, "ready")
    monkeypatch.setattr(demo, "_READY_S", 1.0)
    sleeps = (sys.executable, "-c", "import time; time.sleep(300)")
    with WorkerProcess(settings, sleeps) as worker:
        with pytest.raises(demo.DemoError, match="not ready after 1 s; it says: starting"):
            demo._wait_ready(settings, worker, Console())


def test_made_up_and_real_events_meet_in_event_time() -> None:
    simulation = Simulation(1, 3, 3, date(2019, 7, 6))
    records = list(demo.events(simulation))
    assert [r.at for r in records] == sorted(r.at for r in records)
    last = [r for r in records if r.at >= simulation.start_ms]
    assert {r.key.startswith("sim-") for r in last if r.topic == topics.NETWORK} == {True, False}


def test_the_live_part_starts_where_the_first_ended() -> None:
    records = [Record(at, "t", "k", {}) for at in (1, 2, 5, 6)]
    stream, rest = iter(records), list[Record]()
    assert [r.at for r in demo.before(stream, 5, rest)] == [1, 2]
    assert [r.at for r in (*rest, *stream)] == [5, 6]


def test_a_longer_simulation_begins_like_the_demo() -> None:
    short, longer = Simulation(1, 10, 4), Simulation(1, 10, 9, story_days=4)
    # The last day's evening is already the next morning of those who are far to the east.
    end = short.start_ms + 3 * 86_400_000
    begun = [r for r in short if r.truth.at < end]
    assert len(begun) > 500
    assert begun == [r for r in longer if r.truth.at < end]


def test_tags_include_the_simulators_programmes() -> None:
    with EmbeddedBroker() as broker:
        settings = Settings(bootstrap_servers=broker.bootstrap_servers, partitions=1, replication=1)
        create_topics(clients.admin(settings), settings)
        assert demo.publish_tags(settings) > 30_000


def test_truth_is_compared_fairly() -> None:
    simulation = Simulation(3, 60, 10)
    granted = [h for h in simulation.truth.values() if h.consent == "granted"]
    denied = next(h for h in simulation.truth.values() if h.consent != "granted")
    best = granted[5]
    profiles = {
        f"{h.account_id}/m1": _profile(
            f"{h.account_id}/m1", list(h.members[0].interests), events=100 if h is best else 10
        )
        for h in granted
    }
    assert choose(simulation.truth, profiles, 1) == [best.account_id]
    found, true = score_lines(simulation.truth, profiles)
    assert "(100%)" in true and "(100%)" not in found
    assert privacy_line(simulation.truth, profiles).endswith("; 0 of them have a profile")
    profiles[denied.account_id] = _profile(denied.account_id, [], 1)
    assert privacy_line(simulation.truth, profiles).endswith("; 1 of them have a profile")


def _profile(subject: str, interests: list[str], events: int) -> Profile:
    return Profile(
        subject=subject,
        version=1,
        as_of=0,
        evidence=Evidence(events, 3, ()),
        interests=tuple(Interest(i, i, 0.5, 2.0, stance="engage") for i in interests),
    )


@pytest.mark.parametrize(
    ("variables", "opened"),
    [
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({}, False),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}, False),
    ],
)
def test_the_page_opens_on_a_desktop_alone(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], opened: bool
) -> None:
    asked: list[str] = []

    def take(address: str) -> bool:
        asked.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", take)
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert demo.open_on_desktop("http://127.0.0.1:1/") is opened
    assert asked == ["http://127.0.0.1:1/"] * opened
