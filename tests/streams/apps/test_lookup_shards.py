"""Instances that share the accounts: each is asked for its own, and says where the others are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from streams.apps.lookup.shards import Shards
from streams.kafka.partitioners import subject_partition
from streams.settings import Settings, SettingsError
from tests.support.lookup_service import Answer, Service

PARTITIONS, INSTANCES = 12, 3
ADDRESSES = [f"http://lookup-{number}.example:8090" for number in range(INSTANCES)]
ACCOUNTS = [f"acc-{number}" for number in range(200)]


def _shards() -> list[Shards]:
    return [Shards(ADDRESSES, own, PARTITIONS) for own in range(INSTANCES)]


@pytest.fixture(scope="module")
def instances(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Service]]:
    made = []
    for own, shards in enumerate(_shards()):
        service = Service(tmp_path_factory.mktemp(f"lookup{own}"), shards=shards)
        for account in ACCOUNTS:
            if subject_partition(account, PARTITIONS) in (shards.partitions or ()):
                service.reader.put(account)
                service.reader.put(f"{account}/m")
        made.append(service)
    yield made
    for service in made:
        service.close()


def _followed(instances: list[Service], path: str, first: int = 0) -> Answer:
    answer = instances[first].ask(path)
    if answer.status == 307:
        there = urlsplit(answer.headers["location"])
        number = ADDRESSES.index(f"{there.scheme}://{there.netloc}")
        asked = there.path + (f"?{there.query}" if there.query else "")
        assert asked == path
        answer = instances[number].ask(asked)
    return answer


def test_each_partition_is_read_by_one_instance_and_no_account_is_nowhere() -> None:
    read = [partition for shards in _shards() for partition in shards.partitions or ()]
    assert sorted(read) == list(range(PARTITIONS))
    for account in ACCOUNTS:
        here = [shards.elsewhere(account) == "" for shards in _shards()]
        assert here.count(True) == 1
        said = {shards.elsewhere(account) for shards in _shards()} - {""}
        assert said == {ADDRESSES[here.index(True)]}
        own = _shards()[here.index(True)].partitions or ()
        assert subject_partition(f"{account}/m-1", PARTITIONS) in own


def test_without_shards_everything_is_here() -> None:
    assert Shards().partitions is None
    assert {Shards().elsewhere(account) for account in ACCOUNTS} == {""}


@pytest.mark.parametrize("path", ["", "/m", "?stance=engage&fields=version"])
def test_a_look_up_is_sent_on_to_the_instance_that_has_the_account(
    instances: list[Service], path: str
) -> None:
    for account in ACCOUNTS[:20]:
        for first in range(INSTANCES):
            assert _followed(instances, f"/v1/profiles/{account}{path}", first).status == 200
    assert _followed(instances, "/v1/profiles/nobody-of-them").status == 404


def test_nobody_is_sent_on_without_a_token(instances: list[Service]) -> None:
    for account in ACCOUNTS[:20]:
        assert instances[0].ask(f"/v1/profiles/{account}", bearer=None).status == 401


def test_a_batch_says_which_subjects_to_ask_for_where(instances: list[Service]) -> None:
    asked = [f"{account}{member}" for account in ACCOUNTS[:40] for member in ("", "/m")]
    body = json.dumps({"subjects": asked}).encode()
    answer = instances[1].ask("/v1/profiles:batch", "POST", body, Content_Type="application/json")
    found = set(answer.json["profiles"])
    for address, subjects in answer.json["elsewhere"].items():
        there = instances[ADDRESSES.index(address)]
        body = json.dumps({"subjects": subjects}).encode()
        more = there.ask("/v1/profiles:batch", "POST", body, Content_Type="application/json").json
        assert "elsewhere" not in more and more["missing"] == []
        found |= set(more["profiles"])
    assert answer.json["missing"] == [] and found == set(asked)


def test_accounts_of_several_instances_are_watched_one_by_one(instances: list[Service]) -> None:
    path = f"/v1/changes?account={','.join(ACCOUNTS[:6])}"
    assert instances[0].ask(path).status == 400


@pytest.mark.parametrize(
    ("shards", "number", "said"),
    [
        ("ftp://a.example", 0, "lookup_shards: 'ftp://a.example' is no http or https address"),
        ("http://a.example,http://b.example", 2, "lookup_shard = 2"),
        ("", 1, "lookup_shard = 1"),
        (",".join(["http://a.example"] * 9), 0, "8 partitions"),
    ],
)
def test_a_wrong_setting_is_named(shards: str, number: int, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings(partitions=8, lookup_shards=shards, lookup_shard=number)
