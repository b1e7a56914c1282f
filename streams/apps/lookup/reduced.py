"""Reduces an answer to what can carry no text of somebody else: numbers, days and listed words.

For programs that may take any sentence they read for something to do. Whatever was written into
a title, a host or a record: a name comes from the taxonomy by its id, and a word that is on none
of the lists is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from features.records.forms import Pseudonym
from features.tags.taxonomy import Taxonomy
from features.vocabulary import (
    DayPart,
    PermissionBasis,
    Purpose,
    ReasonCode,
    Source,
    Stance,
    SuppressionReason,
    Trend,
)
from streams.client.words import Wording

_SUBJECT = re.compile(rf"{Pseudonym.pattern}(/{Pseudonym.pattern})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOST = 20
_WIDE = ("all", "audiences")
_NUMBERS = ("low", "high", "needs", "score", "days", "loss", "propensity")

_Check = Callable[[Any], bool]


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**62


def _one_of(words: Collection[str]) -> _Check:
    return lambda value: isinstance(value, str) and value in words


def _matches(pattern: re.Pattern[str]) -> _Check:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


_PROFILE: Mapping[str, _Check] = {
    "subject": _matches(_SUBJECT),
    **dict.fromkeys(("version", "as_of", "computed_at", "valid_until"), _number),
}
_INTEREST: Mapping[str, _Check] = {
    **dict.fromkeys(("score", "lift", "confidence", "until"), _number),
    "trend": _one_of(Trend.words()),
    "stance": _one_of(Stance.words()),
    **dict.fromkeys(("first_seen", "last_active", "stance_since"), _matches(_DAY)),
}
_SUPPRESSION: Mapping[str, _Check] = {
    "reason": _one_of(list(SuppressionReason)),
    "since": _number,
    "until": _number,
}
_PERMISSION: Mapping[str, _Check] = {
    "value": _flag,
    "why": _one_of([*PermissionBasis, *SuppressionReason]),
    "until": _number,
}


def reduced(raw: Mapping[str, Any], tree: Taxonomy, said: Wording) -> dict[str, Any]:
    """A profile, as the look-up service answers it, of numbers and listed words alone.

    Parameters
    ----------
    raw : mapping of str to object
    tree : Taxonomy
        The names of interests.
    said : Wording
        The sentences.
    """
    found = _kept(raw, _PROFILE)
    found["suppressions"] = list(_suppressions(raw, tree, said))
    if isinstance(uses := raw.get("contactable"), Mapping):
        found["contactable"] = {
            use.value: _kept(uses[use], _PERMISSION)
            for use in Purpose
            if isinstance(uses.get(use), Mapping)
        }
    found["interests"] = [
        reduced_interest(i, tree, said, found) for i in _named(raw, "interests", "id", tree)
    ]
    return found


def reduced_interest(
    raw: Mapping[str, Any], tree: Taxonomy, said: Wording, profile: Mapping[str, Any]
) -> dict[str, Any]:
    """One interest, whose id is in the taxonomy, with its sentence; `profile` is a reduced one."""
    found = {"id": raw["id"], "name": _name(raw["id"], tree), **_kept(raw, _INTEREST)}
    for field, words in (("dayparts", DayPart.words()), ("sources", Source.words())):
        if isinstance(shares := raw.get(field), Mapping):
            found[field] = {word: shares[word] for word in words if _number(shares.get(word))}
    found["reasons"] = list(_reasons(raw))
    found["words"] = said.interest(found, profile)
    return found


def _reasons(raw: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for item in _objects(raw, "reasons"):
        code, value = item.get("code"), item.get("value")
        if code not in set(ReasonCode):
            continue
        if isinstance(value, Mapping):
            value = {name: value[name] for name in _NUMBERS if _number(value.get(name))}
        yield {"code": code, "value": value if isinstance(value, dict) or _number(value) else None}


def _suppressions(
    raw: Mapping[str, Any], tree: Taxonomy, said: Wording
) -> Iterator[dict[str, Any]]:
    for item in _objects(raw, "suppressions"):
        scope = item.get("scope")
        if not isinstance(scope, str) or not (scope in _WIDE or scope in tree):
            continue
        found = {"scope": scope, **_kept(item, _SUPPRESSION)}
        if "channel" in item:  # its name is somebody else's text, and that there is one counts
            found["channel"] = None
        if scope in tree:
            found["name"] = _name(scope, tree)
        if "reason" in found:
            yield {**found, "words": said.suppression(found, {})}


def _named(
    raw: Mapping[str, Any], field: str, key: str, tree: Taxonomy
) -> Iterator[Mapping[str, Any]]:
    for item in _objects(raw, field)[:_MOST]:
        if isinstance(item.get(key), str) and item[key] in tree:
            yield item


def _objects(raw: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = raw.get(name)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def _kept(raw: Mapping[str, Any], checks: Mapping[str, _Check]) -> dict[str, Any]:
    return {name: raw[name] for name, right in checks.items() if name in raw and right(raw[name])}


def _name(interest: str, tree: Taxonomy) -> str:
    return tree.names[tree.index(interest)]
