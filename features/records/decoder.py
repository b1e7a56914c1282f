"""What an input record may be: the exact, slow reference decoder.

One record is one JSON object. :func:`decode` either returns it as a value or says why not, as
a short reason, the field and a sentence. `features.records.parse_kernel` reads the ordinary records
much faster; wherever it hesitates, the decision is made here, so this module is the contract.

Decisions that a producer may rely on:

* unknown fields are ignored, ``null`` means absent, of a repeated field the last one counts;
* whole numbers may be written as ``1000``, ``1000.0`` or ``1e3``, as in JSON Schema;
* lengths are counted in characters; control characters are refused everywhere;
* the record key must be the account, for the account's data must lie in one partition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from features.records.fields import TS_END, TS_MIN, Fields, Malformed, load, need
from features.vocabulary import (
    CaseStatus,
    ConsentStatus,
    FactKind,
    KeyPrefix,
    Opinion,
    Purpose,
    Refusal,
    Source,
)

__all__ = [
    "ACTIONS", "APP", "FACTS", "KINDS", "LINES", "NETWORK", "PREFIXES", "TS_END",
    "TS_MIN", "TV", "TV_MODES", "Event", "Fact", "Limits", "Malformed", "content_key", "decode",
    "decode_fact",
]  # fmt: skip

FACTS: Final = 0
NETWORK, TV, APP = map(int, Source)
#: Names of the kinds by number, for messages and tests.
KINDS: Final = ("facts", *Source.words())

#: Longest attention in one event; beyond it a counter ran over.
MAX_DURATION_MS: Final = 7 * 86_400_000
MAX_BYTES: Final = 10**15
#: Farthest civil time zone, minutes.
MAX_TZ_MIN: Final = 840
#: First part of a content key by its code (column ``prefix``); 0 is no key.
PREFIXES: Final[tuple[str, ...]] = ("", *(f"{word}:" for word in KeyPrefix.words()))
HOST_KEY, APP_KEY, PROGRAMME_KEY, CHANNEL_KEY, SECTION_KEY, _, _ = map(int, KeyPrefix)
LINES: Final = ("mobile", "broadband")
TV_MODES: Final = ("live", "catchup", "vod")
#: Actions with a code of their own; every other one is ``len(ACTIONS)``.
ACTIONS: Final = ("close", "open", "view", "search")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a deployment allows.

    Attributes
    ----------
    max_message_bytes : int
        Longest record.
    future_tolerance_ms : int
        How far event time may run ahead of now.
    """

    max_message_bytes: int = 65_536
    future_tolerance_ms: int = 600_000


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


@dataclass(frozen=True, slots=True)
class Fact:
    """Something known about a subscriber; ``data`` holds the fields of its ``kind`` present."""

    event_id: str
    account_id: str
    member_id: str | None
    ts: int
    kind: str
    data: Mapping[str, Any]


def decode(kind: int, raw: bytes, key: bytes | None, limits: Limits) -> Event | Fact:
    """Decode one record.

    Parameters
    ----------
    kind
        ``FACTS``, ``NETWORK``, ``TV`` or ``APP``: the topic it came from.
    raw
        The record's value.
    key
        The record's key; must be the account. A record without key is refused, since it lies
        in an arbitrary partition.
    limits
        What the deployment allows.

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
    fields = Fields(load(raw, limits.max_message_bytes))
    account = need("account_id", fields.identifier("account_id"))
    if key != account.encode():
        message = "the record's key is not its account_id"
        raise Malformed(Refusal.KEY_MISMATCH, "account_id", message)
    return _fact(fields) if kind == FACTS else _event(kind, fields)


def decode_fact(raw: bytes) -> Fact:
    """Decode once more a record of ``FACTS`` that :func:`decode` accepted before."""
    return _fact(Fields(load(raw, len(raw))))


def content_key(prefix: int, text: str) -> str:
    """Key under which content is tagged, such as ``host:bbc.co.uk``; lower-case in ASCII only."""
    return PREFIXES[prefix] + text.encode().lower().decode()


_PRINTABLE = re.compile(r"[ -~]+")
_COUNTRY = re.compile(r"[A-Z]{2}")
_ACTION = re.compile(r"[a-z_]+")
_INTEREST = re.compile(r"[A-Za-z0-9_-]+")

#: kind, then what of an Event its own fields decide:
#: prefix, content, prefix2, content2, bytes, duration_ms, content_ms, mode.
_Body = tuple[int, str, int, str, int, int, int, int]


def _event(kind: int, fields: Fields) -> Event:
    event_id = need("event_id", fields.text("event_id", 64, charset=_PRINTABLE))
    account_id = need("account_id", fields.identifier("account_id"))
    member_id = fields.identifier("member_id")
    device_id = fields.identifier("device_id")
    ts = need("ts", fields.time("ts"))
    tz_offset_min = fields.whole("tz_offset_min", -MAX_TZ_MIN, MAX_TZ_MIN)
    country = fields.text("country", 2, 2, _COUNTRY)
    return Event(kind, event_id, account_id, member_id, device_id, ts, tz_offset_min, country,
                 *_BODIES[kind](fields))  # fmt: skip


def _network(fields: Fields) -> _Body:
    line = fields.choice("line", LINES)
    host, app = fields.host(), fields.text("app", 128)
    moved = (fields.whole("bytes_down", 0, MAX_BYTES) or 0) + (
        fields.whole("bytes_up", 0, MAX_BYTES) or 0
    )
    duration = fields.whole("duration_ms", 0, MAX_DURATION_MS) or 0
    mode = LINES.index(line)
    if host is None:
        return APP_KEY, need("host", app), 0, "", moved, duration, 0, mode
    return HOST_KEY, host, APP_KEY if app else 0, app or "", moved, duration, 0, mode


def _tv(fields: Fields) -> _Body:
    content_id = need("content_id", fields.text("content_id", 128))
    channel = fields.text("channel", 128)
    fields.text("title", 512, 0)
    watched = need("watched_ms", fields.whole("watched_ms", 0, MAX_DURATION_MS))
    content_ms = fields.whole("content_ms", 1, MAX_DURATION_MS) or 0
    mode = TV_MODES.index(fields.choice("mode", TV_MODES))
    prefix2 = CHANNEL_KEY if channel else 0
    return PROGRAMME_KEY, content_id, prefix2, channel or "", 0, watched, content_ms, mode


def _app(fields: Fields) -> _Body:
    app_id = need("app_id", fields.text("app_id", 128))
    action = need("action", fields.text("action", 32, charset=_ACTION))
    section = fields.text("section", 64)
    duration = fields.whole("duration_ms", 0, MAX_DURATION_MS) or 0
    mode = ACTIONS.index(action) if action in ACTIONS else len(ACTIONS)
    return APP_KEY, app_id, SECTION_KEY if section else 0, section or "", 0, duration, 0, mode


_BODIES: dict[int, Callable[[Fields], _Body]] = {NETWORK: _network, TV: _tv, APP: _app}


def _fact(fields: Fields) -> Fact:
    event_id = need("event_id", fields.text("event_id", 64, charset=_PRINTABLE))
    account_id = need("account_id", fields.identifier("account_id"))
    member_id = fields.identifier("member_id")
    ts = need("ts", fields.time("ts"))
    kind = need("kind", fields.text("kind", 32))
    if kind not in _FACTS:
        raise Malformed(Refusal.UNKNOWN_KIND, "kind", f"must be one of {', '.join(_FACTS)}")
    found = {name: read(fields) for name, read in _FACTS[kind].items()}
    data = {name: value for name, value in found.items() if value is not None}
    return Fact(event_id, account_id, member_id, ts, kind, data)


def _interest(fields: Fields) -> str:
    return need("interest", fields.text("interest", 16, charset=_INTEREST))


def _quiet_days(fields: Fields) -> int | None:
    return fields.whole("quiet_days", 0, 730)


def _choose(name: str, *options: str) -> Callable[[Fields], str]:
    return lambda fields: fields.choice(name, options)


#: The kinds of fact, each with the readers of its own fields.
_FACTS: dict[str, dict[str, Callable[[Fields], Any]]] = {
    FactKind.CONSENT: {
        "purpose": lambda f: f.text("purpose", 64, charset=_PRINTABLE) or Purpose.PROFILING,
        "status": _choose("status", *ConsentStatus),
        "expires_at": lambda f: f.time("expires_at"),
    },
    FactKind.DECLARATION: {"interest": _interest, "stance": _choose("stance", *Opinion)},
    FactKind.PURCHASE: {
        "interest": _interest,
        "product": lambda f: f.text("product", 128),
        "quiet_days": _quiet_days,
        "returned": lambda f: f.flag("returned"),
    },
    FactKind.DECISION_AGAINST: {"interest": _interest, "quiet_days": _quiet_days},
    FactKind.CARE_CASE: {
        "case_id": lambda f: need("case_id", f.text("case_id", 64, charset=_PRINTABLE)),
        "status": _choose("status", *CaseStatus),
    },
    FactKind.REGISTRY: {
        "device_id": lambda f: need("device_id", f.identifier("device_id")),
        "owner_member_id": lambda f: f.identifier("owner_member_id"),
        "adult": lambda f: f.flag("adult"),
    },
    FactKind.ERASURE: {},
}
