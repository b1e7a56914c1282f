"""Where a subject is: the twin's days whatever the order, the cuts and the restarts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.oracle.arithmetic import Seen, Subject, iso_date
from tests.oracle.views import Run
from tests.support import generators as gen
from tests.support.generators import DAY_MS, FIRST_DAY, HOUR_MS, START, config, rugby

_DAYS = 9
_SIX_HOURS = 6
#: How many hours after the day began, in which country; of a day, and of several.
_AT = st.tuples(st.integers(0, 47), st.sampled_from(["DE", "DE", "FR", "FR", "US", ""]))
_STAY = st.lists(st.lists(_AT, max_size=6), min_size=1, max_size=_DAYS)

Stay = Sequence[Sequence[tuple[int, str]]]


def _events(stay: Stay) -> list[gen.Record]:
    """Events in order of time, a clock beside that takes the last day to its end."""
    found = list[gen.Record]()
    for day, hours in enumerate(stay):
        for half, country in hours:
            said: dict[str, Any] = (
                {"country": country, "tz_offset_min": 60 + ord(country[0])} if country else {}
            )
            # The operator's day begins an hour before UTC's.
            ts = START - HOUR_MS + day * DAY_MS + half * HOUR_MS // 2
            found.append(rugby(len(found), ts, member_id="m-1", **said))
    return sorted(found, key=lambda record: int(record.doc["ts"]))


def _told(
    records: Sequence[gen.Record], cuts: int = 1, restart: bool = False
) -> tuple[dict[str, Any], list[float]]:
    done = Run(config(consent_default_grant=True, watermark_accounts=1, profile_common=True))
    for at in range(0, len(records), cuts):
        done.apply(records[at : at + cuts])
        done.commit()
        if restart:
            done.restart()
    value = done.engine.profile(b"acc-0/m-1")
    assert value is not None
    told = json.loads(value)
    shares = [item.get("abroad", 0.0) for item in told["interests"]]
    return told["context"], shares


@given(_STAY, st.randoms(use_true_random=False), st.integers(1, 9))
@settings(max_examples=60)
@example([[(0, "DE"), (20, "DE")], [(2, "FR"), (20, "FR")], [(3, "FR")]], Random(1), 1)
@example([[(2, "FR"), (30, "FR")], [(30, "FR")], [(2, "DE")]], Random(1), 2)
def test_order_cuts_and_restarts_change_nothing(stay: Stay, chance: Random, cuts: int) -> None:
    """Late by up to the lateness, in batches of any size, and stopped behind each of them."""
    records = _events(stay)
    if not records:
        return
    late = _SIX_HOURS * HOUR_MS - 1
    shuffled = sorted(records, key=lambda r: int(r.doc["ts"]) + chance.randrange(late))
    told, shares = _told(records, len(records))
    again, same = _told(shuffled, cuts, restart=True)
    assert again == told
    assert same == pytest.approx(shares, abs=0.011)  # to the rounding of float32
    subject = Subject(events=[_seen(record.doc) for record in records])
    day = (int(records[-1].doc["ts"]) + HOUR_MS) // DAY_MS + 1
    assert told["place"] == ("abroad" if day - 1 in subject.abroad(day, HOUR_MS) else "home")
    assert told["country"] == subject.placed.country


def _seen(doc: Any) -> Seen:
    country = doc.get("country")
    return Seen(doc["ts"], 1, country, doc.get("tz_offset_min"), country not in (None, "DE"))


@pytest.mark.parametrize(
    ("stay", "place", "since"),
    [
        ([[(2, "DE"), (30, "DE")], [(30, "FR")]], "home", None),  # a stray code
        ([[(2, "FR")], [(30, "FR")], [(4, "FR")]], "home", None),  # one a day: no trip
        ([[(2, "DE")], [(14, "FR"), (26, "FR")]], "abroad", 1),
        ([[(2, "DE")], [(2, "FR"), (14, "FR"), (26, "DE"), (38, "DE")]], "home", None),  # as much
        ([[(14, "FR"), (26, "FR")], [(2, "")], [(2, "FR")]], "abroad", 0),  # nothing new was said
        ([[(14, "FR"), (26, "US")], [(2, "")], [(2, "DE")]], "home", 2),  # back
        ([[(14, "FR"), (26, "FR")], [(2, "DE"), (3, "FR")], [(2, "")]], "abroad", 0),  # undecided
    ],
)
def test_a_day_is_where_more_quarters_of_it_were(stay: Stay, place: str, since: int | None) -> None:
    told, _ = _told(_events(stay))
    assert told["place"] == place
    assert told.get("place_since") == (None if since is None else iso_date(FIRST_DAY + since))
