"""Answers what a demonstration shows beside profiles: what is true, and how the stream is.

No deployment has these routes: nobody knows the truth there, and metrics are for dashboards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streams.apps.lookup import requests
from streams.apps.lookup.callers import Tokens
from streams.apps.lookup.problems import HEADERS, answering, unknown

#: What is true of each subject: interests, each with ``id``, ``name`` and ``days``, the share of
#: usual days that it comes up on.
Truths = Mapping[str, Sequence[Mapping[str, Any]]]
#: What the page shows of a stream, the metric it is of, and how its series become one number.
_HEALTH: Mapping[str, tuple[str, Callable[[list[float]], float]]] = {
    "events": ("interest_streams_input_records", sum),
    "behind_s": ("interest_streams_lag_seconds", max),
    "log_loss": ("interest_streams_prequential_log_loss", max),
    "dead_letters": ("interest_streams_dead_letters", sum),
}


class Scene(NamedTuple):
    """Carry what stands behind a demonstration.

    Attributes
    ----------
    truths : Truths
    worker : callable
        Returns the text of the worker's ``/metrics``; raises OSError where it does not answer.
    """

    truths: Truths
    worker: Callable[[], str]


class Beside:
    """The routes ``GET /v1/truth/{account}`` and ``GET /v1/health``.

    Parameters
    ----------
    scene : Scene
    tokens : Tokens
        A caller needs the scope ``act``.
    """

    def __init__(self, scene: Scene, tokens: Tokens) -> None:
        self._scene, self._tokens = scene, tokens
        self.routes = [
            Route("/v1/truth/{account}", answering(self._truth), methods=["GET"]),
            Route("/v1/health", answering(self._health), methods=["GET"]),
        ]

    async def _truth(self, request: Request) -> Response:
        self._admit(request)
        account = requests.subject_of(request.path_params["account"])
        found = {
            subject: interests
            for subject, interests in self._scene.truths.items()
            if subject.partition("/")[0] == account
        }
        if not found:
            raise unknown()
        return _answer(found)

    async def _health(self, request: Request) -> Response:
        self._admit(request)
        try:
            text = await asyncio.to_thread(self._scene.worker)
        except OSError:
            return _answer({})
        return _answer(health(text))

    def _admit(self, request: Request) -> None:
        self._tokens.actor(request.headers.get("authorization"))


def health(text: str) -> dict[str, float]:
    """Read from the text of a worker's metrics what the page shows of a stream, if it is there."""
    series: dict[str, list[float]] = {}
    for family in text_string_to_metric_families(text):
        totals = (s.value for s in family.samples if not s.name.endswith("_created"))
        series.setdefault(family.name, []).extend(totals)
    return {
        name: fold(series[metric]) for name, (metric, fold) in _HEALTH.items() if series.get(metric)
    }


def _answer(value: Any) -> Response:
    return Response(orjson.dumps(value), headers=dict(HEADERS), media_type="application/json")
