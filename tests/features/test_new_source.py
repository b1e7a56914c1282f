"""A new source of events is one row: decoded, scanned, folded, published and in the contract.

The row stands here as it would stand in `features.records.inputs`; CONTRIBUTING shows it.
"""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from features.config import Config
from features.engine import Engine
from features.records import batch as batches
from features.records.batch import Batch, parse
from features.records.dead_letter import DeadLetter
from features.records.decoder import FACTS, Limits, decode
from features.records.forms import Choice, Field, Flag, Input, Mode, Text, Whole
from features.records.inputs import APP_EVENTS, INPUTS, SPAN, Inputs
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import TagEntry
from features.vocabulary import KeyPrefix, Outcome, Source
from streams.contract.input_schemas import input_schemas
from tests.support.feeding import START

# -- example: a new source
FIXED_LINE_CALLS = Input(
    name="calls",
    topic="fixed-line-calls",
    title="A call from a fixed line to a business",
    about="calls from fixed lines to businesses",
    source=Source.NETWORK,
    fields=(
        Field("direction", Choice(("outgoing", "incoming")), "who called", True),
        Field("branch", Text(64), "branch of the business in the directory", True),
        Field("talked_ms", SPAN, "time talked; 0 if absent"),
        Field("rings", Whole(0, 100), "before it was taken"),
        Field("answered", Flag(), "whether it was taken"),
    ),
    contents=((KeyPrefix.CATEGORY, "branch"),),
    mode="direction",
    modes=(Mode("outgoing", 0.6),),
    attention="talked_ms",
)
# -- end of the example

WITH_CALLS = Inputs((*INPUTS.events, FIXED_LINE_CALLS))
CALLS = len(WITH_CALLS.events)
CONTENTS = {"category:car dealers": TagEntry((("1", 1.0),), "own:directory", 1.0)}


def record(event_id: str, **fields: Any) -> bytes:
    body = {"event_id": event_id, "account_id": "acc-1", "ts": START + 1}
    return json.dumps(body | fields, ensure_ascii=False).encode()


def call(event_id: str = "e-1", **fields: Any) -> bytes:
    return record(event_id, **({"direction": "outgoing", "branch": "Car dealers"} | fields))


def read(
    *items: tuple[int, bytes], inputs: Inputs = WITH_CALLS, fast: bool = True
) -> tuple[Batch, dict[int, DeadLetter]]:
    n = len(items)
    return parse(
        [raw for _, raw in items],
        [b"acc-1"] * n,
        np.array([kind for kind, _ in items], np.uint8),
        np.zeros(n, np.int32),
        np.arange(n),
        Limits(),
        inputs=inputs,
        fast=fast,
    )


def profile(*raws: bytes) -> tuple[list[str], dict[str, Any], Engine]:
    """Outcomes, and the profile of the only account, through decoder and engine."""
    consent = record("c-1", kind="consent", status="granted").replace(
        b"%d" % (START + 1), b"%d" % START
    )
    batch, refused = read((FACTS, consent), *((CALLS, raw) for raw in raws))
    assert not refused
    tree = taxonomy.load()
    engine = Engine(Config(inputs=WITH_CALLS), tree, Contents(tree, CONTENTS))
    outcomes = [Outcome(code).word for code in engine.apply(batch)]
    return outcomes, json.loads(engine.profile(b"acc-1") or b"null"), engine


def test_an_event_of_the_new_source_is_in_the_profile_by_name() -> None:
    outcomes, said, engine = profile(call(talked_ms=60_000))
    assert outcomes == ["fact", "counted"]
    assert said["evidence"]["sources"] == ["calls"]
    (interest,) = said["interests"]
    assert interest["id"] == "1"
    assert interest["sources"] == {"network": 1.0}  # the source it is kept under


@pytest.mark.parametrize(
    ("fields", "weight"),
    [
        ({}, 0.6),
        ({"talked_ms": 600_000}, 600_000 / 900_000),
        ({"direction": "incoming", "talked_ms": 300_000}, 0.5),
        ({"direction": "incoming"}, 0.0),
    ],
)
def test_its_row_says_what_a_call_is_worth(fields: dict[str, Any], weight: float) -> None:
    outcomes, _, engine = profile(call(**fields))
    assert outcomes[1] == ("counted" if weight else "infrastructure")
    store = engine.store
    parts = store.rows.windows["part"][: int(store.counters["rows_end"])]
    # Masses are kept as of the day before, which is still open, with the longest half-life.
    assert float(parts.sum()) == pytest.approx(weight * 2 ** (1 / 60), rel=1e-6)


CASES: list[tuple[bool, bool, dict[str, Any]]] = [  # taken, by the scanner alone, what
    (True, True, {}),
    (True, True, {"talked_ms": 7 * 86_400_000, "rings": 100}),
    (True, True, {"branch": "ö" * 32}),
    (True, False, {"branch": "ö" * 33}),
    (True, False, {"answered": True}),
    (True, True, {"action": "open", "host": "a field of others"}),
    (False, False, {"direction": "Outgoing"}),
    (False, False, {"direction": None}),
    (False, False, {"branch": ""}),
    (False, False, {"branch": "a" * 65}),
    (False, False, {"branch": None}),
    (False, False, {"rings": 101}),
    (False, False, {"rings": "1"}),
    (False, False, {"talked_ms": -1}),
    (False, False, {"answered": "yes"}),
]


@pytest.mark.parametrize(("taken", "scanned", "fields"), CASES)
def test_decoder_scanner_and_schema_follow_the_row(
    taken: bool, scanned: bool, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = call(**fields)
    _, schema = input_schemas(WITH_CALLS)["fixed-line-calls"]
    assert Draft202012Validator(schema).is_valid(json.loads(raw)) == taken
    exact = mock.Mock(side_effect=decode)
    monkeypatch.setattr(batches, "decode", exact)
    quick, slow = read((CALLS, raw)), read((CALLS, raw), fast=False)
    assert len(quick[0]) == len(slow[0]) == int(taken)
    assert exact.call_count == 1 + (not scanned)
    assert quick[1] == slow[1]
    for name in ("content_hash", "prefix", "prefix2", "duration_ms", "mode", "kind"):
        assert quick[0].records[name].tolist() == slow[0].records[name].tolist(), name
    if taken:
        assert quick[0].content_key(0) == slow[0].content_key(0)


def test_other_sources_are_read_as_before() -> None:
    raw = record("e-2", app_id="a", action="search", duration_ms=5)
    kind = INPUTS.events.index(APP_EVENTS) + 1
    before, after = read((kind, raw), inputs=INPUTS)[0], read((kind, raw))[0]
    assert before.records.tobytes() == after.records.tobytes()


def _row(**changed: Any) -> Input:
    return Input(
        **{field: getattr(FIXED_LINE_CALLS, field) for field in Input.__dataclass_fields__}
        | changed
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([FIXED_LINE_CALLS] * 8, "8 sources: the state has room for 7"),
        ([_row(attention="spoken_ms")], "calls: 'spoken_ms' is none of its fields"),
        ([_row(modes=(Mode("missed", 0.1),))], "calls: 'missed' is no word of direction"),
        (
            [_row(fields=(*FIXED_LINE_CALLS.fields, Field("a_very_long_name", SPAN, "")))],
            "field 'a_very_long_name': at most 15 bytes",
        ),
    ],
)
def test_a_row_that_won_t_do_says_why(rows: list[Input], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Inputs(tuple(rows))
