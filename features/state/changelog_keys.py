"""Converts changelog keys and the partition record to bytes and back; nothing else does.

A key is two bytes for its kind, and a name. Nothing is compiled here, so that a command may
look at a changelog without the compiler.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, unique
from typing import Any, Final, NamedTuple

from features.records.position import Position

#: Number of the format of all records, and of those that a restore brings up to it; another is
#: refused.
FORMAT = 2
READ_FORMATS = (1, FORMAT)


@unique
class Kind(Enum):
    """The kind of a changelog record; the value is how its key begins."""

    SUBJECT = b"s/"
    ASIDE = b"h/"
    FACTS = b"f/"  # of format 1: all that was known of an account
    CONSENTS = b"c/"
    ABOUT = b"i/"
    CONTACTS = b"t/"
    DEVICE = b"v/"
    CASE = b"k/"
    ERASED = b"e/"
    UNSWEPT = b"o/"
    EVENT_IDS = b"d/"
    MODEL = b"m/"
    PARTITION = b"p/"


class Key(NamedTuple):
    """A key's two parts."""

    kind: Kind
    name: bytes


def subject(name: bytes) -> bytes:
    """Key of a subject, ``account`` or ``account/member``: header and rows."""
    return b"s/" + name


def kept_aside(name: bytes) -> bytes:
    """Key of what is known of a subject's line or shared screen, and of its attributed mass."""
    return b"h/" + name


def facts(account: bytes) -> bytes:
    """Key of what was known about an account, of format 1."""
    return b"f/" + account


def consents(person: bytes) -> bytes:
    """Key of the words of a person, ``account`` or ``account/member``, on permissions."""
    return b"c/" + person


def about(person: bytes) -> bytes:
    """Key of the facts about interests of a person."""
    return b"i/" + person


def contacts(person: bytes) -> bytes:
    """Key of what a person was spoken to about, and of what came of it."""
    return b"t/" + person


def device(account: bytes, name: str) -> bytes:
    """Key of a device of an account."""
    return b"v/" + account + b"\0" + name.encode()


def case(account: bytes, name: str) -> bytes:
    """Key of a care case of an account."""
    return b"k/" + account + b"\0" + name.encode()


def erased(mark: str) -> bytes:
    """Key of an erasure, by the keyed hash of the account or the member."""
    return b"e/" + mark.encode()


def unswept(mark: str) -> bytes:
    """Key of an erasure after which nobody has looked yet for what stands published."""
    return b"o/" + mark.encode()


def event_ids(number: int) -> bytes:
    """Key of the event ids remembered in one commit."""
    return b"d/%d" % number


def model(name: str) -> bytes:
    """Key of a model, or of what is learned beside the models."""
    return b"m/" + name.encode()


POPULATION, CONTEST, RELATED = model("population"), model("contest"), model("related")
SCREENS, UPLIFT, SHARED = model("screens"), model("uplift"), model("shared")
VERDICTS = model("verdicts")
#: Key of the partition record, `Meta`.
META = b"p/meta"

_KINDS = {kind.value: kind for kind in Kind}


def parse(key: bytes) -> Key | None:
    """The kind and the name of a key; None for a key that this release doesn't write."""
    kind = _KINDS.get(key[:2])
    return None if kind is None else Key(kind, key[2:])


def account_named(key: bytes) -> bytes:
    """The account that a record of facts or of a subject is about."""
    return key[2:].partition(b"\0")[0].partition(b"/")[0]


class IncompatibleState(Exception):
    """A changelog was written by another format; restoring it would mix up rows."""


@dataclass(frozen=True)
class Bound:
    """The settings that a changelog is bound to: state of others would be mixed up with it."""

    half_lives: tuple[float, ...]
    day_offset_ms: int
    taxonomy: str
    erasure_key: str

    def refuse_other(self, theirs: Bound) -> None:
        """Refuse a changelog that was written under other settings.

        Raises
        ------
        IncompatibleState
        """
        for item in dataclasses.fields(self):
            _refuse_other(item.name, getattr(theirs, item.name), getattr(self, item.name))


@dataclass(frozen=True)
class Owner:
    """The group that a changelog belongs to, and the inputs that it was made from.

    Attributes
    ----------
    group : str
    partitions : int
        Of every input.
    topic_ids : mapping of str to str
        By input topic, where the broker tells ids: a topic that was created anew has another.
    moved_to : str
        Prefix of the topics that this state was moved to; who still has it must not go on.
    began : mapping of str to int
        By input topic the offset before which nothing is in the outcomes, where that is not 0.
    swept : bool
        Whether what stands published was compared with this state since it began.
    """

    group: str
    partitions: int
    topic_ids: Mapping[str, str]
    moved_to: str = ""
    began: Mapping[str, int] = dataclasses.field(default_factory=dict)
    swept: bool = False


@dataclass(frozen=True)
class Meta:
    """The partition record: what belongs to no subject.

    Attributes
    ----------
    offsets : mapping of str to Position
        By input topic.
    next : int
        Number of the next record of event ids.
    max_ts : int
        Greatest event time, ms.
    open_day : int
        Local day since 1970 that is open; -1 before the first event.
    seq : int
        Number of the next subject, in order of arrival.
    outcomes : tuple of int
        Totals as in the engine's outcome counters.
    rules : str
        Fingerprint of the suppression rules that flagged the rows.
    owner : Owner or None
        None in what older releases wrote.
    leaders : tuple of (int, int)
        Keyed bits of the accounts that move event time, and the time of each, ms.
    ticked : int
        Latest time of a tick, ms; -1 before the first.

    A field that has a default may be absent in what is read: an older release wrote it.
    """

    bound: Bound
    offsets: Mapping[str, Position]
    next: int
    max_ts: int
    open_day: int
    seq: int
    outcomes: tuple[int, ...]
    rules: str
    owner: Owner | None = None
    leaders: tuple[tuple[int, int], ...] = ()
    ticked: int = -1

    def to_bytes(self) -> bytes:
        """The record's value."""
        own = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        bound = dataclasses.asdict(own.pop("bound"))
        owner = own.pop("owner")
        own |= {} if owner is None else {"owner": dataclasses.asdict(owner)}
        own["offsets"] = {n: at if at.came >= 0 else at[:2] for n, at in self.offsets.items()}
        own |= {"leaders": leaders} if (leaders := own.pop("leaders")) else {}
        own |= {"ticked": ticked} if (ticked := own.pop("ticked")) >= 0 else {}
        return json.dumps({"format": FORMAT, **bound, **own}, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, value: bytes) -> Meta:
        """Read the record.

        Raises
        ------
        IncompatibleState
            Where it is of another format, or damaged.
        """
        try:
            doc = json.loads(value)
            if doc["format"] not in READ_FORMATS:
                _refuse_other("format", doc["format"], FORMAT)
            bound = Bound(
                **{
                    item.name: _READ[item.name](doc[item.name])
                    for item in dataclasses.fields(Bound)
                }
            )
            own = {
                item.name: _READ[item.name](doc[item.name])
                for item in dataclasses.fields(cls)
                if item.name in _READ and (item.name in doc or item.default is dataclasses.MISSING)
            }
            return cls(bound, **own)
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise IncompatibleState(f"p/meta is damaged ({type(error).__name__})") from None

    def moved(self, topic: str, offset: int) -> Meta:
        """The record with another next offset of an input."""
        at = self.offsets[topic]._replace(offset=offset)
        return dataclasses.replace(self, offsets={**self.offsets, topic: at})


def _owner(doc: Mapping[str, Any]) -> Owner:
    ids = {str(topic): str(name) for topic, name in doc["topic_ids"].items()}
    began = {str(topic): int(offset) for topic, offset in doc.get("began", {}).items()}
    return Owner(
        doc["group"], int(doc["partitions"]), ids, doc["moved_to"], began, doc.get("swept", False)
    )


#: How each field of the record is read.
_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "half_lives": lambda days: tuple(map(float, days)),
    "day_offset_ms": int,
    "taxonomy": lambda text: text,
    "erasure_key": lambda text: text,
    "offsets": lambda topics: {n: Position(*map(int, at)) for n, at in topics.items()},
    "next": int,
    "max_ts": int,
    "open_day": int,
    "seq": int,
    "outcomes": lambda counts: tuple(map(int, counts)),
    "rules": lambda text: text,
    "leaders": lambda pairs: tuple((int(who), int(ts)) for who, ts in pairs),
    "ticked": int,
    "owner": _owner,
}


def _refuse_other(name: str, theirs: Any, ours: Any) -> None:
    if theirs != ours:
        was, has = (list(x) if isinstance(x, tuple) else x for x in (theirs, ours))
        raise IncompatibleState(
            f"the changelog was written with {name} = {was!r}, this worker has {has!r}: set it "
            "back, or drop the state with `interest-streams state reset`"
        )
