"""Builds the JSON Schemas that fields of several topics share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from features.records.forms import CAPITAL, IAB_ID, NO_CONTROL
from features.records.inputs import TS_END, TS_MIN
from features.vocabulary import KeyPrefix

Schema = dict[str, Any]

NO_CONTROLS = f"^{NO_CONTROL}*$"
DIGITS = "^[0-9]+$"
HEX = "^[0-9a-f]+$"
_NOON = 1_772_366_400_000  # 2026-03-01 12:00 UTC
#: The largest whole number that every reader reads exactly, one in JavaScript too: 2**53 - 1.
EXACT = 9_007_199_254_740_991
BASE = "https://interest-streams.example/schemas/"  # an identifier, resolved by nobody


@dataclass(frozen=True)
class Property:
    """One field of a payload: its name, JSON Schema, meaning, and whether it must be there."""

    name: str
    schema: Schema
    about: str
    required: bool = False


def record(*fields: Property, **more: Any) -> Schema:
    """Schema of an open object with these fields."""
    return {
        "type": "object",
        "properties": {f.name: {**f.schema, "description": f.about} for f in fields},
        "required": [f.name for f in fields if f.required],
        **more,
    }


def text(shortest: int, longest: int, pattern: str = NO_CONTROLS, **more: Any) -> Schema:
    """Schema of a string; lengths in characters, control characters refused by default."""
    return {
        "type": "string",
        "minLength": shortest,
        "maxLength": longest,
        "pattern": pattern,
        **more,
    }


def integer(least: int, most: int = EXACT) -> Schema:
    """Schema of a whole number in a closed range."""
    return {"type": "integer", "minimum": least, "maximum": most}


def items(schema: Schema, most: int) -> Schema:
    """Schema of an array of at most so many items."""
    return {"type": "array", "items": schema, "maxItems": most}


def words(*values: str) -> Schema:
    """Schema of a closed set of words: inputs only, for outputs may gain words."""
    return {"type": "string", "enum": list(values)}


def nullable(schema: Schema) -> Schema:
    """The same schema, or null."""
    either = {**schema, "type": [schema["type"], "null"]}
    return either | {"enum": [*schema["enum"], None]} if "enum" in schema else either


SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1, "examples": [0.25]}

NUMBER: Schema = {"type": "number", "minimum": 0, "maximum": EXACT, "examples": [1.5]}

TIME: Schema = {**integer(TS_MIN, TS_END - 1), "examples": [_NOON]}

#: A time that this system writes, epoch milliseconds.
MOMENT: Schema = {**integer(0), "examples": [_NOON]}

INTEREST = text(1, 16, pattern=f"^{IAB_ID}+$", examples=["483"])

KEY = text(3, 300, pattern=f"^({'|'.join(KeyPrefix.words())}):.+$", examples=["host:news.example"])

DATE = text(10, 10, pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", format="date", examples=["2026-03-01"])

COUNTRY = text(2, 2, pattern=f"^{CAPITAL}{{2}}$", examples=["DE"])
