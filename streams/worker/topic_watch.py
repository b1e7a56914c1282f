"""Notices that an input was deleted and created again under a worker that reads it.

A consumer does not (librdkafka 2.16, `rd_kafka_topic_metadata_update`): where the new log is longer
than the place at which it stands, it reads on in its midst. Nor does the group, if the new topic is
there before anybody looked. So the worker looks by itself, beside its loop.
"""

from __future__ import annotations

import logging
from functools import partial

from features.state.changelog_keys import Owner
from streams.errors import BadTopics, KafkaFailed
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings
from streams.worker import binding

log = logging.getLogger(__name__)
_EVERY_S = 5.0  # each time by a client of its own


class TopicWatch:
    """Asks the cluster every five seconds, on a thread of its own."""

    def __init__(self, settings: Settings, ports: Ports = REAL) -> None:
        self._settings = settings
        self._ports = ports
        self._asking = ports.executor()
        self._asked = False
        self._next = 0.0
        self._refused = ""

    def look(self, owner: Owner | None) -> None:
        """Compare the inputs with those that were assigned; never waits.

        Raises
        ------
        BadTopics
            Saying what differs and what to do.
        """
        if self._refused:
            raise BadTopics(self._refused)
        now = self._ports.monotonic()
        if owner is not None and not self._asked and now >= self._next:
            self._asked, self._next = True, now + _EVERY_S
            self._asking.put(partial(self._ask, owner))

    def _ask(self, owner: Owner) -> None:
        try:
            verdict = binding.judge_owner(owner, binding.owner_now(self._settings, self._ports))
            if isinstance(verdict, binding.Refuse):
                self._refused = verdict.sentence
        except (KafkaFailed, BadTopics) as error:  # nobody answers, or one is missing for now
            log.debug("%s", error)
        finally:
            self._asked = False
