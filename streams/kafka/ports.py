"""Defines what a worker takes from outside: Kafka's clients, the clock and a thread.

Everything a worker knows or does beyond its own memory goes through one `Ports` object, so that
a test can hand it another Kafka and another time without the worker noticing.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from streams.kafka.executor import SingleThreadExecutor

Config = dict[str, Any]
_ADMINS: WeakSet[AdminClient] = WeakSet()


def _admin(config: Config) -> AdminClient:
    """An admin client that is closed before the interpreter ends, whoever still holds it."""
    made = AdminClient(config)
    _ADMINS.add(made)
    return made


@atexit.register
def _close_admins() -> None:
    # librdkafka's own thread brings the answers: one that finds no interpreter any more ends the
    # process with SIGSEGV, and with it the exit code that a supervisor goes by.
    for client in list(_ADMINS):
        client.__exit__(None, None, None)


@dataclass(frozen=True)
class Ports:
    """Factories and clocks.

    Attributes
    ----------
    consumer, producer, admin : callable
        From a librdkafka configuration to a client.
    monotonic : callable
        Seconds that never go back, for deadlines.
    wall : callable
        Seconds since 1970, for the tolerance of future events.
    sleep : callable
        Waits for so many seconds.
    executor : callable
        A new single-thread executor.
    """

    consumer: Callable[[Config], Consumer] = Consumer
    producer: Callable[[Config], Producer] = Producer
    admin: Callable[[Config], AdminClient] = _admin
    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    executor: Callable[[], SingleThreadExecutor] = SingleThreadExecutor


#: The real ones.
REAL = Ports()
