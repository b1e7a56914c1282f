"""Defines in one table who may do what with topics, groups and transactional ids.

`deploy/strimzi/users.yaml` is made from it (`streams.kafka.strimzi`), ``config check --connect``
compares a cluster with it, and tests run every program under exactly its user. Topics are never
created by anybody but the administrator. Two things look odd and are so: the client library asks
for the coordinator of the group that a reader without a group must name, so those names need
`Describe`; and a worker looks at every topic of the table at its start, those that it neither reads
nor writes included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, Literal

from streams.contract.topics import (
    AUDIENCES,
    CATALOGUE,
    DEAD_LETTERS,
    FACTS,
    JOINABLE,
    LOOKUPS,
    OFFERS,
    OUTCOMES,
    PROFILES,
    RECEIPTS,
    STATE,
    TAGS,
    TOPICS,
    UNTAGGED,
    shared_topics,
)
from streams.settings import Settings

Kind = Literal["topic", "group", "transactionalId"]

#: Begins the group that a reader of a compacted topic must name and never joins.
READER_GROUPS: Final = "reader-"
_LOOK = ("Describe", "DescribeConfigs")
_READ = ("Read", "Describe")
_WRITE = ("Write", "Describe")


@dataclass(frozen=True)
class Acl:
    """Operations on one topic, group or transactional id, or on all that begin with a name."""

    kind: Kind
    name: str
    operations: tuple[str, ...]
    prefixed: bool = False


@dataclass(frozen=True)
class Principal:
    """One user of the cluster.

    Attributes
    ----------
    name : str
        Put behind the group id; empty for the worker, whose name the group id itself is.
    about : str
        Who that is, for people.
    make : callable
        From settings to ACLs.
    """

    name: str
    about: str
    make: Callable[[Settings], list[Acl]]

    def user(self, settings: Settings) -> str:
        """Name of the user in the cluster."""
        return "-".join(filter(None, (settings.group, self.name)))

    def acls(self, settings: Settings) -> list[Acl]:
        """List what it may do, one entry for each resource."""
        return self.make(settings)


def app_group(settings: Settings, name: str) -> str:
    """Consumer group of a Faust app."""
    return f"{settings.group}-{name}"


#: Commands that copy a deployment to topics of another prefix, which is the end of their names;
#: whoever gives them needs an admin's rights in both.
MOVES: Final = ("repartition", "replay")


def reset_id(settings: Settings) -> str:
    """Transactional id of ``offsets reset``."""
    return f"{settings.group}-offsets-reset"


def audiences_id(settings: Settings) -> str:
    """Transactional id of the audiences app: one for all its instances, so that one speaks."""
    return app_group(settings, "audiences")


def _topics(
    settings: Settings,
    read: Collection[str] = (),
    write: Collection[str] = (),
    look: Collection[str] = (),
    more: tuple[str, ...] = (),
) -> list[Acl]:
    """Grants on topics, in the order of the table; `more` on all of `look`."""
    found = []
    for topic in TOPICS:
        name = topic.name
        may = ["Read"] * (name in read) + ["Write"] * (name in write)
        may += ["Describe"] * bool(may or name in look) + list(_LOOK[1:] + more) * (name in look)
        if may:
            found.append(Acl("topic", settings.topic(name), tuple(may)))
    return found


_ALL = tuple(topic.name for topic in TOPICS)
_READERS = Acl("group", READER_GROUPS, ("Describe",), prefixed=True)


def _former(settings: Settings) -> list[Acl]:
    """The group of a deployment from before the prefix was part of its name is looked for."""
    named = settings.group_id
    return [] if named == settings.group else [Acl("group", named, ("Describe",))]


def _reached(settings: Settings) -> Acl:
    """Whether a broker is there is asked by the name of a topic that every deployment has."""
    return Acl("topic", settings.topic(STATE), ("Describe",))


def _worker(settings: Settings) -> list[Acl]:
    group, models = settings.group, shared_topics(settings)
    return [
        *_topics(
            settings,
            read=(*JOINABLE, TAGS, PROFILES, OFFERS, STATE, UNTAGGED, *models),
            # The facts for ticks, the model of all partitions and refusals from elsewhere; what
            # came of offers for misplaced answers that refuse.
            write=(
                FACTS,
                OUTCOMES,
                PROFILES,
                OFFERS,
                STATE,
                DEAD_LETTERS,
                RECEIPTS,
                UNTAGGED,
                *models,
            ),
            look=_ALL,
        ),
        Acl("group", group, _READ),
        *_former(settings),
        Acl("group", f"{group}-restore", ("Describe",)),
        Acl("group", f"{group}-standby", ("Describe",)),
        Acl("group", f"{group}-fetcher", ("Describe",)),
        _READERS,
        # <group_id>-<instance>; without Write on it a worker can't fence its predecessor.
        Acl("transactionalId", f"{group}-", _WRITE, prefixed=True),
    ]


def _catalogue(settings: Settings) -> list[Acl]:
    return [
        # How large a record of them may be is a question of configuration.
        *_topics(
            settings, read=(CATALOGUE, TAGS), write=(TAGS, DEAD_LETTERS), look=(TAGS, DEAD_LETTERS)
        ),
        _reached(settings),
        Acl("group", app_group(settings, "catalogue"), _READ),
        _READERS,
    ]


def _audiences(settings: Settings) -> list[Acl]:
    return [
        *_topics(settings, read=(PROFILES, AUDIENCES), write=(AUDIENCES,)),
        _reached(settings),
        Acl("group", app_group(settings, "audiences"), _READ),
        _READERS,
        Acl("transactionalId", audiences_id(settings), _WRITE),
    ]


def _lookup(settings: Settings) -> list[Acl]:
    return [*_topics(settings, read=(PROFILES,), write=(LOOKUPS,)), _READERS]


def _reader(settings: Settings) -> list[Acl]:
    return [
        *_topics(settings, read=(PROFILES, AUDIENCES)),
        Acl("group", f"{settings.group}-reader", _READ, prefixed=True),
        _READERS,
    ]


def _offers(settings: Settings) -> list[Acl]:
    return [
        *_topics(settings, read=(OFFERS,)),
        Acl("group", f"{settings.group}-offers", _READ, prefixed=True),
        _READERS,
    ]


def _producer(settings: Settings) -> list[Acl]:
    return _topics(settings, write=(*JOINABLE, CATALOGUE))


def _admin(settings: Settings) -> list[Acl]:
    return [
        *_topics(
            settings,
            # The inputs to move the group's offsets there, and to send dead letters back.
            read=(*JOINABLE, PROFILES, OFFERS, STATE, TAGS, AUDIENCES, UNTAGGED, DEAD_LETTERS),
            write=(*JOINABLE, PROFILES, OFFERS, STATE, TAGS, AUDIENCES, UNTAGGED),
            look=_ALL,
            more=("Create", "AlterConfigs"),
        ),
        Acl("group", settings.group, ("Read", "Describe", "Delete")),
        *_former(settings),
        Acl("group", f"{settings.group}-redrive", _READ),
        Acl("group", f"{settings.group}-import", _READ),
        *(Acl("group", f"{settings.group}-{name}-", _READ, prefixed=True) for name in MOVES),
        Acl("group", f"{settings.group}-copying", ("Describe",)),
        Acl("group", f"{settings.group}-fetcher", ("Describe",)),
        _READERS,
        Acl("transactionalId", reset_id(settings), _WRITE),
        Acl("transactionalId", f"{settings.group}-redrive", _WRITE),
        Acl("transactionalId", f"{settings.group}-import", _WRITE),
        *(
            Acl("transactionalId", f"{settings.group}-{name}-", _WRITE, prefixed=True)
            for name in MOVES
        ),
    ]


def _privacy(settings: Settings) -> list[Acl]:
    return [
        *_topics(
            settings,
            read=(PROFILES, OFFERS, STATE, DEAD_LETTERS, RECEIPTS, LOOKUPS),
            write=(FACTS,),
        ),
        _READERS,
    ]


PRINCIPALS: Final[tuple[Principal, ...]] = (
    Principal("", "the workers", _worker),
    Principal("catalogue", "the catalogue app", _catalogue),
    Principal("audiences", "the audiences app", _audiences),
    Principal(
        "lookup", "the look-up service: it joins no group, and writes who was asked for", _lookup
    ),
    Principal(
        "reader",
        "a downstream team: profiles and audiences, read only, in groups of its own prefix",
        _reader,
    ),
    Principal(
        "offers",
        "a team that makes offers: what of each profile is acted on, and nothing else",
        _offers,
    ),
    Principal("producer", "whoever sends events, facts and catalogue entries", _producer),
    Principal(
        "admin",
        "an operator's commands: topics, tags, untagged, accounting, offsets, state, redrive, lag",
        _admin,
    ),
    Principal(
        "privacy",
        "the privacy officer: access to what is held, receipts, refused facts and their repair",
        _privacy,
    ),
)
#: By name; the worker's is "worker" here.
BY_NAME: Final = {principal.name or "worker": principal for principal in PRINCIPALS}


def upper(operation: str) -> str:
    """Write an operation as the client library and the broker's log do.

    Examples
    --------
    >>> upper("DescribeConfigs")
    'DESCRIBE_CONFIGS'
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper()
