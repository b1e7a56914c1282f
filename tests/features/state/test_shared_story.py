"""A home of four weeks and more: a child's cartoons on the box, and a father who cooks before it.

He looks recipes up on his own phone twice a week, which says little; what he watches says the rest.
"""

from __future__ import annotations

import json
from functools import cache
from random import Random
from typing import Any

from features.engine import Engine
from features.state.contents import Contents
from features.tags.exact import TagEntry
from features.tags.taxonomy import load
from tests.support import generators as gen
from tests.support import shared_home as world
from tests.support.generators import DAY_MS, HOUR_MS, START, TV, Record, config, consent, fact

_DAYS, _PROGRAMMES, _NEIGHBOURS = 44, 20, range(1, 7)
COOKING, ANIMATION = "216", "641"
_HOSTS = {
    "recipes": COOKING, "rugby": "529", "hockey": "515", "cars": "1", "gardens": "275",
    "news": "379",
}  # fmt: skip
_TABLE = {f"host:{name}.example": TagEntry(((i, 1.0),), "test", 1.0) for name, i in _HOSTS.items()}
_TABLE |= {
    f"programme:{name}-{n}": TagEntry(((i, 1.0),), "test", 1.0)
    for name, i in (("cook", COOKING), ("toon", ANIMATION))
    for n in range(_PROGRAMMES)
}
HOUSEHOLD, FATHER, MOTHER = "acc-0", "acc-0/m-1", "acc-0/m-2"


def _shown(number: int, ts: int, programme: str, account: int = 0) -> Record:
    doc = {
        "event_id": f"t-{number}", "account_id": f"acc-{account}", "ts": ts, "device_id": "box",
        "content_id": programme, "channel": "one", "mode": "live", "watched_ms": 2_400_000,
        "content_ms": 2_700_000,
    }  # fmt: skip
    return Record(TV, doc)


def _events() -> list[Record]:
    """What everybody did, in order of time: the home, and neighbours to be compared with."""
    chance = Random(1)
    found: list[Record] = []

    def own(hour: int, member: str, host: str, account: int = 0) -> None:
        ts = midnight + hour * HOUR_MS + chance.randrange(HOUR_MS // 2)
        found.append(world.seen(len(found), ts, f"{host}.example", account, member_id=member))

    def shown(hour: int, programme: str, account: int = 0) -> None:
        found.append(_shown(len(found), midnight + hour * HOUR_MS, programme, account))

    for day in range(_DAYS):
        midnight = START + day * DAY_MS
        for hour, member, host in (
            (7, "m-1", "rugby"), (12, "m-1", "cars"), (8, "m-2", "hockey"), (14, "m-2", "gardens"),
        ):  # fmt: skip
            own(hour, member, host)
        if day % 7 in (2, 6):
            own(21, "m-1", "recipes")
        shown(16, f"toon-{day % _PROGRAMMES}")
        shown(17, f"toon-{(day + 7) % _PROGRAMMES}")
        if day % 7 in (0, 2, 4, 5):
            shown(20, f"cook-{day % _PROGRAMMES}")
        for account in _NEIGHBOURS:
            for host in _HOSTS:
                if chance.random() < 0.15:
                    own(10, "m-1", host, account)
            if chance.random() < 0.1:
                shown(16, f"toon-{day % _PROGRAMMES}", account)
    return sorted(found, key=lambda record: int(record.doc["ts"]))


@cache
def _told(on: bool) -> dict[str, dict[str, dict[str, Any]]]:
    """What the profiles say of each interest at the end, with and without attribution."""
    before = START - DAY_MS
    said = [
        *world.home(0),
        fact(0, "registry", before, device_id="tab", owner_member_id="m-3", adult=False),
        *(consent(account) for account in _NEIGHBOURS),
        *(fact(account, "consent", before, purpose="offers", status="granted")
          for account in (0, *_NEIGHBOURS)),
    ]  # fmt: skip
    changed = {"watermark_accounts": 1, "profile_common": True}
    engine = Engine(config(attribution=on, **changed), load(), Contents(load(), _TABLE))
    engine.apply(gen.batch([*said, *_events()], 0))
    engine.collect({})
    found = {}
    for key in (HOUSEHOLD, FATHER, MOTHER):
        value = engine.profile(key.encode())
        assert value is not None
        found[key] = {item["id"]: item for item in json.loads(value)["interests"]}
    return found


def _codes(item: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in item["reasons"]]


def test_cartoons_on_the_box_are_somebody_elses() -> None:
    """The household is not to be told of them, and the reason says neither who nor how many."""
    off, on = _told(False)[HOUSEHOLD][ANIMATION], _told(True)[HOUSEHOLD][ANIMATION]
    assert (off["stance"], _codes(off)[0]) == ("engage", "lift_clear")
    assert on["stance"] == "hold" and on["score"] >= 0.8
    assert _codes(on) == ["active_days_28", "share_7d", "somebody_else"]
    assert on["reasons"][-1]["value"] > 0.9
    assert "seen_on_shared_screen" not in _codes(on) and "attributed" not in on


def test_no_cartoons_reach_the_parents() -> None:
    """And what both of them do on their own lines stays as it was."""
    for who, own in ((FATHER, {"529", "1"}), (MOTHER, {"515", "275"})):
        assert ANIMATION not in _told(True)[who]
        for interest in own:
            assert _told(True)[who][interest]["stance"] == "engage", (who, interest)
            assert "attributed" not in _told(True)[who][interest]


def test_the_father_learns_cooking_from_television() -> None:
    """Without it only this weekday, of his recipes, speaks for it; the mother has none of it."""
    off, on = _told(False)[FATHER][COOKING], _told(True)[FATHER][COOKING]
    assert (off["stance"], _codes(off)[0], "attributed" in off) == ("engage", "likely", False)
    assert "weekly_habit" in _codes(off) and "weekly_habit" not in _codes(on)
    assert (on["stance"], _codes(on)[0]) == ("engage", "lift_clear")
    assert 0.5 < on["attributed"] < 0.8 and on["score"] > off["score"] + 0.2
    assert {"code": "seen_on_shared_screen", "value": on["attributed"]} in on["reasons"]
    assert COOKING not in _told(True)[MOTHER]


def test_the_household_keeps_what_is_its_own() -> None:
    """Cooking is the household's to act on as before."""
    off, on = _told(False)[HOUSEHOLD][COOKING], _told(True)[HOUSEHOLD][COOKING]
    assert off["stance"] == on["stance"] == "engage"
    assert "somebody_else" not in _codes(on)
