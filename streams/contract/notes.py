"""Adds to schemas what people need beside a type: an example of each field, and units of numbers.

Both are looked up by a field's name, which means one thing in every topic; where it doesn't, by
``parent.name`` or ``topic.name``. JSON Schema has no keyword for a unit, so it stands in the
description; the Open Data Contract says it in a property of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from features.vocabulary import (
    DayType,
    Part,
    PermissionBasis,
    ReasonCode,
    Source,
    Stance,
    SuppressionReason,
    Trend,
    Weekday,
)
from streams.contract.schema_forms import Schema

#: What a number counts in that is a count, a version, a share or a ratio.
ONE: Final = "1"
#: Unit of a number by its field; others are `ONE`.
UNITS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "ts as_of computed_at valid_until until expires_at at requested_at applied_at swept_at "
            "release"
        ).split(),
        "epoch milliseconds",
    ),
    **dict.fromkeys("duration_ms watched_ms content_ms period_ms".split(), "milliseconds"),
    **dict.fromkeys(("bytes_down", "bytes_up"), "bytes"),
    **dict.fromkeys(("accounts", "noise", "k", "rounded_to"), "households"),
    "tz_offset_min": "minutes",
    "quiet_days": "days",
    "evidence.days": "days",
    "seconds": "seconds",
}

_NOON = 1_772_366_400_000  # 2026-03-01 12:00 UTC
#: Examples by field; of an open vocabulary, all words that there are now.
EXAMPLES_OF: Final[Mapping[str, Sequence[Any]]] = {
    **dict.fromkeys("ts expires_at at requested_at applied_at swept_at as_of".split(), [_NOON]),
    "schema": [1],
    "version": [7],
    "event_id": ["e-1"],
    "account_id": ["acc-1"],
    "member_id": ["m-2"],
    "owner_member_id": ["m-2"],
    "device_id": ["tv-1"],
    "country": ["DE"],
    "tz_offset_min": [60],
    "purpose": ["profiling"],
    "interest": ["483"],
    "product": ["p-12"],
    "quiet_days": [90],
    "case_id": ["c-1"],
    "contact_id": ["mail-1"],
    "propensity": [0.25],
    "profile_version": [7],
    "host": ["news.example"],
    "app": ["com.example.news"],
    "app_id": ["com.example.news"],
    "bytes_down": [1_500_000],
    "bytes_up": [40_000],
    "duration_ms": [90_000],
    "content_id": ["p-2031"],
    "channel": ["sports-1"],
    "outcomes.channel": ["mail"],
    "suppressions.channel": ["mail"],
    "title": ["The match of the day"],
    "watched_ms": [2_700_000],
    "content_ms": [5_400_000],
    "action": ["view"],
    "section": ["results"],
    "text": ["Highlights of all matches."],
    "genres": ["Sports", "dvb:4.3"],
    "category": ["Sports"],
    "rating": ["TV-Y7"],
    "keywords": ["football"],
    "language": ["de"],
    "content-tags.source": ["own:hosts"],
    "untagged.source": Source.words(),
    "audience": ["all", "children"],
    "model.id": ["mixture"],
    "trend": Trend.words(),
    "day_type": DayType.words(),
    "weekday": Weekday.words(),
    "part": Part.words(),
    "dayparts": [0.71],
    "evidence.events": [363],
    "evidence.days": [28],
    "evidence.sources": Source.words(),
    "interests.stance": Stance.words(),
    "code": list(map(str, ReasonCode)),
    "value": [12, {"low": 2.4, "needs": 1.2}],
    "suppressions.scope": ["all", "483", "audiences"],
    "suppressions.name": ["Sports"],
    "more": [2],
    "suppressions.reason": list(map(str, SuppressionReason)),
    "why": [*map(str, PermissionBasis), *map(str, SuppressionReason)],
    "segment": ["interest:483"],
    "kind": ["interest", "pair", "daypart", "group", "release"],
    "audience-segments.name": ["Sports"],
    "daypart": ["weekend-evening"],
    "accounts": [1_250],
    "k": [50],
    "rounded_to": [10],
    "period_ms": [2_592_000_000],
    "releases": [[_NOON, 0.01]],
    "worker": ["worker-0"],
    "caller": ["offers-team"],
    "lookups.purpose": ["offers", "profiling", "privacy"],
    "lookups.reason": ["campaign-12"],
    "route": ["/v1/profiles/{account}"],
    "lookups.profiles": [3],
    **dict.fromkeys(("mark", "request"), ["6b1f0c2d9e8a4f7710c3d5e2ab94f608"]),
    "value-digest": ["6b1f0c2d9e8a4f7710c3d5e2ab94f608"],
    "erasure-receipts.scope": ["account", "member"],
    "subjects": [3],
    "erasure-receipts.profiles": [2],
    "facts_kept": [0],
    "keys_found": [0],
    "looked_in": ["interest-profiles-0"],
    "not_looked_in": ["interest-profiles-1 until 2026-03-02"],
    "source-topic": ["tv-viewing"],
    "source-partition": ["3"],
    "source-offset": ["1024"],
    "dead-letters.headers.reason": ["late"],
    "field": ["ts"],
    "message": ["older than the deployment takes"],
    "schema-version": ["1"],
    "value-length": ["70000"],
    "sealed": ["c2VhbGVk"],
    "ce_type": ["interest-profile.v1", "interest-profile.forgotten.v1"],
    "offers.headers.ce_type": ["offers.v1", "offers.forgotten.v1"],
    "ce_id": ["acc-1/m-2:7:96"],
    "ce_subject": ["acc-1/m-2"],
    "ce_time": ["2026-03-01T12:00:00.000Z"],
}


def annotated(topic: str, schema: Schema) -> Schema:
    """The same schema with an example of each field, and with the units of its numbers."""
    return _annotated(schema, topic, topic, "")


def unit_of(name: str, parent: str = "") -> str:
    """Unit of the numbers of a field."""
    return UNITS.get(f"{parent}.{name}", UNITS.get(name, ONE))


def is_number(schema: Schema) -> bool:
    """Whether a schema's values are numbers, or numbers and null."""
    kinds = schema.get("type", ())
    return not {"integer", "number"}.isdisjoint([kinds] if isinstance(kinds, str) else kinds)


def _annotated(schema: Schema, topic: str, parent: str, name: str) -> Schema:
    found = dict(schema)
    if "properties" in schema:
        found["properties"] = {
            field: _annotated(of, topic, name or topic, field)
            for field, of in schema["properties"].items()
        }
    if isinstance(schema.get("oneOf"), list):
        found["oneOf"] = [_annotated(of, topic, parent, name) for of in schema["oneOf"]]
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            found[inner] = _annotated(schema[inner], topic, parent, name)
    if not name or schema.keys() & {"properties", "items", "prefixItems", "enum", "const"}:
        return found
    if is_number(schema) and (unit := unit_of(name, parent)) != ONE:
        said = schema.get("description", "")
        found["description"] = said if unit in said else f"{said}; in {unit}".removeprefix("; ")
    keys = (f"{topic}.{name}", f"{parent}.{name}", name)
    if "examples" not in schema and (key := next((k for k in keys if k in EXAMPLES_OF), None)):
        found["examples"] = list(EXAMPLES_OF[key])
    return found
