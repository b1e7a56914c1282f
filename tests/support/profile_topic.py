"""A topic of profiles with a transactional writer, and what a reader tells of it."""

from __future__ import annotations

from typing import Any

import orjson
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from streams.client import Profile, ProfileReader
from streams.contract.headers import profile_headers, times
from tests.conftest import Names
from tests.support.new_topics import create, delete
from tests.support.open_transactions import open_transactions
from tests.support.processes import wait_until

_ANSWER_S = 60.0
_COMES_S = 240.0
_QUIET_S = 1.0


class ProfileTopic:
    """A profile topic with a transactional writer."""

    def __init__(self, servers: str, names: Names, partitions: int = 3) -> None:
        self.servers, self.partitions = servers, partitions
        self.name = names.topic("interest-profiles")
        self.admin = AdminClient({"bootstrap.servers": servers})
        self.producer = Producer(
            {"bootstrap.servers": servers, "transactional.id": names.prefix + "writer"}
        )
        self.producer.init_transactions(_ANSWER_S)
        self.create()

    def create(self) -> None:
        new = NewTopic(self.name, self.partitions, 1, config={"cleanup.policy": "compact"})
        create(self.admin, new)

    def create_anew(self) -> None:
        delete(self.admin, self.name)
        self.create()

    def grow(self, partitions: int) -> None:
        new = NewPartitions(self.name, partitions)
        self.admin.create_partitions([new])[self.name].result(_ANSWER_S)
        wait_until(lambda: len(self._partitions()) == partitions, _COMES_S)

    def begin(
        self, *records: tuple[str, int | None], partition: int = 0, as_of: int = 0, **more: Any
    ) -> None:
        self.producer.begin_transaction()
        for key, version in records:
            value = {"schema": 1, "subject": key, "version": version, "as_of": as_of or version}
            self.producer.produce(
                self.name,
                key=key.encode(),
                value=None if version is None else orjson.dumps({**value, **more}),
                partition=partition,
                headers=[*profile_headers(key.encode(), version or 0, times([as_of])[0], 0)],
            )
        assert self.producer.flush(_ANSWER_S) == 0

    def write(self, *records: tuple[str, int | None], commit: bool = True, **how: Any) -> None:
        self.begin(*records, **how)
        if commit:
            self.commit()
        else:
            self.producer.abort_transaction(_ANSWER_S)
            self._await_markers()

    def commit(self) -> None:
        """Commit what was begun, and wait until readers see it: markers come a little later."""
        self.producer.commit_transaction(_ANSWER_S)
        self._await_markers()

    def _await_markers(self) -> None:
        spots = [(self.name, partition) for partition in self._partitions()]
        wait_until(lambda: not open_transactions(self.admin, spots), _COMES_S)

    def _partitions(self) -> list[int]:
        there = self.admin.list_topics(self.name, _ANSWER_S).topics[self.name]
        return list(there.partitions)

    def reader(self, **more: Any) -> ProfileReader:
        return ProfileReader(self.servers, self.name, **more)


def versions(reader: ProfileReader) -> dict[str, int]:
    """The versions that a reader holds."""
    return {subject: profile.version for subject, profile in reader.profiles.items()}


def updates(reader: ProfileReader, count: int) -> list[Any]:
    """What a reader tells, once there are so many, until nothing more comes for a while."""
    found: list[Any] = []

    def told() -> bool:
        found.extend(
            u.version if isinstance(u, Profile) else (u.subject, u.erased)
            for u in reader.follow(_QUIET_S)
        )
        return len(found) >= count

    wait_until(told, _COMES_S, lambda: str(found))
    return found
