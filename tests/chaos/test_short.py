"""Chaos in short, for every test run: a seeded handful of faults on a real broker, and a bug.

The long form is ``make chaos``; every planted bug is met by ``python -m tests.chaos --bug all``.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import NewTopic

from streams.kafka import clients
from streams.settings import Settings
from tests.broker.kafka_server import KafkaServer
from tests.broker.log_files import aborted
from tests.chaos.bugs import BUGS, FAULTS_FOR
from tests.chaos.faults import FAULTS
from tests.chaos.load import records
from tests.chaos.proxy import END_TXN, FAIR, Proxy, Weather
from tests.chaos.run import Plan, report, run
from tests.conftest import Names
from tests.support.history import History
from tests.support.new_topics import create
from tests.support.open_transactions import open_transactions
from tests.support.processes import wait_until

#: One of each manner: a process, the group, the end of a transaction, the broker.
_ANSWER_S = 60.0
KINDS = ("kill -9", "zombie", "EndTxn answer lost", "broker kill -9")


@pytest.mark.kafka
@pytest.mark.usefixtures("kafka_jars")
@pytest.mark.timeout(1_200)
def test_every_invariant_holds_under_fire(tmp_path: Path, seed: int) -> None:
    outcome = run(Plan(seed, 16_000, len(KINDS), KINDS, storms=1, jumps=1), tmp_path)
    report(outcome)
    assert not outcome.void, outcome.void
    assert not outcome.broken
    assert outcome.struck == len(KINDS)


@pytest.mark.kafka
@pytest.mark.usefixtures("kafka_jars")
@pytest.mark.chaos
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(tmp_path: Path, bug: str) -> None:
    kinds = FAULTS_FOR[bug]
    outcome = run(Plan(7, 40_000, 2 * len(kinds), kinds, bug, storms=1), tmp_path)
    report(outcome)
    assert not outcome.void, outcome.void
    assert outcome.broken, f"{bug} was not caught"


@pytest.mark.kafka
def test_what_was_aborted_is_read_from_the_files(kafka_server: KafkaServer, names: Names) -> None:
    topic = names.prefix + "log"
    settings = Settings(bootstrap_servers=kafka_server.bootstrap)
    admin = clients.admin(settings)  # held: its answers come in its own thread
    create(admin, NewTopic(topic, 1, 1))
    producer = Producer(
        {"bootstrap.servers": kafka_server.bootstrap, "transactional.id": names.prefix}
    )
    producer.init_transactions(60)
    for number in range(8):
        producer.begin_transaction()
        for _ in range(3):
            producer.produce(topic, b"value", partition=0)
        if number in (2, 5, 6):
            producer.flush(60)
            producer.abort_transaction(60)
        else:
            producer.commit_transaction(60)
    # The last one's marker may come after its answer.
    wait_until(lambda: not open_transactions(admin, [(topic, 0)]), 240)
    seen: dict[str, set[int | None]] = {}
    for level in ("read_committed", "read_uncommitted"):
        consumer = Consumer(
            {
                "bootstrap.servers": kafka_server.bootstrap,
                "group.id": "reader",
                "isolation.level": level,
                "enable.partition.eof": True,
            }
        )
        consumer.assign([TopicPartition(topic, 0, 0)])
        seen[level] = set()
        while (message := consumer.poll(120)) is not None and message.error() is None:
            seen[level].add(message.offset())
        consumer.close()
    hidden = aborted(kafka_server.root, topic, 0)
    assert len(hidden) == 9
    assert hidden == seen["read_uncommitted"] - seen["read_committed"]


def test_the_same_seed_gives_the_same_load() -> None:
    one, other = (list(records(3, 3_000, storms=1, jumps=1)) for _ in range(2))
    assert one == other and len(one) == 3_000
    assert one != list(records(4, 3_000, storms=1, jumps=1))


def test_every_bug_has_faults_that_bring_it_to_light() -> None:
    assert BUGS.keys() == FAULTS_FOR.keys()
    assert all(set(kinds) <= FAULTS.keys() for kinds in FAULTS_FOR.values())


# -- the network that fails on demand


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that sends back what it gets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_repeat, args=(sock,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def _repeat(sock: socket.socket) -> None:
    try:
        while data := sock.recv(4_096):
            sock.sendall(data)
    except OSError:
        pass


def _request(key: int, body: bytes = b"") -> bytes:
    return struct.pack(">ihhi", 8 + len(body), key, 0, 1) + body


def _heard(sock: socket.socket, seconds: float) -> bytes:
    sock.settimeout(seconds)
    try:
        return sock.recv(4_096)
    except TimeoutError:
        return b""


def test_fair_weather_lets_everything_pass(echo: int) -> None:
    proxy = Proxy(echo)
    with socket.create_connection(("127.0.0.1", proxy.port)) as sock:
        for key in (0, END_TXN):
            sock.sendall(_request(key, b"x" * 100))
            assert _heard(sock, _ANSWER_S) == _request(key, b"x" * 100)
    proxy.close()


def test_the_end_of_a_transaction_is_held_and_delivered_after_its_sender_left(echo: int) -> None:
    got = bytearray()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        sock, _ = listener.accept()
        while data := sock.recv(4_096):
            got.extend(data)

    threading.Thread(target=serve, daemon=True).start()
    proxy = Proxy(listener.getsockname()[1])
    proxy.set(Weather(hold_ends=True))
    with socket.create_connection(("127.0.0.1", proxy.port)) as sock:
        sock.sendall(_request(0) + _request(END_TXN))
        _until(lambda: bytes(got) == _request(0) and proxy.ends_held == 1)
    time.sleep(0.2)
    assert bytes(got) == _request(0)
    proxy.set(FAIR)
    _until(lambda: bytes(got) == _request(0) + _request(END_TXN))
    proxy.close()
    listener.close()


def test_an_answer_is_lost_only_where_a_transaction_ended(echo: int) -> None:
    proxy = Proxy(echo)
    proxy.set(Weather(hold_answers=True))
    with socket.create_connection(("127.0.0.1", proxy.port)) as sock:
        sock.sendall(_request(0))
        assert _heard(sock, _ANSWER_S) == _request(0)
        sock.sendall(_request(END_TXN))
        assert _heard(sock, 0.3) == b""
        proxy.set(FAIR)
        assert _heard(sock, _ANSWER_S) == _request(END_TXN)
    proxy.close()


def test_a_cut_resets_and_refuses(echo: int) -> None:
    proxy = Proxy(echo)
    with socket.create_connection(("127.0.0.1", proxy.port)) as sock:
        sock.sendall(_request(0))
        assert _heard(sock, _ANSWER_S) == _request(0)
        proxy.set(Weather(cut=True))
        assert _ends(sock)
        with socket.create_connection(("127.0.0.1", proxy.port)) as other:
            assert _ends(other)
    proxy.close()


def test_held_packets_arrive_in_the_end(echo: int) -> None:
    proxy = Proxy(echo)
    with socket.create_connection(("127.0.0.1", proxy.port)) as sock:
        proxy.set(Weather(held=True))
        sock.sendall(_request(0))
        assert _heard(sock, 0.3) == b""
        proxy.set(FAIR)
        assert _heard(sock, _ANSWER_S) == _request(0)
    proxy.close()


def _ends(sock: socket.socket) -> bool:
    try:
        return _heard(sock, _ANSWER_S) == b""
    except ConnectionError:
        return True


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# -- inputs that lose records


class _At:
    """A message at an offset, as far as the history looks at it."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def offset(self) -> int:
        return self._offset


def _offsets(history: History, log: range) -> list[int]:
    return [item.offset() for item in history.records("t", 0, _log(log))]


def _log(offsets: range) -> list[Message]:
    return [cast(Message, _At(offset)) for offset in offsets]


def test_the_history_of_an_input_that_was_emptied_goes_on() -> None:
    history = History()
    history.keep("t", 0, _log(range(10)))
    assert _offsets(history, range(0)) == list(range(10)), "nobody moved: all was read"
    history.move("t", 0, 4, 10, {"state": 7})
    assert _offsets(history, range(10, 12)) == [0, 1, 2, 3, 4, 5], "six were lost unread"
    assert history.shift("t", 0, "state", 6) == 0
    assert history.shift("t", 0, "state", 7) == history.shift("t", 0) == -6


def test_the_history_of_an_input_that_was_created_anew_goes_on() -> None:
    history = History()
    history.keep("t", 0, _log(range(10)))
    history.move("t", 0, 4, 0, {"state": 7})
    history.keep("t", 0, _log(range(3)))
    history.move("t", 0, 2, 0, {"state": 9})
    assert _offsets(history, range(2)) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert [history.shift("t", 0, "state", at) for at in (6, 7, 8, 9)] == [0, 4, 4, 6]
