"""A worker under observation: paced, says what it holds when asked, a bug if wanted.

Paced, so that the input lasts as long as the faults. The hooks stand around the real worker;
without ``--bug`` nothing of what it does is changed.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from confluent_kafka import Consumer

from streams.__main__ import main as command
from streams.errors import Abandon
from streams.kafka.ports import REAL
from streams.leaving import leave
from streams.settings import Settings
from streams.worker import worker
from streams.worker.worker import Worker
from tests.chaos.bugs import plant
from tests.support.reference import canonical, digest_of

_LOOK_S = 0.5


class Orders:
    """What the run tells its workers by a file.

    Attributes
    ----------
    rate : float
        Records a second, 0 for all it can.
    clock_off_s : float
        How wrong its wall clock is.
    dump : int
        Number of the wanted report of live state.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._looked = 0.0
        self.rate = 0.0
        self.clock_off_s = 0.0
        self.dump = 0

    def look(self) -> None:
        """Read the file, now and then."""
        now = time.monotonic()
        if now - self._looked > _LOOK_S:
            self._looked = now
            found = json.loads(self._path.read_text())
            self.rate, self.clock_off_s = found["rate"], found["clock_off_s"]
            self.dump = found["dump"]


def write_json(path: Path, value: object) -> None:
    """Replace a file at once as a whole."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(value))
    os.replace(fresh, path)


class Observed(Worker):
    """The worker with a pace and a way to ask what it holds."""

    def __init__(self, settings: Settings, orders: Orders, dump: Path) -> None:
        super().__init__(settings, replace(REAL, wall=lambda: time.time() + orders.clock_off_s))
        self._orders, self._dump = orders, dump
        self._tokens, self._filled = 0.0, time.monotonic()
        self._dumped = 0
        self._poll = self._inlet.poll
        self._inlet.poll = self._paced  # type: ignore[method-assign]  # a hook, not a change

    def step(self) -> None:
        """One turn; afterwards the digest, if asked for and nothing is uncommitted."""
        super().step()
        parts = self._inlet.partitions
        if (
            self._dumped != self._orders.dump
            and not self._membership.restoring
            and all(
                part.cut_at == part.merge.position() and not part.busy for part in parts.values()
            )
        ):
            with suppress(Abandon):  # the next step meets it again
                self._pipeline.settle()
                self._write_dump()

    def _write_dump(self) -> None:
        self._dumped = self._orders.dump
        write_json(
            self._dump,
            {
                "number": self._dumped,
                "digests": {
                    number: digest_of(canonical(engine))
                    for number, engine in self._membership.engines.items()
                },
            },
        )

    def _paced(self, consumer: Consumer, limit: int, timeout: float) -> int:
        self._orders.look()
        rate = self._orders.rate
        if not rate:
            return self._poll(consumer, limit, timeout)
        now = time.monotonic()
        self._tokens = min(rate, self._tokens + rate * (now - self._filled))
        self._filled = now
        if self._tokens < 1:
            time.sleep(0.02)
        count = self._poll(consumer, max(1, min(limit, int(self._tokens))), timeout)
        self._tokens -= count
        return count


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=Path, required=True, help="file of the run's orders")
    parser.add_argument("--dump", type=Path, required=True, help="where digests go")
    parser.add_argument("--bug", help="plant this bug")
    args = parser.parse_args()
    if args.bug:
        plant(args.bug)
    observed = partial(Observed, orders=Orders(args.orders), dump=args.dump)
    worker.Worker = observed  # type: ignore[assignment,misc]  # what the command makes and runs
    return command(["worker"])


if __name__ == "__main__":
    leave(main())
