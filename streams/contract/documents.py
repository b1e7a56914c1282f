"""Writes the published contract: JSON Schemas and an AsyncAPI 3 document.

Evolution is FULL_TRANSITIVE, because a compacted topic is replayed from its start: whatever any
version wrote, every other version reads. `incompatibilities` lists what breaks that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from features.vocabulary import Refusal
from streams.contract.schema_forms import Schema
from streams.contract.schemas import SCHEMAS
from streams.contract.topics import DEAD_LETTERS, PROFILES, TOPICS, Topic

VERSION = "1.0.0"
DEFAULT_DIR = Path("deploy/contract")
#: Every release as it was published, by its version: what is compared with is never made anew.
RELEASES = DEFAULT_DIR / "releases"

#: A multi-format schema of AsyncAPI names the dialect of JSON Schema.
_FORMAT = "application/schema+json;version=2020-12"
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
    return {"asyncapi.json": _dump(asyncapi()), **files}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of all topics but internal ones, seen from this system."""
    public = [topic for topic in TOPICS if topic.direction != "internal"]
    operations = {}
    for topic in public:
        for action in _ACTIONS[topic.direction]:
            operations[f"{action}-{topic.name}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "messages": [{"$ref": f"#/channels/{topic.name}/messages/{topic.name}"}],
            }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "interest-streams",
            "version": VERSION,
            "description": "Interest profiles from what customers do: Kafka in, Kafka out. "
            "Topic names may carry a prefix of the deployment.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in public},
        "operations": operations,
        "components": {"messages": {topic.name: _message(topic) for topic in public}},
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


_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "in": ("receive",),
    "out": ("send",),
    "in/out": ("receive", "send"),
}


def _channel(topic: Topic) -> dict[str, Any]:
    config = {
        name: int(topic.config[name])
        for name in ("retention.ms", "delete.retention.ms")
        if name in topic.config
    }
    policy = topic.config.get("cleanup.policy", "delete").split(",")
    return {
        "address": topic.name,
        "description": topic.about,
        "messages": {topic.name: {"$ref": f"#/components/messages/{topic.name}"}},
        "bindings": {
            "kafka": {
                "topicConfiguration": {"cleanup.policy": policy, **config},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _message(topic: Topic) -> dict[str, Any]:
    message: dict[str, Any] = {"name": topic.name, "summary": topic.about}
    if topic.name in SCHEMAS:
        message["payload"] = _reference(topic.name)
    if f"{topic.name}.headers" in SCHEMAS:
        message["headers"] = _reference(f"{topic.name}.headers")
    if topic.name == DEAD_LETTERS:
        message["contentType"] = "application/octet-stream"
        message["description"] = (
            "Key and value as they were refused. Reasons: " + ", ".join(Refusal) + "."
        )
    if topic.compacted:
        message["description"] = "A record without value deletes its key."
    if topic.name == PROFILES:
        message["description"] = (
            "CloudEvents binary mode. A record without value: forget this "
            "subject and what you derived from it."
        )
    message["bindings"] = {
        "kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": "0.5.0"}
    }
    return message


def _reference(name: str) -> dict[str, Any]:
    return {"schemaFormat": _FORMAT, "schema": {"$ref": f"./schemas/{name}.json"}}


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
