"""What a reader is told of permissions, of profiles and of offers."""

from __future__ import annotations

from typing import Any

import orjson

from streams.client import Profile
from streams.contract.profile_schemas import EXAMPLE_OFFERS


def made(**fields: Any) -> Profile:
    return Profile.from_record("acc-1", orjson.dumps({"version": 1, **fields}))


def test_offers_are_read_as_profiles_of_what_is_acted_on() -> None:
    value = orjson.dumps({**EXAMPLE_OFFERS, "avoid": [{"id": "1"}]})
    found = Profile.from_record("acc-1/m-2", value)
    assert [(i.id, i.stance) for i in found.interests] == [("483", "engage"), ("1", "avoid")]
    assert found.may("offers", found.as_of) and not found.may("audiences", found.as_of)


def test_a_use_ends_with_its_own_end_and_with_the_profile() -> None:
    def may(valid_until: int | None = None, **said: Any) -> bool:
        use = {"value": True, "why": "consent", "until": None, **said}
        return made(contactable={"offers": use}, valid_until=valid_until).may("offers", 1_000)

    assert may() and may(until=1_001) and may(valid_until=1_001)
    assert not (may(until=1_000) or may(valid_until=1_000) or may(value=False))
    assert not made().may("offers", 0), "where nothing is said it is not allowed"
