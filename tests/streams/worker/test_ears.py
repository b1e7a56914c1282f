"""Signals that are heard while Python is busy, and a broker that is or is not there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.worker import reach
from streams.worker.ears import Ears
from streams.worker.health import Health
from streams.worker.reach import Reach
from tests.simulation import inputs
from tests.support.processes import wait_until


@pytest.fixture
def opened() -> Iterator[Callable[[bool], tuple[Ears, list[int]]]]:
    """Opens ears that end nothing."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}

    def make(holds_nothing: bool) -> tuple[Ears, list[int]]:
        ended: list[int] = []
        ears = Ears(lambda: holds_nothing, lambda code, said: ended.append(code))
        ears.open()
        return ears, ended

    yield make
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_asks_and_a_second_one_ends(
    opened: Callable[[bool], tuple[Ears, list[int]]],
) -> None:
    ears, ended = opened(False)
    os.kill(os.getpid(), signal.SIGTERM)
    wait_until(lambda: ears.asked, 120)
    assert ended == []
    os.kill(os.getpid(), signal.SIGINT)
    wait_until(lambda: ended == [143], 120)


def test_who_holds_nothing_ends_at_once(opened: Callable[[bool], tuple[Ears, list[int]]]) -> None:
    _, ended = opened(True)
    os.kill(os.getpid(), signal.SIGINT)
    wait_until(lambda: ended == [0], 120)


def test_other_signals_ask_for_nothing(opened: Callable[[bool], tuple[Ears, list[int]]]) -> None:
    ears, _ = opened(True)
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(0.2)
    signal.signal(signal.SIGUSR1, before)
    assert not ears.asked


def test_a_broker_that_does_not_answer_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    away = [False]

    def list_topics(topic: str, timeout: float) -> Any:
        if away[0]:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    monkeypatch.setattr(reach, "_EVERY_S", 0.01)
    monkeypatch.setattr(reach, "_AWAY_S", 3_600.0)  # it is there, however slow the machine
    monkeypatch.setattr(
        "streams.kafka.clients.admin",
        lambda settings, role: SimpleNamespace(list_topics=list_topics),
    )
    health = Health("127.0.0.1", 0, 60.0)
    health.tick(True, "ready")
    asking = Reach(inputs.settings(), health.reached)
    asking.start()
    assert health._readyz().status == 200
    monkeypatch.setattr(reach, "_AWAY_S", 0.1)
    away[0] = True
    wait_until(lambda: health._readyz().status == 503, 120)
    assert not asking.there and health._readyz().body == b"no broker answers\n"
    away[0] = False
    wait_until(lambda: health._readyz().body == b"ready\n", 120)
    asking.stop()
