"""``python -m tests.support.uncompiled``: kernels that a worker's first days still compile.

In a process of its own, for what others compiled before is compiled.
"""

from __future__ import annotations

import gc

import numpy as np
import orjson
from numba.core.registry import CPUDispatcher

from features.config import Config
from features.engine import Engine
from features.records.batch import parse
from features.records.decoder import Limits
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import exact_tags
from streams.contract.record import Record
from streams.contract.topics import FACTS, INPUTS
from streams.worker.wiring import warm_up
from tests.support.worker_process import simulated_events

_BATCH = 1_000


def main() -> None:
    """Warm up, let an engine work, and print what had to be compiled or loaded after it."""
    warm_up(shared_model=False)  # as a worker does by default
    before = _ready()
    everything = list(simulated_events(households=20))
    _work(Config(), everything)
    # Of nobody anything is noted where consent is enforced upstream and no facts come.
    events = [record for record in everything if record.topic != FACTS]
    _work(Config(consent_default_grant=True), events[:_BATCH])
    for name, signatures in sorted(_ready().items()):
        if signatures - before.get(name, set()):
            print(name)


def _ready() -> dict[str, set[str]]:
    """Signatures of each kernel of ours that are ready to run, called by Python or by another."""
    found: dict[str, set[str]] = {}
    for kernel in gc.get_objects():
        if isinstance(kernel, CPUDispatcher) and kernel.py_func.__module__.startswith("features."):
            name = f"{kernel.py_func.__module__}.{kernel.py_func.__name__}"
            found.setdefault(name, set()).update(map(str, kernel.overloads))
    return found


def _work(config: Config, records: list[Record]) -> None:
    tree = taxonomy.load()
    contents = Contents(tree, exact_tags())
    engine = Engine(config, tree, contents)
    state: dict[bytes, bytes] = {}
    for at in range(0, len(records), _BATCH):
        part = records[at : at + _BATCH]
        batch, _ = parse(
            [orjson.dumps(record.value) for record in part],
            [record.key.encode() for record in part],
            np.array([INPUTS.index(record.topic) for record in part], np.uint8),
            np.zeros(len(part), np.int32),
            np.arange(at, at + len(part)),
            Limits(),
        )
        engine.apply(batch)
        state |= {k: v for k, v in engine.collect({}).state.items() if v is not None}
    Engine(config, tree, contents).load(state.items())


if __name__ == "__main__":
    main()
