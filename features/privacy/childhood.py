"""Reads whether an entry of the registry tells of a child, whatever the field that says it.

The contract has ``adult``, true or false. What else a registry sends (an age, a date of birth, a
flag the other way round) is no form of ours, but nobody may be profiled because of a form. A field
is known by the words that its name is made of: ``ownerAgeBand`` is an age, and so is no
``device_age``, for a device is no word for somebody. So an
age or a date of birth is a child's unless it can be read as that of somebody of age, by digits and
by a year of four: ``twelve``, ``XII``, ``05.06.12`` and ``16-24`` are children's where nothing else
in the entry says that he is of age. What parents set for a child (a lock, a mode, a limit) tells of
one, too, unless it is off. That a child has grown up is said by ``adult: true`` alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cached_property
from math import isfinite
from typing import Any, Final

from features.privacy.memo import Memo
from features.records.loose import may_count, scalars, squeezed, whole
from features.records.loose_record import SAYS_WHETHER
from features.records.names import digits
from features.records.word_parts import is_made_of

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
_DIGITS = re.compile(r"[0-9]+(?:\s*[-\u2013]\s*[0-9]+)?")
_LETTERS = re.compile(r"[^\W\d_]+")
_AS_DATE: Final = 99_999_999  # a greater number is a time
_FIRST_MS: Final = -62_135_596_800_000  # that is read as a day
_LAST_MS: Final = 4 * 10**12
_NUMBER = re.compile(r"[0-9]{1,3}(?![0-9])")
_WHO: Final = "(?:is|owner|user|member|person|customer|holder)*"
_UNIT: Final = "(?:years|yearsold|yo|jahre|jahren|ans|anos|anni)?"
#: Names of fields that say that somebody has not come to an age, or that he has.
_UNDER: Final = re.compile(
    f"{_WHO}(?:u|under|below|unter|youngerthan|lessthan|moinsde|menorde|sotto)"
    f"(?:[0-9]|1[0-8]){_UNIT}"
)
_OVER: Final = re.compile(
    f"{_WHO}(?:(?:over|above|atleast|olderthan|uber|ueber|ab|plusde|masde|maisde|oltre|boven)"
    f"1[0-8]{_UNIT}|1[0-8](?:plus|orolder|andover){_UNIT})"
)
#: By what a name has in it, how many of a unit make a year.
_IN_A_YEAR: Final = {"month": 12, "monat": 12, "mois": 12, "mes": 12, "week": 52, "day": 365}
_NO: Final = frozenset({"", "false", "no", "n", "0", "off", "f", "none", "null"})
_UNSAID: Final = frozenset({"", "none", "null", "na", "nan", "unknown", "unspecified", "00000000"})


class _Says(Enum):
    """What a field says of somebody."""

    ADULT = 1
    OF_AGE = 2
    CHILD = 3
    AGE = 4
    BIRTH = 5
    ROLE = 6
    GUARDIAN = 7
    SUPERVISED = 8


@dataclass(frozen=True, eq=False)
class Childhood:
    """The fields that tell, by their squeezed names, and the words in them.

    Attributes
    ----------
    adult, child : tuple of str
        Fields that say that somebody is of age, or that he isn't.
    of_age : tuple of str
        Fields that say the first, where they say no.
    age, birth, role : tuple of str
        Fields of years or a span of them, of a date or year of birth, and of a kind of person.
    guardian : tuple of str
        Fields that only a child has.
    supervised, settings : tuple of str
        Fields of what parents set for a child, and what may stand beside these words in a name.
    unset : tuple of str
        What says in one of these that it is not set.
    around : tuple of str
        What may stand beside one of these words in a field's name.
    yes, no : tuple of str
        What says so in a field.
    words : tuple of str
        Parts of words for children.
    grown : tuple of str
        Words for adults, in the place of an age.
    whole, beside : tuple of str
        Words for children that say so in any field, but for those of `other`; and what may stand
        beside one of them.
    other : tuple of str
        Fields of who, when and what.
    units : tuple of str
        Words beside a number of years.
    """

    adult: tuple[str, ...]
    child: tuple[str, ...]
    of_age: tuple[str, ...]
    age: tuple[str, ...]
    birth: tuple[str, ...]
    role: tuple[str, ...]
    guardian: tuple[str, ...]
    supervised: tuple[str, ...]
    settings: tuple[str, ...]
    unset: tuple[str, ...]
    around: tuple[str, ...]
    yes: tuple[str, ...]
    no: tuple[str, ...]
    words: tuple[str, ...]
    grown: tuple[str, ...]
    whole: tuple[str, ...]
    beside: tuple[str, ...]
    other: tuple[str, ...]
    units: tuple[str, ...]

    def tells(
        self, fields: Mapping[str, Sequence[Any]], ts: int | None, *, by_name: bool = False
    ) -> bool:
        """Whether it tells of a child.

        Parameters
        ----------
        fields : mapping of str to sequence
            All values by squeezed name.
        ts : int or None
            Time of the entry, ms; without it every year of birth may be a child's.
        by_name : bool
            By the names of the fields alone: what a fact is about may be for children.
        """

        meant = {name: found for name in fields if (found := self._meanings[name])}
        if by_name and not meant:
            return False

        def said(what: _Says) -> list[Any]:
            named = (name for name, found in meant.items() if what in found)
            return [value for name in named for value in scalars(fields[name])]

        return (
            any(squeezed(str(value)) not in (*self.yes, "") for value in said(_Says.ADULT))
            or any(self._denies(value, ts) for value in said(_Says.OF_AGE))
            or any(squeezed(str(value)) not in self._none for value in said(_Says.CHILD))
            or any(
                self.is_set(value)
                for name, found in meant.items()
                if _Says.SUPERVISED in found
                for value in fields[name]
            )
            or any(
                _years(_in_years(name, value)) < OF_AGE
                for name in fields
                if _Says.AGE in self._meanings[name]
                for value in scalars(fields[name])
            )
            or any(_is_born_late(value, ts) for value in said(_Says.BIRTH))
            or self._may_be_one(fields, ts)
            or (not by_name and self._calls_so(fields, said))
        )

    def is_word(self, value: Any) -> bool:
        """Whether a value is a word for a child, and what may stand beside one."""
        word = squeezed(_DIGITS.sub("", value)) if isinstance(value, str) else ""
        return word in self.whole or is_made_of(word, self.whole, self.beside)

    def names_one(self, name: str) -> bool:
        """Whether what stands in a field of a squeezed name may be the id of a child."""
        if "name" in name:
            return False
        return _Says.CHILD in self._meanings[name] or is_made_of(name, self.whole, self.around)

    def is_kind(self, word: str, of_entries: Sequence[str]) -> bool:
        """Whether a fact of a squeezed kind says by that alone that somebody is a child.

        Parameters
        ----------
        of_entries : sequence of str
            Kinds of entries of the registry, which may stand beside the word for a child.
        """
        around = (*self.around, *self.beside, *self.settings, *of_entries)
        return _Says.SUPERVISED in self._meanings[word] or is_made_of(word, self.whole, around)

    def is_set(self, value: Any) -> bool:
        """Whether what parents set for a child is on, or may be; of an object what says whether."""
        if isinstance(value, list):
            return any(map(self.is_set, value))
        if isinstance(value, dict):
            told = (vs for name, vs in value.items() if squeezed(name) in SAYS_WHETHER)
            return any(map(self.is_set, [*told] or scalars([value])))
        if value is None or whole(value) == 0:
            return False
        return squeezed(str(value)) not in (*self._none, *_UNSAID, *self.unset)

    def _calls_so(
        self, fields: Mapping[str, Sequence[Any]], said: Callable[[_Says], list[Any]]
    ) -> bool:
        """Whether somebody is called a child by a word, or has what only a child has."""
        texts = {squeezed(str(value)) for value in (*said(_Says.AGE), *said(_Says.ROLE))}
        named = [name for name in fields if name not in self.other]
        named = [n for n in named if not {_Says.ADULT, _Says.CHILD} & self._meanings[n]]
        flags = (n for n in named if n[:3] != "has" and any(part in n for part in self.words))
        return (
            any(part in text for text in texts for part in self.words)
            or any(self.is_word(v) for n in named for v in scalars(fields[n]))
            or any(
                not may_count(v) and squeezed(str(v)) in self.yes
                for n in flags
                for v in scalars(fields[n])
            )
            or any(
                squeezed(str(value)) not in self._none | _UNSAID for value in said(_Says.GUARDIAN)
            )
        )

    def _denies(self, value: Any, ts: int | None) -> bool:
        """Whether a field that says that somebody is of age says no, or that he will be."""
        if squeezed(str(value)) in self.no:
            return True
        number = whole(value)
        text = str(_day_of(number)) if number is not None and number > _AS_DATE else str(value)
        try:
            return ts is not None and date.fromisoformat(text[:10]) > _day_of(ts)
        except ValueError:
            return False

    @cached_property
    def _meanings(self) -> Memo[str, frozenset[_Says]]:
        """What a field says, by its squeezed name."""
        return Memo(lambda name: frozenset(self._read(name)))

    @cached_property
    def _none(self) -> frozenset[str]:
        """What says no in a field that says that somebody is a child."""
        return frozenset((*_NO, *self.no, *self.grown))

    def _read(self, name: str) -> Iterator[_Says]:
        if name in self.adult:
            yield _Says.ADULT
        elif _OVER.fullmatch(name) or is_made_of(name, (*self.adult, *self.of_age), self.around):
            yield _Says.OF_AGE
        for what, words in (
            (_Says.CHILD, self.child),
            (_Says.AGE, self.age),
            (_Says.BIRTH, self.birth),
            (_Says.GUARDIAN, self.guardian),
        ):
            if name in words or is_made_of(name, words, self.around):
                yield what
        if _UNDER.fullmatch(name):
            yield _Says.CHILD
        if name in self.role:
            yield _Says.ROLE
        if is_made_of(name, self.supervised, (*self.around, *self.settings)):
            yield _Says.SUPERVISED

    def _may_be_one(self, fields: Mapping[str, Sequence[Any]], ts: int | None) -> bool:
        """Whether nothing tells that he is of age, and an age or a birth can't be read so."""
        grown, adult = list[bool](), False
        for name, values in fields.items():
            meant = self._meanings[name]
            if meant & {_Says.AGE, _Says.BIRTH}:
                years = [_in_years(name, value) for value in scalars(values)]
                found = _text(years if _Says.AGE in meant else values)
                if "".join(filter(str.isalnum, found.casefold())) not in _UNSAID:
                    of_age = self._is_grown(found) if _Says.AGE in meant else False
                    grown.append(of_age or (_Says.BIRTH in meant and _is_born_early(found, ts)))
            elif _Says.ADULT in meant:
                adult |= any(value is True for value in scalars(values))
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


def _in_years(name: str, value: Any) -> Any:
    """A number of months, weeks or days as one of years, by the squeezed name of its field."""
    units = next((count for unit, count in _IN_A_YEAR.items() if unit in name), 1)
    number = whole(value) if units > 1 else None
    return value if number is None else number // units


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
