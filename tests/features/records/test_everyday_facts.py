"""Facts as producers write them every day are what they say: nobody is put on hold for one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from features.privacy import rules
from features.records.batch import Batch, parse
from features.records.dead_letter import DeadLetter
from features.records.decoder import FACTS, Limits
from features.records.facts import Doubted
from features.records.inputs import INPUTS, OUTCOMES_TOPIC
from features.records.tolerated import Tolerance
from tests.simulation import inputs
from tests.wire import input as wire

WORDS = rules.load().words
#: What tools add to a fact of ours, and says nothing of rights.
ADDED = {
    "source": "crm", "channel": "shop", "agent": "desk-4", "lang": "de", "version": 3,
    "schema": "v2", "country": "AT", "model": "Kindle", "os": "android", "device_age": 2,
    "blocked": False, "active": True, "price": 12.5, "created_at": 1_704_067_200_000,
    "reason": "moved", "note": "withdrawn once", "tags": ["a"], "meta": {"trace": "x"},
}  # fmt: skip


Item = tuple[bytes, bytes, int]


def _facts() -> list[Item]:
    """Facts and outcomes of the simulation and of the recorded run that are in form."""
    kinds = {INPUTS.topics[FACTS]: FACTS, OUTCOMES_TOPIC: INPUTS.outcomes}
    days = (item for day in wire.days() for arrivals in day for item in arrivals)
    came = ((r.topic, r.key, r.value) for some in (inputs.records(7), days) for r in some)
    found = [(raw, key, kinds[topic]) for topic, key, raw in came if key and topic in kinds]
    refused = _parsed(found, tolerant=False)[1]
    return [item for i, item in enumerate(found) if i not in refused]


def _parsed(items: list[Item], *, tolerant: bool) -> tuple[Batch, dict[int, DeadLetter]]:
    n = len(items)
    raws, keys, kinds = zip(*items, strict=True)
    tolerance = Tolerance(WORDS, lambda _: None) if tolerant else None
    return parse(raws, keys, np.array(kinds, np.uint8), np.zeros(n, np.int32), np.arange(n),
                 Limits(), tolerance=tolerance)  # fmt: skip


@pytest.mark.parametrize("added", [{}, *({name: value} for name, value in ADDED.items())], ids=str)
def test_everyday_facts_are_neither_refused_nor_read_otherwise(added: dict[str, object]) -> None:
    facts = _facts()
    assert len(facts) > 100
    more = [(json.dumps(added | json.loads(raw)).encode(), key, k) for raw, key, k in facts]
    plain, _ = _parsed(facts, tolerant=False)
    batch, refused = _parsed(more, tolerant=True)
    assert refused == {}
    read = [batch.fact(n) for n in range(len(facts))]
    assert not any(isinstance(fact.said, Doubted) for fact in read)
    assert read == [plain.fact(n) for n in range(len(facts))]
