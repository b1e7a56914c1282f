"""Knows the names under which a fact may say something, and what bounds a grant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from features.privacy.memo import Memo
from features.records.loose import squeezed
from features.records.word_parts import is_made_of


@dataclass(frozen=True, eq=False)
class FieldNames:
    """Further names of fields, squeezed.

    Attributes
    ----------
    fields : mapping of str to tuple of str
        By the contract's name, or by what such a field says.
    """

    fields: Mapping[str, tuple[str, ...]]

    def names(self, field: str) -> tuple[str, ...]:
        """Further names of a field, squeezed."""
        return self.fields.get(field, ())

    def came_by(self, value: Any) -> bool:
        """Whether a channel or an app is one by which a grant came, and no bound of it."""
        return squeezed(str(value)) in self.names("came_by")

    def bounds(self, field: str, name: str) -> bool:
        """Whether a squeezed name is one of what bounds a grant, in place of a field's own."""
        return self._bounding[field, name]

    @cached_property
    def _bounding(self) -> Memo[tuple[str, str], bool]:
        def bounds(of: tuple[str, str]) -> bool:
            words = self.names(f"bounds_{of[0]}")
            return of[1] in words or is_made_of(of[1], words, self.names("around"))

        return Memo(bounds)
