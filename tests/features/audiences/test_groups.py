"""Life-style groups: made from what was said, the same for whoever reads it."""

from __future__ import annotations

from features.audiences import groups
from features.audiences.cells import Audiences
from tests.support.audience_counting import DAY, PLAIN, START, TREE, K, fill, said

SAID = {
    "interest/483": 300,
    "interest/533": 200,  # Soccer, within Sports
    "interest/653": 250,
    "interest/42": 120,
    "pair/483+653": 90,
    "pair/533+653": 60,
    "pair/483+533": 400,  # one root, twice
    "daypart/weekend-evening/483": 100,
}


def test_groups_are_the_pairs_of_roots_that_most_share_then_roots_alone() -> None:
    assert groups.formed(SAID, TREE) == (("42",), ("483", "653"))
    assert groups.formed({"interest/483": 300}, TREE) == ()  # it would be everybody
    many = {f"pair/{one}+{other}": 50 for one in PLAIN for other in PLAIN if one < other}
    assert len(groups.formed(many, TREE)) == groups.COUNT


def test_a_household_is_where_most_of_its_attention_is() -> None:
    formed = (("483", "653"), ("42",))
    assert groups.nearest([("533", 0.4), ("42", 0.5), ("653", 0.3)], formed, TREE) == formed[0]
    assert groups.nearest([("533", 0.1), ("42", 0.5)], formed, TREE) == formed[1]
    assert groups.nearest([("464", 0.9)], formed, TREE) is None
    assert groups.nearest([("464", 0.9)], (), TREE) is None


def test_groups_are_said_by_their_names_and_outlive_a_restart() -> None:
    first = Audiences(TREE, K)
    for style, interests in enumerate((("483", "653"), ("680", "42"), ("422", "464"))):
        fill(first, 60 + style, interests, first=100 * style)
        fill(first, 25, interests[:1], first=1000 + 100 * style)
        fill(first, 25, interests[1:], first=2000 + 100 * style)
    assert not [key for key in said({}, first.publish(START)) if key.startswith("group/")]
    fill(first, 1, ["483"], first=5000)
    records = [s for s in first.publish(START + DAY) if s.key.startswith("group/")]
    assert len(records) == 2  # one of three is never said
    for record in records:
        assert record.value is not None and record.value["accounts"] == 100
        assert record.key == "group/" + "+".join(record.value["interests"])
        assert " & " in record.value["name"]
    again = Audiences(TREE, K)
    for record in records:
        again.restore(record.key, record.value)
    for style, interests in enumerate((("483", "653"), ("680", "42"), ("422", "464"))):
        fill(again, 60 + style, interests, first=100 * style)
    assert not [s for s in again.publish(START + DAY + 1) if s.key.startswith("group/")]
    assert all(again.count(record.key) >= 60 for record in records)
