"""Describes the look-up service as an OpenAPI 3.1 document, made from the published schemas."""

from __future__ import annotations

from typing import Any

from features.vocabulary import Stance
from streams.apps.lookup.callers import PURPOSES
from streams.apps.lookup.requests import MOST_SUBJECTS
from streams.client.words import LANGUAGES
from streams.contract.schemas import SCHEMAS
from streams.contract.topics import PROFILES

_JSON = "application/json"
_PROBLEM = {
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
}
_PROBLEMS = {
    "400": "the request says what it wants in a wrong way",
    "401": "no token, or one that does not hold",
    "403": "the token is not for that purpose",
    "404": "nothing to show: unknown, erased, expired, or not for this purpose",
    "429": "too often; Retry-After says when to come again",
    "503": "starting, or look-ups can't be put on record",
}


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    account, member = _path("account"), _path("member")
    root, own = "/v1/profiles/{account}", "/v1/profiles/{account}/{member}"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "interest-streams look-up",
            "version": "1.0.0",
            "description": "Profiles as fresh as the topic. Every look-up is put on record: who, "
            "for which purpose, of whom (by a keyed hash). Nothing may be kept: answers are "
            "private and no-store; ask again with If-None-Match, whose tags never repeat.",
        },
        "security": [{"token": list(PURPOSES)}],
        "paths": {
            root: {"parameters": [account, *_VIEW], "get": _get("household", "Household", True)},
            own: {"parameters": [account, member, *_VIEW], "get": _get("member", "Profile", True)},
            root + "/why/{interest}": _why("householdWhy", account),
            own + "/why/{interest}": _why("memberWhy", account, member),
            "/v1/profiles:batch": {"parameters": _VIEW, "post": _batch()},
            "/v1/changes": {"get": _changes()},
            "/v1/outcomes": {"get": _outcomes()},
        },
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                          "description": "RS256, PS256, ES256 or EdDSA; exp, sub and aud are "
                          "needed, scope has the purposes."},
            },
            "schemas": _schemas(),
        },
    }  # fmt: skip


def _path(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": 64},
    }


def _query(name: str, about: str, **schema: Any) -> dict[str, Any]:
    shown = {"type": "string", **schema}
    return {"name": name, "in": "query", "description": about, "schema": shown}


_VIEW = [
    _query("purpose", "needed where the token is for several", enum=list(PURPOSES)),
    _query("stance", f"interests with these alone: {', '.join(Stance.words())}"),
    _query("fields", "names of fields, or interests.<field>, separated by commas"),
    _query(
        "words",
        "adds a sentence to each interest, suppression and permission, and to interests a `margin`:"
        " the chance at worst (`low`) and at best (`high`), nine in ten each, and `ends`: the day"
        " from which the advice may be another, null where none is known",
        enum=list(LANGUAGES),
    ),
    {
        "name": "Access-Reason",
        "in": "header",
        "description": "why, for the record",
        "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$"},
    },
]


def _answers(schema: str, *also: str) -> dict[str, Any]:
    good = {
        "description": "what may be shown for the purpose",
        "headers": {
            "ETag": {"schema": {"type": "string"}},
            "Profiles-Lag": {
                "description": "records=<n>, silent-ms=<n>; or unknown",
                "schema": {"type": "string"},
            },
        },
        "content": {_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }
    found: dict[str, Any] = {"200": good, **_refusals()}
    if "307" in also:
        found["307"] = {
            "description": "another instance has this account; the token goes there, too",
            "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
            **_PROBLEM,
        }
    if "304" in also:
        found["304"] = {"description": "not changed"}
    for code in ("413", "415"):
        if code in also:
            found[code] = {"description": "too large, or of another type", **_PROBLEM}
    return found


def _refusals() -> dict[str, Any]:
    return {code: {"description": about, **_PROBLEM} for code, about in _PROBLEMS.items()}


def _get(name: str, schema: str, tagged: bool = False) -> dict[str, Any]:
    answers = _answers(schema, "307", "304") if tagged else _answers(schema, "307")
    answers["410"] = {"description": "erased; for the purpose privacy alone", **_PROBLEM}
    return {"operationId": name, "responses": answers}


def _why(name: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    return {"parameters": [*parameters, _path("interest"), *_VIEW], "get": _get(name, "Why")}


def _batch() -> dict[str, Any]:
    asked = {
        "type": "object",
        "required": ["subjects"],
        "additionalProperties": False,
        "properties": {
            "subjects": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_SUBJECTS,
                "items": {"type": "string"},
            }
        },
    }
    return {
        "operationId": "batch",
        "requestBody": {"required": True, "content": {_JSON: {"schema": asked}}},
        "responses": _answers("Batch", "413", "415"),
    }


def _changes() -> dict[str, Any]:
    stream = {"text/event-stream": {"schema": {"type": "string"}}}
    return {
        "operationId": "changes",
        "description": "Server-sent events `changed`, `gone` and `reset` (look again). An id is "
        "partition:offset; Last-Event-ID goes on behind it.",
        "parameters": [
            _VIEW[0],
            _query("account", "1 to 20 accounts, separated by commas"),
            {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}},
        ],
        "responses": {"200": {"description": "events", "content": stream}, **_refusals()},
    }


def _outcomes() -> dict[str, Any]:
    told = {"description": "the report", "content": {_JSON: {"schema": {"type": "object"}}}}
    return {
        "operationId": "outcomes",
        "description": "What contacts brought over none, by interest, channel and week, as "
        "`policy report --out` wrote it: counts of households, of nobody alone.",
        "parameters": [_VIEW[0]],
        "responses": {"200": told, **_refusals()},
    }


def _schemas() -> dict[str, Any]:
    profile = {"$ref": "#/components/schemas/Profile"}
    record = {k: v for k, v in SCHEMAS[PROFILES].items() if k not in ("$schema", "$id", "required")}
    interests = {**record["properties"]["interests"]}
    interests["items"] = {k: v for k, v in interests["items"].items() if k != "required"}
    whole = {**record, "properties": {**record["properties"], "interests": interests}}
    text = {"type": "string"}
    return {
        "Profile": {
            **whole,
            "description": "The record of the topic, less what the purpose or `fields` leave out.",
            "required": ["subject", "version"],
        },
        "Household": {
            "type": "object",
            "required": ["account", "household", "members"],
            "properties": {
                "account": text,
                "household": {"anyOf": [profile, {"type": "null"}]},
                "members": {"type": "array", "items": profile},
            },
        },
        "Batch": {
            "type": "object",
            "required": ["profiles", "missing"],
            "properties": {
                "profiles": {"type": "object", "additionalProperties": profile},
                "missing": {"type": "array", "items": text},
                "elsewhere": {
                    "type": "object",
                    "description": "subjects by the address of the instance to ask for them",
                    "additionalProperties": {"type": "array", "items": text},
                },
            },
        },
        "Why": {
            "type": "object",
            "required": "subject version interest engage words rule suppressions".split(),
            "properties": {
                "subject": text,
                "version": {"type": "integer"},
                "interest": interests["items"],
                "engage": {"type": "boolean"},
                "words": text,
                "rule": {**text, "description": "what decided: what was said, or by which numbers"},
                "suppressions": {"type": "array", "items": {"type": "object"}},
            },
        },
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": text,
                "title": text,
                "status": {"type": "integer"},
                "detail": text,
            },
        },
    }
