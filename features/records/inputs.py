"""Defines the input records: one table of topics and their fields.

From it are made the exact decoder (`decoder`), the scanner's tables (`scan_tables`), what an
event is worth (`Input.least`), the joined topics and their published schemas (`streams.contract`).
A new source is one more `Input`. Only the standard library is imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from features.records.forms import (
    CAPITAL,
    IAB_ID,
    PRINTABLE,
    SNAKE,
    Chance,
    Choice,
    Field,
    Flag,
    Host,
    Input,
    Mode,
    Pseudonym,
    Text,
    Whole,
)
from features.vocabulary import (
    CaseStatus,
    ConsentStatus,
    FactKind,
    KeyPrefix,
    Opinion,
    OutcomeKind,
    Refusal,
    Reply,
    Source,
    Stance,
)

DAY_MS: Final = 86_400_000
#: Event times that are believed at all: September 2001 to the end of 2099, epoch ms; seconds and
#: microseconds fall outside.
TS_MIN: Final = 1_000_000_000_000
TS_END: Final = 4_100_000_000_000
#: Longest attention in one event; beyond it a counter ran over.
MAX_DURATION_MS: Final = 7 * DAY_MS
MAX_BYTES: Final = 10**15
#: Farthest civil time zone, minutes.
MAX_TZ_MIN: Final = 840
#: Sources there can be: a subject's header and the counters have so many places.
MOST_SOURCES: Final = 7
#: Bytes of a field's name, which a quote ends, and of a mode: the scanner compares two words.
LONGEST_NAME: Final = 15
LONGEST_MODE: Final = 16

TIME: Final = Whole(TS_MIN, TS_END - 1, Refusal.TIME)
SPAN: Final = Whole(0, MAX_DURATION_MS)


@dataclass(frozen=True, eq=False)
class Inputs:
    """The sources, numbered from 1 in their order; 0 are the facts, the last the outcomes.

    Raises
    ------
    ValueError
        Where there are too many, or a row names a field or a word that won't do.
    """

    events: tuple[Input, ...]

    def __post_init__(self) -> None:
        if len(self.events) > MOST_SOURCES:
            raise ValueError(f"{len(self.events)} sources: the state has room for {MOST_SOURCES}")
        for item in self.events:
            own = {field.name for field in item.fields}
            named = {name for _, name in item.contents} | {*item.size, item.length}
            for name in (named | {item.mode, item.attention}) - own - {""}:
                raise ValueError(f"{item.name}: {name!r} is none of its fields")
            for word in {mode.word for mode in item.modes} - set(item.words):
                raise ValueError(f"{item.name}: {word!r} is no word of {item.mode}")
            for word in item.words:
                if len(word.encode()) > LONGEST_MODE:
                    raise ValueError(f"{item.name}: mode {word!r}: at most {LONGEST_MODE} bytes")
        for name in self.field_names:
            if len(name.encode()) > LONGEST_NAME:
                raise ValueError(f"field {name!r}: at most {LONGEST_NAME} bytes")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Name of each kind of input by its number."""
        return ("facts", *(item.name for item in self.events))

    @cached_property
    def topics(self) -> tuple[str, ...]:
        """Topic of each kind of input by its number.

        The order breaks ties of equal event time: what is known about a customer (consent above
        all) comes before what the customer did.
        """
        return (FACTS_TOPIC, *(item.topic for item in self.events))

    @cached_property
    def outcomes(self) -> int:
        """Number of the input that tells what came of offers, where it is joined: the last."""
        return len(self.topics)

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        """Every field of an event; those of all sources first, in the order of `COMMON`."""
        own = (field.name for item in self.events for field in item.fields)
        return tuple(dict.fromkeys([*(field.name for field in COMMON), *own]))


FACTS_TOPIC: Final = "subscriber-facts"
OUTCOMES_TOPIC: Final = "outcomes"
_TEXT: Final = Text(128, kept=True)

EVENT_ID_TEXT: Final = Text(64, charset=PRINTABLE)
EVENT_ID: Final = Field(
    "event_id", EVENT_ID_TEXT, "unique; a repetition within the dedup horizon is counted once", True
)
ACCOUNT: Final = Field(
    "account_id", Pseudonym(), "the household's contract; also the record key", True
)
_MEMBER = Field("member_id", Pseudonym(), "the person, absent if it may be anyone at home")
EVENT_TIME: Final = Field("ts", TIME, "event time, epoch milliseconds UTC", True)
#: What every event has, in the order of `decoder.Event`.
COMMON: Final = (
    EVENT_ID,
    ACCOUNT,
    _MEMBER,
    Field("device_id", Pseudonym(), "the device, pseudonymous"),
    EVENT_TIME,
    Field("tz_offset_min", Whole(-MAX_TZ_MIN, MAX_TZ_MIN), "local time less UTC, minutes"),
    Field("country", Text(2, 2, CAPITAL), "where the customer is, ISO 3166 alpha-2"),
)

NETWORK_USAGE: Final = Input(
    name=Source.NETWORK.word,
    topic="network-usage",
    title="A flow of a mobile or broadband line",
    about="flows of mobile and broadband lines",
    source=Source.NETWORK,
    fields=(
        Field("line", Choice(("mobile", "broadband")), "access line", True),
        Field("host", Host(), "server name (SNI or DNS); wins over app"),
        Field("app", _TEXT, "application, where the network knows it"),
        Field("bytes_down", Whole(0, MAX_BYTES), "to the customer; 0 if absent"),
        Field("bytes_up", Whole(0, MAX_BYTES), "from the customer; 0 if absent"),
        Field("duration_ms", SPAN, "of the flow; 0 if absent"),
    ),
    contents=((KeyPrefix.HOST, "host"), (KeyPrefix.APP, "app")),
    mode="line",
    attention="duration_ms",
    size=("bytes_down", "bytes_up"),
)
TV_VIEWING: Final = Input(
    name=Source.TV.word,
    topic="tv-viewing",
    title="A programme watched",
    about="programmes watched, live, catch-up and on demand",
    source=Source.TV,
    fields=(
        Field("content_id", _TEXT, "programme", True),
        Field("channel", _TEXT, "channel, used if the programme has no tags"),
        Field("title", Text(512, 0, kept=True), "for people"),
        Field("watched_ms", SPAN, "time watched", True),
        Field("content_ms", Whole(1, MAX_DURATION_MS), "length of the programme"),
        Field("mode", Choice(("live", "catchup", "vod")), "how it was watched", True),
    ),
    contents=((KeyPrefix.PROGRAMME, "content_id"), (KeyPrefix.CHANNEL, "channel")),
    mode="mode",
    attention="watched_ms",
    length="content_ms",
)
APP_EVENTS: Final = Input(
    name=Source.APP.word,
    topic="app-events",
    title="Something done in an app",
    about="what customers do in apps",
    source=Source.APP,
    fields=(
        Field("app_id", _TEXT, "application", True),
        Field("action", Text(32, charset=SNAKE), "open, close, view, search, ...", True),
        Field("section", Text(64, kept=True), "part of the app, used if the app has no tags"),
        Field("duration_ms", SPAN, "time spent"),
    ),
    contents=((KeyPrefix.APP, "app_id"), (KeyPrefix.SECTION, "section")),
    mode="action",
    modes=(
        Mode("close", 0.35, timed=True),
        Mode("open", 0.35),
        Mode("view", 0.35),
        Mode("search", 0.5),
    ),
    other=0.35,
    attention="duration_ms",
)

#: The inputs that are joined.
INPUTS: Final = Inputs((NETWORK_USAGE, TV_VIEWING, APP_EVENTS))

KIND: Final = Field("kind", Text(32), "what is known", True)
#: Of a worker's tick, whose event time is its place in the sequence.
TICK_NOW: Final = Field("now", TIME, "what time it is")
#: Of a worker's part of a shared model, whose event time is its place in the sequence.
SHARED_FIELDS: Final = (
    EVENT_TIME,
    Field("part", Text(32, charset=PRINTABLE), "which part", True),
    Field("day", Whole(0, 1_000_000), "the last day in it, since 1970", True),
    Field("until", Whole(-1, 1_000_000), "the last day in it of what this partition gave", True),
    Field("of", Text(16, 16, "[0-9a-f]"), "of which merged model", True),
    Field("data", Text(1_000_000, charset="[A-Za-z0-9+/=]"), "its numbers, in base64", True),
)
SHARED_MARK: Final = Field("mark", Text(32, 32, "[0-9a-f]"), "keyed hash of the others", True)
#: What every fact has.
FACT_COMMON: Final = (EVENT_ID, ACCOUNT, _MEMBER, EVENT_TIME, KIND)
INTEREST: Final = Field("interest", Text(16, charset=IAB_ID), "taxonomy id", True)
_QUIET = Field("quiet_days", Whole(0, 730), "how long the interest stays quiet")

CASE_ID: Final = Field(
    "case_id", Text(64, charset=PRINTABLE, kept=True), "open cases suppress every offer", True
)

#: What each kind of fact has of its own.
FACT_FIELDS: Final[Mapping[FactKind, tuple[Field, ...]]] = {
    FactKind.CONSENT: (
        Field(
            "purpose",
            Text(64, charset=PRINTABLE),
            "W3C DPV term or short word of the rules; `profiling` if absent",
        ),
        Field("status", Choice(tuple(ConsentStatus)), "since ts", True),
        Field("expires_at", TIME, "when a grant ends by itself"),
    ),
    FactKind.DECLARATION: (
        INTEREST,
        Field("stance", Choice(tuple(Opinion)), "as declared", True),
        Field("asked", Flag(), "the answer to a question, not said of one's own accord"),
    ),
    FactKind.PURCHASE: (
        INTEREST,
        Field("product", _TEXT, "what was bought"),
        _QUIET,
        Field("returned", Flag(), "the purchase was undone"),
    ),
    FactKind.DECISION_AGAINST: (INTEREST, _QUIET),
    FactKind.CARE_CASE: (CASE_ID, Field("status", Choice(tuple(CaseStatus)), "since ts", True)),
    FactKind.REGISTRY: (
        Field("device_id", Pseudonym(), "the device", True),
        Field("owner_member_id", Pseudonym(), "absent: shared by the household"),
        Field("adult", Flag(), "whether the owner is of age"),
    ),
    FactKind.ERASURE: (),
}

CONTACT_ID: Final = Field(
    "contact_id",
    Text(64, charset=PRINTABLE),
    "the contact, unique for the person; what an answer refers to",
    True,
)
#: What each kind of outcome has beside `FACT_COMMON`; `member_id` of an answer is its contact's.
OUTCOME_FIELDS: Final[Mapping[OutcomeKind, tuple[Field, ...]]] = {
    OutcomeKind.CONTACT: (
        CONTACT_ID,
        Field("channel", Text(32, charset=SNAKE), "mail, screen, call, ...", True),
        INTEREST,
        Field("propensity", Chance(), "probability with which it was chosen; 1 if absent"),
        Field("held_out", Flag(), "nobody was spoken to, by a draw; counts for no cap"),
        Field("stance", Choice(Stance.words()), "of the interest, as the profile said"),
        Field("profile_version", Whole(1, 2**32 - 1), "of the profile that was acted on"),
    ),
    OutcomeKind.ANSWER: (
        CONTACT_ID,
        Field("answer", Choice(tuple(Reply)), "what came of it; silence is `ignored`", True),
    ),
}
