"""Spans tell what a commit took and counted, in one trace, and never of whom."""

from __future__ import annotations

import sys

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from streams.errors import Abandon
from streams.settings import Settings
from streams.worker import pipeline
from streams.worker import tracing as module
from streams.worker.outlet import Outlet
from streams.worker.tracing import Trace, tracer, tracing
from tests.simulation import inputs
from tests.support.small_worker import NETWORK_TOPIC, committed, event, fed, put, start, steps

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
STEPS = {"batch", "fold", "collect", "commit"}

pytestmark = pytest.mark.usefixtures("calm")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What a worker that is started exports."""
    kept = InMemorySpanExporter()
    of = tracer(Settings(instance_id="w0"), SimpleSpanProcessor(kept))
    monkeypatch.setattr(pipeline, "tracing", lambda _: Trace(of))
    return kept


def _by_trace(kept: InMemorySpanExporter) -> list[dict[str, ReadableSpan]]:
    found: dict[int, dict[str, ReadableSpan]] = {}
    for span in kept.get_finished_spans():
        found.setdefault(span.context.trace_id, {})[span.name] = span
    return list(found.values())


def test_each_commit_is_a_trace_with_its_steps(spans: InMemorySpanExporter) -> None:
    broker = fed(visits=3)
    steps(200, start(broker))
    assert committed(broker, NETWORK_TOPIC) == 3
    traces = [trace for trace in _by_trace(spans) if trace.keys() == STEPS]
    assert traces
    counted = 0
    for trace in traces:
        whole = trace["batch"].context.span_id
        for name in STEPS - {"batch"}:
            parent = trace[name].parent
            assert parent is not None and parent.span_id == whole
        told = (trace["batch"].attributes or {}).get("counted", 0)
        assert isinstance(told, int)
        counted += told
    assert counted == 3
    assert trace["batch"].resource.attributes["service.instance.id"] == "w0"


def test_no_span_tells_of_whom(spans: InMemorySpanExporter) -> None:
    broker = fed(visits=3)
    put(broker, NETWORK_TOPIC, "whoever", event("whoever", inputs.START_MS, "its-name"))
    put(broker, NETWORK_TOPIC, "broken", b'{"account_id":"broken"')
    steps(200, start(broker))
    said = "".join(span.to_json() for span in spans.get_finished_spans())
    assert "refused" in said
    for told in ("whoever", "its-name", "broken", "sports.example", "e-a-"):
        assert told not in said


def test_a_failed_commit_is_told_by_the_name_of_its_error_alone(
    spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Outlet.commit
    failed: list[int] = []

    def fail_once(*args: object) -> None:
        if not failed:
            failed.append(1)
            raise Abandon("a secret about acc-7")
        commit(*args)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(Outlet, "commit", fail_once)
    broker = fed(visits=3)
    steps(400, start(broker))
    assert failed and committed(broker, NETWORK_TOPIC) == 3
    wrong = [span for span in spans.get_finished_spans() if not span.status.is_ok]
    told = {(span.name, span.status.description) for span in wrong if span.status.description}
    assert told == {("commit", "Abandon"), ("batch", "abandoned")}
    assert "secret" not in "".join(span.to_json() for span in spans.get_finished_spans())


def test_without_an_endpoint_nothing_is_traced_or_loaded() -> None:
    with tracing(Settings(), {}).step("fold") as told:
        told["records"] = 1
    tracing(Settings(), {}).end({"counted": 1})


def test_a_worker_without_the_extra_says_so_and_works(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(module.log, "warning", lambda text, what: said.append(text % what))
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    trace = tracing(Settings(), {ENDPOINT: "http://127.0.0.1:9"})
    assert "interest-streams[traces]" in said[0]
    with trace.step("fold"):
        pass
