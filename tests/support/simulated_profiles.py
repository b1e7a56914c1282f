"""Publishes the profiles of simulated customers in process, without a broker."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import orjson

from features.changes import Changes, ProfileRecord
from features.config import Config
from features.engine import Engine
from features.records.batch import parse
from features.records.decoder import Limits
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import exact_tags, tag_catalogue
from streams.contract import topics
from streams.sandbox.simulator import Simulation, catalogue

_KINDS = {name: kind for kind, name in enumerate(topics.INPUTS)}


def published(
    households: int, days: int, seed: int = 7, commit: int = 2_000
) -> Iterator[ProfileRecord]:
    """Every profile record that one partition publishes, a commit after so many input records."""
    for changes in commits(households, days, seed, commit):
        yield from changes.profiles


def commits(households: int, days: int, seed: int = 7, commit: int = 2_000) -> Iterator[Changes]:
    """What one partition writes in each of its commits."""
    tree = taxonomy.load()
    tags = dict(exact_tags())
    for _, key, value in catalogue():
        if (entry := tag_catalogue(value)) is not None:
            tags[key] = entry
    engine, offset = Engine(Config(), tree, Contents(tree, tags)), 0
    records = iter(Simulation(seed, households=households, days=days))
    while piece := list(islice(records, commit)):
        batch, _ = parse(
            [orjson.dumps(record.value) for record in piece],
            [record.key.encode() for record in piece],
            np.array([_KINDS[record.topic] for record in piece], np.uint8),
            np.zeros(len(piece), np.int32),
            np.arange(offset, offset + len(piece), dtype=np.int64),
            Limits(),
        )
        engine.apply(batch)
        offset += len(piece)
        yield engine.collect({})
