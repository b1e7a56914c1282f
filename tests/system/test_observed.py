"""Dashboards and alerts over a live stack: a worker, both apps, a Prometheus that scrapes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import Producer

from streams.contract import topics
from streams.sandbox.demo_worker import environment
from streams.settings import PREFIX
from tests.broker.kafka_server import free_ports
from tests.project.dashboards import expressions
from tests.support.app_process import app_process
from tests.support.catalogue_entries import entry
from tests.support.http_page import ask
from tests.support.needs import need_commands
from tests.support.paths import ROOT
from tests.support.processes import wait_until
from tests.support.prometheus import RUNBOOK, Prometheus, scraping
from tests.support.worker_process import (
    READY_S,
    WorkerProcess,
    deployed,
    feed,
    simulated_events,
    wait_for_end,
)

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
#: Panels that show nothing while nothing of the kind has happened.
QUIET = {"Ends by reason", "News", "Heaviest untagged contents", "Commits and aborts 1"}
APPS = ("catalogue", "audiences")


@dataclass(frozen=True)
class Observed:
    """The stack after its work, still running."""

    prometheus: Prometheus
    pages: dict[str, str]


@pytest.fixture(scope="module")
def observed(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    need_commands("promtool")  # of the same package
    folder = tmp_path_factory.mktemp("observed")
    ports = dict(zip(("worker", *APPS), free_ports(3), strict=True))
    counted = {"audience_k": 2, "audience_noise": False, "audience_release_ms": 1_000,
               "audience_interval_ms": 300}  # fmt: skip
    settings = deployed(kafka, "observed-", http_port=ports["worker"], **counted)
    with ExitStack() as running:
        worker = running.enter_context(WorkerProcess(settings, folder / "worker.log"))
        for name in APPS:
            mine = {**environment(settings), PREFIX + "HTTP_PORT": str(ports[name])}
            words = {k.removeprefix(PREFIX): v for k, v in mine.items() if k.startswith(PREFIX)}
            running.enter_context(
                app_process(f"streams.apps.{name}", folder / f"{name}.log", **words)
            )
        jobs = {f"interest-streams-{name}": [port] for name, port in ports.items()}
        prometheus = running.enter_context(scraping(folder / "prometheus", jobs, RULES))
        producer = Producer({"bootstrap.servers": kafka})
        producer.produce(settings.topic(topics.APP), b"{nope", b"acc")
        key, value = entry(1)
        producer.produce(settings.topic(topics.CATALOGUE), value, key)
        assert producer.flush(30) == 0
        wait_until(lambda: prometheus.up() == 3, 240)
        # All are ready before the work begins: a rate of a minute ago is none any more. (Where a
        # look at one of them came too late for Prometheus, there is no series for a moment.)
        wait_until(lambda: prometheus.query("sum(interest_streams_ready) == 3") != [], READY_S)
        feed(settings, simulated_events(40, 9))
        wait_for_end(settings, worker)
        rate = "rate(interest_streams_commits_total[1m]) > 0"
        for _ in range(10):  # the work may be a minute ago by now
            producer.produce(settings.topic(topics.APP), b"{nope", b"acc")
            assert producer.flush(60) == 0
            with suppress(TimeoutError):
                wait_until(lambda: prometheus.query(rate) != [], 10)
                break
        assert prometheus.query(rate) != []
        wait_until(lambda: all(_is_ready(name, _page(port)) for name, port in ports.items()), 120)
        yield Observed(prometheus, {name: _page(port) for name, port in ports.items()})


def _is_ready(program: str, page: str) -> bool:
    return f'interest_streams_ready{{program="{program}"}} 1.0' in page


def _page(port: int) -> str:
    return ask(port, "/metrics")[1].decode()


def test_every_panel_shows_something(observed: Observed) -> None:
    """A rate takes two looks at a series, so not at once."""

    def empty() -> list[str]:
        wanted = expressions().items()
        bare = [name for name, query in wanted if not observed.prometheus.query(query)]
        return [name for name in bare if not any(f": {quiet}" in name for quiet in QUIET)]

    wait_until(lambda: not empty(), 240, lambda: str(empty()))


def test_every_metric_that_a_panel_or_an_alert_names_is_exported(observed: Observed) -> None:
    exported = set(re.findall(r"^# TYPE (\w+) ", "".join(observed.pages.values()), re.M))
    exported |= {name + end for name in exported for end in ("_bucket", "_sum", "_count")}
    text = RULES.read_text() + "\n".join(expressions().values())
    named = set(re.findall(r"\b(?:interest_streams|process)_[a-z_]+\b(?!:)", text))
    assert named <= exported


def test_every_rule_is_evaluated_and_calls_nobody(observed: Observed) -> None:
    def unwell() -> list[dict[str, Any]]:
        return [rule for rule in observed.prometheus.rules() if rule["health"] != "ok"]

    wait_until(lambda: not unwell(), 120, lambda: str(unwell()))  # each has its first turn
    rules = observed.prometheus.rules()
    assert len(rules) > 20
    # A page of a stack that is well would be false; the day's share of consent is the sandbox's.
    pages = {rule["name"] for rule in rules if rule.get("labels", {}).get("severity") == "page"}
    assert observed.prometheus.alerts() & pages == set()


def test_a_program_exports_its_own_and_the_process(observed: Observed) -> None:
    """What another program's gauge says at 0 would be averaged in, or call somebody."""
    own = {"worker": "prequential_log_loss", "catalogue": "catalogue_entries_total",
           "audiences": "audience_budget_ratio"}  # fmt: skip
    for program, page in observed.pages.items():
        for other, name in own.items():
            assert (f"# TYPE interest_streams_{name} " in page) == (program == other), (
                program,
                name,
            )
        assert _is_ready(program, page)
        assert 'interest_streams_build_info{librdkafka="' in page
        assert "process_resident_memory_bytes" in page and "process_start_time_seconds" in page
    [line] = re.findall(
        r"^interest_streams_prequential_log_loss (\S+)$", observed.pages["worker"], re.M
    )
    assert float(line) > 0
    losses = "interest_streams_prequential_log_loss > 0"
    wait_until(lambda: len(observed.prometheus.query(losses)) == 1, 120)


def test_an_alert_says_where_its_runbook_is(observed: Observed) -> None:
    urls = [rule["annotations"]["runbook_url"] for rule in observed.prometheus.rules()
            if "annotations" in rule]  # fmt: skip
    assert urls and all(url.startswith("{{ $externalLabels.runbook }}#") for url in urls)
    assert RUNBOOK.startswith("https://")
