"""The client has every field of the contract, by its name."""

from __future__ import annotations

import dataclasses

import orjson
import pytest

from streams.client import (
    Context,
    Evidence,
    Interest,
    Moment,
    Next,
    Permission,
    Profile,
    Reason,
    Share,
    Suppression,
)
from streams.contract.profile_schemas import EXAMPLE_OFFERS
from streams.contract.schemas import SCHEMAS
from streams.contract.topics import PROFILES

_PROFILE = SCHEMAS[PROFILES]["properties"]
_INTEREST = _PROFILE["interests"]["items"]["properties"]
_PARTS = [
    (Profile, _PROFILE),
    (Context, _PROFILE["context"]["properties"]),
    (Interest, _INTEREST),
    (Share, _INTEREST["share"]["properties"]),
    (Moment, _INTEREST["moments"]["items"]["properties"]),
    (Next, _INTEREST["next"]["properties"]),
    (Reason, _INTEREST["reasons"]["items"]["properties"]),
    (Suppression, _PROFILE["suppressions"]["items"]["properties"]),
    (Permission, _PROFILE["contactable"]["properties"]["offers"]["properties"]),
    (Evidence, _PROFILE["evidence"]["properties"]),
]


@pytest.mark.parametrize(("part", "properties"), _PARTS)
def test_a_part_has_what_the_contract_names(part: type, properties: dict[str, object]) -> None:
    known = {field.name for field in dataclasses.fields(part)}
    named = set(properties) - ({"model"} if part is Profile else set())  # it is two fields there
    assert named <= known


def test_a_share_is_read_with_its_bounds() -> None:
    share = {"value": 0.13, "low": 0, "high": 0.4}
    interests = [{"id": "9", "share": share, "attributed": 0.3}, {"id": "8"}]
    raw = orjson.dumps({"version": 1, "interests": interests})
    first, other = Profile.from_record("acc-1", raw).interests
    assert (first.share, first.attributed) == (Share(0.13, 0.0, 0.4), 0.3)
    assert (other.share, other.attributed) == (None, 0.0)
    offers = Profile.from_record("acc-1", orjson.dumps(EXAMPLE_OFFERS))
    assert [item.share for item in offers.interests] == [None]
