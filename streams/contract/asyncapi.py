"""Describes the topics as an AsyncAPI 3.1 document, seen from this system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features.vocabulary import Refusal
from streams.contract.schemas import EXAMPLES, SCHEMAS
from streams.contract.topics import DEAD_LETTERS, OFFERS, PROFILES, TOPICS, Topic
from streams.settings import Settings

#: A multi-format schema of AsyncAPI names the dialect of JSON Schema.
_FORMAT = "application/schema+json;version=2020-12"
_BINDING = "0.5.0"
_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "in": ("receive",),
    "out": ("send",),
    "in/out": ("receive", "send"),
}
_SECURITY = {
    "scram": {
        "type": "scramSha512",
        "description": "security.protocol=SASL_SSL, sasl.mechanism=SCRAM-SHA-512",
    },
    "certificate": {
        "type": "X509",
        "description": "security.protocol=SSL, with a certificate of the client",
    },
}
_ISOLATION = "read_committed"


def asyncapi(version: str) -> dict[str, Any]:
    """The document of all topics but internal ones."""
    public = [topic for topic in TOPICS if topic.direction != "internal"]
    operations = {
        f"{action}-{topic.name}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{topic.name}"},
            "messages": [{"$ref": f"#/channels/{topic.name}/messages/{topic.name}"}],
        }
        for topic in public
        for action in _ACTIONS[topic.direction]
    }
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "interest-streams",
            "version": version,
            "description": "Interest profiles from what customers do: Kafka in, Kafka out. "
            "Topic names may carry a prefix of the deployment. Partitions and replicas are those "
            "of `topics apply` by default: ask the cluster for yours.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka-secure",
                "description": "The operator's cluster; each program is a user of its own "
                "(`interest-streams config users`).",
                "variables": {
                    "bootstrap": {
                        "description": "bootstrap.servers",
                        "examples": ["kafka-bootstrap.example:9093"],
                    }
                },
                "security": [
                    {"$ref": f"#/components/securitySchemes/{name}"} for name in _SECURITY
                ],
            }
        },
        "channels": {topic.name: _channel(topic) for topic in public},
        "operations": operations,
        "components": {
            "messages": {topic.name: _message(topic) for topic in public},
            "securitySchemes": _SECURITY,
        },
    }


def partitioning(topic: Topic) -> str:
    """Say in a sentence which partition of a topic a record lies in."""
    name = Settings().partitioner
    if topic.name in (PROFILES, OFFERS):
        return (
            f"of the account, {name}: a member's record lies where its account's does, not where "
            "a hash of its own key would put it"
        )
    if not topic.copartitioned:
        return "consistent (CRC-32 of the key)" if topic.direction != "in" else "any"
    if topic.direction == "in":
        return f"{name} of the key; the same for all inputs, with the same number of partitions"
    return f"of the input that it was made of; of accounts, {name}"


def _channel(topic: Topic) -> dict[str, Any]:
    default = Settings()
    config = {
        name: int(topic.config[name])
        for name in ("retention.ms", "delete.retention.ms")
        if name in topic.config
    }
    policy = topic.config.get("cleanup.policy", "delete").split(",")
    return {
        "address": topic.name,
        "description": topic.about,
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {topic.name: {"$ref": f"#/components/messages/{topic.name}"}},
        "x-partitioner": partitioning(topic),
        **_reading(topic),
        "bindings": {
            "kafka": {
                "partitions": default.partitions if topic.copartitioned else 1,
                "replicas": default.replication,
                "topicConfiguration": {"cleanup.policy": policy, **config},
                "bindingVersion": _BINDING,
            }
        },
    }


def _reading(topic: Topic) -> dict[str, str]:
    if topic.direction == "in":
        return {}
    return {
        "x-isolation-level": _ISOLATION,
        "x-compression": "lz4, unless the deployment sets another compression.type",
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
    if topic.name in (PROFILES, OFFERS):
        message["description"] = (
            "CloudEvents binary mode. A record without value: forget this "
            "subject and what you derived from it."
        )
    if topic.name in EXAMPLES:
        message["examples"] = [{"payload": EXAMPLES[topic.name]}]
    key = {"type": "string", "description": topic.key}
    message["bindings"] = {"kafka": {"key": key, "bindingVersion": _BINDING}}
    return message


def _reference(name: str) -> dict[str, Any]:
    return {"schemaFormat": _FORMAT, "schema": {"$ref": f"./schemas/{name}.json"}}
