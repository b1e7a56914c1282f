"""One thing after the other, in another thread, and what a failure does to those behind it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from functools import partial

import pytest

from streams.errors import Abandon
from streams.kafka.executor import SingleThreadExecutor
from tests.support.processes import wait_until

_S = 120.0  # nothing here takes longer


def waiting(for_: threading.Event) -> Callable[[], None]:
    def job() -> None:
        assert for_.wait(_S)

    return job


def failing() -> None:
    raise Abandon("no")


def test_jobs_are_done_in_order_and_elsewhere() -> None:
    executor, done = SingleThreadExecutor(), list[tuple[int, int]]()

    def job(n: int) -> None:
        done.append((n, threading.get_ident()))

    for n in range(100):
        executor.put(partial(job, n))
    executor.settle()
    assert [n for n, _ in done] == list(range(100))
    assert {thread for _, thread in done} != {threading.get_ident()}


def test_only_so_many_wait() -> None:
    executor, go, given = SingleThreadExecutor(depth=2), threading.Event(), threading.Event()
    executor.put(waiting(go))

    def more() -> None:
        for _ in range(3):
            executor.put(lambda: None)
        given.set()

    other = threading.Thread(target=more)
    other.start()
    assert not given.wait(0.2)  # the first runs, two wait, the fourth has no room
    go.set()
    assert given.wait(_S)
    other.join(_S)
    executor.settle()


def test_a_failure_is_raised_until_it_is_dropped_and_nothing_behind_it_is_done() -> None:
    executor, go, done = SingleThreadExecutor(depth=3), threading.Event(), list[int]()
    executor.put(waiting(go))
    executor.put(failing)
    executor.put(lambda: done.append(1))
    executor.check()
    go.set()
    for call in (executor.settle, executor.check, lambda: executor.put(lambda: done.append(2))):
        with pytest.raises(Abandon, match="no"):
            call()
    executor.drop()
    executor.put(lambda: done.append(3))
    executor.settle()
    assert done == [3]


def test_dropping_waits_for_the_job_that_runs_and_forgets_the_others() -> None:
    executor, go, done = SingleThreadExecutor(), threading.Event(), list[int]()
    begun = threading.Event()

    def first() -> None:
        begun.set()
        waiting(go)()
        done.append(1)

    executor.put(first)
    assert begun.wait(_S)
    executor.put(lambda: done.append(2))
    dropping = threading.Thread(target=executor.drop)
    dropping.start()
    wait_until(lambda: not executor._jobs, _S)  # the other is forgotten
    assert dropping.is_alive() and done == []
    go.set()
    dropping.join(_S)
    assert not dropping.is_alive() and done == [1]
    executor.settle()
    assert done == [1]


def test_a_full_lane_whose_job_fails_lets_go_of_who_waits() -> None:
    executor, go = SingleThreadExecutor(depth=1), threading.Event()

    def job() -> None:
        waiting(go)()
        failing()

    executor.put(job)
    executor.put(lambda: None)
    threading.Timer(0.2, go.set).start()
    with pytest.raises(Abandon):
        executor.put(lambda: None)


class _Client:
    def work(self) -> None:
        """Do nothing."""


def test_what_a_job_held_is_let_go_of_while_the_next_one_is_waited_for() -> None:
    executor, client = SingleThreadExecutor(), _Client()
    held = weakref.ref(client)
    executor.put(client.work)
    executor.settle()
    del client
    wait_until(lambda: held() is None, _S)


def test_a_thread_without_jobs_ends_and_the_next_job_has_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.kafka.executor._IDLE_S", 0.05)
    executor, threads = SingleThreadExecutor(), list[threading.Thread]()
    for _ in range(2):
        executor.put(lambda: threads.append(threading.current_thread()))
        executor.settle()
        threads[-1].join(_S)
        assert not threads[-1].is_alive()
    assert len({id(thread) for thread in threads}) == 2
