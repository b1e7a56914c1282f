"""Puts facts on the topic for the buttons of a demonstration; no deployment has this route."""

from __future__ import annotations

import time
import uuid
from http import HTTPStatus
from typing import Any

import orjson
from confluent_kafka import Producer
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from features.vocabulary import CaseStatus, FactKind, Opinion
from streams.apps.lookup import requests
from streams.apps.lookup.callers import Tokens
from streams.apps.lookup.problems import HEADERS, answering, bad
from streams.apps.lookup.source import ProfileSource
from streams.contract import topics
from streams.kafka import clients
from streams.settings import Settings

#: What a button does: the fact, less its event and its interest.
ACTS: dict[str, dict[str, Any]] = {
    "bought": {"kind": FactKind.PURCHASE},
    **{
        act: {"kind": FactKind.DECLARATION, "stance": opinion, "asked": True}
        for act, opinion in (
            ("like", Opinion.LIKE),
            ("not-for-me", Opinion.DISLIKE),
            ("not-any-more", Opinion.NOT_ANY_MORE),
            ("not-me", Opinion.NOT_ME),
        )
    },
    "open-fault": {"kind": FactKind.CARE_CASE, "case_id": "page", "status": CaseStatus.OPENED},
    "close-fault": {"kind": FactKind.CARE_CASE, "case_id": "page", "status": CaseStatus.CLOSED},
    "forget": {"kind": FactKind.ERASURE},
}
_REMEMBERED = 10_000  # accounts
_ON_INTERESTS = frozenset({"bought", "like", "not-for-me", "not-any-more", "not-me"})


class Acts:
    """The route ``POST /v1/facts/{account}``.

    Parameters
    ----------
    source : ProfileSource
    tokens : Tokens
        A caller needs the scope ``act``.
    settings : Settings
    producer : Producer, optional
        By default one of its own.
    """

    def __init__(
        self,
        source: ProfileSource,
        tokens: Tokens,
        settings: Settings,
        producer: Producer | None = None,
    ) -> None:
        self._source, self._tokens = source, tokens
        self._topic = settings.topic(topics.FACTS)
        self._said: dict[str, int] = {}  # time of the latest fact by account, the oldest first
        self._producer = producer or clients.producer("feed", settings)
        self.routes = [Route("/v1/facts/{account}", answering(self._act), methods=["POST"])]

    def close(self) -> None:
        """Wait for what is under way."""
        self._producer.flush(10.0)

    async def _act(self, request: Request) -> Response:
        self._tokens.actor(request.headers.get("authorization"))
        account = requests.subject_of(request.path_params["account"])
        body = await requests.body_of(request)
        act, interest = body.get("act"), body.get("interest")
        if act not in ACTS or body.keys() - {"act", "interest"}:
            raise bad(f"act is one of {', '.join(ACTS)}.", "act")
        if (act in _ON_INTERESTS) != isinstance(interest, str):
            raise bad(f"An interest is said with {', '.join(sorted(_ON_INTERESTS))}.", "act")
        fact = {"event_id": f"page-{uuid.uuid4()}", "account_id": account,
                "ts": self._time(account), **ACTS[act]}  # fmt: skip
        if isinstance(interest, str):
            fact["interest"] = requests.interest_id_of(interest)
        self._producer.produce(self._topic, orjson.dumps(fact), account.encode())
        self._producer.poll(0)
        return Response(status_code=HTTPStatus.ACCEPTED, headers=dict(HEADERS))

    def _time(self, account: str) -> int:
        """Right behind the account's newest event: what is shown may be of another year.

        And behind what was said before: at one time with it, what forbids would win.
        """
        held = self._source.held
        known = [held.known(subject) for subject in (account, *held.members(account))]
        newest = max((as_of for found in known if found for as_of in found[1:]), default=None)
        now = int(time.time() * 1000)
        at = now if newest is None else min(now, newest + 1_000)
        if (said := self._said.pop(account, None)) is not None:
            at = max(at, said + 1)
        self._said[account] = at
        if len(self._said) > _REMEMBERED:
            del self._said[next(iter(self._said))]
        return at
