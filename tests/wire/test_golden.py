"""Not a byte that goes out has changed, and where one has, it is named."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from streams.contract import topics
from tests.broker.memory_broker import Entry
from tests.support.paths import ROOT
from tests.wire import __main__ as wire


def test_what_goes_out_is_what_went_out(seed: int) -> None:
    """In a process of its own: metrics count for a whole process, and hashes differ in each."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.wire"],
        cwd=ROOT,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
    )
    assert ran.returncode == 0, (
        f"{ran.stdout}{ran.stderr}\nIf it is meant: python -m tests.wire --write"
    )


# -- a difference is named


def entry(number: int, value: bytes = b"v") -> Entry:
    return Entry(b"k%d" % number, value, [("h", b"1")], 0, None)


def golden(entries: list[Entry], **more: Any) -> dict[str, Any]:
    whole = {
        "made with": {"numpy": "2"},
        "topics": {"t[0]": wire._reduced(entries)},
        "metrics": {"m": {"type": "counter", "values": {"m{a=1}": 2.0}}},
        **more,
    }
    return copy.deepcopy(whole)


SOUND = [entry(n) for n in range(50)]


def test_no_difference_is_none() -> None:
    assert wire.differences(golden(SOUND), golden(SOUND), {"t[0]": SOUND}) == []


@pytest.mark.parametrize(
    ("changed", "first"),
    [
        ([*SOUND[:30], entry(30, b"other"), *SOUND[31:]], 30),
        ([*SOUND[:2], SOUND[2]._replace(headers=[("h", b"2")]), *SOUND[3:]], 2),
        ([SOUND[0]._replace(key=None), *SOUND[1:]], 0),
        ([*SOUND[:10], SOUND[11], SOUND[10], *SOUND[12:]], 10),
        (SOUND[:-1], 49),
        ([*SOUND, entry(50)], 50),
    ],
)
def test_the_first_record_that_differs_is_named(changed: list[Entry], first: int) -> None:
    found = wire.differences(golden(SOUND), golden(changed), {"t[0]": changed})
    assert found[0].startswith("topics: t[0]: ") and f"{len(changed)} now" in found[0]
    assert f"record {first}" in found[1]


def test_empty_and_absent_are_told_apart() -> None:
    absent = [entry(0)._replace(value=None)]
    assert wire.differences(golden([entry(0, b"")]), golden(absent), {"t[0]": absent})


def test_topics_metrics_and_lines_are_named() -> None:
    old = golden(SOUND, commands={"size": {"exit": 0, "out": ["a", "b"]}})
    new = golden(SOUND, commands={"size": {"exit": 1, "out": ["a", "c"]}})
    new["topics"]["u[0]"] = new["topics"].pop("t[0]")
    new["metrics"]["m"]["values"] = {"m{a=2}": 2.0}
    new["made with"] = {"numpy": "3"}
    assert wire.differences(old, new, {}) == [
        "topics: t[0]: gone",
        "topics: u[0]: new",
        "metrics: m: values: m{a=1}: gone",
        "metrics: m: values: m{a=2}: new",
        "commands: size: exit: 0 -> 1",
        "commands: size: out: line 2: 'b' -> 'c'",
        "",
        "The file was made elsewhere, where floating point may round otherwise:",
        "made with: numpy: '2' -> '3'",
    ]


def test_the_run_has_everything_in_it() -> None:
    """The file pins little if the run stops doing something."""
    held = json.loads(wire.PATH.read_text())
    values = {
        sample: value
        for metric in held["metrics"].values()
        for sample, value in metric["values"].items()
        if value
    }
    for name in (
        "outcomes_total{outcome=late}",
        "outcomes_total{outcome=duplicate}",
        "dead_letters_total{reason=unknown_kind}",
        "learned_rows_total{}",
        "days_closed_total{}",
        "restored_records_total{}",
        "standby_records_total{}",
        "aborts_total{reason=abandoned}",
        "tombstones_total{topic=interest-profiles}",
        "audience_segments_total{action=withdrawn}",
        "catalogue_entries_total{outcome=editor}",
    ):
        assert f"interest_streams_{name}" in values
    written = {spot.partition("[")[0] for spot, topic in held["topics"].items() if topic["records"]}
    # Who was looked up is written by the look-up service, which is no part of the run; outcomes are
    # joined, and models shared, where a setting says so.
    every = {spot.partition("[")[0] for spot in held["topics"]}
    assert written == every - {topics.LOOKUPS, topics.OUTCOMES, topics.MODELS}
