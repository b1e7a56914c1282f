"""A record of offers is short, whatever a customer said, and cut where it costs no rights."""

from __future__ import annotations

import json
from typing import Any

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from features.profiles.offers import OFFERS_BYTES, bounded
from streams.client import Profile
from tests.oracle.offers import offers

_TIME = 4_099_999_999_999
_INTERESTS = [str(n) for n in range(1, 40)] + [f"JLBC{n:02}" for n in range(30)]
_CHANNELS = ["mail", "app", "c" * 32]
_SILENCES = st.builds(
    lambda scope, channel, reason, until: {
        "scope": scope,
        "name": "of the taxonomy",
        **({"channel": channel} if channel or scope == "all" else {}),
        "reason": reason,
        "until": until,
    },
    st.sampled_from(["all", *_INTERESTS]),
    st.sampled_from([None, None, *_CHANNELS]),
    st.sampled_from(["dislike", "decision_against", "contact_pause"]),
    st.sampled_from([None, _TIME]),
)


@st.composite
def profiles(draw: st.DrawFn) -> dict[str, Any]:
    """What of a profile is acted on; nothing is engaged that a suppression of all channels has."""
    said = draw(st.lists(_SILENCES, max_size=draw(st.sampled_from([2, 8, 50]))))
    said = [
        item | {"channel": item.get("channel") or "mail"} if item["scope"] == "all" else item
        for item in said
    ]
    silent = {item["scope"] for item in said if "channel" not in item}
    held = draw(st.lists(st.sampled_from(_INTERESTS), max_size=20, unique=True))
    stances = st.sampled_from(["engage", "avoid", "hold"])
    found = [{"id": name, "stance": "avoid" if name in silent else draw(stances)} for name in held]
    return {
        "schema": 1,
        "subject": draw(st.sampled_from(["acc-1", "a" * 64 + "/" + "m" * 64])),
        "version": draw(st.sampled_from([1, 2**32 - 1])),
        "as_of": _TIME,
        "computed_at": _TIME,
        **draw(st.sampled_from([{}, {"valid_until": _TIME}])),
        "interests": found,
        "suppressions": said,
        "contactable": {
            "offers": {
                "value": True,
                "why": "consent",
                "until": draw(st.sampled_from([None, _TIME])),
            }
        },
    }


def whole(document: dict[str, Any]) -> dict[str, Any]:
    """The record without a bound."""
    ids = {
        stance: [{"id": i["id"]} for i in document["interests"] if i["stance"] == stance]
        for stance in ("engage", "avoid")
    }
    said = [{k: v for k, v in s.items() if k != "name"} for s in document["suppressions"]]
    left_out = ("interests", "suppressions")
    return {k: v for k, v in document.items() if k not in left_out} | ids | {"suppressions": said}


_LONGEST = {
    "schema": 1,
    "subject": "a" * 64 + "/" + "m" * 64,
    "version": 2**32 - 1,
    "as_of": _TIME,
    "computed_at": _TIME,
    "valid_until": _TIME,
    "contactable": {"offers": {"value": True, "why": "consent", "until": _TIME}},
    "interests": [{"id": name, "stance": "engage"} for name in _INTERESTS[-20:]],
    "suppressions": [
        {"scope": "all", "channel": "c" * 32, "reason": "contact_pause", "until": _TIME}
    ]
    * 50,
}


@given(profiles())
@example(_LONGEST)
def test_what_forbids_is_never_cut_for_what_sells(document: dict[str, Any]) -> None:
    full = whole(document)
    value = bounded(orjson.dumps(full))
    found = json.loads(value)
    assert len(value) < OFFERS_BYTES
    assert ("more" in found) == (found != full)
    for name in ("engage", "suppressions"):
        assert all(item in full[name] for item in found[name]), "nothing is made up"
    assert found["engage"] == full["engage"][: len(found["engage"])]
    if found["engage"]:
        binding = [item for item in full["suppressions"] if "channel" in item]
        assert [item for item in found["suppressions"] if "channel" in item] == binding
        silent = {item["scope"] for item in full["suppressions"] if "channel" not in item}
        avoid = {item["id"] for item in found["avoid"]}
        left = avoid | {item["scope"] for item in found["suppressions"]}
        assert {item["id"] for item in full["avoid"]} <= avoid and silent <= left
    assert found == offers(document)


@given(profiles())
def test_a_reader_takes_nothing_for_allowed_that_had_no_room(document: dict[str, Any]) -> None:
    full = orjson.dumps(whole(document))
    all_of_it, cut = (Profile.from_record("acc-1", value) for value in (full, bounded(full)))
    for interest in (*_INTERESTS, "999"):
        for channel in ("", *_CHANNELS):
            if all_of_it.suppressed(interest, 0, channel):
                assert cut.suppressed(interest, 0, channel)
    engaged = [item.id for item in cut.interests if item.stance == "engage"]
    for interest in engaged:
        assert cut.suppressed(interest, 0, "post") == all_of_it.suppressed(interest, 0, "post")
