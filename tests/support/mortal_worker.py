"""A worker that kills itself inside a chosen commit, however fast the machine is.

``python -m tests.support.mortal_worker --commit 2 --at produced``: SIGKILL inside the second
commit, after its records were produced, with its offsets beside them, or once it was committed
and nobody was told. With ``--stop`` it stands still there once, until it gets SIGCONT.
"""

from __future__ import annotations

import argparse
import os
import signal
from dataclasses import replace
from typing import Any

from confluent_kafka import Producer

from streams.kafka.ports import REAL, Config
from streams.leaving import leave
from streams.settings import load
from streams.worker.worker import Worker

PLACES = ("produced", "offsets", "committed")


def main() -> int:
    """Work until death."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commit", type=int, required=True)
    parser.add_argument("--at", choices=PLACES, required=True)
    parser.add_argument("--stop", action="store_true", help="stand still instead")
    args = parser.parse_args()
    left, stood = args.commit, False

    def strike() -> None:
        nonlocal stood
        if left <= 0 and not stood:  # the very commit may have failed
            stood = args.stop
            os.kill(os.getpid(), signal.SIGSTOP if args.stop else signal.SIGKILL)

    class Mortal(Producer):
        def send_offsets_to_transaction(self, *rest: Any) -> None:
            nonlocal left
            left -= 1
            if args.at == "produced":
                self.flush(10.0)
                strike()
            super().send_offsets_to_transaction(*rest)
            if args.at == "offsets":
                strike()

        def commit_transaction(self, *rest: Any) -> None:
            super().commit_transaction(*rest)
            if args.at == "committed":
                strike()

    def make(config: Config) -> Producer:
        return Mortal(config) if "transactional.id" in config else Producer(config)

    return Worker(load(), replace(REAL, producer=make)).run()


if __name__ == "__main__":
    leave(main())
