"""What a shadow says otherwise is counted by what is done about it."""

from __future__ import annotations

from typing import Any

import orjson

from streams.evaluation.canary import ABSENT, InterestChange, ShadowComparison


def _profile(stances: dict[str, tuple[str, float]], **more: Any) -> bytes:
    interests = [{"id": n, "stance": s, "score": score} for n, (s, score) in stances.items()]
    return orjson.dumps({"version": 1, "interests": interests, **more})


BASE = _profile({"483": ("engage", 0.5), "653": ("hold", 0.2)}, as_of=1, computed_at=2)


def _taken(one: dict[bytes, bytes], other: dict[bytes, bytes], shown: int = 5) -> ShadowComparison:
    result = ShadowComparison(shown)
    result.take(one, other)
    return result


def test_what_only_a_clock_or_a_counter_changes_is_equal() -> None:
    later = _profile({"653": ("hold", 0.2), "483": ("engage", 0.5)}, version=9, as_of=7)
    result = _taken({b"a": BASE}, {b"a": later})
    assert (result.equal, result.share_changed, result.largest) == (1, 0.0, [])


def test_each_kind_of_difference_is_its_own() -> None:
    other = {
        b"score": _profile({"483": ("engage", 0.75), "653": ("hold", 0.2)}),
        b"stance": _profile({"483": ("hold", 0.5), "653": ("hold", 0.2)}),
        b"absent": _profile({"483": ("engage", 0.5)}),
        b"suppressed": orjson.dumps(
            orjson.loads(BASE) | {"suppressions": [{"scope": "all", "reason": "care"}]}
        ),
        b"permitted": orjson.dumps(
            orjson.loads(BASE) | {"contactable": {"offers": {"value": False}}}
        ),
        b"new": BASE,
    }
    one = dict.fromkeys([*other.keys() - {b"new"}, b"gone"], BASE)
    result = _taken(one, other)
    assert (result.equal, result.rescored, result.changed, result.alone) == (0, 2, 3, (1, 1))
    assert result.share_changed == 5 / 7
    assert result.stances == {("engage", "hold"): 1, ("hold", ABSENT): 1}
    assert result.largest == [
        InterestChange(0.25, "score", "483", ("engage", "engage")),
        InterestChange(0.2, "absent", "653", ("hold", ABSENT)),
        InterestChange(0.0, "stance", "483", ("engage", "hold")),
    ]


def test_the_largest_are_of_all_parts() -> None:
    result = ShadowComparison(shown=2)
    for name, score in ((b"a", 0.6), (b"b", 0.9), (b"c", 0.7)):
        result.take({name: BASE}, {name: _profile({"483": ("engage", score)})})
    assert [(item.subject, round(item.amount, 2)) for item in result.largest] == [
        ("b", 0.4),
        ("c", 0.2),
    ]
