"""A worker that kills itself inside a chosen commit, however fast the machine is.

``python -m tests.support.mortal_worker --commit 2 --at produced``: SIGKILL inside the second
commit, after its records were produced, with its offsets beside them, or once it was committed
and nobody was told.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from dataclasses import replace
from typing import Any

from confluent_kafka import Producer

from streams.kafka.ports import REAL, Config
from streams.settings import load
from streams.worker.worker import Worker

PLACES = ("produced", "offsets", "committed")


def main() -> int:
    """Work until death."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commit", type=int, required=True)
    parser.add_argument("--at", choices=PLACES, required=True)
    args = parser.parse_args()
    left = args.commit

    class Mortal(Producer):
        def send_offsets_to_transaction(self, *rest: Any) -> None:
            nonlocal left
            left -= 1
            if args.at == "produced":
                self.flush(10.0)
                _die(left)
            super().send_offsets_to_transaction(*rest)
            if args.at == "offsets":
                _die(left)

        def commit_transaction(self, *rest: Any) -> None:
            super().commit_transaction(*rest)
            if args.at == "committed":
                _die(left)

    def make(config: Config) -> Producer:
        return Mortal(config) if "transactional.id" in config else Producer(config)

    return Worker(load(), replace(REAL, producer=make)).run()


def _die(left: int) -> None:
    if left <= 0:  # the very commit may have failed
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
