"""Writes who read whom, why and what came of it; of whom by a keyed hash alone.

With the erasure key a privacy officer finds the readers of an account; without it nobody can, and
what was erased leaves no name here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus

import orjson
from confluent_kafka import KafkaException, Producer

from features.records.concealed import keyed_mark
from streams import metrics
from streams.apps.lookup.callers import Caller
from streams.apps.lookup.problems import Problem
from streams.contract import topics
from streams.kafka import clients
from streams.settings import Settings

SCHEMA = 1


class Audit:
    """Writes one record a look-up to the topic ``lookups``; without it nothing is answered.

    Parameters
    ----------
    settings : Settings
    producer : Producer, optional
        By default one of its own.
    """

    def __init__(
        self,
        settings: Settings,
        producer: Producer | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._topic, self._key = settings.topic(topics.LOOKUPS), settings.erasure_key.encode()
        self._producer = producer or clients.producer("lookups", settings)
        self._now = now

    def tell(
        self, caller: Caller, purpose: str, reason: str, accounts: dict[str, int], what: str
    ) -> None:
        """Write one record an account.

        Parameters
        ----------
        purpose : str
        reason : str
            Why, as the caller says it; may be empty.
        accounts : dict of str to int
            The accounts asked for, and how many profiles of each were shown.
        what : str
            Route of the request.

        Raises
        ------
        Problem
            503 where it can't be written: what is not on record is not shown.
        """
        said = {"schema": SCHEMA, "at": int(self._now() * 1000), "caller": caller.name,
                "purpose": purpose, "reason": reason, "route": what}  # fmt: skip
        try:
            for account, shown in accounts.items():
                mark = keyed_mark(self._key, account, "lookup")
                value = orjson.dumps({**said, "mark": mark, "profiles": shown})
                self._producer.produce(self._topic, value, mark.encode(), on_delivery=_count)
            self._producer.poll(0)
        except (BufferError, KafkaException):
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "no-audit", "Look-ups can't be put on record now."
            ) from None

    def close(self) -> None:
        """Wait for what is under way."""
        self._producer.flush(10.0)


def _count(error: object, _: object) -> None:
    if error is not None:
        metrics.LOOKUP_AUDIT_FAILED.inc()
