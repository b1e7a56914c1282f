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
    """Each profile that says something new of offers, and each tombstone, has its record of them.

    In the same order, and no other is written.
    """
    wanted = list(oracle.offers_of((one.key() or b"", one.value()) for one in profiles))
    if len(wanted) != len(written):
        yield f"{len(written)} records of offers, of {len(profiles)} profiles {len(wanted)}"
    for (key, said), other in zip(wanted, written, strict=False):
        value = other.value()
        if (key, said) != (other.key(), value and json.loads(value)):
            yield f"{(other.key() or b'').decode()}@{other.offset()}: not of its profile"
