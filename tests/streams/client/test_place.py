"""Where a subject is, as the client reads it."""

from __future__ import annotations

import json
from typing import Any

from streams.client import Context, Profile


def _read(**said: Any) -> Profile:
    return Profile.from_record("acc-1", json.dumps({"version": 1, **said}).encode())


def test_a_trip_is_read() -> None:
    context = {"roaming": True, "country": "ES", "tz_offset_min": 120, "place": "abroad"}
    profile = _read(
        context=context | {"place_since": "2023-11-02"},
        interests=[{"id": "9", "abroad": 0.97}, {"id": "8"}],
    )
    assert profile.context == Context(True, "ES", 120, "abroad", "2023-11-02")
    assert [item.abroad for item in profile.interests] == [0.97, 0.0]


def test_a_profile_of_before_says_nothing_of_it() -> None:
    context = _read(context={"roaming": False, "country": None}).context
    assert context == Context(False, None, None, "", "")
