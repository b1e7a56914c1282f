"""Shared fixtures; every run prints its seed, and in CI a skipped test is a failed run."""

from __future__ import annotations

import ctypes
import gc
import hashlib
import os
import random
import re
import resource
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings

from tests.support.processes import resident_memory

pytest_plugins = ["tests.broker.fixtures", "tests.support.javascript", "tests.support.shown_page"]

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
SEED_VARIABLE = "TEST_SEED"
_skipped: list[str] = []

# No deadlines: two cores are shared with a broker and with Numba compiling.
_CALM = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "print_blob": True}
settings.register_profile("dev", settings.get_profile("default"), **_CALM)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, **_CALM)
settings.load_profile("ci" if IN_CI else "dev")

# Settings of this machine's own deployment must not reach the tests.
for _name in [name for name in os.environ if name.startswith("INTEREST_STREAMS_")]:
    del os.environ[_name]


def _run_seed() -> int:
    # Kept in the environment, so that processes that share the tests share the seed.
    text = os.environ.get(SEED_VARIABLE) or str(random.SystemRandom().randrange(2**32))
    os.environ[SEED_VARIABLE] = text
    return int(text)


_SEED = _run_seed()


def pytest_report_header() -> str:
    """Say how to repeat this run."""
    return f"seed: {_SEED} (repeat with {SEED_VARIABLE}={_SEED})"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember skipped tests (an expected failure is not one)."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Remember skipped modules."""
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, for at the end one process would wait for them."""
    items.sort(key=lambda item: "/system/" not in item.path.as_posix())


#: Resident bytes and threads beyond which a process that runs tests tidies up: two held eight
#: gigabytes, and hundreds of threads of Kafka clients that asked on.
_TIDY, _TIDY_THREADS = 1_500_000_000, 40
#: Gives freed memory back; where the C library is another than glibc there is none.
_trim = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: 0)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Tidy up after a file whose tests left much behind."""
    if nextitem is not None and nextitem.path == item.path:
        return
    if resident_memory() > _TIDY or len(os.listdir("/proc/self/task")) > _TIDY_THREADS:
        gc.unfreeze()  # a worker inside this process has told the collector to look no more
        gc.collect()
        _trim(0)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail the run when CI skipped something: what is skipped there is tested nowhere."""
    if IN_CI and _skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the skipped tests that failed the run, and its seed when something failed."""
    if IN_CI and _skipped:
        terminalreporter.section("skipped in CI, so this run failed", red=True)
        for nodeid in _skipped:
            terminalreporter.line(nodeid)
    if terminalreporter.stats.get("failed"):
        terminalreporter.line(f"repeat with {SEED_VARIABLE}={_SEED}")


@dataclass(frozen=True)
class Names:
    """Names no other test uses, on a broker that all tests share."""

    prefix: str

    @property
    def group(self) -> str:
        """A consumer group."""
        return self.prefix + "group"

    def topic(self, name: str) -> str:
        """A topic; the same as `Settings.topic` with `topic_prefix` set to `prefix`."""
        return self.prefix + name


@pytest.fixture
def names(request: pytest.FixtureRequest) -> Names:
    """Topic prefix and group of this test only."""
    slug = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40]
    digest = hashlib.sha256(f"{request.node.nodeid}{_SEED}".encode()).hexdigest()[:8]
    return Names(f"{slug}-{digest}.")


@pytest.fixture(scope="module")
def calm() -> Iterator[None]:
    """Kernels that are compiled, and simulated workers that say nothing of expected trouble."""
    from streams.worker.wiring import warm_up  # most tests need no worker
    from tests.simulation.deployment import quiet

    warm_up()
    with quiet():
        yield


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Seed of this test, from the run's; printed, so that pytest shows it on failure."""
    digest = hashlib.sha256(f"{_SEED}{request.node.nodeid}".encode()).digest()
    value = int.from_bytes(digest[:4], "big")
    print(f"seed of this test: {value} (run: {SEED_VARIABLE}={_SEED})")
    return value


@pytest.fixture
def many_files() -> Iterator[None]:
    """Leave for a thousand connections, which are as many files."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] < 1500:
        pytest.skip("a thousand connections take as many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
