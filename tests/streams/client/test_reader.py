"""The client for downstream teams: light, tolerant, and right about ends and versions."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
import pytest
from confluent_kafka import Producer

from streams import client
from streams.__main__ import main
from streams.client import (
    AsyncProfileReader,
    Forgotten,
    Profile,
    ProfileError,
    ProfileReader,
    ReaderError,
)
from streams.kafka import compacted
from tests.conftest import Names
from tests.support.paths import GOLDEN, ROOT
from tests.support.processes import wait_until
from tests.support.profile_topic import ProfileTopic, updates, versions

_READ_S = 240.0
PROFILES = json.loads((GOLDEN / "interest-profiles.json").read_text())
RECORDS = {g["key"]: g for g in PROFILES["records"]}


def decoded(key: str = "acc-1/m-2", **changes: Any) -> Profile:
    golden = RECORDS[key]
    headers = [(name, text.encode()) for name, text in golden["headers"].items()]
    return Profile.from_record(key.encode(), orjson.dumps({**golden["value"], **changes}), headers)


# -- decoding


def test_importing_it_pulls_in_nothing_heavy() -> None:
    heavy = {"numba", "river", "faust", "features.records", "features.tags", "numpy", "pandas"}
    heavy |= {"rich"}
    code = f"import sys, streams.client\nprint(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_golden_profile_is_read_whole() -> None:
    profile = decoded()
    assert (profile.subject, profile.account_id, profile.member_id) == ("acc-1/m-2", "acc-1", "m-2")
    assert (profile.version, profile.as_of, profile.schema) == (7, 1_700_000_000_000, 1)
    assert (profile.model_id, profile.model_version) == ("ftrl-logistic", 12)
    assert profile.context == client.Context(False, "DE")
    first = profile.interests[0]
    assert (first.id, first.name, first.score, first.lift) == ("483", "Sports", 0.8123, 2.31)
    assert (first.trend, first.stance, first.last_active) == ("rising", "engage", "2023-11-14")
    assert first.dayparts["weekday-evening"] == 0.61 and first.sources["tv"] == 0.2
    assert first.reasons[0] == client.Reason("active_days_28", 12)
    assert profile.interests[1].reasons == (client.Reason("decision_against"),)
    assert profile.evidence == client.Evidence(123, 14, ("app", "network", "tv"))
    assert decoded("acc-2").member_id is None and decoded("acc-2").context.country is None


def test_suppressions_end_when_they_say() -> None:
    profile = decoded()
    assert profile.suppressed("483", 0), "an open care case suppresses everything"
    quiet = decoded(suppressions=[{"scope": "1", "reason": "purchase", "until": 100}])
    assert quiet.suppressed("1", 99) and not quiet.suppressed("1", 100)
    assert not quiet.suppressed("2", 99)


def test_later_versions_are_read() -> None:
    profile = decoded(
        schema=2,
        brand_new={"a": [1]},
        context={"roaming": True, "planet": "earth"},
        interests=[{"id": "9", "trend": "exploding", "stance": "whisper", "score": 1, "x": 1}],
    )
    assert profile.interests == (
        client.Interest("9", trend="exploding", stance="whisper", score=1.0),
    )
    assert Profile.from_record("a", b'{"version":1}') == Profile("a", 1, 0)
    assert Profile.from_record("a", b'{"version":1}', [("schema-version", b"3")]).schema == 3


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"", "a: value is not JSON"),
        (b"{", "a: value is not JSON"),
        (b"[]", "a: value is not an object"),
        (b"{}", "a: version is missing"),
        (b'{"version":"7"}', "a: version: expected int, found str"),
        (b'{"version":true}', "a: version: expected int, found bool"),
        (b'{"version":1,"interests":{}}', "a: interests: expected list"),
        (b'{"version":1,"interests":[1]}', "a: interests: expected objects"),
        (b'{"version":1,"interests":[{}]}', "a: id is missing"),
        (b'{"version":1,"suppressions":[{"scope":"all","until":"x"}]}', "a: until: expected int"),
    ],
)
def test_other_records_are_refused_by_field(value: bytes, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        Profile.from_record(b"a", value)


def test_broken_schema_header_is_refused() -> None:
    with pytest.raises(ProfileError, match="schema-version"):
        Profile.from_record(b"a", b'{"version":1}', [("schema-version", b"one")])


# -- reading a topic


@pytest.fixture
def topic(kafka: str, names: Names) -> Iterator[ProfileTopic]:
    yield ProfileTopic(kafka, names)


def test_bootstrap_of_an_empty_topic_ends_at_once(topic: ProfileTopic) -> None:
    with topic.reader() as reader:
        assert reader.bootstrap(_READ_S) == {}, "it raises where it waits"


@pytest.mark.parametrize("many", [1, 3_000])
def test_bootstrap_reads_committed_records_past_markers(topic: ProfileTopic, many: int) -> None:
    topic.write(*((f"a-{i}", 1) for i in range(many)), partition=0)
    topic.write(("b", 1), ("b", 2), ("c", 1), ("c", None), partition=1)
    topic.write(("aborted", 1), partition=1, commit=False)  # the partition ends in markers
    with topic.reader() as reader:
        assert reader.bootstrap(_READ_S) is reader.profiles
        assert versions(reader) == {**{f"a-{i}": 1 for i in range(many)}, "b": 2}


def test_bootstrap_does_not_wait_for_an_open_transaction(topic: ProfileTopic) -> None:
    topic.write(("a", 1))
    topic.begin(("a", 2))
    with topic.reader() as reader:
        reader.bootstrap(_READ_S)
        assert versions(reader) == {"a": 1}
        assert updates(reader, 0) == []
        topic.commit()
        assert updates(reader, 1) == [2]


def test_follow_yields_news_only(topic: ProfileTopic) -> None:
    topic.write(("a", 3))
    with topic.reader() as reader:
        reader.bootstrap(_READ_S)
        topic.write(("a", 3), ("a", 2), ("a", 4), ("x", None), ("a", None), ("a", 1))
        assert updates(reader, 3) == [4, ("a", True), 1]
        assert versions(reader) == {"a": 1}


def test_versions_that_began_anew_are_recognised(topic: ProfileTopic) -> None:
    topic.write(("a", 9), as_of=1_000)
    with topic.reader() as reader:
        reader.bootstrap(_READ_S)
        topic.write(("a", 1), as_of=2_000)  # the tombstone between was compacted away
        assert updates(reader, 1) == [1]


def test_keep_bounds_what_is_held(topic: ProfileTopic) -> None:
    topic.write(("a", 1), ("b", 1), ("b", 2))
    with topic.reader(keep=lambda p: p.subject == "b" and p.version < 4) as reader:
        reader.bootstrap(_READ_S)
        assert versions(reader) == {"b": 2}
        topic.write(("b", 3), ("a", 2), ("b", 4), ("b", None))
        assert updates(reader, 2) == [3, ("b", False)]
        assert reader.profiles == {}


def test_wants_spares_the_decoding(topic: ProfileTopic) -> None:
    plain = Producer({"bootstrap.servers": topic.servers})
    plain.produce(topic.name, key=b"a", value=b"{", partition=0)
    assert plain.flush(30) == 0
    topic.write(("b", 1), ("c", 1))
    with topic.reader(wants={"a-no", "b"}.__contains__) as reader:
        reader.bootstrap(_READ_S)
        assert versions(reader) == {"b": 1} and reader.unreadable == 0


def test_follow_without_bootstrap_reads_all(topic: ProfileTopic) -> None:
    topic.write(("a", 1), ("a", 2))
    with topic.reader() as reader:
        assert updates(reader, 2) == [1, 2]


def test_only_given_partitions(topic: ProfileTopic) -> None:
    topic.write(("a", 1), partition=0)
    topic.write(("b", 1), partition=1)
    with topic.reader(partitions=[1]) as reader:
        reader.bootstrap(_READ_S)
        assert versions(reader) == {"b": 1}
    with topic.reader(partitions=[1, 7]) as reader, pytest.raises(ReaderError, match=r"\[7\]"):
        reader.bootstrap(_READ_S)


def test_added_partitions_are_found(topic: ProfileTopic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacted, "_NEW_PARTITIONS_S", 0.5)
    with topic.reader() as reader:
        reader.bootstrap(_READ_S)
        topic.grow(4)
        topic.write(("new", 1), partition=3)
        assert updates(reader, 1) == [1]


def test_unreadable_records_are_counted_and_passed_over(topic: ProfileTopic) -> None:
    plain = Producer({"bootstrap.servers": topic.servers})
    plain.produce(topic.name, key=b"a", value=b"{", partition=0)
    assert plain.flush(30) == 0
    topic.write(("b", 1))
    with topic.reader() as reader:
        reader.bootstrap(_READ_S)
        assert versions(reader) == {"b": 1} and reader.unreadable == 1


def test_absent_topic_and_absent_broker_are_named(
    topic: ProfileTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        ProfileReader(topic.servers, "nowhere") as reader,
        pytest.raises(ReaderError, match="nowhere: .*[Uu]nknown topic"),
    ):
        reader.bootstrap(5)
    monkeypatch.setattr(compacted, "_METADATA_S", 1.0)
    with (
        ProfileReader("127.0.0.1:1", "t", kafka={"log_level": "0"}) as reader,
        pytest.raises(ReaderError, match="^t: "),
    ):
        reader.bootstrap(5)


# -- command line


def run(*argv: str) -> int:
    return main(["profile", *argv])


def test_profile_command(
    topic: ProfileTopic,
    names: Names,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("INTEREST_STREAMS_BOOTSTRAP_SERVERS", topic.servers)
    monkeypatch.setenv("INTEREST_STREAMS_TOPIC_PREFIX", names.prefix)
    plain = Producer({"bootstrap.servers": topic.servers})
    plain.produce(
        topic.name, key=b"acc-1/m-2", partition=2, value=orjson.dumps(RECORDS["acc-1/m-2"]["value"])
    )
    assert plain.flush(30) == 0
    assert run("acc-1/m-2", "--json") == 0
    shown = orjson.loads(capsys.readouterr().out)
    assert shown["version"] == 7 and shown["interests"][0]["reasons"][0]["value"] == 12
    assert run("acc-1/m-2", "acc-9") == 1
    assert capsys.readouterr().err.startswith("acc-9: no profile in ")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    assert run("acc-1/m-2") == 0
    table = capsys.readouterr().out
    assert "Sports (483)" in table and "on 12 of the last 28 days" in " ".join(table.split())
    assert "No offers at all: a fault or complaint is still open." in table
    monkeypatch.setenv("INTEREST_STREAMS_TOPIC_PREFIX", "other.")
    assert run("acc-1") == 1
    assert "other.interest-profiles" in capsys.readouterr().err


def test_forgotten_is_a_value() -> None:
    assert Forgotten("a") == Forgotten("a", erased=True) != Forgotten("a", erased=False)


# -- resuming, closing, waiting


def test_resuming_reads_only_what_is_new(topic: ProfileTopic, tmp_path: Path) -> None:
    topic.write(("a", 1), ("a/m", 1), ("b", 1))
    topic.write(("c", 1), partition=1)
    with topic.reader() as reader:
        reader.bootstrap(_READ_S)
        assert reader.save(tmp_path / "held") == 4
    topic.write(("b", None), ("a", 2))
    with topic.reader() as reader:
        assert reader.resume(tmp_path / "held") and versions(reader)["a"] == 1
        taken = mock.Mock(side_effect=reader.profiles.parse)
        reader.profiles.parse = taken  # type: ignore[method-assign]  # counted
        reader.bootstrap(_READ_S)
        assert versions(reader) == {"a": 2, "a/m": 1, "c": 1}
        assert taken.call_count == 1
        assert reader.profiles.members("a") == ("a/m",)
        assert [profile.subject for profile in reader.household("a")] == ["a", "a/m"]
        assert reader.household("b") == reader.household("nobody") == ()


def test_a_snapshot_that_may_hold_the_erased_is_not_taken_up(
    topic: ProfileTopic, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Too old, from the future, of another topic, or beyond the log: all is read anew."""
    topic.write(("a", 1))
    path = tmp_path / "held"
    with topic.reader() as reader:
        reader.bootstrap(_READ_S)
        reader.save(path)
    for late, why in ((12 * 3_600 + 60, "s old"), (-60, "s old")):
        with topic.reader(now=lambda late=late: time.time() + late) as reader:
            assert not reader.resume(path) and why in caplog.text
            assert reader.bootstrap(_READ_S).keys() == {"a"}
        caplog.clear()
    topic.create_anew()
    topic.write(("b", 1), ("b", 2), ("b", 3))
    with topic.reader() as reader:
        assert not reader.resume(path) and "of another topic" in caplog.text
        assert reader.bootstrap(_READ_S).keys() == {"b"}


def test_the_start_does_not_wait_for_each_partition(kafka: str, names: Names) -> None:
    many = ProfileTopic(kafka, names, partitions=72)
    many.write(*((f"a-{i}", 1) for i in range(72)), partition=71)
    for p in range(0, 72, 3):
        many.write((f"b-{p}", 1), partition=p)
    with many.reader() as reader:
        started = time.monotonic()
        assert len(reader.bootstrap(_READ_S)) == 72 + 24
        assert time.monotonic() - started < 20, "0.4 s a partition make 29"


def test_closing_ends_who_follows_and_who_starts(topic: ProfileTopic) -> None:
    topic.write(("a", 1))
    reader = topic.reader()
    reader.bootstrap(_READ_S)
    polled = mock.Mock(side_effect=reader.poll)
    reader.poll = polled  # type: ignore[method-assign]  # seen
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(lambda: list(reader.follow()))
        wait_until(lambda: bool(polled.called), _READ_S)
        reader.close()
        assert following.result(60) == [], "it would follow for ever"
    reader.close()
    assert reader.profiles["a"].version == 1, "what was read stays"


def test_it_tells_how_far_behind_it_is(topic: ProfileTopic) -> None:
    topic.write(*((f"a-{i}", 1) for i in range(50)))
    with topic.reader() as reader:
        assert reader.lag() is None
        reader.bootstrap(_READ_S)

        def fresh() -> bool:
            list(reader.follow(0.5))
            lag = reader.lag()
            return lag is not None and lag.records == 0 and lag.silent_ms < 3_000

        wait_until(fresh, _READ_S, lambda: str(reader.lag()))
        topic.write(("b", 1))
        list(reader.follow(0.5))
        time.sleep(2.0)  # nobody looks: what it tells grows old, and says so
        late = reader.lag()
        assert late is not None and late.silent_ms > 1_900


def test_the_asynchronous_face(topic: ProfileTopic) -> None:
    topic.write(("a", 1))

    async def used() -> list[Any]:
        found: list[Any] = []
        async with AsyncProfileReader(topic.reader()) as reader:
            assert (await reader.bootstrap(_READ_S)).keys() == {"a"}
            topic.write(("a", 2), ("b", 1), ("a", None))
            async for update in reader.follow(_READ_S):
                found.append(update)
                if len(found) == 3:
                    break
            assert set(reader.profiles) == {"b"}
        return found

    a2, b1, gone = asyncio.run(used())
    assert (a2.version, b1.subject, gone) == (2, "b", Forgotten("a"))


def test_an_expired_profile_is_told_as_gone(topic: ProfileTopic) -> None:
    now = [1_000.0]
    topic.write(("a", 1), valid_until=2_000_000)
    with topic.reader(now=lambda: now[0]) as reader:
        assert reader.bootstrap(_READ_S).keys() == {"a"}
        now[0] = 2_000.0
        assert updates(reader, 1) == [("a", False)] and reader.bootstrap(_READ_S) == {}
