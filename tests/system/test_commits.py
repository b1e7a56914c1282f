"""However often it commits, a worker's last profiles are those of one pass."""

from __future__ import annotations

from functools import cache
from random import Random

import orjson

from features.engine import Engine
from features.records.batch import Batch, parse_log
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import exact_tags
from streams.contract import topics
from streams.sandbox.simulator import Simulation
from streams.settings import Settings
from streams.worker.wiring import engine_config
from tests.support.profile_differences import profile_differences

_KINDS = {name: kind for kind, name in enumerate(topics.INPUTS)}
_COMMIT = 8_000


@cache
def _sequence() -> Batch:
    """Twelve days of 400 households, in order of time."""
    records = sorted(Simulation(seed=7, households=400, days=12), key=lambda r: r.value["ts"])
    values = [orjson.dumps(record.value) for record in records]
    keys = [record.value["account_id"].encode() for record in records]
    return parse_log(values, keys, [_KINDS[record.topic] for record in records], 0)[0]


def _written(chance: Random | None) -> dict[bytes, bytes]:
    """Last profile by key, with commits here and there or one at the end."""
    tree, whole, at = taxonomy.load(), _sequence(), 0
    engine = Engine(engine_config(Settings()), tree, Contents(tree, exact_tags()))
    found: dict[bytes, bytes | None] = {}
    while at < len(whole):
        size = _COMMIT if chance is None else chance.randint(1, 2 * _COMMIT)
        engine.apply(Batch(whole.records[at : at + size], whole.blob))
        at += size
        if chance is not None or at >= len(whole):
            found |= {item.key: item.value for item in engine.collect({}).profiles}
    return {key: value for key, value in found.items() if value is not None}


def test_what_is_material_is_published_whenever_commits_fall() -> None:
    """Two interests that change at once, in ways that cancel out in a sum, are two changes."""
    once, often = _written(None), _written(Random(1))
    assert len(once) > 900
    assert not list(profile_differences(once, often, Settings()))
