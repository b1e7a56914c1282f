"""A topic of profiles with a transactional writer, and what a reader tells of it."""

from __future__ import annotations

from typing import Any

import orjson
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.client import Profile, ProfileReader
from streams.contract.headers import profile_headers, times
from tests.conftest import Names


class ProfileTopic:
    """A profile topic with a transactional writer."""

    def __init__(self, servers: str, names: Names, partitions: int = 3) -> None:
        self.servers, self.partitions = servers, partitions
        self.name = names.topic("interest-profiles")
        self.admin = AdminClient({"bootstrap.servers": servers})
        self.producer = Producer(
            {"bootstrap.servers": servers, "transactional.id": names.prefix + "writer"}
        )
        self.producer.init_transactions(30)
        self.create()

    def create(self) -> None:
        new = NewTopic(self.name, self.partitions, 1, config={"cleanup.policy": "compact"})
        self.admin.create_topics([new])[self.name].result(30)

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
        assert self.producer.flush(30) == 0

    def write(self, *records: tuple[str, int | None], commit: bool = True, **how: Any) -> None:
        self.begin(*records, **how)
        if commit:
            self.producer.commit_transaction(30)
        else:
            self.producer.abort_transaction(30)

    def reader(self, **more: Any) -> ProfileReader:
        return ProfileReader(self.servers, self.name, **more)


def versions(reader: ProfileReader) -> dict[str, int]:
    """The versions that a reader holds."""
    return {subject: profile.version for subject, profile in reader.profiles.items()}


def updates(reader: ProfileReader, timeout: float = 1.0) -> list[Any]:
    """What a reader tells until nothing came for so long."""
    return [
        u.version if isinstance(u, Profile) else (u.subject, u.erased)
        for u in reader.follow(timeout)
    ]
