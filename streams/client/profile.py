"""Decodes records of published profiles into frozen types.

Imports only the standard library and ``orjson``. Fields that this version doesn't know are
ignored, absent ones take defaults, and unknown words (a new ``trend``, say) arrive as they are:
the schema evolves FULL_TRANSITIVE, so only ``version`` and an interest's ``id`` can be relied on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from features.vocabulary import Stance, Trend
from streams.client.parts import (
    Context,
    Evidence,
    Interest,
    Moment,
    Next,
    Permission,
    Reason,
    Share,
    Suppression,
)

_T = TypeVar("_T")

#: As ``confluent_kafka`` hands them over.
Headers = Mapping[str, str | bytes | None] | Iterable[tuple[str, str | bytes | None]]


class ProfileError(ValueError):
    """A record is not a profile; the message names subject and field."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One version of a subject's profile.

    Attributes
    ----------
    subject : str
        The record's key: ``account`` or ``account/member``.
    version : int
        +1 with each published change.
    as_of : int
        Event time, epoch milliseconds.
    model_id : str
    model_version : int
    context : Context
    interests : tuple of Interest
        By score, highest first.
    suppressions : tuple of Suppression
    evidence : Evidence
    schema : int
        Schema version that the producer wrote.
    valid_until : int or None
        Epoch milliseconds; then the consent ends that it rests on. None: no end is known.
    computed_at : int
        Event time of the stream when it was computed, epoch milliseconds; 0 if unknown.
    contactable : mapping of str to Permission
        By purpose, ``offers`` say; `may` reads it.
    more : int
        Of a record of ``offers``: how much more the profile says, that had no room.
    """

    subject: str
    version: int
    as_of: int
    model_id: str = ""
    model_version: int = 0
    context: Context = Context()
    interests: tuple[Interest, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    evidence: Evidence = Evidence()
    schema: int = 1
    valid_until: int | None = None
    computed_at: int = 0
    contactable: Mapping[str, Permission] = field(default_factory=dict)
    more: int = 0

    @property
    def account_id(self) -> str:
        """The household's part of the subject."""
        return self.subject.partition("/")[0]

    @property
    def member_id(self) -> str | None:
        """The member's part, None for the household itself."""
        return self.subject.partition("/")[2] or None

    def suppressed(self, interest_id: str, at_ms: int, channel: str = "") -> bool:
        """Whether nothing may be offered about an interest at a time (epoch ms) by a channel.

        Where none is named, what forbids any counts. Where there is `more` to know, nothing may be
        offered but what is to be engaged.
        """
        engaged = (i.id for i in self.interests if i.stance == Stance.ENGAGE.word)
        if self.more and interest_id not in engaged:
            return True
        return any(
            s.scope in ("all", interest_id)
            and (s.until is None or at_ms < s.until)
            and (not channel or s.channel in ("", channel))
            for s in self.suppressions
        )

    def may(self, purpose: str, at_ms: int) -> bool:
        """Whether it may serve a purpose at a time (epoch ms); not, where nothing is said of it."""
        said = self.contactable.get(purpose)
        if said is None or (self.valid_until is not None and at_ms >= self.valid_until):
            return False
        return said.value and (said.until is None or at_ms < said.until)

    @classmethod
    def from_record(cls, key: bytes | str, value: bytes, headers: Headers | None = None) -> Profile:
        """Decode one record (not a tombstone: that one has no value).

        Of the topic ``offers`` it is one too: with the interests to engage and to avoid alone.

        Raises
        ------
        ProfileError
            Naming the field that is missing or of another type.
        """
        subject = key if isinstance(key, str) else key.decode(errors="replace")
        raw = json_object(subject, value)
        declared = dict(headers or ()).get("schema-version") or b"1"
        if not declared.isdigit():
            raise ProfileError(f"{subject}: header schema-version = {declared!r}")
        try:
            return _profile(subject, raw, int(declared))
        except ProfileError as error:
            raise ProfileError(f"{subject}: {error}") from None


def json_object(subject: str, value: bytes) -> dict[str, Any]:
    """Read a record's value as a JSON object.

    Raises
    ------
    ProfileError
    """
    try:
        raw = orjson.loads(value)
    except (orjson.JSONDecodeError, TypeError) as error:
        raise ProfileError(f"{subject}: value is not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise ProfileError(f"{subject}: value is not an object")
    return raw


def _take(raw: Mapping[str, Any], name: str, kind: type[_T], default: _T | None = None) -> _T:
    value = raw.get(name)
    if value is None:
        if default is None:
            raise ProfileError(f"{name} is missing")
        return default
    if kind is float and type(value) is int:
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ProfileError(f"{name}: expected {kind.__name__}, found {type(value).__name__}")
    return value


def _objects(raw: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    items = _take(raw, name, list, [])
    if not all(isinstance(item, dict) for item in items):
        raise ProfileError(f"{name}: expected objects")
    return items


def _profile(subject: str, raw: Mapping[str, Any], schema: int) -> Profile:
    model = _take(raw, "model", dict, {})
    context = _take(raw, "context", dict, {})
    evidence = _take(raw, "evidence", dict, {})
    return Profile(
        subject=subject,
        version=_take(raw, "version", int),
        as_of=_take(raw, "as_of", int, 0),
        model_id=_take(model, "id", str, ""),
        model_version=_take(model, "version", int, 0),
        context=Context(
            _take(context, "roaming", bool, False),
            _take(context, "country", str, "") or None,
            _whole(context, "tz_offset_min"),
            _take(context, "place", str, ""),
            _take(context, "place_since", str, ""),
        ),
        interests=(
            *map(_interest, _objects(raw, "interests")),
            *(
                _interest({**item, "stance": stance.word})
                for stance in (Stance.ENGAGE, Stance.AVOID)
                for item in _objects(raw, stance.word)
            ),
        ),
        suppressions=tuple(
            Suppression(
                _take(s, "scope", str),
                _take(s, "reason", str, ""),
                _whole(s, "until"),
                _take(s, "name", str, ""),
                _take(s, "channel", str, ""),
                _whole(s, "since"),
            )
            for s in _objects(raw, "suppressions")
        ),
        evidence=Evidence(
            _take(evidence, "events", int, 0),
            _take(evidence, "days", int, 0),
            tuple(map(str, _take(evidence, "sources", list, []))),
        ),
        schema=schema,
        valid_until=_whole(raw, "valid_until"),
        computed_at=_take(raw, "computed_at", int, 0),
        more=_take(raw, "more", int, 0),
        contactable={
            use: Permission(
                _take(said, "value", bool), _take(said, "why", str, ""), _whole(said, "until")
            )
            for use, said in _take(raw, "contactable", dict, {}).items()
            if isinstance(said, dict)
        },
    )


def _whole(raw: Mapping[str, Any], name: str) -> int | None:
    return None if raw.get(name) is None else _take(raw, name, int)


def _interest(raw: Mapping[str, Any]) -> Interest:
    return Interest(
        id=_take(raw, "id", str),
        name=_take(raw, "name", str, ""),
        score=_take(raw, "score", float, 0.0),
        lift=_take(raw, "lift", float, 0.0),
        confidence=_take(raw, "confidence", float, 0.0),
        trend=_take(raw, "trend", str, Trend.STEADY.word),
        last_active=_take(raw, "last_active", str, ""),
        dayparts=_take(raw, "dayparts", dict, {}),
        sources=_take(raw, "sources", dict, {}),
        stance=_take(raw, "stance", str, Stance.HOLD.word),
        reasons=tuple(
            Reason(_take(r, "code", str), r.get("value")) for r in _objects(raw, "reasons")
        ),
        moments=tuple(
            Moment(
                _take(m, "part", str, ""),
                _take(m, "p", float, 0.0),
                _take(m, "day_type", str, ""),
                _take(m, "weekday", str, ""),
            )
            for m in _objects(raw, "moments")
        ),
        next=_next(raw),
        parent=_take(raw, "parent", str, ""),
        first_seen=_take(raw, "first_seen", str, ""),
        stance_since=_take(raw, "stance_since", str, ""),
        until=_whole(raw, "until"),
        abroad=_take(raw, "abroad", float, 0.0),
        attributed=_take(raw, "attributed", float, 0.0),
        share=_share(raw),
    )


def _share(raw: Mapping[str, Any]) -> Share | None:
    if raw.get("share") is None:
        return None
    said = _take(raw, "share", dict)
    return Share(*(_take(said, name, float, 0.0) for name in ("value", "low", "high")))


def _next(raw: Mapping[str, Any]) -> Next | None:
    if raw.get("next") is None:
        return None
    said = _take(raw, "next", dict)
    return Next(_take(said, "date", str, ""), _take(said, "part", str, ""))
