"""Two profiles of the same subject compared: what differs materially."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from streams.settings import Settings

#: What depends on when the profile was written.
_OF_THE_COMMIT = ("version", "computed_at")
#: What is the same of two that were written on the same knowledge.
_SAME = ("as_of", "evidence", "model")
_DAY_MS = 86_400_000


def profile_differences(
    expected: Mapping[bytes, bytes], kept: Mapping[bytes, bytes], settings: Settings
) -> Iterator[str]:
    """Compare profiles by key; versions depend on when commits fell and are left out.

    Of two profiles of one open day after the same events everything must agree. Of one that was
    written after fewer events, or on another day, what is material must: what is on hold comes
    along with that or after a week, and since when hangs on what had been written before.
    """
    for key in sorted(kept.keys() | expected.keys()):
        if key not in kept or key not in expected:
            yield f"{key.decode()} is {'missing' if key in expected else 'too much'}"
            continue
        one, other = json.loads(expected[key]), json.loads(kept[key])
        for item in (*one["interests"], *other["interests"]):
            item.pop("stance_since", None)  # of the first that said so
            without_days_then(item)
        if (
            all(one[name] == other[name] for name in _SAME)
            and len({_open_day(p, settings) for p in (one, other)}) == 1
        ):
            written = f"as of {one['as_of']}, written at {one['computed_at']}"
            yield from (
                f"{key.decode()}, {written} and {other['computed_at']}: {name} "
                + _unlike(one.get(name), other.get(name))
                for name in one.keys() | other.keys()
                if name not in _OF_THE_COMMIT and one.get(name) != other.get(name)
            )
        else:
            yield from (f"{key.decode()}: {text}" for text in _material(one, other, settings))


def _unlike(expected: Any, kept: Any) -> str:
    """What should be and what is; of lists, from where they differ."""
    if isinstance(expected, list) and isinstance(kept, list):
        alike = (n for n, (a, b) in enumerate(zip(expected, kept, strict=False)) if a != b)
        at = next(alike, min(len(expected), len(kept)))
        names = [[item.get("id") for item in items] for items in (expected, kept)]
        said = f"{names[0]} should be {expected[at : at + 1]}, {names[1]} is {kept[at : at + 1]}"
        return f"from number {at} of {said}"
    return f"should be {str(expected)[:400]}, is {str(kept)[:400]}"


def _open_day(profile: dict[str, Any], settings: Settings) -> int:
    """The day that was open when a profile was written: late events keep one open for a while."""
    offset = settings.day_offset_min * 60_000 - settings.lateness_ms
    return (int(profile["computed_at"]) + offset) // _DAY_MS


def without_days_then(interest: dict[str, Any]) -> None:
    """Take out of an interest what its reason says of the day on which its advice began."""
    for reason in interest["reasons"]:
        if reason["code"] == "still_likely":
            reason["value"].pop("days", None)


def _acted_on(profile: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in profile["interests"] if item["stance"] != "hold"]


def _material(one: dict[str, Any], other: dict[str, Any], settings: Settings) -> Iterator[str]:
    for name in ("suppressions", "contactable", "context"):
        if one[name] != other[name]:
            yield f"{name} should be {one[name]}, is {other[name]}"
    stances = [
        {item["id"]: (item["trend"], item["stance"]) for item in _acted_on(which)}
        for which in (one, other)
    ]
    if stances[0] != stances[1]:
        yield f"interests should be {str(stances[0])[:200]}, are {str(stances[1])[:200]}"
        return
    scores = [{item["id"]: item["score"] for item in _acted_on(which)} for which in (one, other)]
    for interest, score in scores[0].items():
        # what was shown is remembered in steps of 1/250, and either is rounded to the step
        if abs(score - scores[1][interest]) > 2 * settings.publish_score_step + 0.005:
            yield f"score of {interest} should be {score}, is {scores[1][interest]}"
