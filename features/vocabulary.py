"""Defines every word that more than one room uses: the code inside, and the word on the wire.

A `Word` has a number, for arrays, kernels and state, where only numbers go; its order and its
numbers are part of the state's format. A word that is never a number is a `StrEnum`.
Only the standard library is imported here, for readers of profiles import it too.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from functools import cache


class Word(IntEnum):
    """A number inside, a word on the wire."""

    @property
    def word(self) -> str:
        """The word on the wire: the name in lower case."""
        return self.name.lower()

    @classmethod
    @cache  # asked for by every content key
    def words(cls) -> tuple[str, ...]:
        """All words, by number."""
        return tuple(member.word for member in cls)


class Source(Word):
    """Sources of evidence, kept apart in a row."""

    NETWORK = 1
    TV = 2
    APP = 3


class DayPart(Word):
    """Quarters of a local day, of weekdays and then of weekends."""

    WEEKDAY_NIGHT = 0
    WEEKDAY_MORNING = 1
    WEEKDAY_AFTERNOON = 2
    WEEKDAY_EVENING = 3
    WEEKEND_NIGHT = 4
    WEEKEND_MORNING = 5
    WEEKEND_AFTERNOON = 6
    WEEKEND_EVENING = 7

    @property
    def word(self) -> str:
        """The word on the wire, such as ``weekday-night``."""
        return self.name.lower().replace("_", "-")


class Weekday(Word):
    """Days of the week, in a moment."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


class DayType(Word):
    """Kinds of local day, in a moment."""

    WEEKDAY = 0
    WEEKEND = 1


class Part(Word):
    """Quarters of a local day, in a moment."""

    NIGHT = 0
    MORNING = 1
    AFTERNOON = 2
    EVENING = 3


class Trend(Word):
    """Direction in which an interest changes."""

    NEW = 0
    RISING = 1
    STEADY = 2
    FADING = 3
    BURST = 4


class Stance(Word):
    """Advice on an interest: engage, hold or avoid."""

    ENGAGE = 0
    HOLD = 1
    AVOID = 2


class Outcome(Word):
    """Outcome of an input record."""

    PENDING = 0
    COUNTED = 1
    UNTAGGED = 2
    FACT = 3
    DUPLICATE = 4
    NO_CONSENT = 5
    SUPPRESSED = 6
    LATE = 7
    INFRASTRUCTURE = 8
    MALFORMED = 9
    OVER_LIMIT = 10


class KeyPrefix(Word):
    """Kind of content that a key names, before its colon; 0 stands for no key."""

    HOST = 1
    APP = 2
    PROGRAMME = 3
    CHANNEL = 4
    SECTION = 5
    GENRE = 6
    CATEGORY = 7


class ReasonCode(StrEnum):
    """Reasons for the stance of an interest, in a profile."""

    LIFT_CLEAR = "lift_clear"
    LIKELY = "likely"
    STILL_LIKELY = "still_likely"
    LIFT_UNCLEAR = "lift_unclear"
    LIFT_SMALL = "lift_small"
    TOO_RARE = "too_rare"
    TOO_NEW = "too_new"
    NOT_WORTH_IT = "not_worth_it"
    TRIED = "tried"
    ACTIVE_DAYS_28 = "active_days_28"
    SHARE_7D = "share_7d"
    WEEKLY_HABIT = "weekly_habit"
    DECLARED_LIKE = "declared_like"
    DECLARED_DISLIKE = "declared_dislike"
    SUPPRESSED = "suppressed"
    CARE_CASE = "care_case"
    ON_HOLD = "on_hold"
    FEW_DATA = "few_data"
    SEEN_ON_SHARED_SCREEN = "seen_on_shared_screen"
    SOMEBODY_ELSE = "somebody_else"
    LEARNED_ABROAD = "learned_abroad"
    TRIP_TAKEN = "trip_taken"


class Place(Word):
    """Places of a subject, in a profile."""

    HOME = 0
    ABROAD = 1


class PermissionBasis(StrEnum):
    """Words for what allows a use of a profile."""

    CONSENT = "consent"


class SuppressionReason(StrEnum):
    """Reasons for a suppression in a profile."""

    CARE_CASE = "care_case"
    PURCHASE = "purchase"
    DECISION_AGAINST = "decision_against"
    DISLIKE = "dislike"
    NO_CONSENT_OFFERS = "no_consent_offers"
    MEMBER_NO_OFFERS = "member_no_offers"
    CHILD_DEVICE = "child_device"
    NO_CONSENT_AUDIENCES = "no_consent_audiences"
    CONTACT_CAP = "contact_cap"
    CONTACT_PAUSE = "contact_pause"
    CONTACTED = "contacted"
    ANSWERED = "answered"
    HOLDOUT = "holdout"


class Refusal(StrEnum):
    """Reasons for which a record goes to the dead letters."""

    TOO_LARGE = "too_large"
    EMPTY = "empty"
    NOT_JSON = "not_json"
    NOT_OBJECT = "not_object"
    MISSING = "missing"
    TYPE = "type"
    RANGE = "range"
    ENUM = "enum"
    LENGTH = "length"
    CHARSET = "charset"
    IDENTIFIER = "identifier"
    TIME = "time"
    KEY_MISMATCH = "key_mismatch"
    DEPTH = "depth"
    UNKNOWN_KIND = "unknown_kind"
    LATE = "late"
    FUTURE = "future"


class Purpose(StrEnum):
    """Purposes that a customer allows or refuses."""

    PROFILING = "profiling"
    OFFERS = "offers"
    AUDIENCES = "audiences"


class FactKind(StrEnum):
    """Kinds of facts."""

    CONSENT = "consent"
    DECLARATION = "declaration"
    PURCHASE = "purchase"
    DECISION_AGAINST = "decision_against"
    CARE_CASE = "care_case"
    REGISTRY = "registry"
    ERASURE = "erasure"


class OutcomeKind(StrEnum):
    """Kinds of records on what came of offers."""

    CONTACT = "contact"
    ANSWER = "answer"


class Reply(StrEnum):
    """Answers to a contact; the first that was given of this order is what it counts as."""

    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    DISMISSED = "dismissed"
    BOUGHT = "bought"
    ACCEPTED = "accepted"
    IGNORED = "ignored"


class ContactNews(StrEnum):
    """News of contacts that are counted, beside the answers."""

    MADE = "made"
    HELD_OUT = "held_out"
    LATE_ANSWER = "late_answer"
    EVICTED = "evicted"


class ConsentStatus(StrEnum):
    """The words of CAMARA ConsentInfo and of consent managers; only the first allows."""

    GRANTED = "granted"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    OBJECTED = "objected"
    PENDING = "pending"
    REQUESTED = "requested"


class Tolerated(StrEnum):
    """Readings of a fact about rights that was not in the form of the contract."""

    REFUSAL = "refusal"
    ERASURE = "erasure"
    CHILD = "child"
    CARE_CASE = "care_case"
    DISLIKE = "dislike"
    ANSWER = "answer"
    REFUSED_PURPOSE = "refused_purpose"
    GRANTED_PURPOSE = "granted_purpose"


class Opinion(StrEnum):
    """Opinion that a customer declares about an interest."""

    LIKE = "like"
    DISLIKE = "dislike"
    NEUTRAL = "neutral"
    NOT_ANY_MORE = "not_any_more"
    NOT_ME = "not_me"


class CaseStatus(StrEnum):
    """Status of a care case."""

    OPENED = "opened"
    CLOSED = "closed"
