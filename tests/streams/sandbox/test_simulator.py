"""The simulator: reproducible, in order, valid for the inlet, and its truth is true."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

from features.records import decoder
from features.tags import exact, taxonomy
from streams.__main__ import main
from streams.contract import topics
from streams.sandbox.contents import INFRASTRUCTURE_HOSTS, INTERESTS, NEUTRAL_HOSTS
from streams.sandbox.simulator import Simulated, Simulation

KIND = {
    topics.FACTS: decoder.FACTS,
    topics.NETWORK: decoder.NETWORK,
    topics.TV: decoder.TV,
    topics.APP: decoder.APP,
}


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return Simulation(seed=3, households=150, days=12)


@pytest.fixture(scope="module")
def records(simulation: Simulation) -> list[Simulated]:
    return list(simulation)


def test_same_seed_same_records() -> None:
    first, again = (list(Simulation(5, 10, 3)) for _ in range(2))
    assert first == again
    assert first != list(Simulation(6, 10, 3))


def test_records_reach_the_operator_in_order(records: list[Simulated]) -> None:
    arrivals = [record.truth.at for record in records]
    assert arrivals == sorted(arrivals)
    for record in records:
        delay = record.truth.at - record.value["ts"]
        assert delay >= 0
        assert delay == 0 or record.truth.late or record.truth.duplicate


def test_every_record_is_accepted_by_the_inlet(records: list[Simulated]) -> None:
    limits = decoder.Limits()
    for record in records:
        raw = orjson.dumps(record.value)
        decoder.decode(KIND[record.topic], raw, record.key.encode(), limits)


def test_consent_comes_before_everything_else(records: list[Simulated]) -> None:
    seen: set[str] = set()
    for record in records:
        if record.key not in seen:
            assert record.value["kind"] == "consent"
            seen.add(record.key)
    assert len(seen) == 150


def test_nothing_happens_after_the_day_of_an_erasure(records: list[Simulated]) -> None:
    erased = {r.key: r.truth.at for r in records if r.value.get("kind") == "erasure"}
    after = [r for r in records if r.key in erased and r.value["ts"] > erased[r.key]]
    assert erased and after, "some events must still follow, or erasure is not put to the test"
    assert all(r.value["ts"] - erased[r.key] < 86_400_000 for r in after)


def test_facts_tell_the_story_that_truth_ends_with(
    simulation: Simulation, records: list[Simulated]
) -> None:
    status: dict[str, str] = {}
    for record in records:
        if record.value.get("kind") == "consent":
            status[record.key] = record.value["status"]
        elif record.value.get("kind") == "erasure":
            status[record.key] = "erased"
    assert status == {key: truth.consent for key, truth in simulation.truth.items()}
    assert {"granted", "denied", "withdrawn", "erased"} == set(status.values())


def test_late_and_duplicate_shares(records: list[Simulated]) -> None:
    done = [record for record in records if record.topic != topics.FACTS]
    late = sum(record.truth.late for record in done) / len(done)
    again = [record for record in done if record.truth.duplicate]
    assert 0.007 < late < 0.014
    assert 0.003 < len(again) / len(done) < 0.008
    ids = Counter(record.value["event_id"] for record in done)
    assert sum(count - 1 for count in ids.values()) == len(again)
    assert max(ids.values()) == 2


def test_behaviour_follows_the_true_interests(
    simulation: Simulation, records: list[Simulated]
) -> None:
    """Whoever did it has the interest, except for zaps and visiting children."""
    truth = {
        account: {m.member_id: m for m in household.members}
        for account, household in simulation.truth.items()
    }
    shown: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in records:
        fact = record.truth
        if fact.interest is None or fact.zap or fact.burst:
            continue
        assert fact.member_id is not None
        assert fact.interest in truth[record.key][fact.member_id].interests
        shown[record.key, fact.member_id].add(fact.interest)
    strong = [
        (account, member.member_id, interest)
        for account, members in truth.items()
        for member in members.values()
        for interest, chance in member.interests.items()
        if chance > 0.6
        and not member.since
        and not member.until
        and simulation.truth[account].consent != "erased"
    ]
    assert strong
    missing = [item for item in strong if item[2] not in shown[item[0], item[1]]]
    assert not missing


def test_every_kind_of_event_occurs(records: list[Simulated]) -> None:
    kinds = {record.value["kind"] for record in records if record.topic == topics.FACTS}
    assert kinds == {
        "consent",
        "registry",
        "purchase",
        "decision_against",
        "care_case",
        "declaration",
        "erasure",
    }
    assert {record.topic for record in records} == KIND.keys()
    assert any(record.truth.burst for record in records)
    assert any(record.truth.zap for record in records)
    hosts = {record.value.get("host") for record in records}
    assert hosts >= set(INFRASTRUCTURE_HOSTS) | set(NEUTRAL_HOSTS)
    assert {record.value.get("country") for record in records} >= {"DE", "US", None}


def test_weekly_habits_show_on_their_day() -> None:
    """Dining Out is mostly a Friday."""
    by_weekday = Counter[int]()
    for record in Simulation(1, 200, 28, date(2019, 3, 4)):
        if record.truth.interest == "218":
            by_weekday[(record.value["ts"] // 86_400_000 + 3) % 7] += 1
    assert by_weekday.most_common(1)[0][0] == 4
    assert by_weekday[4] > 0.3 * by_weekday.total()


def test_contents_are_known_to_the_tagger() -> None:
    tree, table = taxonomy.load(), exact.exact_tags()
    for interest in INTERESTS:
        index = tree.index(interest.id)
        assert tree.names[index] == interest.name
        minors = tree.reveals_minor(interest.id)
        assert bool(tree.sensitive[index]) == minors
        assert interest.hosts or interest.channels
        keys = [
            *(f"host:{host}" for host in interest.hosts),
            *(f"app:{app}" for app in interest.apps),
            *(f"channel:{channel.lower()}" for channel in interest.channels),
        ]
        for key in keys:
            entry = exact.resolve(key, table)
            assert entry is not None, key
            assert entry.denied if minors else index in dict(exact.expand(entry.told, tree)), key
        if interest.channels and not minors:
            assert interest.id in dict(exact.genre_tags(interest.genre))
    for host in INFRASTRUCTURE_HOSTS:
        entry = exact.resolve(f"host:{host}", table)
        assert entry is not None and entry.infrastructure, host


def test_memory_does_not_grow_with_days(simulation: Simulation) -> None:
    """What the planner holds back between days stays within two days of records."""
    longest = max_gap = 0
    previous = 0
    for record in Simulation(2, 20, 30):
        longest = max(longest, record.truth.at - record.value["ts"])
        max_gap = max(max_gap, record.truth.at - previous if previous else 0)
        previous = record.truth.at
    assert longest <= 11 * 3_600_000
    assert max_gap < 86_400_000


@pytest.mark.parametrize("wrong", [{"households": 0}, {"days": 0}, {"scale": 0.0}])
def test_arguments_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="households"):
        Simulation(**wrong)


def _main(*argv: str) -> int:
    return main(["simulate", *argv])


def test_command_writes_one_file_per_topic(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    assert (
        _main(
            "--households",
            "5",
            "--days",
            "2",
            "--out",
            str(tmp_path / "out"),
            "--truth",
            str(truth),
        )
        == 0
    )
    lines = sum(
        len((tmp_path / "out" / f"{name}.jsonl").read_bytes().splitlines())
        for name in topics.INPUTS
    )
    assert lines == len(list(Simulation(7, 5, 2)))
    assert len(truth.read_bytes().splitlines()) == 5


def test_command_writes_one_file(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    assert _main("--households", "5", "--days", "2", "--jsonl", str(path)) == 0
    items = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert [(item["topic"], item["key"], item["value"]) for item in items] == [
        (record.topic, record.key, record.value) for record in Simulation(7, 5, 2)
    ]


def test_command_names_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _main("--households", "0", "--out", str(tmp_path)) == 2
    assert "households" in capsys.readouterr().err
