"""The command ``profile`` shows a profile so that whose it is, and what of it, is understood."""

from __future__ import annotations

import io
from typing import Any

import orjson
import pytest
from rich.console import Console

from streams.client import Profiles
from streams.client.words import LANGUAGES, wording
from streams.commands.profile import print_profile

_RAW: dict[str, Any] = {
    "schema": 1,
    "subject": "acc-1",
    "version": 3,
    "as_of": 1_772_722_800_000,
    "computed_at": 1_772_726_400_000,
    "model": {"id": "mixture", "version": 4},
    "context": {"roaming": False, "country": "DE", "tz_offset_min": 60},
    "interests": [
        {
            "id": "483", "name": "Sports", "score": 0.5, "lift": 3.0, "confidence": 0.7,
            "trend": "steady", "first_seen": "2026-01-09", "last_active": "2026-03-05",
            "dayparts": {}, "sources": {"tv": 1.0}, "stance": "engage",
            "reasons": [{"code": "active_days_28", "value": 9},
                        {"code": "weekly_habit", "value": 0.75}],
        }
    ],
    "suppressions": [
        {"scope": "all", "channel": "mail", "reason": "contact_cap", "until": 1_773_270_000_000}
    ],
    "contactable": {
        use: {"value": True, "why": "consent", "until": None}
        for use in ("profiling", "offers", "audiences")
    },
    "evidence": {"events": 30, "days": 20, "sources": ["tv"]},
}  # fmt: skip


def shown(language: str = "en", **changes: Any) -> str:
    """What is printed of the profile, without a table's lines."""
    raw = {**_RAW, **changes}
    held = Profiles(now=lambda: 0)
    profile = held.parse(raw["subject"], orjson.dumps(raw), 0, 1, 1)
    held.put(raw["subject"], profile)
    text = io.StringIO()
    console = Console(file=text, width=2_000, markup=False, highlight=False)
    print_profile(console, held[raw["subject"]], raw, wording(language))
    return text.getvalue()


def test_an_interest_is_said_with_the_whole_profile() -> None:
    found = shown()
    assert "seen on Fridays in 3 of the last 4 weeks" in found
    assert "Not through the channel mail until 2026-03-11." in found
    assert "Offers may be made: yes, with consent, until further notice. Some channels" in found
    assert "No offers through the channel mail until 2026-03-11" in found


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_said_whose_events_are_counted_and_what_is_exact(language: str) -> None:
    said = wording(language)
    whole, member = (said.say("shown", kind) for kind in ("household", "member"))
    of_all, of_one = shown(language), shown(language, subject="acc-1/m-2")
    assert whole in of_all and member not in of_all
    assert member in of_one and whole not in of_one
    assert said.say("shown", "sure") in of_all


def test_a_chance_is_printed_with_what_it_is_at_worst_and_at_best() -> None:
    """One margin, the one that sentences speak of; and no more is said of it above no rows."""
    item = {**_RAW["interests"][0], "score": 0.4, "confidence": 0.7}
    found = shown(interests=[item])
    assert "about 40%" in found and "6% to 74%" in found
    assert "±" not in found
    empty = shown(interests=[])
    assert "At worst:" not in empty and "Made from 30 events on 20 days." in empty


def test_what_halts_all_offers_is_said_once_above_the_interests() -> None:
    until = 1_773_270_000_000
    halt = {"scope": "all", "reason": "contact_cap", "until": until}
    no = {"value": False, "why": "contact_cap", "until": until}
    item = {**_RAW["interests"][0], "stance": "hold", "score": 0.2}
    item["reasons"] = [{"code": "on_hold", "value": 1}]
    found = shown(interests=[item], suppressions=[halt], contactable={"offers": no})
    assert found.count("spoken to as often as the rules allow") == 1
    assert "Offers may be made: no, not until 2026-03-11: " in found
    assert "No offers to this customer, as said above. " in found
    alone = shown(interests=[item], suppressions=[halt], contactable={})
    assert "No offers at all until 2026-03-11: " in alone, "where no permission says it"


def test_what_to_do_is_summed_up_above_the_table() -> None:
    name = _RAW["interests"][0]["name"]
    lines = shown().splitlines()
    summed = lines.index(f"Talk about it: {name}.")
    assert summed < next(n for n, line in enumerate(lines) if name in line and line[0] == "│")
