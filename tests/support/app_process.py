"""A Faust app as its users run it: a process of its own, killed at the end as a node would be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.processes import DIES_WITH_US

_PREFIX = "INTEREST_STREAMS_"


@contextmanager
def app_process(
    module: str, log: Path, *words: str, **settings: object
) -> Iterator[subprocess.Popen[bytes]]:
    """The app of a module; `words` go to ``faust worker``, settings by their upper-case names."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith(_PREFIX)}
    environ |= {_PREFIX + name: str(value) for name, value in settings.items()}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*DIES_WITH_US, sys.executable, "-m", "faust", "-A", module, "worker", *words],
            cwd=ROOT,
            env={**environ, "TMPDIR": str(log.parent)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)
