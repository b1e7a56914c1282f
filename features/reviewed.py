"""Reads the tables of rules that people review: TOML, whose schema is said and held to.

Every error names the place, the field and its value. Each reader of such a file has an error type
of its own, which it hands over.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reviewed:
    """Takes values out of a reviewed file.

    Attributes
    ----------
    error : type of ValueError
        Raised with a sentence where a value is not as the schema says.
    """

    error: type[ValueError]

    def loads(self, text: str) -> dict[str, Any]:
        """Parse the text as TOML."""
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise self.error(f"not TOML: {error}") from None

    def schema(self, table: Mapping[str, Any]) -> None:
        """Check the number of the schema, which is 1."""
        if table["schema"] != 1:
            raise self.error(f"schema = {table['schema']!r}: this release reads 1")

    def fields(self, place: str, table: Any, wanted: set[str], may: Iterable[str] = ()) -> None:
        """Check that a table has the wanted fields, and none but those and what it may have."""
        if not isinstance(table, dict):
            raise self.error(f"{place}: a table is expected")
        for name in sorted(wanted - set(table)):
            raise self.error(f"{place}.{name}: is required")
        for name in sorted(set(table) - wanted - set(may)):
            raise self.error(f"{place}.{name}: unknown")

    def word(self, place: str, value: Any, options: tuple[str, ...]) -> str:
        """Take one of some words."""
        if value not in options:
            raise self.error(f"{place} = {value!r}: one of {', '.join(options)}")
        return str(value)

    def whole(self, place: str, value: Any, low: int, high: int, what: str = "") -> int:
        """Take a whole number of a range; `what` says in the error what it is."""
        if type(value) is not int or not low <= value <= high:
            said = what or "a whole number"
            raise self.error(f"{place} = {value!r}: {said} from {low} to {high}")
        return value

    def number(self, place: str, value: Any, low: float, high: float) -> float:
        """Take a number of a range."""
        if type(value) not in (int, float) or not low <= value <= high:
            raise self.error(f"{place} = {value!r}: a number from {low:g} to {high:g}")
        return float(value)

    def flag(self, place: str, value: Any) -> bool:
        """Take a yes or no."""
        if not isinstance(value, bool):
            raise self.error(f"{place} = {value!r}: true or false")
        return value
