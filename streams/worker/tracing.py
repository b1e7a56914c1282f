"""Traces of OpenTelemetry, one for each commit: when its records were folded, and what it took.

Off unless OpenTelemetry's own variables name who takes them (``OTEL_EXPORTER_OTLP_ENDPOINT`` or
``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT``). A span carries counts and the name of an error's class,
never its text, for that may name whom a record was of.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from streams.errors import ExtraMissing
from streams.settings import Settings

log = logging.getLogger(__name__)
_WHERE = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROGRAM = "interest-streams-worker"


class Trace:
    """Of one commit: a span from its first step to its end, and one for each step.

    Parameters
    ----------
    tracer : opentelemetry.trace.Tracer or None
        None: nothing is kept.
    """

    def __init__(self, tracer: Any = None) -> None:
        self._tracer = tracer
        self._whole: Any = None

    def next(self) -> Trace:
        """One for the commit after this."""
        return Trace(self._tracer)

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, int]]:
        """A span around what is done; what is put into the dictionary is told with it."""
        counts: dict[str, int] = {}
        if self._tracer is None:
            yield counts
            return
        from opentelemetry.trace import set_span_in_context

        if self._whole is None:
            self._whole = self._tracer.start_span("batch")
        span = self._tracer.start_span(name, set_span_in_context(self._whole))
        try:
            yield counts
        except BaseException as error:
            _fail(span, type(error).__name__)
            self.end({}, "abandoned")
            raise
        finally:
            span.set_attributes(counts)
            span.end()

    def end(self, counts: Mapping[str, int], failed: str = "") -> None:
        """The commit is done, or never will be."""
        if self._whole is None:
            return
        if failed:
            _fail(self._whole, failed)
        self._whole.set_attributes(dict(counts))
        self._whole.end()
        self._whole = None


def tracing(settings: Settings, environ: Mapping[str, str] = os.environ) -> Trace:
    """Trace as OpenTelemetry's variables ask; a worker that can't trace says so and works."""
    if not any(environ.get(name) for name in _WHERE):
        return Trace()
    try:
        return Trace(_exported(settings))
    except ImportError:
        log.warning("no traces: %s", ExtraMissing("traces", "OpenTelemetry"))
        return Trace()


def _exported(settings: Settings) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return tracer(settings, BatchSpanProcessor(OTLPSpanExporter()))


def tracer(settings: Settings, processor: Any) -> Any:
    """A tracer of this worker, whose spans a processor gets."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    about = {
        "service.name": os.environ.get("OTEL_SERVICE_NAME", _PROGRAM),
        "service.instance.id": settings.instance,
        "service.namespace": settings.tenant or settings.topic_prefix,
    }
    provider = TracerProvider(resource=Resource.create(about))
    provider.add_span_processor(processor)
    return provider.get_tracer(_PROGRAM)


def _fail(span: Any, why: str) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_status(Status(StatusCode.ERROR, why))
