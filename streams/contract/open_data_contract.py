"""Describes what is published as an Open Data Contract (ODCS 3.1, Bitol)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.contract.asyncapi import partitioning
from streams.contract.notes import is_number, unit_of
from streams.contract.schema_forms import Schema
from streams.contract.schemas import EXAMPLES, SCHEMAS
from streams.contract.topics import DAY_MS, TOPICS, Topic

#: JSON Schema's bounds that ODCS knows by the same names.
_BOUNDS = (
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
)


def open_data_contract(version: str) -> dict[str, Any]:
    """The contract of all topics that are written for others."""
    written = [topic for topic in TOPICS if "out" in topic.direction and topic.name in SCHEMAS]
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "interest-streams",
        "name": "interest-streams",
        "version": version,
        "status": "active",
        "description": {
            "purpose": "Interest profiles of customers who agreed to them, and counts of "
            "households.",
            "usage": "Read committed records of the compacted topics, or ask the look-up service. "
            "Look at `contactable`, `suppressions` and `valid_until` before acting.",
            "limitations": "Nobody without consent, nothing sensitive. A record without value: "
            "forget this key and what you derived from it.",
        },
        "servers": [{"server": "kafka", "type": "kafka", "host": "{bootstrap}", "format": "json"}],
        "schema": [_topic(topic) for topic in written],
        "slaProperties": [
            {
                "property": "retention",
                "value": int(topic.config["retention.ms"]) // DAY_MS,
                "unit": "d",
                "element": topic.name,
            }
            for topic in written
            if int(topic.config.get("retention.ms", -1)) > 0
        ],
    }


def _topic(topic: Topic) -> dict[str, Any]:
    schema = SCHEMAS[topic.name]
    return {
        "name": topic.name,
        "physicalName": topic.name,
        "physicalType": "topic",
        "logicalType": "object",
        "description": schema["title"],
        "properties": list(_properties(schema)),
        "customProperties": [
            {"property": "key", "value": topic.key},
            {"property": "partitioner", "value": partitioning(topic)},
            {"property": "cleanup.policy", "value": topic.config["cleanup.policy"]},
            {"property": "isolation.level", "value": "read_committed"},
            *(
                {"property": "example", "value": value}
                for value in (EXAMPLES.get(topic.name),)
                if value is not None
            ),
        ],
    }


def _properties(schema: Schema, above: str = "") -> Iterator[dict[str, Any]]:
    for name, field in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        element = {"name": name, "required": required, **_element(field, name)}
        if is_number(field):
            unit = {"property": "unit", "value": unit_of(name, above)}
            element["customProperties"] = [unit]
        yield element


def _element(schema: Schema, name: str) -> dict[str, Any]:
    kinds = schema.get("type", [])
    kind = next((k for k in [kinds, *kinds] if isinstance(k, str) and k != "null"), "")
    element: dict[str, Any] = {}
    if "description" in schema:
        element["description"] = schema["description"]
    if "examples" in schema:
        element["examples"] = schema["examples"]
    if not kind:
        return element  # of any type
    # A date is a kind of its own, with bounds of its own.
    element["logicalType"] = "date" if schema.get("format") == "date" else kind
    element["physicalType"] = kind
    options = {name: schema[name] for name in _BOUNDS if name in schema}
    if options and element["logicalType"] != "date":
        element["logicalTypeOptions"] = options
    if kind == "object" and "properties" in schema:
        element["properties"] = list(_properties(schema, name))
    if kind == "array" and "items" in schema:
        element["items"] = _element(schema["items"], name)
    return element
