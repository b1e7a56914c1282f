"""Judges whether a changelog belongs to this deployment, before anything is read into it.

State is a function of one group's records of certain topics, cut by key into so many partitions.
Where one of these has changed, going on would lose or mix up what customers said and did, so a
worker leaves with a sentence that names what differs and the command that mends it. It looks at
its start (at what the group has committed, of all partitions), at every assignment (at the
topics), and when state was restored (at its partition record).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ConsumerGroupDescription, MemberDescription

from features.state.changelog_keys import Owner
from streams.contract.topics import joined_topics
from streams.errors import Abandon, BadTopics, UsageError
from streams.kafka import clients
from streams.kafka.consumer_group import describe
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings

_NO_ID = "A" * 22  # a broker without topic ids says 16 zero bytes, in base64
_LOADING = frozenset({
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
})  # fmt: skip
_AGAIN_S = 0.1
_NOTE = re.compile(r"n=(\d+) id=(\S*)")


@dataclass(frozen=True)
class Go:
    """The state is ours."""


@dataclass(frozen=True)
class Migrate:
    """The state is ours, once the next commit has written down what it is bound to."""


@dataclass(frozen=True)
class Refuse:
    """The state is not, or not any more, for this deployment.

    Attributes
    ----------
    sentence : str
        What differs, and what to do.
    """

    sentence: str


Verdict: TypeAlias = Go | Migrate | Refuse


def owner_now(settings: Settings, ports: Ports = REAL, admin: AdminClient | None = None) -> Owner:
    """Ask the cluster what a changelog written from now on is bound to, by a new client or this.

    Raises
    ------
    BadTopics
        Where an input is missing, or the inputs differ in their number of partitions.
    Abandon
        Where the broker does not answer within ``call_deadline_ms``.
    """
    seconds = settings.call_deadline_ms / 1000.0
    names = [settings.topic(name) for name in joined_topics(settings)]
    admin = admin or clients.admin(settings, ports, "offsets")
    counts, ids = {}, {}
    answers = admin.describe_topics(TopicCollection(names), request_timeout=seconds)
    for name, future in answers.items():
        try:
            found = clients.ask(f"topic {name}", future, seconds, Abandon)
        except Abandon as error:
            if error.name == "UNKNOWN_TOPIC_OR_PART":
                raise BadTopics(f"missing: {name}") from error
            raise
        counts[name] = len(found.partitions)
        if str(found.topic_id) != _NO_ID:
            ids[name] = str(found.topic_id)
    if len(set(counts.values())) > 1:
        raise BadTopics(unequal(counts))
    return Owner(settings.group, next(iter(counts.values())), ids)


def unequal(counts: Mapping[str, int]) -> str:
    """The sentence for inputs that differ in their number of partitions."""
    found = ", ".join(f"{name} has {count}" for name, count in counts.items())
    return (
        f"the inputs are not co-partitioned: {found} partitions. Consent and events of an account "
        "would not meet. Nothing was changed. Move to topics of one number with `interest-streams "
        "repartition`"
    )


def judge_owner(theirs: Owner | None, now: Owner) -> Verdict:
    """Compare what state is bound to with what is there now.

    Examples
    --------
    >>> judge_owner(None, Owner("blue", 4, {}))
    Migrate()
    >>> judge_owner(Owner("blue", 4, {}), Owner("green", 4, {})).sentence[:35]
    'the state belongs to group blue, an'
    """
    if theirs is None:
        return Migrate()
    if theirs.moved_to:
        return Refuse(
            f"the state was moved to the topics with prefix {theirs.moved_to!r}: set topic_prefix "
            "to that, and let producers and readers follow"
        )
    if theirs.group != now.group:
        return Refuse(
            f"the state belongs to group {theirs.group}, and this worker is of group {now.group}: "
            f"two groups would overwrite each other. Give this deployment a topic_prefix of its "
            f"own; or, to take over from {theirs.group} for good, stop its workers and run "
            "`interest-streams offsets repair`"
        )
    if theirs.partitions != now.partitions:
        return Refuse(raised(theirs.partitions, now.partitions))
    renewed = [
        name
        for name, known in theirs.topic_ids.items()
        if name in now.topic_ids and now.topic_ids[name] != known
    ]
    if renewed:
        return Refuse(created_anew(renewed))
    return Go() if theirs.topic_ids == now.topic_ids else Migrate()


def raised(was: int, now: int) -> str:
    """The sentence for inputs that have another number of partitions than before."""
    return (
        f"the inputs have {now} partitions and had {was} when the state was made: events, consent "
        "and withdrawals of most accounts now lie in other partitions than what is known about "
        "them. Nothing was changed. Stop the producers and move to topics of the new number with "
        f"`interest-streams repartition --partitions {max(now, was)} --to-prefix NEW`"
    )


def created_anew(names: Iterable[str]) -> str:
    """The sentence for inputs that were deleted and created again."""
    return (
        f"{', '.join(names)}: created anew since the state was made, so its offsets mean nothing "
        "there. To go on at the start of what the new log has, stop every worker and run "
        "`interest-streams offsets reset`"
    )


def committed_note(owner: Owner | None, topic: str) -> str:
    """Say beside a committed offset what it counts on."""
    if owner is None:
        return ""
    return f"n={owner.partitions} id={owner.topic_ids.get(topic, '')}"


def committed_reasons(settings: Settings, now: Owner) -> list[str]:
    """Reasons not to go on from what the group has committed, in any partition; [] when fine.

    Raises
    ------
    Abandon
    """
    found = _committed(settings, settings.group, now)
    notes = {(s.topic, s.partition): s.metadata or "" for s in found}
    if settings.group == settings.group_id or any(s.offset >= 0 for s in found):
        return judge_notes(notes, now)
    if any(s.offset >= 0 for s in _committed(settings, settings.group_id, now)):
        return [
            f"group {settings.group_id} has offsets of these topics and {settings.group} has none: "
            "the group's name begins with topic_prefix now. Stop every worker and run "
            "`interest-streams offsets repair`, which takes them over"
        ]
    return []


def _committed(settings: Settings, group: str, now: Owner) -> list[TopicPartition]:
    reader = clients.consumer("group", settings, group=group, isolation="read_uncommitted")
    spots = [
        TopicPartition(settings.topic(name), p)
        for name in joined_topics(settings)
        for p in range(now.partitions)
    ]
    deadline = time.monotonic() + settings.call_deadline_ms / 1000.0
    try:
        while True:
            try:
                return reader.committed(spots, max(deadline - time.monotonic(), 0.1))
            except KafkaException as error:
                # The first to ask about a group makes the coordinator load: it says so, at once.
                if error.args[0].code() not in _LOADING or time.monotonic() > deadline:
                    raise Abandon(f"offsets of {group}", error) from error
                time.sleep(_AGAIN_S)
    finally:
        reader.close()


def judge_notes(notes: Mapping[tuple[str, int], str], now: Owner) -> list[str]:
    """Compare what was committed beside the offsets with what is there now."""
    counts, renewed = set(), set()
    for (topic, _), text in notes.items():
        if found := _NOTE.fullmatch(text):
            counts.add(int(found[1]))
            if found[2] and now.topic_ids.get(topic, found[2]) != found[2]:
                renewed.add(topic)
    reasons = [raised(was, now.partitions) for was in sorted(counts - {now.partitions})]
    return reasons + ([created_anew(sorted(renewed))] if renewed else [])


def incomplete(spots: Iterable[TopicPartition], names: Iterable[str]) -> set[int]:
    """Assigned partitions that came without one of the inputs."""
    given: dict[int, set[str]] = {}
    for spot in spots:
        given.setdefault(spot.partition, set()).add(spot.topic)
    return {partition for partition, topics in given.items() if topics != set(names)}


def foreign(settings: Settings, partitions: Iterable[int], ports: Ports = REAL) -> str:
    """The sentence for partitions that came without one of the inputs, naming whose doing it is.

    Raises
    ------
    Abandon
    """
    ours = clients.client_id(settings, "")
    strangers = [
        f"{member.client_id} at {member.host}"
        for member in members(settings, ports)
        if not member.client_id.startswith(ours)
    ]
    return (
        f"partitions {sorted(partitions)} were assigned without some of their inputs: "
        f"{', '.join(strangers) or 'another member'} takes part in group {settings.group}. Nothing "
        "was committed of them. End it or give it another group, and they go on; where it has "
        "committed offsets, run `interest-streams offsets repair` first"
    )


def group_now(settings: Settings, ports: Ports = REAL) -> ConsumerGroupDescription:
    """Ask the coordinator for the group.

    Raises
    ------
    Abandon
    """
    seconds = settings.call_deadline_ms / 1000.0
    admin = clients.admin(settings, ports, "offsets")
    return describe(admin, settings.group, seconds, Abandon)


def members(settings: Settings, ports: Ports = REAL) -> list[MemberDescription]:
    """List the members of the group.

    Raises
    ------
    Abandon
    """
    return list(group_now(settings, ports).members)


def refuse_members(settings: Settings) -> None:
    """Refuse to go on while a worker of the group runs.

    Raises
    ------
    UsageError
        Saying how many do.
    """
    if found := members(settings):
        raise UsageError(
            f"group {settings.group} has {len(found)} members: stop every worker first"
        )
