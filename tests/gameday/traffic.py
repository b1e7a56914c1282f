"""The load of a game day: simulated households that do now what they do, at a steady pace."""

from __future__ import annotations

import itertools
import threading
import time
import zlib
from collections.abc import Iterator

import orjson
from confluent_kafka import Producer

from streams.contract.topics import APP, FACTS, NETWORK, TV
from streams.sandbox.simulator import Simulation, simulated
from streams.settings import Settings

_HOUSEHOLDS = 200
_DAYS = 60  # made as they are taken
_TICK_S = 0.1
#: Accounts that agree and do nothing by themselves: steps may do with them what they like.
SPARE = tuple(f"spare-{number}" for number in range(20))
_AGREED_MS = 2 * 86_400_000  # before everything that a step sends late
_TOPICS = (NETWORK, TV, APP)


class Traffic:
    """Produces from a thread of its own until it is stopped.

    Parameters
    ----------
    settings : Settings
        Of a user who may produce.
    rate : float
        Records a second.
    behind_ms : int
        How old events are when they come.
    """

    def __init__(self, settings: Settings, rate: float, behind_ms: int = 0) -> None:
        self.rate = rate
        self.behind_ms = behind_ms
        self._settings = settings
        self._producer = producer(settings)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._flow, name="traffic", daemon=True)

    def start(self) -> None:
        """Give every account's consent, and begin."""
        for account in (*Simulation(households=_HOUSEHOLDS, days=_DAYS).truth, *SPARE):
            at = now_ms() - self.behind_ms - _AGREED_MS
            self._send(FACTS, account, consent(account, at_ms=at))
        assert self._producer.flush(240.0) == 0
        self._thread.start()

    def halt(self) -> None:
        """Produce no more."""
        self._stopped.set()

    def stop(self) -> None:
        """End, with everything acknowledged."""
        self.halt()
        self._thread.join()
        assert self._producer.flush(240.0) == 0

    def _flow(self) -> None:
        records = _events()
        owed = 0.0
        while not self._stopped.wait(_TICK_S):
            owed += self.rate * _TICK_S
            while owed >= 1.0:
                topic, key, value = next(records)
                self._send(topic, key, {**value, "ts": now_ms() - self.behind_ms})
                owed -= 1.0
            self._producer.poll(0.0)

    def _send(self, topic: str, key: str, value: dict[str, object]) -> None:
        self._producer.produce(self._settings.topic(topic), orjson.dumps(value), key)


def producer(settings: Settings, **more: str | int) -> Producer:
    """A producer of a user, that puts keys where they belong and waits out an outage."""
    return Producer(
        {
            **settings.kafka,
            "bootstrap.servers": settings.bootstrap_servers,
            "partitioner": "murmur2",
            "enable.idempotence": True,
            "message.timeout.ms": 7_200_000,
            "log_level": 0,
            "log.connection.close": False,
            **{key.replace("_", "."): value for key, value in more.items()},
        }
    )


def consent(account: str, at_ms: int = 0, **more: object) -> dict[str, object]:
    """A fact that somebody agrees to profiling, now or at another time."""
    at = at_ms or now_ms()
    return {"event_id": f"c-{account}-{at}", "account_id": account, "ts": at, "kind": "consent",
            "purpose": "profiling", "status": "granted", **more}  # fmt: skip


def now_ms() -> int:
    """The wall clock, ms since 1970."""
    return time.time_ns() // 1_000_000


def _events() -> Iterator[tuple[str, str, dict[str, object]]]:
    """Events, of each account in one input alone.

    What one account does at once in two inputs is taken as it arrives there, in an order that the
    verifier's one pass can't know. They never end: the day is as long as its machine makes it.
    """
    for turn in itertools.count():
        for record in simulated(Simulation(households=_HOUSEHOLDS, days=_DAYS)):
            own = _TOPICS[zlib.crc32(record.key.encode()) % len(_TOPICS)]
            if record.topic == own and isinstance(record.value, dict):
                again = {"event_id": f"{turn}-{record.value['event_id']}"}
                yield record.topic, record.key, {**record.value, **again}
