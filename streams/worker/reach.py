"""Asks again and again whether a broker answers, beside a loop that may wait for one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from confluent_kafka import KafkaException

from streams.contract.topics import STATE
from streams.kafka import clients
from streams.settings import Settings

_EVERY_S = 1.0
_ANSWER_S = 3.0
#: Without an answer for so long, none is there: a leader that moves is not an outage.
_AWAY_S = 6.0


class Reach:
    """One thread that asks for the metadata of a topic.

    Parameters
    ----------
    told : callable
        Called with whether a broker answers, about every second.

    Attributes
    ----------
    there : bool
        Whether one does.
    """

    def __init__(self, settings: Settings, told: Callable[[bool], None]) -> None:
        self._settings = settings
        self._told = told
        self._stopped = threading.Event()
        self.there = True

    def start(self) -> None:
        """Begin to ask; until there was no answer for long, one is taken to be there."""
        self._told(self.there)
        threading.Thread(target=self._ask, name="reach", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()

    def _ask(self) -> None:
        admin = clients.admin(self._settings, role="group")
        answered = time.monotonic()
        while not self._stopped.wait(_EVERY_S):
            try:
                admin.list_topics(self._settings.topic(STATE), timeout=_ANSWER_S)
                answered = time.monotonic()
            except KafkaException:
                pass  # its age tells
            self.there = time.monotonic() - answered < _AWAY_S
            self._told(self.there)
