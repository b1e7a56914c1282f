"""Defines what is published of a subject: its profile, what of it is acted on, their headers."""

from __future__ import annotations

from collections.abc import Mapping

from features.records.inputs import MAX_TZ_MIN
from features.vocabulary import (
    DayType,
    Part,
    PermissionBasis,
    Place,
    Purpose,
    ReasonCode,
    Source,
    Stance,
    SuppressionReason,
    Trend,
    Weekday,
    Word,
)
from streams.contract.schema_forms import (
    COUNTRY,
    DATE,
    DIGITS,
    INTEREST,
    MOMENT,
    NUMBER,
    SHARE,
    Property,
    Schema,
    integer,
    items,
    nullable,
    record,
    text,
)


def _said(words: type[Word]) -> str:
    return ", ".join(words.words())


_HEAD = (
    Property("schema", integer(1), "schema version", True),
    Property(
        "subject",
        text(1, 129, examples=["acc-1/m-2"]),
        "account or account/member; the key again",
        True,
    ),
    Property("version", integer(1), "+1 with each published change", True),
    Property("as_of", MOMENT, "newest event time of the subject, epoch milliseconds", True),
    Property(
        "computed_at",
        MOMENT,
        "event time of the stream when it was computed, epoch milliseconds; later than as_of where "
        "it is time that passed; absent in profiles of before release 1.0",
    ),
    Property(
        "valid_until",
        MOMENT,
        "epoch milliseconds; then the consent ends that it rests on, and it must not be used: no "
        "later version may come, where nothing more happens. Absent: no end is known",
    ),
)
_CONTACTABLE = "whether the profile may be used for it now; purposes may be added"


def _permissions(*purposes: Purpose) -> Schema:
    permission = record(
        Property("value", {"type": "boolean"}, "whether it is allowed", True),
        Property(
            "why",
            text(1, 64),
            f"{', '.join(PermissionBasis)}, or the reason of the suppression that forbids it; "
            "words may be added",
            True,
        ),
        Property(
            "until",
            nullable(MOMENT),
            "epoch milliseconds at which it ends by itself; null: no end is known",
            True,
        ),
    )
    return record(*(Property(use.value, permission, f"use for {use}", True) for use in purposes))


def _suppression(scope: str, *more: Property) -> Schema:
    return record(
        Property("scope", text(1, 32), scope, True),
        *more,
        Property(
            "reason", text(1, 64), f"{', '.join(SuppressionReason)}; words may be added", True
        ),
        Property("channel", text(1, 32), "only by this channel; absent: by none"),
        Property("until", nullable(MOMENT), "epoch milliseconds, null: open", True),
    )


_INTEREST = record(
    Property("id", INTEREST, "taxonomy id", True),
    Property("name", text(1, 128, examples=["Sports"]), "of the taxonomy", True),
    Property("parent", INTEREST, "taxonomy id of what it is part of; absent at the top"),
    Property(
        "score",
        SHARE,
        "calibrated probability of engaging tomorrow, to the step that is published by (0.05)",
        True,
    ),
    Property("lift", NUMBER, "score over the population's base rate", True),
    Property(
        "confidence",
        SHARE,
        "how exactly the score is known: 0.5 where its standard error is as large as it",
        True,
    ),
    Property(
        "share",
        record(
            Property("value", SHARE, "expected", True),
            Property("low", SHARE, "nine in ten are no lower", True),
            Property("high", SHARE, "nine in ten are no higher", True),
        ),
        "share of the subject's attention over the next seven days, of all its known interests",
    ),
    Property(
        "attributed",
        SHARE,
        "share of it that a member saw on a shared screen, as far as that is known; absent below "
        "0.01",
    ),
    Property(
        "abroad",
        SHARE,
        "share of its recent mass that was gathered on days abroad; from the return on what "
        "is left of that halves in seven days. Absent below 0.01",
    ),
    Property("trend", text(1, 32), f"{_said(Trend)}; words may be added", True),
    Property("last_active", DATE, "local day", True),
    Property("first_seen", DATE, "local day since which it is followed without a long pause"),
    Property(
        "moments",
        items(
            record(
                Property("day_type", text(1, 16), f"{_said(DayType)}; absent where `weekday` is"),
                Property("weekday", text(1, 16), f"{_said(Weekday)}; where it stands out"),
                Property("part", text(1, 16), f"{_said(Part)}, local time", True),
                Property("p", SHARE, "probability of engaging then", True),
            ),
            3,
        ),
        "when it is likely, as of `as_of`: 0.3 or more and twice the mean of its week, the "
        "likeliest first; absent where there is none",
    ),
    Property(
        "next",
        record(
            Property("date", DATE, "local day", True),
            Property("part", text(1, 16), f"{_said(Part)}", True),
        ),
        "when the next time is likeliest, as of `as_of`; absent where a week may go by without",
    ),
    Property(
        "dayparts",
        {"type": "object", "additionalProperties": SHARE},
        "shares >= 0.2 by weekday- or weekend- and night, morning, afternoon, evening",
        True,
    ),
    Property("sources", {"type": "object", "additionalProperties": SHARE}, _said(Source), True),
    Property("stance", text(1, 32), f"{_said(Stance)}; read an unknown word as hold", True),
    Property(
        "stance_since",
        DATE,
        "local day since which profiles have said so, without a break; absent in those of before "
        "release 1.0",
    ),
    Property(
        "until",
        MOMENT,
        "epoch milliseconds at which the stance ends by itself: with what was declared or bought, "
        "or with the consent it rests on. Absent: no end is known, it goes with what is done",
    ),
    Property(
        "reasons",
        items(
            record(
                Property("code", text(1, 64), "slug", True),
                Property("value", {}, "what was measured"),
            ),
            16,
        ),
        f"why the stance: {', '.join(ReasonCode)}; codes may be added",
        True,
    ),
)
PROFILE = record(
    *_HEAD,
    Property(
        "model",
        record(
            Property("id", text(1, 64), "kind of model", True),
            Property("version", integer(0), "of the model", True),
        ),
        "what scored it",
        True,
    ),
    Property(
        "context",
        record(
            Property("roaming", {"type": "boolean"}, "whether `country` is abroad", True),
            Property("country", nullable(COUNTRY), "of the latest event, ISO 3166 alpha-2", True),
            Property(
                "tz_offset_min",
                nullable(integer(-MAX_TZ_MIN, MAX_TZ_MIN)),
                "the customer's clock less UTC, minutes: of that event, or the operator's at home; "
                "null where it is not known. Days of a profile are the operator's",
            ),
            Property(
                "place",
                text(1, 16, examples=[Place.HOME.word]),
                f"{_said(Place)}: by all events of each day, one alone is no trip; absent where "
                "the operator has no country. Read an unknown word as home",
            ),
            Property(
                "place_since",
                DATE,
                "local day since which it is there: on a trip, or back from one; absent where that "
                "is longer than 64 days",
            ),
        ),
        "where the subject is now",
        True,
    ),
    Property(
        "interests", items(_INTEREST, 20), "by what they tell of the subject, most first", True
    ),
    Property(
        "suppressions",
        items(
            _suppression(
                "`all`, an interest id, or `audiences` (not to be counted)",
                Property("name", text(1, 128), "of the interest, where the scope is one"),
                Property(
                    "since",
                    MOMENT,
                    "event time of the fact that it follows from, epoch milliseconds; absent where "
                    "it follows from none, or from contacts",
                ),
            ),
            256,
        ),
        "whom not to talk to",
        True,
    ),
    Property(
        "contactable",
        _permissions(Purpose.PROFILING, Purpose.OFFERS, Purpose.AUDIENCES),
        _CONTACTABLE,
    ),
    Property(
        "evidence",
        record(
            Property("events", integer(0), "counted", True),
            Property("days", integer(0, 64), "of the last 64, with activity", True),
            Property("sources", {**items(text(1, 32), 8), "uniqueItems": True}, "seen", True),
        ),
        "what it rests on",
        True,
    ),
)
_ID = record(Property("id", INTEREST, "taxonomy id; the profile has its name", True))
#: Who must get no offers has empty lists: `contactable` is all that is said of them. A record is
#: never longer than `features.profiles.offers` lets it be.
OFFERS = record(
    *_HEAD,
    Property("contactable", _permissions(Purpose.OFFERS), _CONTACTABLE, True),
    Property("engage", items(_ID, 20), "interests to talk about, the most telling first", True),
    Property("avoid", items(_ID, 256), "interests not to talk about", True),
    Property(
        "suppressions",
        items(_suppression("an interest id, or `all` where it is of a channel"), 256),
        "until when, and why",
        True,
    ),
    Property(
        "more",
        integer(1),
        "how much more the profile says: what had no room here. Then talk about what `engage` has, "
        "and of nothing else without the profile. Absent: this is all",
    ),
)


def event_headers(name: str, source: str) -> Schema:
    """Schema of the headers of CloudEvents in Kafka's binary mode, by their type and source."""
    return record(
        Property("schema-version", text(1, 10, pattern=DIGITS), "of the value", True),
        Property("content-type", {"const": "application/json"}, "of the value", True),
        Property("ce_specversion", {"const": "1.0"}, "CloudEvents", True),
        Property(
            "ce_type",
            text(1, 64),
            f"{name}.v1; {name}.forgotten.v1 of a record without value",
            True,
        ),
        Property("ce_source", {"const": source}, "CloudEvents", True),
        Property(
            "ce_id", text(1, 192), "key:version:place, unique; place grows with each commit", True
        ),
        Property("ce_subject", text(1, 129), "the key again", True),
        Property(
            "ce_time", text(20, 30, format="date-time"), "as_of; the stream's, without value", True
        ),
    )


def _about(version: int, use: Mapping[str, object]) -> dict[str, object]:
    return {
        "schema": 1,
        "subject": "acc-1/m-2",
        "version": version,
        "as_of": MOMENT["examples"][0],
        "computed_at": MOMENT["examples"][0],
        "contactable": use,
    }


_YES = {"value": True, "why": PermissionBasis.CONSENT.value, "until": None}
EXAMPLE_PROFILE = {
    **_about(7, {"profiling": _YES, "offers": _YES, "audiences": _YES}),
    "model": {"id": "mixture", "version": 28},
    "context": {
        "roaming": False,
        "country": "DE",
        "tz_offset_min": 60,
        "place": "home",
        "place_since": "2026-02-17",
    },
    "interests": [
        {
            "id": "483",
            "name": "Sports",
            "score": 0.6,
            "lift": 5.31,
            "confidence": 0.8,
            "trend": "steady",
            "last_active": "2026-02-28",
            "first_seen": "2026-01-11",
            "dayparts": {"weekend-afternoon": 0.71},
            "sources": {"tv": 1.0},
            "stance": "engage",
            "stance_since": "2026-02-02",
            "reasons": [
                {"code": "lift_clear", "value": {"low": 2.4, "needs": 1.2}},
                {"code": "active_days_28", "value": 12},
            ],
        }
    ],
    "suppressions": [],
    "evidence": {"events": 363, "days": 28, "sources": ["tv"]},
}
EXAMPLE_OFFERS = {
    **_about(7, {"offers": _YES}),
    "engage": [{"id": "483"}],
    "avoid": [],
    "suppressions": [],
}
