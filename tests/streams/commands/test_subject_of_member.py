"""A member who asks sees all that is his, under every spelling, and nothing of anybody else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from features.config import Config
from features.tags.exact import TagEntry
from features.vocabulary import Purpose
from streams.apps.customer_sheet import sheet
from streams.client.words import wording
from streams.commands import subject
from streams.settings import Settings
from tests.support.feeding import DAY, Feed, Stream, latest_of

KEY = "k" * 32
#: What each of two people does; the second must never be seen by the first.
HOSTS = {"sport.example": "483", "phones.example": "635", "hers.example": "150"}
TABLE = {f"host:{host}": TagEntry(((of, 1.0),), "test", 1.0) for host, of in HOSTS.items()}
#: How somebody's id is written by whoever asks for him; the last is taken from a form.
ASKED = ["m-1", "M-1", "m_1", "M1", "\uff2d\uff0d\uff11", " m-1 ", "m\u20111", "acc/m-1", '"m-1"',
         "urn:member:m-1", "acc:m-1"]  # fmt: skip
NOT_ASKED = ["m", "m-", "m-11", "m-2", "1", "\u043c-1", "*", "m%", "m-1/x", "-"]


@pytest.fixture
def household(monkeypatch: pytest.MonkeyPatch) -> Stream:
    """An account of two people, one of them written in two ways."""
    stream = Stream(Config(erasure_key=KEY.encode(), lateness_ms=DAY), TABLE)
    feed = Feed()
    stream.feed(
        feed.consent("acc", 0),
        feed.consent("acc", 0.1, purpose="offers", member_id="M-1"),
        feed.consent("acc", 0.1, "withdrawn", purpose="audiences", member_id="m-2"),
        feed.fact("acc", 0.2, "registry", device_id="tab", owner_member_id="m-1", adult=True),
        feed.fact("acc", 0.3, "registry", device_id="tab", owner_member_id="m-2", adult=True),
        feed.fact("acc", 0.4, "declaration", interest="483", stance="like", member_id="m-1"),
        feed.fact("acc", 0.4, "declaration", interest="635", stance="like", member_id="M-1"),
        feed.fact("acc", 0.4, "declaration", interest="150", stance="like", member_id="m-2"),
        feed.visit("acc", 1, "sport.example", member_id="m-1"),
        feed.visit("acc", 1, "phones.example", member_id="M-1"),
        feed.visit("acc", 1, "hers.example", member_id="m-2"),
    )
    stream.commit()

    monkeypatch.setattr(subject, "read_latest", latest_of(stream))
    return stream


def _held(name: str) -> dict[str, Any]:
    return subject.held(Settings(erasure_key=KEY), name)


@pytest.mark.parametrize("asked", ASKED)
def test_any_spelling_of_his_name_shows_all_of_him(household: Stream, asked: str) -> None:
    found = _held(f"acc/{asked}")
    assert set(found["profiles"]) == set(found["offers"]) == {"acc/m-1", "acc/M-1"}
    assert set(found["state"]) == {"acc/m-1", "acc/M-1"}
    liked = [fact["interest"] for fact in found["facts"]["facts"] if "interest" in fact]
    assert sorted(liked) == ["483", "635"]
    said = {(item["purpose"], item["member_id"]) for item in found["facts"]["consent"]}
    assert said == {("profiling", None), ("offers", "M-1")}
    [device] = [fact for fact in found["facts"]["facts"] if fact["kind"] == "registry"]
    assert device["former_owners_are_children"] == {"m-1": False}
    text = json.dumps(found | {"subject": ""})
    assert "m-2" not in text and '"150"' not in text, "of nobody else"


@pytest.mark.parametrize("asked", NOT_ASKED)
def test_another_name_shows_nothing_of_him(household: Stream, asked: str) -> None:
    found = _held(f"acc/{asked}")
    assert not {"acc/m-1", "acc/M-1"} & {*found["profiles"], *found["offers"], *found["state"]}
    text = json.dumps(found | {"subject": ""})
    assert "m-1" not in text and "M-1" not in text and '"483"' not in text


def test_consent_is_said_as_it_stands(household: Stream) -> None:
    """His own grant of offers does not stand beside the account's refusal, and unsaid is said."""
    said, made = wording(), sheet(_held("acc/m-1"), Settings(), wording())
    assert [line.partition(",")[0] for line in made["purposes"]] == [
        f"{who}: {said.say('use', use)}: yes"
        for who in ("The household", "M-1", "m-1")
        for use in Purpose
    ]
    feed = Feed()
    household.feed(feed.consent("acc", 1, "withdrawn", purpose="offers"))
    child = feed.fact("acc", 1, "registry", device_id="x", owner_member_id="m-2", adult=False)
    household.feed(child)
    household.commit()
    lines = sheet(_held("acc/M-1"), Settings(), said)["purposes"]
    assert "M-1: Offers may be made: no, there is no consent to offers." in lines
    assert not any("m-2" in line for line in lines)
    of_child = sheet(_held("acc/m-2"), Settings(), said)["purposes"]
    assert "m-2: May be profiled: no, children are not profiled." in of_child


def test_who_was_erased_learns_that_he_was(household: Stream) -> None:
    feed = Feed()
    household.feed(feed.fact("acc", 2, "erasure", member_id="m-1"))
    household.commit()
    for asked in ("m-1", "M-1", "m1"):
        found = _held(f"acc/{asked}")
        assert found["erased"]["requested_at"] > 0
        assert not found["profiles"] and not found["state"]
    assert _held("acc/m-2")["erased"] is None and _held("acc")["erased"] is None
