"""Reads whether an entry of the registry tells of a child, whatever the field that says it.

The contract has ``adult``, true or false. What else a registry sends (an age, a date of birth, a
flag the other way round) is no form of ours, but nobody may be profiled because of a form. Only
what says so makes a child; that somebody is of age is said by ``adult: true`` alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from features.records.protective import scalars, squeezed, whole

#: From how many years on somebody is of age.
OF_AGE: Final = 18
_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")
_NUMBER = re.compile(r"[0-9]{1,3}(?![0-9])")
#: Names of fields that say that somebody has not come to an age.
_UNDER: Final = re.compile(
    "(?:is)?(?:u|under|below|unter|youngerthan|lessthan|moinsde|menorde|sotto)(?:[0-9]|1[0-8])"
    "(?:years|yearsold|yo|jahre|jahren|ans|anos|anni)?"
)
_NO: Final = frozenset({"", "false", "no", "n", "0", "off", "f", "none", "null"})


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
    """

    adult: tuple[str, ...]
    child: tuple[str, ...]
    age: tuple[str, ...]
    birth: tuple[str, ...]
    role: tuple[str, ...]
    yes: tuple[str, ...]
    words: tuple[str, ...]

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
        )


def _years(value: Any) -> int:
    """The greatest number of years in a value; of age where there is none."""
    if isinstance(value, float):
        value = int(value)
    found = [int(text) for text in _NUMBER.findall(str(value))]
    return max(found, default=OF_AGE)


def _is_born_late(value: Any, ts: int | None) -> bool:
    """Whether somebody of a date or year of birth may be a child at a time."""
    born, number = str(value), whole(value)
    if number is not None and abs(number) > 9999:
        born = str(datetime.fromtimestamp(min(number, 4 * 10**12) / 1000, UTC).date())
    if ts is None:
        return bool(_YEAR.search(born))
    now = datetime.fromtimestamp(ts / 1000, UTC).date()
    try:
        day = date.fromisoformat(born[:10])
    except ValueError:
        year = _YEAR.search(born)
        return year is not None and now.year - int(year[0]) <= OF_AGE
    return (now.year - day.year) - ((now.month, now.day) < (day.month, day.day)) < OF_AGE
