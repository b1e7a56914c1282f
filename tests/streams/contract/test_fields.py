"""Every field of the contract says what it holds, and none goes away without a word."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from streams.contract import documents
from streams.contract.schemas import SCHEMAS


def nodes(schema: dict[str, Any], *path: str) -> Iterator[tuple[str, ...]]:
    """Paths of the objects of a schema."""
    if "properties" in schema:
        yield path
    for name, field in schema.get("properties", {}).items():
        yield from nodes(field, *path, "properties", name)
    if isinstance(schema.get("items"), dict):
        yield from nodes(schema["items"], *path, "items")


def node_of(schema: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        schema = schema[step]
    return schema


@pytest.mark.parametrize("name", SCHEMAS)
def test_dropping_or_renaming_any_field_fails_by_name(name: str) -> None:
    """Of every object of every topic, whether it is required or not."""
    for path in nodes(SCHEMAS[name]):
        for field in node_of(SCHEMAS[name], path)["properties"]:
            past = {**SCHEMAS, name: copy.deepcopy(SCHEMAS[name])}
            there = node_of(past[name], path)["properties"]
            there[f"{field}_before"] = there.pop(field)
            problems = documents.release_breaks({"1.0.0": past})
            assert any(f"{field}_before: gone, or renamed" in problem for problem in problems)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_says_what_it_holds(name: str) -> None:
    """Its meaning, its form or range, and an example that is as it says."""
    assert list(unsaid(SCHEMAS[name], name)) == []


def test_what_is_unsaid_is_found() -> None:
    for field, fault in (
        ({"type": "integer", "minimum": 0, "description": "x", "examples": [1]}, "range"),
        ({"type": "number", "maximum": 1, "description": "x", "examples": [1]}, "range"),
        ({"type": "string", "description": "x", "examples": ["a"]}, "form"),
        ({"type": "string", "maxLength": 3, "description": "x"}, "example"),
        ({"type": "string", "maxLength": 3, "description": "x", "examples": ["long"]}, "long"),
        ({"type": "boolean"}, "meaning"),
        ({"type": "array", "items": {"type": "boolean"}, "description": "x"}, "length"),
    ):
        (found,) = unsaid({"type": "object", "properties": {"f": field}}, "$")
        assert found.startswith("$.f") and fault in found


def unsaid(schema: dict[str, Any], path: str, inner: bool = False) -> Iterator[str]:
    """What a reader of a schema would have to ask."""
    for name, field in schema.get("properties", {}).items():
        if not field.get("description"):
            yield f"{path}.{name}: no meaning"
        yield from unsaid(field, f"{path}.{name}")
    kinds = {schema["type"]} if isinstance(schema.get("type"), str) else {*schema.get("type", [])}
    if schema.keys() & {"enum", "const", "$ref", "prefixItems"} or "boolean" in kinds:
        return
    if "array" in kinds:
        if "maxItems" not in schema:
            yield f"{path}: no length"
        yield from unsaid(schema["items"], f"{path}[]")
        return
    if "object" in kinds:
        if isinstance(schema.get("additionalProperties"), dict):
            yield from unsaid(schema["additionalProperties"], f"{path}.*")
        return
    lowest = schema.keys() & {"minimum", "exclusiveMinimum"}
    if kinds & {"integer", "number"} and not (lowest and "maximum" in schema):
        yield f"{path}: no range"
    if "string" in kinds and not schema.keys() & {"pattern", "format", "maxLength"}:
        yield f"{path}: no form"
    if not schema.get("examples"):
        yield f"{path}: no example"
    for example in schema.get("examples", ()):
        for error in Draft202012Validator(schema).iter_errors(example):
            yield f"{path}: {error.message}"


def test_numbers_for_others_have_units() -> None:
    document = json.loads(documents.documents()["open-data-contract.json"])
    found = {path: unit for item in document["schema"] for path, unit in units(item, item["name"])}
    assert found["interest-profiles.as_of"] == "epoch milliseconds"
    assert found["interest-profiles.evidence.days"] == "days"
    assert found["interest-profiles.interests.score"] == "1"
    assert found["audience-segments.accounts"] == "households"
    assert None not in found.values()


def units(element: dict[str, Any], path: str) -> Iterator[tuple[str, str | None]]:
    own = element.get("properties") or element.get("items", {}).get("properties", [])
    for field in own:
        if field.get("physicalType") in ("integer", "number"):
            said = {p["property"]: p["value"] for p in field.get("customProperties", [])}
            yield f"{path}.{field['name']}", said.get("unit")
        yield from units(field, f"{path}.{field['name']}")


def test_dropping_a_topic_fails_by_name() -> None:
    past = {**SCHEMAS, "moods": {"type": "object"}}
    assert documents.release_breaks({"1.0.0": past}) == ["moods: gone, or renamed"]
