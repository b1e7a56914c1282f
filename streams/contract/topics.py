"""Defines the topics in one table, which compose, Strimzi and ``topics check`` are compared with.

Inputs that the worker joins are *co-partitioned*: same key, same partition count, same
partitioner. Outputs are produced to the input's partition number, explicitly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from features.records import inputs
from streams.settings import Settings

DAY_MS = 86_400_000
HOUR_MS = 3_600_000

Direction = Literal["in", "out", "in/out", "internal"]


@dataclass(frozen=True)
class Topic:
    """One topic of the contract.

    Attributes
    ----------
    name : str
        Name without the deployment's prefix.
    direction : {"in", "out", "in/out", "internal"}
    key : str
        What the record key is.
    about : str
        One line for people.
    copartitioned : bool
        Whether it must have the partition count of the inputs.
    config : dict of str to str
        Topic configuration as Kafka names it.
    """

    name: str
    direction: Direction
    key: str
    about: str
    copartitioned: bool = True
    config: dict[str, str] = field(default_factory=dict)

    @property
    def compacted(self) -> bool:
        """Whether the newest value of a key is kept for ever."""
        return "compact" in self.config.get("cleanup.policy", "delete")


# A segment is deleted whole, once its last record is old enough: so they roll daily here, too.
def _events(days: int) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(days * DAY_MS),
        "segment.ms": str(DAY_MS),
    }


# Erasure is a promise about bytes on disk: compaction may lag a tombstone by at most
# max.compaction.lag.ms, and the tombstone itself goes delete.retention.ms later. Segments roll
# daily because the active segment is never compacted.
_COMPACTED = {
    "cleanup.policy": "compact",
    "max.compaction.lag.ms": str(DAY_MS),
    "delete.retention.ms": str(DAY_MS),
    "segment.ms": str(DAY_MS),
    "min.cleanable.dirty.ratio": "0.1",
}

#: The topics that every worker joins, in the order that breaks ties of equal event time.
INPUTS: tuple[str, ...] = inputs.INPUTS.topics
#: What came of offers, which is joined behind them where the setting `outcomes` says so.
OUTCOMES = inputs.OUTCOMES_TOPIC
#: All that a worker may join.
JOINABLE: tuple[str, ...] = (*INPUTS, OUTCOMES)

FACTS = inputs.FACTS_TOPIC
NETWORK = inputs.NETWORK_USAGE.topic
TV = inputs.TV_VIEWING.topic
APP = inputs.APP_EVENTS.topic
CATALOGUE = "catalogue"
TAGS = "content-tags"
PROFILES = "interest-profiles"
OFFERS = "offers"
STATE = "interest-state"
DEAD_LETTERS = "dead-letters"
AUDIENCES = "audience-segments"
RECEIPTS = "erasure-receipts"
UNTAGGED = "untagged"
LOOKUPS = "lookups"
MODELS = "interest-models"

TOPICS: tuple[Topic, ...] = (
    Topic(
        FACTS,
        "in",
        "account",
        "what is known: consent, declarations, purchases, care cases",
        config={"cleanup.policy": "delete", "retention.ms": "-1"},
    ),
    *(
        Topic(item.topic, "in", "account", item.about, config=_events(7))
        for item in inputs.INPUTS.events
    ),
    Topic(
        OUTCOMES,
        "in",
        "account",
        "who was spoken to about what, and the answers",
        config=_events(400),
    ),
    Topic(
        CATALOGUE,
        "in",
        "content key",
        "raw metadata of hosts, apps and programmes",
        copartitioned=False,
        config=_events(30),
    ),
    Topic(
        TAGS,
        "in/out",
        "content key",
        "interests with weights for a content key",
        copartitioned=False,
        config=_COMPACTED,
    ),
    Topic(
        PROFILES,
        "out",
        "account or account/member",
        "the product: interest profiles",
        config=_COMPACTED,
    ),
    Topic(
        OFFERS,
        "out",
        "account or account/member",
        "what of each profile is acted on: engage, avoid, suppressions",
        config=_COMPACTED,
    ),
    Topic(
        STATE,
        "internal",
        "typed key",
        "changelog: everything a worker needs to go on",
        config=_COMPACTED,
    ),
    Topic(
        DEAD_LETTERS,
        "out",
        "as input",
        "raw bytes of refused records, reason in headers",
        config=_events(14),
    ),
    Topic(
        RECEIPTS,
        "out",
        "keyed hash of the account",
        "proof of erasures, without identifiers",
        config=_events(1096),
    ),
    Topic(
        AUDIENCES, "out", "segment", "k-anonymous counts", copartitioned=False, config=_COMPACTED
    ),
    Topic(
        UNTAGGED,
        "out",
        "content key@worker",
        "contents without tags, by attention lost",
        copartitioned=False,
        config=_COMPACTED,
    ),
    Topic(
        MODELS,
        "internal",
        "partition, or `merged`",
        "what each partition learned, and the model of all; with the setting `shared_model`",
        config=_COMPACTED,
    ),
    Topic(
        LOOKUPS,
        "out",
        "keyed hash of the account",
        "who looked up whom, for what; without identifiers",
        copartitioned=False,
        config=_events(1096),
    ),
)

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}


def joined_topics(settings: Settings) -> tuple[str, ...]:
    """Name the topics that a deployment joins, in the order that breaks ties; without prefix."""
    return JOINABLE if settings.outcomes else INPUTS


def shared_topics(settings: Settings) -> tuple[str, ...]:
    """Name the topics through which partitions share what they learned; without prefix."""
    return (MODELS,) if settings.shared_model else ()


def needed_topics(settings: Settings) -> tuple[Topic, ...]:
    """List the topics that a deployment can't do without."""
    unused = {*JOINABLE, MODELS} - {*joined_topics(settings), *shared_topics(settings)}
    return tuple(topic for topic in TOPICS if topic.name not in unused)
