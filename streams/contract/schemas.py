"""Defines the payload of every topic, as JSON Schema (2020-12).

Objects are open everywhere: a reader ignores what it doesn't know. What a schema cannot say
(late, future, key_mismatch, depth) is listed with the dead letters' reasons. Words and source
names of the vocabulary are said in descriptions, for outputs may gain some.
"""

from __future__ import annotations

from collections.abc import Mapping

from features.records.inputs import INPUTS
from features.vocabulary import Refusal
from streams.contract import topics
from streams.contract.input_schemas import input_schemas
from streams.contract.notes import annotated
from streams.contract.profile_schemas import (
    EXAMPLE_OFFERS,
    EXAMPLE_PROFILE,
    OFFERS,
    PROFILE,
    event_headers,
)
from streams.contract.schema_forms import (
    BASE,
    DIGITS,
    HEX,
    INTEREST,
    KEY,
    MOMENT,
    NUMBER,
    SHARE,
    TIME,
    Property,
    Schema,
    integer,
    items,
    nullable,
    record,
    text,
)

_CATALOGUE = record(
    Property("key", KEY, "the content key again, if present"),
    Property("title", text(0, 512), "name of the host, app or programme"),
    Property("text", {"type": "string", "maxLength": 16_384}, "synopsis or description"),
    Property("genres", items(text(1, 128), 64), "genres as an EPG writes them, dvb:4.3 too"),
    Property("category", text(1, 128), "store category of an app"),
    Property("rating", text(1, 128), "content rating, such as TV-Y7"),
    Property("keywords", items(text(1, 128), 128), "free words"),
    Property("language", text(2, 35), "BCP 47"),
)
_TAGS = record(
    Property("schema", integer(1), "schema version", True),
    Property("key", KEY, "the content key again", True),
    Property(
        "tags",
        items(
            record(
                Property("id", INTEREST, "taxonomy id", True),
                Property("weight", SHARE, "how much it is about it", True),
            ),
            16,
        ),
        "interests",
        True,
    ),
    Property("source", text(1, 300), "where the tags come from", True),
    Property("confidence", SHARE, "how sure the source is"),
    Property("infrastructure", {"type": "boolean"}, "trackers, CDNs, updates: weigh nothing"),
    Property("editor", {"type": "boolean"}, "a person's correction; outranks the machine"),
    Property(
        "audience",
        text(1, 32),
        "`all` if absent; `children`, or a word unknown: raises nothing for anybody",
    ),
)

_RECEIPT = record(
    Property("schema", integer(1), "schema version", True),
    Property("mark", text(32, 32, HEX), "keyed hash of the account; the key again", True),
    Property("request", text(32, 32, HEX), "keyed hash of the request's event id", True),
    Property("scope", text(1, 16), "account, or member where one member alone was erased"),
    Property("requested_at", TIME, "event time of the request", True),
    Property("applied_at", TIME, "event time in the stream when it was carried out", True),
    Property("subjects", integer(0), "subjects taken out of the state", True),
    Property("profiles", integer(0), "of them with a published profile", True),
    Property("facts_kept", integer(0), "facts newer than the request, such as a new consent", True),
    Property(
        "swept_at",
        TIME,
        "only of the receipt that follows: event time by which the profile topic was looked at",
    ),
    Property("keys_found", integer(0), "keys published there that the state did not know"),
    Property("looked_in", items(text(1, 256), 100), "where published keys were looked for"),
    Property("not_looked_in", items(text(1, 256), 100), "where they could not be, and until when"),
)
_SEGMENT = record(
    Property("schema", integer(1), "schema version", True),
    Property("segment", text(1, 128), "name of the cell; the key again", True),
    Property(
        "kind",
        text(1, 32),
        "interest, pair, daypart, group; release: no cell, the privacy budget; words may be added",
        True,
    ),
    Property("name", text(1, 300), "for people", True),
    Property("interests", items(INTEREST, 8), "taxonomy ids that describe it", True),
    Property("daypart", nullable(text(1, 32)), "such as weekend-evening"),
    Property(
        "accounts",
        integer(1),
        "households in it when it was released, each counted for its strongest interests alone, "
        "with noise, rounded down; of a release: k",
        True,
    ),
    Property("k", integer(2), "fewer are never said, nor changes by fewer", True),
    Property("as_of", MOMENT, "event time, epoch milliseconds, no finer than releases", True),
    Property("release", MOMENT, "release that said it, epoch milliseconds"),
    Property("noise", NUMBER, "standard deviation of the noise in accounts, households; 0: none"),
    Property("rounded_to", integer(1), "accounts is rounded down to a multiple of it"),
    Property(
        "budget",
        record(
            Property("epsilon", NUMBER, "what releases may tell of a household in a period", True),
            Property("delta", SHARE, "chance that they tell more", True),
            Property("period_ms", integer(1), "any window of so many milliseconds", True),
            Property("needed", NUMBER, "share of the budget that its releases take", True),
            Property(
                "releases",
                items(
                    {"type": "array", "prefixItems": [TIME, NUMBER], "minItems": 2, "maxItems": 2},
                    100_000,
                ),
                "epoch milliseconds of each, and the zCDP rho it took",
                True,
            ),
        ),
        "of a release",
    ),
)

_UNTAGGED = record(
    Property("schema", integer(1), "schema version", True),
    Property("key", KEY, "content key", True),
    Property("source", text(1, 32), ", ".join(INPUTS.names[1:]), True),
    Property(
        "seconds", NUMBER, "attention lost, halved every day; at least so much, to one digit", True
    ),
    Property("as_of", TIME, "when the worker looked", True),
    Property("worker", text(1, 249), "which one", True),
)
_LOOKUP = record(
    Property("schema", integer(1), "schema version", True),
    Property("at", TIME, "when it was asked", True),
    Property("caller", text(1, 64), "subject of the caller's token", True),
    Property("purpose", text(1, 32), "offers, profiling, privacy; words may be added", True),
    Property("reason", text(0, 64), "why, as the caller said; may be empty", True),
    Property("route", text(1, 128), "what was asked", True),
    Property("mark", text(32, 32, HEX), "keyed hash of the account; the key again", True),
    Property("profiles", integer(0), "of the account, shown; 0: none was there to show", True),
)
_DEAD_LETTER_HEADERS = record(
    Property("source-topic", text(1, 249), "where the refused record stands", True),
    Property("source-partition", text(1, 10, pattern=DIGITS), "its partition", True),
    Property("source-offset", text(1, 19, pattern=DIGITS), "its offset", True),
    Property("reason", text(1, 64), ", ".join(Refusal), True),
    Property("field", text(0, 512), "the offending field, or empty", True),
    Property("message", text(0, 512), "one sentence for people", True),
    Property("schema-version", text(1, 10, pattern=DIGITS), "of these headers", True),
    Property(
        "value-length",
        text(1, 10, pattern=DIGITS),
        "bytes of the value as it came; only where it was cut, or withheld (no value)",
    ),
    Property(
        "value-digest",
        text(32, 32, pattern="^[0-9a-f]+$"),
        "keyed hash (erasure_key) of the value as it came; only where it was cut or withheld",
    ),
    Property(
        "sealed",
        text(1, 16_777_216, pattern="^[A-Za-z0-9+/]+={0,2}$"),
        "key and value as they came, for the key dead_letter_key, in base64; only where withheld",
    ),
)
_BODIES: Mapping[str, tuple[str, Schema]] = {
    **input_schemas(),
    topics.CATALOGUE: ("Raw metadata of a content key", _CATALOGUE),
    topics.TAGS: ("Interests of a content key", _TAGS),
    topics.PROFILES: ("An interest profile; no value: forget this subject", PROFILE),
    topics.OFFERS: ("What of a profile is acted on; no value: forget this subject", OFFERS),
    topics.AUDIENCES: ("Households in a cell; no value: too few to say", _SEGMENT),
    topics.UNTAGGED: ("A content without tags; no value: tagged by now, or light", _UNTAGGED),
    topics.LOOKUPS: ("A look-up of an account's profiles", _LOOKUP),
    topics.RECEIPTS: ("An erasure was carried out; commit time is the record's time", _RECEIPT),
    "dead-letters.headers": ("Headers of a refused record, decoded", _DEAD_LETTER_HEADERS),
    "interest-profiles.headers": (
        "Headers of a profile, decoded",
        event_headers("interest-profile", "interest-streams"),
    ),
    "offers.headers": (
        "Headers of a record of offers, decoded",
        event_headers("offers", "interest-streams/offers"),
    ),
}

#: JSON Schema by topic name (``<topic>.headers`` for headers).
SCHEMAS: Mapping[str, Schema] = {
    name: {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{BASE}{name}.json",
        "title": title,
        **annotated(name, body),
    }
    for name, (title, body) in _BODIES.items()
}

#: A record of what most teams read, by topic.
EXAMPLES: Mapping[str, Mapping[str, object]] = {
    topics.PROFILES: EXAMPLE_PROFILE,
    topics.OFFERS: EXAMPLE_OFFERS,
}
