"""Looks up the fields of a record by whatever name they stand under, as far as they can be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Final

from features.records.fact_words import Vocabulary
from features.records.inputs import TS_END, TS_MIN
from features.records.loose import BEYOND, parse, scalars, squeezed, whole
from features.records.names import latin, plain

#: Most values that are looked into for the fields of objects.
_MOST_NESTED: Final = 4096
#: Names of a field in an object that says whether what is named beside it may be done.
SAYS_WHETHER: Final = frozenset(
    {
        "value",
        "status",
        "state",
        "enabled",
        "allowed",
        "granted",
        "accepted",
        "on",
        "active",
        "choice",
    }
)
#: Fields in an object that say when what the object is named after happened, or whether it did.
_OF_OBJECT: Final = frozenset(
    {"at", "on", "ts", "date", "time", "datetime", "timestamp", "when", "value"}
)
#: Fields in an object that name what the object is named after.
_NAMES_IT: Final = frozenset({"id", "ids", "ref", "number", "no", "key", "code", "role", "type"})


_WHO_AND_WHEN: Final = frozenset({"eventid", "accountid", "memberid", "ts"})


class LooseRecord:
    """The fields of a record.

    Parameters
    ----------
    passed_over : iterable of str
        Names of fields of its kind, which say something else.

    Attributes
    ----------
    fault : str
        What was wrong with its bytes, or nothing.
    ts : int or None
        Its time, ms, where that can be read.
    """

    def __init__(self, raw: bytes, words: Vocabulary, passed_over: Iterable[str] = ()) -> None:
        self._words = words
        self._passed_over = frozenset(map(squeezed, passed_over))
        self._fields: dict[str, list[Any]] = {}
        self.fault = parse(raw, self._fields)
        self._squeezed: dict[str, list[Any]] = {}
        for name, values in self._fields.items():
            self._squeezed.setdefault(squeezed(latin(name)), []).extend(values)
        times = {whole(value) for value in scalars(self.values("ts"))}
        time = times.pop() if len(times) == 1 else None
        self.ts = time if time is not None and TS_MIN <= time < TS_END else None

    def values(self, field: str) -> list[Any]:
        """All values of a field; null is absent, and then other spellings are looked for."""
        exact = [value for value in self._fields.get(field, ()) if value is not None]
        for name in () if exact else (squeezed(field), *self._words.names(field)):
            exact = [value for value in self._squeezed.get(name, ()) if value is not None]
            if exact:
                break
        return exact

    def squeezed(self, name: str) -> list[Any]:
        """All values of the fields of a squeezed name."""
        return [value for value in self._squeezed.get(name, ()) if value is not None]

    def other_names(self, field: str) -> tuple[str, ...]:
        """Squeezed names of a field, its own among them."""
        return (squeezed(field), *self._words.names(field))

    def has_null(self, field: str) -> bool:
        """Whether a field stands there without a value, too."""
        return None in self._fields.get(field, ())

    def texts(self, field: str) -> list[str]:
        """The values of an identifying field, blank ones left out; a number can't be one."""
        found = [v.strip() if isinstance(v, str) else BEYOND for v in scalars(self.values(field))]
        return [text for text in found if text]

    def names(self, field: str, account: str = "") -> set[str]:
        """The same as names of persons or devices, in the spelling of the contract."""
        return {found for text in self.texts(field) if (found := plain(text, account))}

    def owners(self, account: str) -> set[str]:
        """The owners of the device; where none is named, the person that the record is about."""
        return self.names("owner_member_id", account) or self.names("member_id", account)

    @cached_property
    def deep(self) -> dict[str, list[Any]]:
        """The fields by squeezed name, with those of objects in them.

        When something happened may stand in an object of its name: ``{"revocation": {"at": 1}}``.
        """
        found = {name: [*values] for name, values in self._squeezed.items()}
        for outer, inner in self._inside:
            for name, values in inner.items():
                own = squeezed(latin(name))
                found.setdefault(own, []).extend(values)
                if outer and own in _OF_OBJECT:
                    of = outer if own == "value" else outer + own
                    found.setdefault(of, []).extend(values)
                elif own in SAYS_WHETHER and self._words.is_signal(outer):
                    found.setdefault(outer, []).extend(values)
        return found

    @cached_property
    def bounding(self) -> list[tuple[str, Any]]:
        """The fields that may bound what it grants: squeezed name and value, of objects too.

        What names a thing may stand in an object of its name: ``{"device": {"id": "d-1"}}``. An
        object that says how, by whom and with what it was said bounds nothing.
        """
        found = [(n, v) for n, vs in self._squeezed.items() for v in vs if v is not None]
        came = self._words.names("provenance")
        for outer, inner in self._inside:
            told = ((squeezed(latin(name)), v) for name, vs in inner.items() for v in vs)
            for own, value in told:
                if value is None or isinstance(value, dict):
                    continue
                if own in _NAMES_IT:
                    found.append((outer + own, value))
                if outer not in came:
                    found.append((own, value))
        return found

    @cached_property
    def told(self) -> list[tuple[str, Any]]:
        """The fields that say what it is about, of objects too: squeezed name and each value."""
        return [
            (name, value)
            for name, values in self.deep.items()
            if name not in self._passed_over and name not in _WHO_AND_WHEN
            for value in scalars(values)
        ]

    @cached_property
    def is_signalled(self) -> bool:
        """Whether a signal is set, or named by a value beside which nothing says that it is off."""
        words, told = self._words, self.told
        if any(words.sets_signal(name, value) for name, value in told):
            return True
        if not any(words.says_signal(name, value) for name, value in told):
            return False
        own = self._passed_over
        top = {name: values for name, values in self._squeezed.items() if name not in own}
        for level in (top, *self.objects()):
            told = [(squeezed(name), v) for name, vs in level.items() for v in scalars(vs)]
            if any(self._words.says_signal(name, value) for name, value in told):
                whether = [value for name, value in told if name in SAYS_WHETHER]
                if not whether or not all(map(self._words.is_off, whether)):
                    return True
        return False

    @property
    def flags(self) -> Iterator[tuple[str, str, Any]]:
        """The fields of objects: squeezed name of what they stand in, own name, and value."""
        for outer, inner in self._inside:
            for name, values in inner.items():
                yield from ((outer, squeezed(latin(name)), value) for value in scalars(values))

    def objects(self) -> Iterator[dict[str, list[Any]]]:
        """The objects in it, as far as they are looked into."""
        return (inner for _, inner in self._inside)

    @cached_property
    def _inside(self) -> list[tuple[str, dict[str, list[Any]]]]:
        return [*self._inner()]

    def _inner(self) -> Iterator[tuple[str, dict[str, list[Any]]]]:
        """The objects in it, each with the squeezed name of the field that it stands in."""
        left = [(name, v) for name, values in self._squeezed.items() for v in values]
        most = _MOST_NESTED
        while left and (most := most - 1):
            outer, value = left.pop()
            if isinstance(value, dict):
                yield outer, value
                left += [(squeezed(n), v) for n, values in value.items() for v in values]
            elif isinstance(value, list):
                left += [(outer, v) for v in value[:_MOST_NESTED]]
