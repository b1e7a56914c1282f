"""A worker that folds and does not commit while a file is there, and says what it has folded.

``python -m tests.support.holding_worker --hold FILE --folded FILE``: as long as the first one is
there no commit is due, however slow the machine; the second holds the number of records that were
folded so far. Asked to stop it says "leaving", and then commits as any worker does.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest import mock

from streams.leaving import leave
from streams.settings import Settings, load
from streams.worker.pipeline import Pipeline
from streams.worker.worker import Worker
from tests.support.worker_process import WorkerProcess


class HoldingProcess(WorkerProcess):
    """Such a worker as a process; it commits until it is told to hold."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._hold, self._folded = log.with_suffix(".hold"), log.with_suffix(".folded")
        super().__init__(settings, log, _command(self._hold, self._folded))

    def hold(self) -> None:
        """Let no commit be due from now on."""
        self._hold.touch()

    @property
    def folded(self) -> int:
        """Records that were folded so far."""
        return int(self._folded.read_text()) if self._folded.exists() else 0


def _command(hold: Path, folded: Path) -> Iterable[str]:
    module = ("-m", "tests.support.holding_worker")
    return (sys.executable, *module, "--hold", str(hold), "--folded", str(folded))


def main() -> int:
    """Work until asked to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hold", type=Path, required=True)
    parser.add_argument("--folded", type=Path, required=True)
    args = parser.parse_args()
    advance, folded = Pipeline._advance, 0

    def counted(*given: Any) -> int:
        nonlocal folded
        count = advance(*given)
        folded += count
        fresh = args.folded.with_suffix(".new")
        fresh.write_text(str(folded))
        os.replace(fresh, args.folded)
        return count

    class Holding(Worker):
        def _due(self) -> bool:
            return not args.hold.exists() and super()._due()

        def leave(self) -> None:
            print("leaving", flush=True)
            super().leave()

    with mock.patch.object(Pipeline, "_advance", counted):
        return Holding(load()).run()


if __name__ == "__main__":
    leave(main())
