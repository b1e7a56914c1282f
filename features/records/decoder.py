"""Decodes one input record exactly and slowly: the reference for the compiled parser.

One record is one JSON object. :func:`decode` either returns it as a value or says why not, as
a short reason, the field and a sentence. `features.records.parse_kernel` reads the ordinary records
much faster; wherever it hesitates, the decision is made here, so this module is the contract.

Decisions that a producer may rely on:

* unknown fields are ignored, ``null`` means absent, of a repeated field the last one counts;
* whole numbers may be written as ``1000``, ``1000.0`` or ``1e3``, as in JSON Schema;
* lengths are counted in characters; control characters are refused everywhere;
* a member whose name means everybody (``all``, ``x:household``, the account's own) is none: what
  may be anyone at home is the household's;
* the record key must be the account, for the account's data must lie in one partition; a record
  of the facts without key and account is a worker's own: of the kind ``tick``, what time it is, or
  of the kind ``shared_model``, with the deployment's keyed mark, a part of all partitions' model.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import orjson

from features.records import tolerated
from features.records.concealed import Secret, keyed_mark, keys_of
from features.records.everybody import means_everybody
from features.records.facts import OUTCOMES, STATEMENTS, Fact, SharedPart, Statement, Tick
from features.records.fields import Accepts, Malformed, load, missing, read, repeats
from features.records.forms import Field, Input
from features.records.inputs import (
    ACCOUNT,
    COMMON,
    EVENT_TIME,
    FACT_COMMON,
    FACT_FIELDS,
    INPUTS,
    KIND,
    OUTCOME_FIELDS,
    SHARED_FIELDS,
    SHARED_MARK,
    TICK_NOW,
    Inputs,
)
from features.records.pseudonyms import Pseudonyms, pseudonyms
from features.vocabulary import KeyPrefix, Refusal, Source

FACTS: Final = 0
#: Numbers of the sources of events.
NETWORK, TV, APP = (INPUTS.names.index(source.word) for source in Source)
#: First part of a content key by its code (column ``prefix``); 0 is no key.
PREFIXES: Final[tuple[str, ...]] = ("", *(f"{word}:" for word in KeyPrefix.words()))


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on input records that a deployment sets.

    Attributes
    ----------
    max_message_bytes : int
        Longest record.
    future_tolerance_ms : int
        How far event time may run ahead of a record's own time stamp in the log.
    hash_secret : bytes or tuple of bytes
        What the keys of the deployment's hashes are made from; of none they are no secret.
    ids : Pseudonyms
        The form of every id of a person or a device.
    """

    max_message_bytes: int = 65_536
    future_tolerance_ms: int = 600_000
    hash_secret: Secret = field(default=b"", repr=False)
    ids: Pseudonyms = field(default_factory=pseudonyms)


@dataclass(frozen=True, slots=True)
class Event:
    """One event, in the meaning of the columns of `features.records.batch.EVENT`.

    ``content`` and ``content2`` are the texts of content key and fallback key without prefix, in
    original case; ``prefix`` and ``prefix2`` index :data:`PREFIXES` (0: there is no such key).
    Times in ms; ``content_ms`` 0 means unknown.
    """

    kind: int
    event_id: str
    account_id: str
    member_id: str | None
    device_id: str | None
    ts: int
    tz_offset_min: int | None
    country: str | None
    prefix: int
    content: str
    prefix2: int
    content2: str
    bytes: int
    duration_ms: int
    content_ms: int
    mode: int


def decode(
    kind: int, raw: bytes, key: bytes | None, limits: Limits, inputs: Inputs = INPUTS
) -> Event | Fact:
    """Decode one record.

    Parameters
    ----------
    kind
        ``FACTS``, ``NETWORK``, ``TV``, ``APP`` or ``inputs.outcomes``: the topic it came from.
    raw
        The record's value.
    key
        The record's key; must be the account. A record without key is refused, since it lies
        in an arbitrary partition.
    limits
        What the deployment allows.
    inputs
        What the sources are.

    Raises
    ------
    Malformed
        With the reason, the field and a sentence.

    Examples
    --------
    >>> raw = b'{"event_id":"e","account_id":"a-1","ts":1700000000000,"line":"mobile","app":"X.Y"}'
    >>> event = decode(NETWORK, raw, b"a-1", Limits())
    >>> content_key(event.prefix, event.content)
    'app:x.y'
    """
    values = load(raw, limits.max_message_bytes)
    accepts = limits.ids.accepts
    if kind == FACTS and key is None and values.get(KIND.name) == Tick.kind:
        return _tick(values)
    if kind == FACTS and key is None and values.get(KIND.name) == SharedPart.kind:
        return _shared(values, limits.hash_secret)
    account = read(values, ACCOUNT, accepts)
    if key != account.encode():
        message = "the record's key is not its account_id"
        raise Malformed(Refusal.KEY_MISMATCH, ACCOUNT.name, message)
    if kind in (FACTS, inputs.outcomes):
        # Of two values the last would count: of a grant and a refusal neither is to be left out.
        if repeats(raw, values):
            raise Malformed(Refusal.NOT_JSON, "", "a name stands more than once")
        return _fact(account, values, accepts, _FACTS if kind == FACTS else _OUTCOMES)
    return _event(kind, values, inputs.events[kind - 1], accepts)


def decode_fact(raw: bytes) -> Fact:
    """Decode once more a fact or outcome that :func:`decode` accepted or that was tolerated.

    What it says is not checked again: it was written by `features.records.tolerated.to_bytes`.
    """
    return _told(orjson.loads(raw))


def _told(values: Mapping[str, Any]) -> Fact:
    kind = values[KIND.name]
    if kind == tolerated.KIND:
        return tolerated.from_values(values, _told)
    if kind == Tick.kind:
        return _tick(values)
    if kind == SharedPart.kind:
        return _part(values)
    own, statement = _TOLD[kind]
    said = {name: value for field in own if (value := values.get(name := field.name)) is not None}
    event_id, account_id, ts = values["event_id"], values["account_id"], values["ts"]
    return Fact(event_id, account_id, values.get("member_id"), ts, statement(**said))


def content_key(prefix: int, text: str) -> str:
    """Key under which content is tagged, such as ``host:bbc.co.uk``; lower-case in ASCII only."""
    return PREFIXES[prefix] + text.encode().lower().decode()


def _event(kind: int, values: Mapping[str, Any], source: Input, accepts: Accepts) -> Event:
    event_id, account_id, member_id, device_id, ts, tz_offset_min, country = (
        read(values, field, accepts) for field in COMMON
    )
    if member_id is not None and means_everybody(member_id, account_id):
        member_id = None
    own = {field.name: read(values, field, accepts) for field in source.fields}
    named = [(prefix, own[name]) for prefix, name in source.contents if own[name] is not None]
    if not named:
        raise missing(source.contents[0][1])
    (prefix, content), (prefix2, content2) = (*named, (0, ""))[:2]
    mode, words = own.get(source.mode), source.words
    return Event(
        kind,
        event_id,
        account_id,
        member_id,
        device_id,
        ts,
        tz_offset_min,
        country,
        int(prefix),
        content,
        int(prefix2),
        content2,
        sum(own[name] or 0 for name in source.size),
        own.get(source.attention) or 0,
        own.get(source.length) or 0,
        words.index(mode) if mode in words else len(words),
    )


def _tick(values: Mapping[str, Any]) -> Fact:
    ts, now = (read(values, item, lambda _: False) for item in (EVENT_TIME, TICK_NOW))
    # Not ahead of its place, which is not ahead of its arrival: nothing ends before its time.
    return Fact("", "", None, ts, Tick(None if now is None else min(now, ts)))


def shared_mark(secret: Secret, part: SharedPart) -> str:
    """Keyed mark of a part of a shared model: only who has the deployment's secret writes one."""
    return keyed_mark(secret, _said_of(part), SharedPart.kind)


def _shared(values: Mapping[str, Any], secret: Secret) -> Fact:
    fact, mark = _part(values), read(values, SHARED_MARK, lambda _: False)
    assert isinstance(fact.said, SharedPart)
    known, text = keys_of(secret), _said_of(fact.said)
    # What was written under a former secret is still in the log.
    marks = [keyed_mark(known[:n], text, SharedPart.kind) for n in range(1, len(known) + 1)]
    if not any(hmac.compare_digest(mark, own) for own in marks):
        message = "is not that of a worker of this deployment"
        raise Malformed(Refusal.KEY_MISMATCH, SHARED_MARK.name, message)
    return fact


def _part(values: Mapping[str, Any]) -> Fact:
    said = {field.name: read(values, field, lambda _: False) for field in SHARED_FIELDS}
    return Fact("", "", None, said["ts"], SharedPart(**said))


def _said_of(part: SharedPart) -> str:
    return f"{part.part}\0{part.day}\0{part.ts}\0{part.until}\0{part.of}\0{part.data}"


#: Fields and type of what is said by each kind of fact, and of outcome.
_Kinds: TypeAlias = dict[str, tuple[tuple[Field, ...], Callable[..., Statement]]]
_FACTS: Final[_Kinds] = {kind: (own, STATEMENTS[kind]) for kind, own in FACT_FIELDS.items()}
_OUTCOMES: Final[_Kinds] = {kind: (own, OUTCOMES[kind]) for kind, own in OUTCOME_FIELDS.items()}
_TOLD: Final = _FACTS | _OUTCOMES


def _fact(account: str, values: Mapping[str, Any], accepts: Accepts, kinds: _Kinds) -> Fact:
    event_id, member_id, ts, kind = [
        read(values, field, accepts) for field in FACT_COMMON if field is not ACCOUNT
    ]
    if kind not in kinds:
        message = f"must be one of {', '.join(kinds)}"
        raise Malformed(Refusal.UNKNOWN_KIND, "kind", message)
    own, statement = kinds[kind]
    found = [(item.name, read(values, item, accepts)) for item in own]
    said = {name: value for name, value in found if value is not None}
    beside = len(values) > len(said) + (4 if member_id is None else 5)
    return Fact(event_id, account, member_id, ts, statement(**said), beside=beside)
