"""No byte string does to a decoder what it must not; the targets are in `tests.fuzz.targets`."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.worker.wiring import warm_up
from tests.fuzz.__main__ import fuzz, mutate
from tests.fuzz.targets import TARGETS, Target

#: A short look at each target; `python -m tests.fuzz` looks longer.
SECONDS = 1.5


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> Iterator[None]:
    warm_up()
    yield


@pytest.mark.parametrize("name", TARGETS)
def test_coverage_finds_nothing(name: str, seed: int) -> None:
    found = fuzz(TARGETS[name], SECONDS, seed)
    assert found.runs >= len(TARGETS[name].seeds)
    assert not found.bad, "\n".join(f"{what}\n{data!r}" for data, what in found.bad)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60)
@given(data=st.binary(max_size=600))
@example(data=b"")
@example(data=b"\x00" + b"[" * 5_000)
@example(data=b'\x01{"event_id":' + b'"' * 3_000)
@example(data=b"\xff" * 300)
def test_bytes_that_mean_nothing(name: str, data: bytes) -> None:
    TARGETS[name].run(data)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60)
@given(rng=st.randoms(use_true_random=False))
def test_neighbours_of_good_input(name: str, rng: Random) -> None:
    target = TARGETS[name]
    target.run(mutate(rng, target.seeds))


def test_a_decoder_that_fails_is_found() -> None:
    """The fuzzer itself: it gets through four doors, one behind the other."""

    def doors(data: bytes) -> None:
        word = data.partition(b'"kind":"')[2]
        assert not word.startswith(b"care\\")

    found = fuzz(Target(doors, lambda: [b'{"kind":"care_case"}']), 20.0, 1, most_runs=20_000)
    assert found.bad


def test_a_decoder_that_takes_long_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.__main__.SLOWEST_S", 0.001)

    def count(data: bytes) -> None:
        for _ in range(10_000 * len(data)):
            pass

    slow = Target(count, lambda: [b""])
    assert "took" in fuzz(slow, 10.0, 1).bad[0][1]
