"""The payload of every topic, as JSON Schema (2020-12).

Objects are open everywhere: a reader ignores what it doesn't know. What a schema cannot say
(late, future, key_mismatch, depth) is listed with the dead letters' reasons. Words and source
names of the vocabulary are said in descriptions, for outputs may gain some.
"""

from __future__ import annotations

from collections.abc import Mapping

from features.records.inputs import INPUTS
from features.vocabulary import Refusal, Source, Stance, Suppression, Trend, Word
from streams.contract import topics
from streams.contract.input_schemas import input_schemas
from streams.contract.schema_forms import (
    BASE,
    COUNTRY,
    DIGITS,
    HEX,
    INTEREST,
    KEY,
    NUMBER,
    SHARE,
    TIME,
    Field,
    Schema,
    integer,
    items,
    nullable,
    record,
    text,
)


def _said(words: type[Word]) -> str:
    return ", ".join(words.words())


_CATALOGUE = record(
    Field("key", KEY, "the content key again, if present"),
    Field("title", text(0, 512), "name of the host, app or programme"),
    Field("text", {"type": "string", "maxLength": 16_384}, "synopsis or description"),
    Field("genres", items(text(1, 128), 64), "genres as an EPG writes them, dvb:4.3 too"),
    Field("category", text(1, 128), "store category of an app"),
    Field("rating", text(1, 128), "content rating, such as TV-Y7"),
    Field("keywords", items(text(1, 128), 128), "free words"),
    Field("language", text(2, 35), "BCP 47"),
)
_TAGS = record(
    Field("schema", integer(1), "schema version", True),
    Field("key", KEY, "the content key again", True),
    Field(
        "tags",
        items(
            record(
                Field("id", INTEREST, "taxonomy id", True),
                Field("weight", SHARE, "how much it is about it", True),
            ),
            16,
        ),
        "interests",
        True,
    ),
    Field("source", text(1, 300), "where the tags come from", True),
    Field("confidence", SHARE, "how sure the source is"),
    Field("infrastructure", {"type": "boolean"}, "trackers, CDNs, updates: weigh nothing"),
    Field("editor", {"type": "boolean"}, "a person's correction; outranks the machine"),
    Field(
        "audience",
        text(1, 32),
        "`all` if absent; `children`, or a word unknown: raises nothing for anybody",
    ),
)

_INTEREST_OUT = record(
    Field("id", INTEREST, "taxonomy id", True),
    Field("name", text(1, 128), "of the taxonomy", True),
    Field("score", SHARE, "calibrated probability of engaging tomorrow", True),
    Field("lift", NUMBER, "score over the population's base rate", True),
    Field("confidence", SHARE, "from the amount of evidence", True),
    Field("trend", text(1, 32), f"{_said(Trend)}; words may be added", True),
    Field("last_active", text(10, 10, pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), "local day", True),
    Field(
        "dayparts",
        {"type": "object", "additionalProperties": SHARE},
        "shares >= 0.2 by weekday- or weekend- and night, morning, afternoon, evening",
    ),
    Field("sources", {"type": "object", "additionalProperties": SHARE}, _said(Source)),
    Field("stance", text(1, 32), f"{_said(Stance)}; read an unknown word as hold", True),
    Field(
        "reasons",
        items(
            record(
                Field("code", text(1, 64), "slug", True), Field("value", {}, "what was measured")
            ),
            16,
        ),
        "why the stance",
    ),
)
_PROFILE = record(
    Field("schema", integer(1), "schema version", True),
    Field("subject", text(1, 129), "account or account/member; the key again", True),
    Field("version", integer(1), "+1 with each published change", True),
    Field("as_of", integer(0), "event time, epoch milliseconds", True),
    Field(
        "model",
        record(
            Field("id", text(1, 64), "kind of model", True),
            Field("version", integer(0), "of the model", True),
        ),
        "what scored it",
        True,
    ),
    Field(
        "context",
        record(
            Field("roaming", {"type": "boolean"}, "abroad now"),
            Field("country", nullable(COUNTRY), "ISO 3166 alpha-2"),
        ),
        "where the subject is now",
    ),
    Field("interests", items(_INTEREST_OUT, 20), "by score, highest first", True),
    Field(
        "suppressions",
        items(
            record(
                Field(
                    "scope",
                    text(1, 32),
                    "`all`, an interest id, or `audiences` (not to be counted)",
                    True,
                ),
                Field("reason", text(1, 64), f"{', '.join(Suppression)}; words may be added", True),
                Field("until", nullable(integer(0)), "epoch milliseconds, null: open"),
            ),
            256,
        ),
        "whom not to talk to",
        True,
    ),
    Field(
        "evidence",
        record(
            Field("events", integer(0), "counted"),
            Field("days", integer(0), "with activity"),
            Field("sources", items(text(1, 32), 8), "seen"),
        ),
        "what it rests on",
    ),
)

_RECEIPT = record(
    Field("schema", integer(1), "schema version", True),
    Field("mark", text(32, 32, HEX), "keyed hash of the account; the key again", True),
    Field("request", text(32, 32, HEX), "keyed hash of the request's event id", True),
    Field("requested_at", TIME, "event time of the request", True),
    Field("applied_at", TIME, "event time in the stream when it was carried out", True),
    Field("subjects", integer(0), "subjects taken out of the state", True),
    Field("profiles", integer(0), "of them with a published profile", True),
    Field("facts_kept", integer(0), "facts newer than the request, such as a new consent", True),
)
_SEGMENT = record(
    Field("schema", integer(1), "schema version", True),
    Field("segment", text(1, 128), "name of the cell; the key again", True),
    Field(
        "kind",
        text(1, 32),
        "interest, pair, daypart, group; release: no cell, the privacy budget; words may be added",
        True,
    ),
    Field("name", text(1, 300), "for people", True),
    Field("interests", items(INTEREST, 8), "taxonomy ids that describe it", True),
    Field("daypart", nullable(text(1, 32)), "such as weekend-evening"),
    Field(
        "accounts",
        integer(1),
        "households in it when it was released, each counted for its strongest interests alone, "
        "with noise, rounded down; of a release: k",
        True,
    ),
    Field("k", integer(2), "fewer are never said, nor changes by fewer", True),
    Field("as_of", integer(0), "event time, epoch milliseconds", True),
    Field("release", integer(0), "release that said it, epoch milliseconds"),
    Field("noise", NUMBER, "standard deviation of the noise in accounts, households; 0: none"),
    Field("rounded_to", integer(1), "accounts is rounded down to a multiple of it"),
    Field(
        "budget",
        record(
            Field("epsilon", NUMBER, "what releases may tell of a household in a period", True),
            Field("delta", SHARE, "chance that they tell more", True),
            Field("period_ms", integer(1), "any window of so many milliseconds", True),
            Field("needed", NUMBER, "share of the budget that its releases take", True),
            Field(
                "releases",
                items({"type": "array", "prefixItems": [TIME, NUMBER]}, 100_000),
                "epoch milliseconds of each, and the zCDP rho it took",
                True,
            ),
        ),
        "of a release",
    ),
)

_UNTAGGED = record(
    Field("schema", integer(1), "schema version", True),
    Field("key", KEY, "content key", True),
    Field("source", text(1, 32), ", ".join(INPUTS.names[1:]), True),
    Field("seconds", NUMBER, "attention lost, halved every day; at least so much", True),
    Field("as_of", TIME, "when the worker looked", True),
    Field("worker", text(1, 249), "which one", True),
)
_DEAD_LETTER_HEADERS = record(
    Field("source-topic", text(1, 249), "where the refused record stands", True),
    Field("source-partition", text(1, 10, pattern=DIGITS), "its partition", True),
    Field("source-offset", text(1, 19, pattern=DIGITS), "its offset", True),
    Field("reason", text(1, 64), ", ".join(Refusal), True),
    Field("field", text(0, 512), "the offending field, or empty", True),
    Field("message", text(0, 512), "one sentence for people", True),
    Field("schema-version", text(1, 10, pattern=DIGITS), "of these headers", True),
)
_PROFILE_HEADERS = record(
    Field("schema-version", text(1, 10, pattern=DIGITS), "of the value", True),
    Field("content-type", {"const": "application/json"}, "of the value", True),
    Field("ce_specversion", {"const": "1.0"}, "CloudEvents", True),
    Field("ce_type", {"const": "interest-profile.v1"}, "CloudEvents", True),
    Field("ce_source", {"const": "interest-streams"}, "CloudEvents", True),
    Field("ce_id", text(1, 160), "key:version, unique", True),
    Field("ce_subject", text(1, 129), "the key again", True),
    Field("ce_time", text(20, 30, format="date-time"), "as_of", True),
)

_BODIES: Mapping[str, tuple[str, Schema]] = {
    **input_schemas(),
    topics.CATALOGUE: ("Raw metadata of a content key", _CATALOGUE),
    topics.TAGS: ("Interests of a content key", _TAGS),
    topics.PROFILES: ("An interest profile; no value: forget this subject", _PROFILE),
    topics.AUDIENCES: ("Households in a cell; no value: too few to say", _SEGMENT),
    topics.UNTAGGED: ("A content without tags; no value: tagged by now, or light", _UNTAGGED),
    topics.RECEIPTS: ("An erasure was carried out; commit time is the record's time", _RECEIPT),
    "dead-letters.headers": ("Headers of a refused record, decoded", _DEAD_LETTER_HEADERS),
    "interest-profiles.headers": ("Headers of a profile, decoded", _PROFILE_HEADERS),
}

#: JSON Schema by topic name (``<topic>.headers`` for headers).
SCHEMAS: Mapping[str, Schema] = {
    name: {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{BASE}{name}.json",
        "title": title,
        **body,
    }
    for name, (title, body) in _BODIES.items()
}
