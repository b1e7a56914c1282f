"""Forms that fields of several topics share, as JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]


DAY_MS = 86_400_000


NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"


PRINTABLE = "^[ -~]+$"


DIGITS = "^[0-9]+$"


HEX = "^[0-9a-f]+$"


BASE = "https://interest-streams.example/schemas/"  # an identifier, resolved by nobody


@dataclass(frozen=True)
class Field:
    """One field of a payload: its name, JSON Schema, meaning, and whether it must be there."""

    name: str
    schema: Schema
    about: str
    required: bool = False


def record(*fields: Field, **more: Any) -> Schema:
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


def integer(least: int, most: int | None = None) -> Schema:
    """Schema of a whole number in a closed range."""
    top = {} if most is None else {"maximum": most}
    return {"type": "integer", "minimum": least, **top}


def items(schema: Schema, most: int) -> Schema:
    """Schema of an array of at most so many items."""
    return {"type": "array", "items": schema, "maxItems": most}


def words(*values: str) -> Schema:
    """Schema of a closed set of words: inputs only, for outputs may gain words."""
    return {"type": "string", "enum": list(values)}


def nullable(schema: Schema) -> Schema:
    """The same schema, or null."""
    return {**schema, "type": [schema["type"], "null"]}


SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}


NUMBER: Schema = {"type": "number", "minimum": 0}


# Epoch milliseconds of the years 2001 to 2099: seconds or microseconds fall outside.
TIME = integer(1_000_000_000_000, 4_099_999_999_999)


SPAN = integer(0, 7 * DAY_MS)


# Pseudonyms only: 7 to 17 digits and separators would be a phone number, IMSI or IMEI.
PSEUDONYM = text(
    1, 64, pattern="^[A-Za-z0-9_.:-]+$", **{"not": {"pattern": "^[-._:]*([0-9][-._:]*){7,17}$"}}
)


INTEREST = text(1, 16, pattern="^[A-Za-z0-9_-]+$")


KEY = text(3, 300, pattern="^(host|app|programme|channel|section|genre|category):.+$")


HOST = text(
    1,
    253,
    pattern=(
        r"^([A-Za-z0-9_][A-Za-z0-9_.-]*(:[0-9]{1,5})?"  # name or IPv4 address
        r"|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?|[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)$"
    ),
)  # IPv6


COUNTRY = text(2, 2, pattern="^[A-Z]{2}$")
