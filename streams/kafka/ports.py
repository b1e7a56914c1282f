"""Defines what a worker takes from outside: Kafka's clients, the clock and a thread.

Everything a worker knows or does beyond its own memory goes through one `Ports` object, so that
a test can hand it another Kafka and another time without the worker noticing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from streams.kafka.executor import SingleThreadExecutor

Config = dict[str, Any]


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
    admin: Callable[[Config], AdminClient] = AdminClient
    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    executor: Callable[[], SingleThreadExecutor] = SingleThreadExecutor


#: The real ones.
REAL = Ports()
