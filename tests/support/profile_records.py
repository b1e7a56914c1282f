"""Holds the published records of a partition against each other."""

from __future__ import annotations

import json
from collections.abc import Iterator

from confluent_kafka import Message

from tests.oracle import offers as oracle


def versions(profiles: list[Message]) -> Iterator[str]:
    """What is wrong with the versions and identities of a partition's profiles."""
    seen: dict[bytes, int] = {}
    identities: set[bytes | str | None] = set()
    for message in profiles:
        key, value = message.key() or b"", message.value()
        if (identity := dict(message.headers() or ()).get("ce_id")) in identities:
            yield f"{key.decode()}: ce_id {identity!r} again"
        identities.add(identity)
        if value is None:
            seen.pop(key, None)  # forgotten: whoever comes back begins anew
            continue
        version = json.loads(value)["version"]
        if version != seen.get(key, 0) + 1:
            yield f"{key.decode()}: version {version} after {seen.get(key, 0)}"
        if not isinstance(identity, bytes) or not identity.startswith(b"%b:%d:" % (key, version)):
            yield f"{key.decode()}: ce_id {identity!r} of version {version}"
        seen[key] = version


def offers(profiles: list[Message], written: list[Message]) -> Iterator[str]:
    """Each profile and tombstone has its record of offers, in the same order."""
    if len(profiles) != len(written):
        yield f"{len(written)} records of offers for {len(profiles)} of profiles"
    for one, other in zip(profiles, written, strict=False):
        value, acted_on = one.value(), other.value()
        wanted = None if value is None else oracle.offers(json.loads(value))
        if (one.key(), wanted) != (other.key(), acted_on and json.loads(acted_on)):
            yield f"{(other.key() or b'').decode()}@{other.offset()}: not of its profile"
