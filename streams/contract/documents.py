"""Writes the published contract: JSON Schemas, an AsyncAPI document and an Open Data Contract.

Evolution is FULL_TRANSITIVE, because a compacted topic is replayed from its start: whatever any
version wrote, every other version reads. `incompatibilities` lists what breaks that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from streams.contract.asyncapi import asyncapi
from streams.contract.open_data_contract import open_data_contract
from streams.contract.schema_forms import Schema
from streams.contract.schemas import SCHEMAS

VERSION = "1.0.0"
DEFAULT_DIR = Path("deploy/contract")
#: Every release as it was published, by its version: what is compared with is never made anew.
RELEASES = DEFAULT_DIR / "releases"

_NOTES = frozenset({"$schema", "$id", "title", "description", "examples"})
_BOUNDS = {
    "minimum": 1,
    "minLength": 1,
    "minItems": 1,
    "maximum": -1,
    "maxLength": -1,
    "maxItems": -1,
}


def documents() -> dict[str, str]:
    """Every file of the contract: path below the folder to text, always the same bytes."""
    files = {f"schemas/{name}.json": _dump(schema) for name, schema in SCHEMAS.items()}
    return {
        "asyncapi.json": _dump(asyncapi(VERSION)),
        "open-data-contract.json": _dump(open_data_contract(VERSION)),
        **files,
    }


def incompatibilities(old: Schema, new: Schema, path: str = "$") -> Iterator[str]:
    """Changes that keep either version from reading the other's records (FULL).

    Optional fields of open objects may come and go, and notes for people may change; nothing
    else may.

    Parameters
    ----------
    old, new : dict
        JSON Schemas made of the keywords of `streams.contract.schemas`.
    path : str
        Where they stand, for the messages.

    Yields
    ------
    str
        One sentence per break, beginning with its path.
    """
    if old.get("type") == "object":
        yield from _object_breaks(old, new, path)
    for word in sorted((old.keys() | new.keys()) - _NOTES - {"properties", "required"}):
        was, now = old.get(word), new.get(word)
        if was == now:
            continue
        if isinstance(was, dict) and isinstance(now, dict) and word != "not":
            yield from incompatibilities(was, now, f"{path}[]")
        elif word in ("oneOf", "anyOf") and was and now and len(was) == len(now):
            for i, (one, other) in enumerate(zip(was, now, strict=True)):
                yield from incompatibilities(one, other, f"{path}.{word}[{i}]")
        else:
            yield f"{path}: {word} {_shown(was)} became {_shown(now)}{_who(word, was, now)}"


def dropped(old: Schema, new: Schema, path: str = "$") -> Iterator[str]:
    """Fields that are gone or have another name now, required or not.

    A reader may rest on whatever was always written, whether the schema required it or not.

    Yields
    ------
    str
        One sentence per field, beginning with its path.
    """
    one, other = old.get("properties", {}), new.get("properties", {})
    for name, schema in one.items():
        if name not in other:
            yield f"{path}.{name}: gone, or renamed"
        else:
            yield from dropped(schema, other[name], f"{path}.{name}")
    if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
        yield from dropped(old["items"], new["items"], f"{path}[]")


def release_breaks(released: Mapping[str, Mapping[str, Schema]]) -> list[str]:
    """Breaks of this version against released ones, and of those with each other.

    Parameters
    ----------
    released : mapping of str to mapping of str to dict
        Name of the release to its schemas by name, oldest first.
    """
    names = {name for schemas in released.values() for name in schemas}
    found = [f"{name}: gone, or renamed" for name in sorted(names - SCHEMAS.keys())]
    for name, current in SCHEMAS.items():
        past = {release: of[name] for release, of in released.items() if name in of}
        found += [f"{name}: {what}" for what in history_breaks({**past, "this version": current})]
        for release, schema in past.items():
            found += [f"{name}: {release}: {what}" for what in dropped(schema, current)]
    return found


def history_breaks(versions: Mapping[str, Schema]) -> list[str]:
    """Breaks between any two of the versions, not neighbours alone (TRANSITIVE).

    Parameters
    ----------
    versions : mapping of str to Schema
        Name of the version to its schema, oldest first.
    """
    return [
        f"{old} -> {new}: {problem}"
        for (old, one), (new, other) in combinations(versions.items(), 2)
        for problem in incompatibilities(one, other)
    ]


def _dump(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _object_breaks(old: Schema, new: Schema, path: str) -> Iterator[str]:
    was, now = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(now - was):
        yield f"{path}.{name}: became required, so older records are refused"
    for name in sorted(was - now):
        yield f"{path}.{name}: no longer required, so older readers refuse newer records"
    one, other = old.get("properties", {}), new.get("properties", {})
    for name in sorted(one.keys() & other.keys()):
        yield from incompatibilities(one[name], other[name], f"{path}.{name}")


def _who(word: str, was: Any, now: Any) -> str:
    if word not in _BOUNDS or was == now:
        return ""
    narrower = was is None or (now is not None and (now - was) * _BOUNDS[word] > 0)
    return (
        ", so older records are refused" if narrower else ", so older readers refuse newer records"
    )


def _shown(value: Any) -> str:
    return "(absent)" if value is None else json.dumps(value)
