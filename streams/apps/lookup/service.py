"""Answers look-ups of profiles: the routes, each with who asks, what for, and a record of it."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from streams import metrics
from streams.apps.lookup import requests, views
from streams.apps.lookup.audit import Audit
from streams.apps.lookup.callers import PRIVACY, Budgets, Caller, Tokens
from streams.apps.lookup.changes import ChangeFeed, Watcher
from streams.apps.lookup.openapi import document
from streams.apps.lookup.problems import HEADERS, Problem, bad, unknown
from streams.apps.lookup.shards import Shards
from streams.apps.lookup.source import ProfileSource
from streams.apps.lookup.views import View
from streams.client import Stored

log = logging.getLogger(__name__)

_MOST_ACCOUNTS = 20  # watched over one connection
_Handler = Callable[[Request], Awaitable[Response]]


class LookupApp:
    """The ASGI application.

    Parameters
    ----------
    source : ProfileSource
        Profiles, and how far they are behind.
    tokens : Tokens
    budgets : Budgets
    audit : Audit
    more : iterable of BaseRoute
        Routes beside the look-ups: the page, and a demonstration's facts.
    shards : Shards
        Which accounts other instances have.
    now : callable
        Epoch seconds.

    Attributes
    ----------
    asgi : Starlette
    changes : ChangeFeed
    """

    def __init__(
        self,
        source: ProfileSource,
        tokens: Tokens,
        budgets: Budgets,
        audit: Audit,
        more: Iterable[BaseRoute] = (),
        shards: Shards | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._source, self._tokens, self._budgets, self._audit = source, tokens, budgets, audit
        self._now, self._shards = now, shards or Shards()
        self.changes: ChangeFeed = source.changes
        self._openapi = orjson.dumps(document())
        get, root = ["GET"], "/v1/profiles/{account}"
        self.asgi = Starlette(
            routes=[
                Route("/v1/profiles:batch", self._guarded(self._batch), methods=["POST"]),
                Route(root, self._guarded(self._household), methods=get),
                Route(root + "/why/{interest}", self._guarded(self._why), methods=get),
                Route(root + "/{member}", self._guarded(self._member), methods=get),
                Route(root + "/{member}/why/{interest}", self._guarded(self._why), methods=get),
                Route("/v1/changes", self._guarded(self._watch), methods=get),
                Route("/v1/openapi.json", self._describe, methods=get),
                *more,
            ],
            exception_handlers={HTTPException: _other},
        )

    # -- the routes ----------------------------------------------------------------------

    async def _household(self, request: Request) -> Response:
        caller, view = self._asked(request)
        account = requests.subject_of(request.path_params["account"])
        self._shards.need([account], request)
        try:
            answer, found = views.household(self._source.held, account, view, self._ms())
        except Problem:
            self._tell(request, caller, view, {account: 0})
            raise self._absent(account, view) from None
        self._tell(request, caller, view, {account: len(found)})
        return self._answer(request, answer, views.etag(found, view))

    async def _member(self, request: Request) -> Response:
        caller, view = self._asked(request)
        subject, stored = self._one(request, caller, view)
        return self._answer(
            request, views.shown(stored, view), views.etag([(subject, stored)], view)
        )

    async def _why(self, request: Request) -> Response:
        caller, view = self._asked(request)
        interest = requests.interest_id_of(request.path_params["interest"])
        subject, stored = self._one(request, caller, view)
        answer = views.why(stored, interest, view, self._ms())
        # What speaks against engaging may end with time alone: no tag, so that nobody keeps it.
        return self._answer(request, answer, None)

    async def _batch(self, request: Request) -> Response:
        caller, view = self._asked(request)
        asked = requests.subjects_of(await requests.body_of(request))
        self._budgets.take(caller.name, len(asked) - 1)
        now, found = self._ms(), {}
        elsewhere: dict[str, list[str]] = {}
        for subject in asked:
            elsewhere.setdefault(self._shards.elsewhere(subject.partition("/")[0]), []).append(
                subject
            )
        asked = elsewhere.pop("", [])
        told = dict.fromkeys((subject.partition("/")[0] for subject in asked), 0)
        for subject in asked:
            stored = self._source.held.raw(subject)
            if stored is not None and views.allowed(stored, view, now):
                found[subject] = views.shown(stored, view)
                told[subject.partition("/")[0]] += 1
        self._tell(request, caller, view, told)
        missing = [subject for subject in asked if subject not in found]
        answer: dict[str, Any] = {"profiles": found, "missing": missing}
        if elsewhere:
            answer["elsewhere"] = elsewhere
        return self._answer(request, answer, None)

    async def _watch(self, request: Request) -> Response:
        caller = self._tokens.caller(request.headers.get("authorization"))
        query = requests.query_of(request)
        view = View(caller.purpose(query.pop("purpose", None)))
        accounts = query.pop("account", "").split(",")
        if query or not 0 < len(accounts) <= _MOST_ACCOUNTS:
            raise bad(f"account names 1 to {_MOST_ACCOUNTS} accounts.", "parameter")
        watched = frozenset(requests.subject_of(account) for account in accounts)
        self._shards.need(watched, request)
        self._budgets.take(caller.name, len(watched))
        if not self.changes.room_for(caller.name):
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too-many-watchers",
                "Too many are watching already.",
                {"Retry-After": "10"},
            )
        for account in watched:  # nobody is told of changes of what they may not see
            views.household(self._source.held, account, view, self._ms())
        self._tell(request, caller, view, dict.fromkeys(watched, 0))
        events = self.changes.events(
            Watcher(caller.name, watched), request.headers.get("last-event-id")
        )
        return StreamingResponse(events, headers=dict(HEADERS), media_type="text/event-stream")

    async def _describe(self, _: Request) -> Response:
        return Response(self._openapi, media_type="application/json", headers=dict(HEADERS))

    # -- what they share -----------------------------------------------------------------

    def _asked(self, request: Request) -> tuple[Caller, View]:
        caller = self._tokens.caller(request.headers.get("authorization"))
        self._budgets.take(caller.name)
        query = requests.query_of(request)
        purpose = caller.purpose(query.get("purpose"))
        requests.reason_of(request)
        if not self._source.ready:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "starting",
                "The profiles are still being read.",
                {"Retry-After": "5"},
            )
        return caller, views.view_of(purpose, query)

    def _one(self, request: Request, caller: Caller, view: View) -> tuple[str, Stored]:
        parts = [request.path_params[p] for p in ("account", "member") if p in request.path_params]
        subject = requests.subject_of(*parts)
        self._shards.need(parts[:1], request)
        stored = self._source.held.raw(subject)
        if stored is not None and not views.allowed(stored, view, self._ms()):
            stored = None
        self._tell(request, caller, view, {parts[0]: int(stored is not None)})
        if stored is None:
            raise self._absent(subject, view)
        return subject, stored

    def _absent(self, subject: str, view: View) -> Problem:
        if view.purpose == PRIVACY and self._source.erased(subject):
            return Problem(HTTPStatus.GONE, "erased", "The profile was erased.")
        return unknown()

    def _tell(self, request: Request, caller: Caller, view: View, told: dict[str, int]) -> None:
        route = request.scope["route"].path
        self._audit.tell(caller, view.purpose, requests.reason_of(request), told, route)

    def _answer(self, request: Request, value: Any, tag: str | None) -> Response:
        lag = self._source.lag()
        headers = dict(HEADERS)
        headers["Profiles-Lag"] = (
            "unknown" if lag is None else f"records={lag.records}, silent-ms={lag.silent_ms}"
        )
        if tag is not None:
            headers["ETag"] = tag
            asked = request.headers.get("if-none-match", "")
            if tag in [item.strip().removeprefix("W/") for item in asked.split(",")]:
                return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(orjson.dumps(value), headers=headers, media_type="application/json")

    def _ms(self) -> int:
        return int(self._now() * 1000)

    def _guarded(self, handler: _Handler) -> _Handler:
        async def guarded(request: Request) -> Response:
            began, route = time.perf_counter(), request.scope["route"].path
            try:
                answer = await handler(request)
            except Problem as problem:
                answer = problem.response()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                # Where, and of what kind; its text may name a subject, and a log must not.
                place = traceback.extract_tb(error.__traceback__)[-1]
                log.error("%s: %s in %s:%s", route, type(error).__name__, place.name, place.lineno)
                answer = Problem(
                    HTTPStatus.INTERNAL_SERVER_ERROR, "fault", "This service has a fault."
                ).response()
            metrics.LOOKUPS.labels(route, str(answer.status_code)).inc()
            metrics.LOOKUP_SECONDS.observe(time.perf_counter() - began)
            return answer

        return guarded


async def _other(_: Request, error: Exception) -> Response:
    status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else 500)
    headers = dict(getattr(error, "headers", None) or {})
    return Problem(
        status, "no-such-thing", "There is no such address or method.", headers
    ).response()
