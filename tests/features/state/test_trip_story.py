"""Two weeks at home, ten days abroad with the destination's interests, and home again."""

from __future__ import annotations

import json
from functools import cache
from random import Random
from typing import Any

from features.engine import Engine
from features.state.contents import Contents
from features.tags.exact import TagEntry
from features.tags.taxonomy import load
from tests.oracle.arithmetic import iso_date
from tests.support import generators as gen
from tests.support.generators import DAY_MS, FIRST_DAY, HOUR_MS, START, Record, config, consent
from tests.support.shared_home import seen

_LEAVES, _RETURNS, _DAYS = 14, 24, 44
_NEIGHBOURS = range(1, 13)
RUGBY, CARS, BEACHES, MUSEUMS = "529", "1", "673", "155"
_HOSTS = {
    "rugby": RUGBY, "cars": CARS, "beaches": BEACHES, "museums": MUSEUMS, "recipes": "216",
    "hockey": "515", "gardens": "275", "news": "379", "games": "690",
}  # fmt: skip
FLIGHTS = "672"
_TABLE = {
    f"host:{name}.example": TagEntry(((i, 1.0),), "test", 1.0)
    for name, i in (_HOSTS | {"flights": FLIGHTS}).items()
}
#: Days on which the traveller looks for flights: before the trip, and for the next one.
_LOOKS = {*range(4, _LEAVES), 34, 36, 38, 39, 40, 41}
TRAVELLER = "acc-0/m-1"


def _events() -> list[Record]:
    """What the traveller and his neighbours did, in order of time."""
    chance, found = Random(1), list[Record]()

    def own(hour: int, host: str, account: int = 0, **where: Any) -> None:
        ts = midnight + hour * HOUR_MS + chance.randrange(HOUR_MS // 2)
        of = {"member_id": "m-1", **where}
        found.append(seen(len(found), ts, f"{host}.example", account, **of))

    for day in range(_DAYS):
        midnight = START + day * DAY_MS
        abroad = _LEAVES <= day < _RETURNS
        where: dict[str, Any] = {
            "country": "ES" if abroad else "DE",
            "tz_offset_min": 120 if abroad else 60,
        }
        for hour, host in ((8, "beaches"), (14, "museums"), (20, "beaches")) if abroad else (
            (7, "rugby"), (13, "cars"), (20, "rugby"),
        ):  # fmt: skip
            own(hour, host, **where)
        if abroad and day % 5 == 0:
            own(21, "rugby", **where)
        if day in _LOOKS:
            at = midnight + 21 * HOUR_MS
            found.append(seen(len(found), at, "flights.example", 0, member_id="m-1", **where))
        for account in _NEIGHBOURS:
            for place, host in enumerate(_HOSTS):  # each has a habit, and looks at the rest
                if chance.random() < (0.9 if place == account % len(_HOSTS) else 0.04):
                    own(10, host, account, country="DE")
    return sorted(found, key=lambda record: int(record.doc["ts"]))


@cache
def _told(day: int, home: str = "DE") -> dict[str, Any]:
    """The traveller's profile after so many days."""
    settings = config(watermark_accounts=1, home_country=home)
    engine = Engine(settings, load(), Contents(load(), _TABLE))
    before = START + day * DAY_MS - HOUR_MS
    said = [consent(account) for account in (0, *_NEIGHBOURS)]
    engine.apply(gen.batch([*said, *(r for r in _events() if r.doc["ts"] < before)], 0))
    value = engine.profile(TRAVELLER.encode())
    assert value is not None
    found: dict[str, Any] = json.loads(value)
    return found | {"interests": {item["id"]: item for item in found["interests"]}}


def _stances(day: int, home: str = "DE") -> dict[str, str]:
    return {name: item["stance"] for name, item in _told(day, home)["interests"].items()}


def test_before_the_trip() -> None:
    told = _told(_LEAVES)
    assert told["context"] == {
        "roaming": False, "country": "DE", "tz_offset_min": 60, "place": "home",
    }  # fmt: skip
    assert _stances(_LEAVES) == {RUGBY: "engage", CARS: "engage", FLIGHTS: "engage"}


def test_on_the_trip() -> None:
    """What he does there is engaged there, and says where it comes from."""
    told = _told(_RETURNS)
    assert told["context"] == {
        "roaming": True, "country": "ES", "tz_offset_min": 120, "place": "abroad",
        "place_since": iso_date(FIRST_DAY + _LEAVES),
    }  # fmt: skip
    beaches = told["interests"][BEACHES]
    assert (beaches["stance"], beaches["abroad"]) == ("engage", 1.0)
    assert "learned_abroad" not in {reason["code"] for reason in beaches["reasons"]}


def test_the_day_he_is_back() -> None:
    """The trip's interests end with it, and those of home are as they were before."""
    told = _told(_RETURNS + 1)
    assert told["context"] == {
        "roaming": False, "country": "DE", "tz_offset_min": 60, "place": "home",
        "place_since": iso_date(FIRST_DAY + _RETURNS),
    }  # fmt: skip
    stances = _stances(_RETURNS + 1)
    assert [stances[of] for of in (RUGBY, CARS)] == ["engage", "engage"]
    assert [stances[of] for of in (BEACHES, MUSEUMS)] == ["hold", "hold"]
    assert told["interests"][BEACHES]["reasons"][-1] == {"code": "learned_abroad", "value": 1.0}
    assert 0.0 < told["interests"][RUGBY]["abroad"] < 0.2


def test_where_no_country_is_home_the_trip_sticks() -> None:
    """What came before, and what a trip is worth knowing for."""
    stances = _stances(_RETURNS + 1, "")
    assert (stances[BEACHES], stances[MUSEUMS]) == ("engage", "engage")
    assert _told(_RETURNS + 1, "")["context"].keys() == {"roaming", "country", "tz_offset_min"}


def test_the_destination_is_let_go() -> None:
    """It is named for a fortnight, and then not."""
    assert BEACHES in _stances(_RETURNS + 14)
    assert BEACHES not in _stances(_RETURNS + 16)


def test_the_flight_that_was_taken_is_not_asked_for() -> None:
    """What was looked for at home waits after the trip, until another one is looked for."""
    for back in (1, 4):
        flights = _told(_RETURNS + back)["interests"][FLIGHTS]
        assert flights["stance"] == "hold"
        assert flights["reasons"][-1] == {"code": "trip_taken", "value": back}
    assert _stances(42)[FLIGHTS] == "engage"
