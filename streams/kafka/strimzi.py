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
#: What Strimzi calls the limits, and what a broker does.
_NAMES = (
    ("producerByteRate", "producer_byte_rate"),
    ("consumerByteRate", "consumer_byte_rate"),
    ("requestPercentage", "request_percentage"),
)


def users(settings: Settings, quotas: Quotas = NO_QUOTAS) -> str:
    """The users as Strimzi's KafkaUser resources, in YAML."""
    return "---\n".join([_HEAD, *(_user(item, settings, quotas) for item in PRINCIPALS)])


_HEAD = """\
# Who may do what, and nothing more. Made from streams/kafka/access.py by
# `interest-streams config users`; with your own settings it makes yours.
# Topics are made from topics.yaml, so that only the administrator may create any.
"""


_TOOL = "kafka-configs.sh --bootstrap-server HOST --alter --entity-type users"


def _user(principal: Principal, settings: Settings, quotas: Quotas) -> str:
    user = principal.user(settings)
    lines = [
        f"# {principal.about[0].upper()}{principal.about[1:]}.",
        "apiVersion: kafka.strimzi.io/v1",
        "kind: KafkaUser",
        "metadata:",
        f"  name: {user}",
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
    limits = [(names, most) for names, most in zip(_NAMES, quotas, strict=True) if most]
    if limits:
        lines += ["  quotas:", *(f"    {strimzi}: {most}" for (strimzi, _), most in limits)]
        told = ",".join(f"{name}={most}" for (_, name), most in limits)
        lines.append(f"# Without Strimzi: {_TOOL} --add-config {told} --entity-name {user}")
    return "\n".join(lines) + "\n"
