"""Knows which names of fields speak of permission, and what of them refuses by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from features.privacy.allowances import Allowances
from features.privacy.coded import names_article
from features.privacy.memo import Memo
from features.privacy.purpose_words import PurposeWords
from features.privacy.signals import Signals
from features.records.loose import squeezed
from features.records.readings import Why

#: Ends of the names of what is only called after something.
_OF_ANOTHER: Final = ("id", "ids", "count", "number", "url", "link", "version", "name")


@dataclass(frozen=True, eq=False)
class PermissionWords(PurposeWords):
    """The words in names of fields.

    Attributes
    ----------
    stems : mapping of str to Why
        By part of a word that refuses.
    said : mapping of str to tuple of str
        How facts about something else are read: the lists of `features.privacy.words_file`.
    signals : Signals
    allowances : Allowances
    """

    stems: Mapping[str, Why]
    said: Mapping[str, tuple[str, ...]]
    signals: Signals
    allowances: Allowances

    @cached_property
    def speaks(self) -> Memo[str, bool]:
        """Whether a squeezed name may be that of a field which speaks of permission: few are."""
        return Memo(
            lambda name: (
                self.signals.knows(name)
                or self.allowances.know(name)
                or self.consents[name]
                or name in self.by_term
                or self.is_ours_uncounted(name)
                or self.stops_use(name)
                or any(part in name for part in self.said["permission"])
            )
        )

    @cached_property
    def consents(self) -> Memo[str, bool]:
        """Whether a squeezed name is that of consent, with what it is for or how it is told."""
        said = self.said

        def is_consent(name: str) -> bool:
            if name in said["consent"]:
                return True
            tails = next((name.removesuffix(t) for t in said["tails"] if name.endswith(t)), name)
            ends = tails.endswith(("consent", "consents"))
            return ends and not any(part in name for part in said["other_consent"])

        return Memo(is_consent)

    def stops_use(self, name: str, *, any_use: bool = False) -> bool:
        """Whether a squeezed name says that what is done for a purpose is stopped."""
        uses = self.uses_done if any_use else self.uses
        told = (use for use in uses if use in name and self.is_never_counted(use))
        if name.endswith(_OF_ANOTHER):
            return False
        return any(self.allowances.stop(name.replace(use, "")) for use in told)

    def refuses_listed(self, name: str, value: Any) -> bool:
        """Whether a value is a word of ours for a purpose, in a field that says what is refused."""
        if not isinstance(value, str) or not self.names_refused(name):
            return False
        word = squeezed(value)
        return word in self.by_term or self.is_ours_uncounted(word)

    def names_refused(self, name: str) -> bool:
        """Whether a squeezed name says that what stands in it is refused."""
        return self._of_refused[name]

    @cached_property
    def _of_refused(self) -> Memo[str, bool]:
        return Memo(
            lambda name: (
                (any(part in name for part in self.stems) or self.allowances.stop(name))
                and not self.bounds("condition", name)
            )
        )

    def names_article(self, name: str, value: Any) -> bool:
        """Whether a field names an article of law by which somebody may refuse."""
        return isinstance(value, str | int) and names_article(name, str(value))

    def is_signal(self, name: str) -> bool:
        """Whether a squeezed name is that of a signal not to be followed."""
        return self.signals.is_one(name)

    def sets_signal(self, name: str, value: Any) -> bool:
        """Whether a field of a squeezed name is a signal, and its value sets it."""
        return self.signals.refuses(name, value) is True

    def says_signal(self, name: str, value: Any) -> bool:
        """Whether a value names a signal, or a list of those, by the name of its field."""
        return self.signals.says_one(name, value)

    def is_off(self, value: Any) -> bool:
        """Whether a value says that a signal is not set."""
        return not self.signals.is_set(value)
