"""Knows the words for purposes: which of ours a word means, and which are never counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from features.privacy.field_names import FieldNames
from features.records.loose import fronts, scalars, squeezed, words_in
from features.vocabulary import Purpose

#: What a fact about consent without a purpose is about.
UNSAID: Final = Purpose.PROFILING
#: Names of the field that says which purpose.
OF_PURPOSE: Final = ("purpose", "purposes")
#: Letters from which on a word tells as a part of a name.
NAMING: Final = 5
#: Ends of words for what is done: there is no number of it, so that 0 is a no.
_UNCOUNTED: Final = ("ing", "ation", "ise", "ize")


@dataclass(frozen=True, eq=False)
class PurposeWords(FieldNames):
    """The words for purposes.

    Attributes
    ----------
    terms : mapping of str to Purpose
        Purpose by the lower-case term that a grant may use.
    purposes : mapping of str to frozenset of Purpose
        The purposes that a refusal means, by squeezed word; none for what is not ours.
    everything : frozenset of Purpose
        All purposes.
    """

    terms: Mapping[str, Purpose]
    purposes: Mapping[str, frozenset[Purpose]]
    everything: frozenset[Purpose]

    def meant(self, values: Sequence[Any]) -> frozenset[Purpose]:
        """All purposes that are meant if it is a refusal."""
        if not values:
            return frozenset({UNSAID})
        words = scalars(values)
        if len(words_in(words)) > len(words) or not words:
            return self.everything  # a list in one text, or of nothing, is none of the contract
        found = [self.purposes.get(squeezed(str(word)), self.everything) for word in words]
        for front in (front for word in words for front in fronts(str(word))):
            if front not in OF_PURPOSE and front in self.purposes:
                found.append(self.purposes[front])  # a prefix or a path is no word of ours
        return frozenset[Purpose]().union(*found)

    def purposes_in(self, name: str) -> frozenset[Purpose]:
        """The purposes that the squeezed name of a field has in it."""
        meant = (self.purposes[word] for word in self.uses if word in name)
        return frozenset[Purpose]().union(*meant)

    def is_use(self, value: Any) -> bool:
        """Whether a value is the term of one of our purposes."""
        return isinstance(value, str) and squeezed(value) in self.by_term

    def is_never_counted(self, name: str) -> bool:
        """Whether a word ends as those for what is done."""
        return name.endswith(_UNCOUNTED)

    def is_ours_uncounted(self, name: str) -> bool:
        """Whether a name is a word of ours for something that is done, and of nothing else."""
        return self.is_never_counted(name) and name in self.uses

    @cached_property
    def uses_done(self) -> tuple[str, ...]:
        """Words for what is done for our purposes, also for all of them."""
        return tuple(w for w, meant in self.purposes.items() if meant and self.is_never_counted(w))

    @cached_property
    def uses(self) -> tuple[str, ...]:
        """Words of our purposes, as parts of names."""
        return tuple(
            word for word, meant in self.purposes.items()
            if meant and meant != self.everything and len(word) >= NAMING
        )  # fmt: skip

    @cached_property
    def by_term(self) -> dict[str, Purpose]:
        """Our purposes by their own terms, squeezed."""
        return {squeezed(term): purpose for term, purpose in self.terms.items()}
