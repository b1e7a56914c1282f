"""Reads whether an entry of the registry tells of a child, whatever the field that says it.

The contract has ``adult``, true or false. What else a registry sends (an age, a date of birth, a
flag the other way round) is no form of ours, but nobody may be profiled because of a form. So an
age or a date of birth is a child's unless it can be read as that of somebody of age, by digits and
by a year of four: ``twelve``, ``XII``, ``05.06.12`` and ``16-24`` are children's where nothing else
in the entry says that he is of age. That a child has grown up is said by ``adult: true`` alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import isfinite
from typing import Any, Final

from features.records.loose import may_count, scalars, squeezed, whole
from features.records.names import digits

#: From how many years on somebody is of age, and the most that anybody has.
OF_AGE: Final = 18
_OLDEST: Final = 125
_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")
#: Years of any calendar, also in a date written as eight digits: the year first, or last.
_YEARS = re.compile(r"(?<![0-9])(?:([12][0-9]{3})(?:[0-9]{4})?|[0-9]{4}([12][0-9]{3}))(?![0-9])")
#: A number of years, or a span of them, beside the words for it.
_AGES = re.compile(
    r"[\s>=+(\[]*([0-9]{1,3})(?:[.,][0-9]+)?(?:[\s\-\u2013/]+([0-9]{1,3}))?[\s+)\].]*"
)
_LETTERS = re.compile(r"[^\W\d_]+")
_AS_DATE: Final = 99_999_999  # a greater number is a time
_FIRST_MS: Final = -62_135_596_800_000  # that is read as a day
_LAST_MS: Final = 4 * 10**12
_NUMBER = re.compile(r"[0-9]{1,3}(?![0-9])")
#: Names of fields that say that somebody has not come to an age.
_UNDER: Final = re.compile(
    "(?:is)?(?:u|under|below|unter|youngerthan|lessthan|moinsde|menorde|sotto)(?:[0-9]|1[0-8])"
    "(?:years|yearsold|yo|jahre|jahren|ans|anos|anni)?"
)
_NO: Final = frozenset({"", "false", "no", "n", "0", "off", "f", "none", "null"})
_UNSAID: Final = frozenset({"", "none", "null", "na", "nan", "unknown", "unspecified", "00000000"})


@dataclass(frozen=True)
class Childhood:
    """The fields that tell, by their squeezed names, and the words in them.

    Attributes
    ----------
    adult, child : tuple of str
        Fields that say that somebody is of age, or that he isn't.
    age, birth, role : tuple of str
        Fields of years or a span of them, of a date or year of birth, and of a kind of person.
    yes, words : tuple of str
        What says yes in the first, and parts of words for children.
    grown : tuple of str
        Words for adults, in the place of an age.
    whole : tuple of str
        Words for children that say so in any field, but for those of `other`.
    other : tuple of str
        Fields of who, when and what.
    units : tuple of str
        Words beside a number of years.
    """

    adult: tuple[str, ...]
    child: tuple[str, ...]
    age: tuple[str, ...]
    birth: tuple[str, ...]
    role: tuple[str, ...]
    yes: tuple[str, ...]
    words: tuple[str, ...]
    grown: tuple[str, ...]
    whole: tuple[str, ...]
    other: tuple[str, ...]
    units: tuple[str, ...]

    def tells(self, fields: Mapping[str, Sequence[Any]], ts: int | None) -> bool:
        """Whether it tells of a child.

        Parameters
        ----------
        fields : mapping of str to sequence
            All values by squeezed name.
        ts : int or None
            Time of the entry, ms; without it every year of birth may be a child's.
        """

        def said(names: Iterable[str]) -> list[Any]:
            return [value for name in names for value in scalars(fields.get(name, ()))]

        texts = {squeezed(str(value)) for value in said((*self.age, *self.role))}
        named = [name for name in fields if name not in (*self.other, *self.adult, *self.child)]
        flags = (n for n in named if n[:3] != "has" and any(part in n for part in self.words))
        return (
            any(squeezed(str(value)) not in (*self.yes, "") for value in said(self.adult))
            or any(squeezed(str(value)) not in _NO for value in said(self.child))
            or any(
                squeezed(str(value)) not in _NO
                for value in said(name for name in fields if _UNDER.fullmatch(name))
            )
            or any(_years(value) < OF_AGE for value in said(self.age))
            or any(_is_born_late(value, ts) for value in said(self.birth))
            or any(part in text for text in texts for part in self.words)
            or any(squeezed(str(value)) in self.whole for value in said(named))
            or any(not may_count(v) and squeezed(str(v)) in self.yes for v in said(flags))
            or self._may_be_one(fields, ts)
        )

    def _may_be_one(self, fields: Mapping[str, Sequence[Any]], ts: int | None) -> bool:
        """Whether nothing tells that he is of age, and an age or a birth can't be read so."""
        grown = [
            self._is_grown(found) if name in self.age else _is_born_early(found, ts)
            for name in (*self.age, *self.birth)
            for found in (_text(fields.get(name, ())),)
            if "".join(filter(str.isalnum, found.casefold())) not in _UNSAID
        ]
        adult = any(value is True for name in self.adult for value in scalars(fields.get(name, ())))
        return bool(grown) and not any(grown) and not adult

    def _is_grown(self, text: str) -> bool:
        """Whether an age, or the least of a span, is that of somebody of age."""
        words = {squeezed(word) for word in _LETTERS.findall(text)}
        if words & {*self.grown}:
            return True
        ages = _AGES.fullmatch(_LETTERS.sub(" ", text))
        found = [int(age) for age in ages.groups() if age] if ages else []
        years = bool(found) and all(OF_AGE <= age <= _OLDEST for age in found)
        return years and words <= {*self.units}


def _text(values: Iterable[Any]) -> str:
    """All values of a field as one text, with the digits of any script as ours."""
    return digits(" ".join(map(str, scalars(values)))).strip()


def _is_born_early(text: str, ts: int | None) -> bool:
    """Whether a date or year of birth is that of somebody of age at a time: by its years alone."""
    number = whole(text)
    if number is not None and abs(number) > _AS_DATE:
        day = _day_of(number)
        seconds_too = day.year == 1970 and number > 0  # or it is a time in seconds
        text = "" if seconds_too else str(day)
    years = [int(first or last) for first, last in _YEARS.findall(text)]
    if ts is None or not years or min(years) < 1900:
        return False
    try:
        by_day = len(years) == 1 and date.fromisoformat(text[:10]).year == years[0]
    except ValueError:
        by_day = False
    return not _is_born_late(text if by_day else str(max(years)), ts)


def _day_of(ms: int) -> date:
    """The day of a time since 1970, ms; of one beyond what a person can have lived, the nearest."""
    return datetime.fromtimestamp(max(_FIRST_MS, min(ms, _LAST_MS)) / 1000, UTC).date()


def _years(value: Any) -> int:
    """The greatest number of years in a value; of age where there is none."""
    if isinstance(value, float) and isfinite(value):
        value = int(value)
    found = [int(text) for text in _NUMBER.findall(str(value))]
    return max(found, default=OF_AGE)


def _is_born_late(value: Any, ts: int | None) -> bool:
    """Whether somebody of a date or year of birth may be a child at a time."""
    born, number = str(value), whole(value)
    if number is not None and abs(number) > _AS_DATE:
        born = str(_day_of(number))
    if ts is None:
        return bool(_YEAR.search(born))
    now = datetime.fromtimestamp(ts / 1000, UTC).date()
    try:
        day = date.fromisoformat(born[:10])
    except ValueError:
        year = _YEAR.search(born)
        return year is not None and now.year - int(year[0]) <= OF_AGE
    return (now.year - day.year) - ((now.month, now.day) < (day.month, day.day)) < OF_AGE
