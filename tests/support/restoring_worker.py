"""A worker that stands still amid its first restore until it gets SIGCONT.

``python -m tests.support.restoring_worker``: whoever has it stand there needs no luck to strike
before the restore is over.
"""

from __future__ import annotations

import os
import signal
from unittest import mock

from streams.leaving import leave
from streams.settings import load
from streams.worker.restore import Restore
from streams.worker.worker import Worker


def main() -> int:
    """Work until asked to stop."""
    step, turns = Restore.step, 0

    def halting(self: Restore, seconds: float) -> bool:
        nonlocal turns
        turns += 1
        if turns == 2:  # the first has read some, and not all
            os.kill(os.getpid(), signal.SIGSTOP)
        return step(self, seconds)

    with mock.patch.object(Restore, "step", halting):
        return Worker(load()).run()


if __name__ == "__main__":
    leave(main())
