"""A device whose clock is off is recognised; who delivers late, or a whole feed, is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import orjson
import pytest

from features.records.batch import parse
from features.records.decoder import NETWORK, Limits
from streams import metrics
from streams.worker.clocks import Clocks

pytestmark = pytest.mark.usefixtures("calm")

MINUTE, HOUR = 60_000, 3_600_000
START = 1_700_000_000_000
Off = Callable[[int, int], int]  # of a device by its number, at a time since the start, ms


@pytest.fixture
def clocks() -> Iterator[Clocks]:
    _forget()
    yield Clocks(Limits().future_tolerance_ms)
    _forget()


def _forget() -> None:
    for side in ("ahead", "behind"):
        metrics.CLOCKS_OFF.labels(side).set(0)


def _told() -> tuple[float, float]:
    return tuple(metrics.CLOCKS_OFF.labels(side)._value.get() for side in ("ahead", "behind"))


def _polled(clocks: Clocks, off: Off, since: int = 0, minutes: int = 90, devices: int = 10) -> None:
    """An event of each device in every third minute."""
    for passed in range(since, since + minutes * MINUTE, 3 * MINUTE):
        events = [
            {
                "event_id": f"{passed}", "account_id": f"a{n}", "device_id": "d", "line": "mobile",
                "host": "bbc.co.uk", "duration_ms": 1, "ts": START + passed + off(n, passed),
            }
            for n in range(devices)
        ]  # fmt: skip
        came = np.full(devices, START + passed, np.int64)
        batch, refused = parse(
            [orjson.dumps(event) for event in events],
            [b"a%d" % n for n in range(devices)],
            np.full(devices, NETWORK, np.uint8),
            np.zeros(devices, np.int32),
            np.arange(devices),
            Limits(),
            came,
        )
        clocks.look(batch.records, refused, came)


@pytest.mark.parametrize(
    ("off_ms", "told"),
    [
        (30 * HOUR, (1, 0)),
        (11 * MINUTE, (1, 0)),
        (9 * MINUTE, (0, 0)),
        (-9 * MINUTE, (0, 0)),
        (-2 * HOUR, (0, 1)),
    ],
)
def test_a_clock_that_is_off(clocks: Clocks, off_ms: int, told: tuple[int, int]) -> None:
    _polled(clocks, lambda device, _: off_ms if device == 3 else 0)
    assert _told() == told


def test_a_clock_that_was_set_right(clocks: Clocks) -> None:
    _polled(clocks, lambda device, _: HOUR if device == 3 else 0)
    _polled(clocks, lambda *_: 0, since=2 * HOUR, minutes=3)
    assert _told() == (0, 0)


def test_an_hour_of_it_is_needed(clocks: Clocks) -> None:
    _polled(clocks, lambda device, _: HOUR if device == 3 else 0, minutes=57)
    assert _told() == (0, 0)


def test_who_delivers_late_is_not_off(clocks: Clocks) -> None:
    """Half a day's events, sent within an hour and a half, none of them in time."""
    _polled(clocks, lambda device, passed: -(12 * HOUR - 7 * passed) if device == 3 else 0)
    assert _told() == (0, 0)


def test_a_history_that_is_loaded_tells_nothing_of_devices(clocks: Clocks) -> None:
    _polled(clocks, lambda *_: -50 * HOUR)
    assert _told() == (0, 0)


def test_devices_are_bounded(clocks: Clocks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.worker.clocks._MOST_DEVICES", 2)
    _polled(clocks, lambda device, _: HOUR if device < 4 else 0)
    assert len(clocks._clocks) <= 2
    assert _told()[0] <= 2
