"""What was committed of a partition, read as every reader of committed records sees it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from confluent_kafka import Message

from features.records.dead_letter import DeadLetter
from features.state.changelog_keys import SHARED
from streams.contract.headers import parse_dead_letter
from streams.contract.topics import DEAD_LETTERS, OFFERS, PROFILES, STATE
from streams.settings import Settings
from tests.support.history import History
from tests.support.messages import headers_of
from tests.support.reference import read

_META = b"p/meta"


@dataclass
class Evidence:
    """What was committed of one partition; offsets of inputs are those of the history.

    Attributes
    ----------
    commits : list of dict
        Every meta record in order: offsets and totals after each transaction.
    folded : dict of bytes to bytes
        The changelog's latest values.
    learned : list of bytes
        Every state of what is learned together with other partitions, in order.
    profiles, offers : list of Message
        All of them, in order.
    dead : list of (DeadLetter, key, value)
    visible : dict of str to list of int
        Offsets of all records a `read_committed` reader sees, by topic.
    """

    commits: list[dict[str, Any]] = field(default_factory=list)
    folded: dict[bytes, bytes] = field(default_factory=dict)
    learned: list[bytes] = field(default_factory=list)
    profiles: list[Message] = field(default_factory=list)
    offers: list[Message] = field(default_factory=list)
    dead: list[tuple[DeadLetter, bytes | None, bytes | None]] = field(default_factory=list)
    visible: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    @property
    def offsets(self) -> dict[str, int]:
        """Next offset per input topic, as the state says."""
        return (
            {name: at[0] for name, at in self.commits[-1]["offsets"].items()}
            if self.commits
            else {}
        )

    def latest(self) -> dict[bytes, bytes]:
        """The compacted profiles."""
        kept: dict[bytes, bytes] = {}
        for message in self.profiles:
            value = message.value()
            if value is None:
                kept.pop(message.key() or b"", None)
            else:
                kept[message.key() or b""] = value
        return kept


def collect(settings: Settings, partition: int, history: History | None = None) -> Evidence:
    """Read what was committed of a partition."""
    found, history = Evidence(), history or History()
    for message in _seen(settings, STATE, partition, found):
        key, value = message.key() or b"", message.value()
        if value is None:
            found.folded.pop(key, None)
            continue
        found.folded[key] = value
        if key == SHARED:
            found.learned.append(value)
        if key == _META:
            commit = json.loads(value)
            for topic, at in commit["offsets"].items():
                at[0] += history.shift(topic, partition, STATE, message.offset() or 0)
            found.commits.append(commit)
    found.profiles = list(_seen(settings, PROFILES, partition, found))
    found.offers = list(_seen(settings, OFFERS, partition, found))
    for message in _seen(settings, DEAD_LETTERS, partition, found):
        letter = parse_dead_letter(headers_of(message).items())
        shift = history.shift(letter.topic, partition, DEAD_LETTERS, message.offset() or 0)
        letter = replace(letter, offset=letter.offset + shift)
        found.dead.append((letter, message.key(), message.value()))
    return found


def _seen(settings: Settings, topic: str, partition: int, found: Evidence) -> Iterator[Message]:
    for message in read(settings, topic, partition):
        found.visible[topic].append(message.offset() or 0)
        yield message
