"""Parts of a profile as who reads it gets them: plain values, which nothing is done with here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from features.vocabulary import Stance, Trend


@dataclass(frozen=True, slots=True)
class Reason:
    """One fact behind a stance, such as ``active_days_28`` = 12."""

    code: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A part of a day on which an interest is likely, with probability ``p``.

    Either ``day_type`` (weekday, weekend) or ``weekday`` (monday, ...) is set, the other ``""``.
    """

    part: str
    p: float
    day_type: str = ""
    weekday: str = ""


@dataclass(frozen=True, slots=True)
class Next:
    """Local day, ``YYYY-MM-DD``, and part of it in which the next time is likeliest."""

    date: str
    part: str


@dataclass(frozen=True, slots=True)
class Share:
    """Expected share of attention, and the bounds of its 80 % interval, each 0..1."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Interest:
    """One interest of a subject.

    Attributes
    ----------
    id, name : str
        Of the taxonomy.
    score : float
        Calibrated probability of engaging with it tomorrow, 0..1.
    lift : float
        Score over the population's base rate.
    confidence : float
        From the amount of evidence, 0..1.
    trend : str
        new, rising, steady, fading, burst, or a word of a later version.
    last_active : str
        Local day, ``YYYY-MM-DD``; ``""`` if unknown.
    moments : tuple of Moment
        When it is likely, the likeliest first; empty where nothing stands out.
    next : Next or None
        When it is likely again; None if not within a week of ``as_of``.
    dayparts, sources : mapping of str to float
        Shares of the engagement.
    stance : str
        engage, hold, avoid, or a word of a later version (treat it as hold).
    reasons : tuple of Reason
    parent : str
        Taxonomy id of what it is part of, ``""`` for none.
    first_seen : str
        Local day, ``YYYY-MM-DD``; ``""`` if unknown.
    stance_since : str
        Local day since which profiles have had this stance; ``""`` if unknown.
    until : int or None
        Epoch ms at which the stance ends by itself; None: no end is known.
    abroad : float
        Share of its mass that was gathered abroad, 0..1.
    attributed : float
        Share of its mass that was seen on a screen of the household, 0..1.
    share : Share or None
        Of the subject's attention over the next seven days; None in ``offers``.
    """

    id: str
    name: str = ""
    score: float = 0.0
    lift: float = 0.0
    confidence: float = 0.0
    trend: str = Trend.STEADY.word
    last_active: str = ""
    dayparts: Mapping[str, float] = field(default_factory=dict)
    sources: Mapping[str, float] = field(default_factory=dict)
    stance: str = Stance.HOLD.word
    reasons: tuple[Reason, ...] = ()
    moments: tuple[Moment, ...] = ()
    next: Next | None = None
    parent: str = ""
    first_seen: str = ""
    stance_since: str = ""
    until: int | None = None
    abroad: float = 0.0
    attributed: float = 0.0
    share: Share | None = None


@dataclass(frozen=True, slots=True)
class Suppression:
    """Do not offer: ``scope`` is ``all`` or an interest id, ``until`` epoch ms or None (open).

    With a ``channel`` it forbids that one alone; ``since`` is when that happened which it is for,
    epoch ms, or None.
    """

    scope: str
    reason: str = ""
    until: int | None = None
    name: str = ""
    channel: str = ""
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a profile may serve a use, why, and the epoch ms at which that ends, if known."""

    value: bool
    why: str = ""
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of a profile."""

    events: int = 0
    days: int = 0
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """The subject's place now.

    Attributes
    ----------
    roaming : bool
        Whether `country` is another than the operator's.
    country : str or None
        Of the latest event, ISO 3166 alpha-2.
    tz_offset_min : int or None
        The customer's clock less UTC, minutes.
    place : str
        home, abroad, or a word of a later version (read it as home); by all events of each day.
        ``""`` if unknown.
    place_since : str
        Local day since which it is there, ``YYYY-MM-DD``: at home, the day of return. ``""`` if
        unknown or long ago.
    """

    roaming: bool = False
    country: str | None = None
    tz_offset_min: int | None = None
    place: str = ""
    place_since: str = ""
