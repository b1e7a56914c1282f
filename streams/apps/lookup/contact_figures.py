"""Answers what contacts brought, from the report of ``policy report --out``, and exports it.

The report has counts of households and names nobody, so an answer is no look-up of a person.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streams import metrics
from streams.apps.lookup import requests
from streams.apps.lookup.callers import Budgets, Tokens
from streams.apps.lookup.problems import HEADERS, Problem, answering
from streams.evaluation.contact_report import SCHEMA

log = logging.getLogger(__name__)

_LONGEST: Final = 1_000_000  # bytes: of 55 lines and every interest by every channel, far less
_GAUGES: Final = (
    metrics.CONTACT_EFFECT,
    metrics.CONTACT_ANNOYED,
    metrics.CONTACTS_KEPT_BACK,
    metrics.LEFT_ALONE,
)


class ContactFigures:
    """The route ``GET /v1/outcomes``, and the metrics of the report.

    Parameters
    ----------
    path : Path or None
        Of the report; it may be written later, and anew. None: there is none.
    tokens : Tokens
        A caller needs any purpose.
    budgets : Budgets
    """

    def __init__(self, path: Path | None, tokens: Tokens, budgets: Budgets) -> None:
        self._path, self._tokens, self._budgets = path, tokens, budgets
        self._stamp: tuple[int, int] | None = None
        self._body: bytes | None = None
        self.routes = [Route("/v1/outcomes", answering(self._answer), methods=["GET"])]

    def renew(self) -> None:
        """Take the report in where it is another; one that can't be read leaves what was there."""
        if self._path is None:
            return
        try:
            found = self._path.stat()
            stamp = found.st_mtime_ns, found.st_size
            if stamp == self._stamp:
                return
            self._stamp = stamp
            told = _told(self._path)
            _export(told)
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("no report of contacts: %s: %s", self._path, type(error).__name__)
            return
        self._body = orjson.dumps(told)

    async def _answer(self, request: Request) -> Response:
        caller = self._tokens.caller(request.headers.get("authorization"))
        caller.purpose(requests.query_of(request).get("purpose"))
        self._budgets.take(caller.name)
        self.renew()
        if self._body is None:
            raise Problem(HTTPStatus.NOT_FOUND, "no-report", "There is no report of contacts.")
        return Response(self._body, headers=dict(HEADERS), media_type="application/json")


def _told(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        raw = file.read(_LONGEST + 1)
    told = orjson.loads(raw)
    if len(raw) > _LONGEST or not isinstance(told, dict) or told.get("schema") != SCHEMA:
        raise ValueError(path)
    return told


def _export(told: dict[str, Any]) -> None:
    """Set the gauges; what the report no longer has goes."""
    of = {"effect": metrics.CONTACT_EFFECT, "annoyed": metrics.CONTACT_ANNOYED}
    found = [
        (of[name], [line["by"], line["name"], bound], float(value))
        for line in told["effects"]
        for name in of
        for bound, value in (line[name] or {}).items()
    ]
    found += [(metrics.CONTACTS_KEPT_BACK, [rule], n) for rule, n in told["held_back"].items()]
    found += [(metrics.LEFT_ALONE, [rule], n) for rule, n in told["left_alone"].items()]
    at = told["at"] / 1000
    for gauge in _GAUGES:
        gauge.clear()
    for gauge, labels, value in found:
        gauge.labels(*labels).set(value)
    metrics.CONTACT_REPORT.set(at)
