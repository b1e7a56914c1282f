"""Tells what an interest is a part of, as far up as a profile and the shipped list can tell.

A profile names the parent of an interest alone, and leaves out a parent that says no more than
its part: what stands between a whole and a part of a part is in the shipped list of subjects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from features.vocabulary import Stance
from streams.client.chances import dicts

#: Files of the shipped list of subjects: id, parent, name.
_LISTS = ("iab_content_3.1.tsv", "iab_supplement.tsv")


def wholes_of(interest: str, profile: Mapping[str, Any]) -> tuple[str, ...]:
    """Ids of what an interest is a part of, the nearest first.

    Parameters
    ----------
    interest : str
        Id.
    profile : mapping of str to object
        JSON. What it says of parents goes before the shipped list.

    Examples
    --------
    >>> wholes_of("602", {})
    ('599', '596')
    >>> wholes_of("602", {"interests": [{"id": "602", "parent": "483"}]})
    ('483',)
    """
    said = {str(item.get("id")): item.get("parent") for item in dicts(profile.get("interests"))}
    return tuple(_above(interest, said))


def suppressions_on(raw: Mapping[str, Any], profile: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Suppressions of a profile (JSON) that act on an interest (JSON), its own and of all.

    What is disliked is disliked with its parts; what else is paused names each part by itself.
    """
    own, above = str(raw.get("id")), wholes_of(str(raw.get("id")), profile)
    return [
        item
        for item in dicts(profile.get("suppressions"))
        if item.get("scope") in ("all", own)
        or (item.get("scope") in above and item.get("reason") == "dislike")
    ]


def parts_of(raw: Mapping[str, Any], profile: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Parts of an interest (JSON) that a profile (JSON) advises otherwise on, the widest of each.

    Interests of the profile, and what is paused without being one: that has a stance too here.
    """
    own = str(raw.get("id"))
    rows = [item for item in dicts(profile.get("interests")) if isinstance(item.get("id"), str)]
    known = {item["id"] for item in rows}
    paused = [
        {"id": item["scope"], "name": item["name"], "stance": Stance.AVOID.word}
        for item in dicts(profile.get("suppressions"))
        if "channel" not in item and "name" in item and isinstance(item.get("scope"), str)
    ]
    rows += {item["id"]: item for item in paused if item["id"] not in known}.values()
    above = {item["id"]: wholes_of(item["id"], profile) for item in rows}
    stances = {item["id"]: item.get("stance") for item in rows}
    found = [item for item in rows if "id" in raw and own in above[item["id"]]]

    def is_said(item: dict[str, Any]) -> bool:
        """Whether what stands between it and the whole says the same."""
        between = above[item["id"]][: above[item["id"]].index(own)]
        return any(stances.get(node) == item.get("stance") for node in between)

    return [item for item in found if not is_said(item)]


def _above(interest: str, said: Mapping[str, Any]) -> Iterator[str]:
    seen, shipped = {interest}, _parents()
    while True:
        parent = said.get(interest)
        interest = parent if isinstance(parent, str) else shipped.get(interest, "")
        if not interest or interest in seen:  # a circle would never end
            return
        seen.add(interest)
        yield interest


@cache
def _parents() -> dict[str, str]:
    """Parents by id, of the shipped list; the rows before the first id are headings."""
    found = {}
    for name in _LISTS:
        text = resources.files("features").joinpath(f"data/{name}").read_text(encoding="utf-8")
        for line in text.splitlines():
            own, _, rest = line.partition("\t")
            if own.strip().isalnum() and own != "id":
                found[own.strip()] = rest.partition("\t")[0].strip()
    return found
