"""Writes what is said of audiences, under one name for all instances: who begins fences the others.

A group tells who is to speak, and a process that stood still does not hear of it in time: it would
go on where it stopped, and draw a second time what another one drew meanwhile. So records are
written in transactions of one transactional id. Whoever begins to speak takes it over, and what the
one before still tries is refused by the brokers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import KafkaException

from streams.errors import KafkaFailed
from streams.kafka import clients
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings

_TIMEOUT_S: Final = 30.0


class SpeakerFailed(KafkaFailed):
    """Nothing was written, or another instance speaks now: this one has to begin anew."""


class Speaker:
    """The producer of the instance that speaks.

    Parameters
    ----------
    settings : Settings
    topic : str
        That it writes to.
    """

    def __init__(self, settings: Settings, topic: str, ports: Ports = REAL) -> None:
        self._settings = settings
        self._topic = topic
        self._ports = ports
        self._producer: Any = None

    def begin(self) -> None:
        """Take over: whoever spoke before can write no more, and what is open of it is aborted.

        What stands in the topic from then on is all that was said so far.

        Raises
        ------
        SpeakerFailed
        """
        self._producer = clients.producer("audiences", self._settings, self._ports)
        try:
            self._producer.init_transactions(_TIMEOUT_S)
        except KafkaException as error:
            raise SpeakerFailed("audiences: taking over", error) from error

    def say(self, records: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Write records, if there are any: all or none.

        Raises
        ------
        SpeakerFailed
        """
        if not records:
            return
        try:
            self._producer.begin_transaction()
            for key, value in records:
                self._produce(key, value)
            self._producer.commit_transaction(_TIMEOUT_S)
        except KafkaException as error:
            raise SpeakerFailed("audiences: writing", error) from error

    def _produce(self, key: bytes, value: bytes | None) -> None:
        while True:
            try:
                self._producer.produce(self._topic, value, key)
                return
            except BufferError:
                self._producer.poll(0.1)
