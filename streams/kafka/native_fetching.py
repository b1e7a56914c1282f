"""Takes records straight from librdkafka's queue, so that no Python object stands for a message.

The partitions' queues are forwarded into one of ours, and read by address. Everything else stays
with confluent-kafka's `Consumer`: the group, its callbacks, seeks, pauses and commits. The client
has no public way to its handle, so what is found at its place is checked before it is used, and
where anything is not as expected the plain way is taken.

What lies in a partition's queue is not only records: that its topic is gone is told there, to the
client's callback for errors. The client finds by the thread which of its calls it is in, and ends
the process where it is in none; so we say so before each call (`CallPlace`).
"""

from __future__ import annotations

import ctypes
import logging
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from confluent_kafka import Consumer, KafkaError, TopicPartition, libversion

from features.records.messages import Calls, Messages
from streams.kafka.fetching import Fetched, Notice, plain_fetch

log = logging.getLogger(__name__)


class NotPossible(RuntimeError):
    """Nothing can be taken from librdkafka's queue here; says why."""


def _declared(library: Any, functions: Mapping[str, tuple[Any, tuple[Any, ...]]]) -> Any:
    """A library whose functions have what they take and give."""
    for name, (result, arguments) in functions.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, list(arguments)
    return library


#: The handle is the first field behind the object's head in these releases of the client.
_KNOWN: Final = ((2, 16),)
_CONSUMER: Final = 1  # rd_kafka_type_t
_POINTER, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_OF_PYTHON: Final = {
    "PyThreadState_Get": (_POINTER, ()),
    "PyThread_tss_get": (_POINTER, (_POINTER,)),
    "PyThread_tss_set": (_INT, (_POINTER, _POINTER)),
}
#: Seconds in which a client that is asked to call back at once has done so.
_PROBE_S: Final = 10.0
#: What a client that is not as it was is found out by.
_AMISS: Final = (OSError, AttributeError, ImportError, TypeError, ValueError)
_FUNCTIONS: Final = {
    "rd_kafka_version": (_INT, ()),
    "rd_kafka_name": (_TEXT, (_POINTER,)),
    "rd_kafka_type": (_INT, (_POINTER,)),
    "rd_kafka_queue_new": (_POINTER, (_POINTER,)),
    "rd_kafka_queue_destroy": (None, (_POINTER,)),
    "rd_kafka_queue_get_partition": (_POINTER, (_POINTER, _TEXT, ctypes.c_int32)),
    "rd_kafka_queue_forward": (None, (_POINTER, _POINTER)),
    "rd_kafka_consume_batch_queue": (ctypes.c_ssize_t, (_POINTER, _INT, _POINTER, ctypes.c_size_t)),
    "rd_kafka_topic_name": (_TEXT, (_POINTER,)),
}


_PYTHON: Final = _declared(ctypes.pythonapi, _OF_PYTHON)


class _Call(ctypes.Structure):
    """A call into librdkafka, as the client's callbacks know it."""

    _fields_ = (("thread", _POINTER), ("crashed", _INT), ("more", _POINTER * 6))


class CallPlace:
    """Tells the client that its thread is in a call, as the client's own methods do.

    Parameters
    ----------
    key : int
        Address of the key by which the client keeps the call of each thread.
    """

    def __init__(self, key: int) -> None:
        self._key = key
        self._call = _Call()

    def __enter__(self) -> None:
        self._call.thread = _PYTHON.PyThreadState_Get()
        _PYTHON.PyThread_tss_set(self._key, ctypes.addressof(self._call))

    def __exit__(self, *_: object) -> None:
        _PYTHON.PyThread_tss_set(self._key, None)


class NativeFetch:
    """Takes records of one consumer; a `Fetch`.

    Call `forward` once a partition has its place, and `close` before the consumer is closed.

    Parameters
    ----------
    consumer : Consumer
    handle : int
        Its ``rd_kafka_t``.
    library : ctypes.CDLL
        The librdkafka that it uses.
    place : CallPlace

    Attributes
    ----------
    hurried : bool
        Set by who has other things to do than to wait: the call that is under way, or the next,
        gives what is there.
    """

    def __init__(
        self, consumer: Consumer, handle: int, library: ctypes.CDLL, place: CallPlace
    ) -> None:
        self._queue: int | None = None
        self._consumer = consumer
        self._handle = handle
        self._library = library
        self._place = place
        self._calls = Calls(
            *(
                ctypes.cast(getattr(library, name), _POINTER).value or 0
                for name in ("rd_kafka_message_timestamp", "rd_kafka_message_destroy")
            )
        )
        self._queue = library.rd_kafka_queue_new(handle)
        self._room = np.empty(0, np.int64)
        self.hurried = False

    def __call__(self, consumer: Consumer, limit: int, timeout: float) -> Fetched | None:
        """Take up to `limit` records of the partitions that were forwarded.

        The consumer's own queue tells of the group, and must be asked for the callbacks. Records
        that came there are as good as any: their partition is forwarded once more.
        """
        assert consumer is self._consumer and self._queue is not None
        plain = plain_fetch(consumer, limit, 0.0)
        if plain is not None:
            for kind, partition in set(
                zip(plain.kinds.tolist(), plain.partitions.tolist(), strict=True)
            ):
                self.forward([TopicPartition(plain.topics[kind], partition)])
            return plain
        if self.hurried:
            self.hurried, timeout = False, 0.0
        if len(self._room) < limit:
            self._room = np.empty(limit, np.int64)
        with self._place:
            count = self._library.rd_kafka_consume_batch_queue(
                self._queue, int(timeout * 1000), self._room.ctypes.data, limit
            )
        if count <= 0:
            return None
        messages = Messages.at(self._room[:count], self._calls)
        try:
            return self._fetched(messages)
        finally:
            messages.release()

    def forward(self, spots: Iterable[TopicPartition]) -> None:
        """Have records of these partitions come here."""
        for spot in spots:
            queue = self._library.rd_kafka_queue_get_partition(
                self._handle, spot.topic.encode(), spot.partition
            )
            if queue:
                self._library.rd_kafka_queue_forward(queue, self._queue)
                self._library.rd_kafka_queue_destroy(queue)

    def close(self) -> None:
        """Give the queue back; to be done before the consumer is closed."""
        if self._queue is not None:
            self._library.rd_kafka_queue_destroy(self._queue)
            self._queue = None

    def __del__(self) -> None:
        # The client would wait for the queue for ever, where no signal reaches it.
        self.close()

    def _fetched(self, messages: Messages) -> Fetched:
        columns = messages.columns
        said = columns["err"] != 0
        good = np.flatnonzero(~said)
        handles, kinds = np.unique(columns["topic"][good], return_inverse=True)
        values, keys = messages.take(good)
        return Fetched(
            [self._topic(handle) for handle in handles.tolist()],
            kinds.astype(np.uint8),
            columns["partition"][good],
            columns["offset"][good],
            columns["stamp"][good],
            values,
            keys,
            [
                Notice(
                    self._topic(int(row["topic"])),
                    int(row["partition"]),
                    int(row["offset"]),
                    KafkaError(int(row["err"])),
                )
                for row in columns[said]
            ],
        )

    def _topic(self, handle: int) -> str:
        name: bytes = self._library.rd_kafka_topic_name(handle) if handle else b""
        return name.decode()


def native_fetch(consumer: Consumer, client: str) -> NativeFetch | None:
    """Make a `NativeFetch` of a consumer; None, and a line in the log, where that can't be.

    Parameters
    ----------
    consumer : Consumer
    client : str
        Its ``client.id``, by which its handle is known again.
    """
    try:
        return _made(consumer, client)
    except (*_AMISS, NotPossible) as error:
        log.warning("native_fetch is not possible here: %s; taking the plain way", error)
        return None


def _made(consumer: Consumer, client: str) -> NativeFetch:
    release = tuple(int(part) for part in version("confluent-kafka").split(".")[:2])
    if release not in _KNOWN:
        raise NotPossible(f"confluent-kafka {'.'.join(map(str, release))} is not known")
    if type(consumer) is not Consumer:
        raise NotPossible(f"the consumer is a {type(consumer).__name__} of another make")
    if ctypes.sizeof(_POINTER) != 8:
        raise NotPossible("it needs a machine with 64 bits")
    library = _library()
    handle = _POINTER.from_address(id(consumer) + object.__basicsize__).value
    if not handle or library.rd_kafka_type(handle) != _CONSUMER:
        raise NotPossible("the client's handle is not where it was")
    if not library.rd_kafka_name(handle).startswith(f"{client}#consumer-".encode()):
        raise NotPossible("the client's handle is of another client")
    key = id(consumer) + _call_key()
    if ctypes.c_int.from_address(key).value != 1 or _PYTHON.PyThread_tss_get(key):
        raise NotPossible("the client's calls are not known where they were")
    return NativeFetch(consumer, handle, library, CallPlace(key))


@lru_cache
def _call_key() -> int:
    """Where in a client's object the key of its calls lies, found by a client in a call back.

    A thread that called a client, and whose lock the client holds for it again, has a call under
    the key, and none before and after.
    """
    found: list[int] = []

    def look(_: str) -> None:
        within = range(object.__basicsize__, Consumer.__basicsize__ - 4, 4)
        found.extend(at for at in within if _is_called_back(id(probe) + at))

    probe = Consumer(
        {
            "bootstrap.servers": "",
            "group.id": "nobody",
            "log_level": 0,
            "stats_cb": look,
            "statistics.interval.ms": 1,
        }
    )
    try:
        until = time.monotonic() + _PROBE_S
        while not found and time.monotonic() < until:
            probe.poll(0.01)
        places = {at for at in found if not _PYTHON.PyThread_tss_get(id(probe) + at)}
        if len(places) != 1:
            raise NotPossible(f"the client's calls have {len(places)} places instead of one")
    finally:
        probe.close()
    return places.pop()


def _is_called_back(key: int) -> bool:
    if ctypes.c_int.from_address(key).value != 1:  # a key that is in use
        return False
    call = _PYTHON.PyThread_tss_get(key)
    return bool(call) and _Call.from_address(call).thread is None


def _library() -> ctypes.CDLL:
    """The librdkafka that is loaded already; never a second one."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    found = {line.split(maxsplit=5)[5] for line in maps if "librdkafka" in line}
    if len(found) != 1:
        raise OSError(f"{len(found)} librdkafka are loaded")
    library: ctypes.CDLL = _declared(ctypes.CDLL(found.pop()), _FUNCTIONS)
    if library.rd_kafka_version() != libversion()[1]:
        raise NotPossible("the librdkafka that is loaded is not the client's")
    return library
