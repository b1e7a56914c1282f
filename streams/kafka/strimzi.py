"""Writes the Kafka users of `streams.kafka.access` as resources of Strimzi, in YAML."""

from __future__ import annotations

from typing import Final, NamedTuple

from streams.kafka.access import PRINCIPALS, Principal
from streams.settings import Settings


class Quotas(NamedTuple):
    """Limits of each user on each broker; 0 for none.

    Attributes
    ----------
    produce, fetch : int
        Bytes a second.
    request : int
        Share of the broker's threads, in percent of one.
    """

    produce: int = 0
    fetch: int = 0
    request: int = 0


NO_QUOTAS: Final = Quotas()


def users(settings: Settings, quotas: Quotas = NO_QUOTAS) -> str:
    """The users as Strimzi's KafkaUser resources, in YAML."""
    return "---\n".join([_HEAD, *(_user(item, settings, quotas) for item in PRINCIPALS)])


_HEAD = """\
# Who may do what, and nothing more. Made from streams/kafka/access.py by
# `interest-streams config users`; with your own settings it makes yours.
# Topics are made from topics.yaml, so that only the administrator may create any.
"""


_QUOTA_NAMES = ("producerByteRate", "consumerByteRate", "requestPercentage")


def _user(principal: Principal, settings: Settings, quotas: Quotas) -> str:
    lines = [
        f"# {principal.about[0].upper()}{principal.about[1:]}.",
        "apiVersion: kafka.strimzi.io/v1",
        "kind: KafkaUser",
        "metadata:",
        f"  name: {principal.user(settings)}",
        "  labels:",
        "    strimzi.io/cluster: kafka",
        "spec:",
        "  authentication:",
        "    type: tls",
        "  authorization:",
        "    type: simple",
        "    acls:",
    ]
    for acl in principal.acls(settings):
        pattern = "prefix" if acl.prefixed else "literal"
        place = f"type: {acl.kind}, name: {acl.name}, patternType: {pattern}"
        lines.append(f"      - resource: {{{place}}}")
        lines.append(f"        operations: [{', '.join(acl.operations)}]")
    limits = [
        f"    {name}: {most}" for name, most in zip(_QUOTA_NAMES, quotas, strict=True) if most
    ]
    lines += ["  quotas:", *limits] if limits else []
    return "\n".join(lines) + "\n"
