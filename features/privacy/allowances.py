"""Reads that something is not allowed, by the name of a field: ``call_allowed: false``.

What is done with people (to call, to write, to share what is known of them) is told from what a
line or an app can do: ``roaming_allowed: false`` says nothing of what somebody wants.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from features.privacy.memo import Memo
from features.records.loose import squeezed
from features.records.word_parts import is_made_of

_OPTS, _DOES, _SOMETHING = range(3)


@dataclass(frozen=True, eq=False)
class Allowances:
    """The words of such names and values, squeezed.

    Attributes
    ----------
    opting, out : tuple of str
        Names that say what one opts for, and what is said there of the contrary.
    allowing : tuple of str
        What says in a name that it is about permission, also as the word before something.
    allowed : tuple of str
        Ends of names that say so of whatever stands before them.
    doing : tuple of str
        What is done with people.
    around : tuple of str
        What may stand beside these words in a name.
    technical : tuple of str
        Parts of the names of what a service, a line or a device can do.
    no : tuple of str
        What says no.
    stopping : tuple of str
        Parts of names that say that something is stopped, or that somebody is left out of it.
    """

    opting: tuple[str, ...]
    out: tuple[str, ...]
    allowing: tuple[str, ...]
    allowed: tuple[str, ...]
    doing: tuple[str, ...]
    around: tuple[str, ...]
    technical: tuple[str, ...]
    no: tuple[str, ...]
    stopping: tuple[str, ...]

    def stop(self, name: str) -> bool:
        """Whether a squeezed name says that something is stopped."""
        return any(part in name for part in self.stopping)

    def know(self, name: str) -> bool:
        """Whether a squeezed name is one of these."""
        return bool(self._about[name])

    def refuse(self, name: str, value: Any) -> bool:
        """Whether a field, by its squeezed name, forbids something that is done with people."""
        about = self._about[name]
        if _OPTS in about and isinstance(value, str) and squeezed(value) in self.out:
            return True
        return _DOES in about and squeezed(str(value)) in self.no

    def refuse_something(self, name: str, value: Any) -> bool:
        """Whether a field forbids anything that is not known to be technical; 0 may be a limit."""
        if not isinstance(value, bool | str) or _SOMETHING not in self._about[name]:
            return False
        return squeezed(str(value)) in self.no

    @cached_property
    def _about(self) -> Memo[str, frozenset[int]]:
        return Memo(lambda name: frozenset(self._read(name)))

    def _read(self, name: str) -> Iterator[int]:
        if is_made_of(name, self.opting, (*self.around, *self.doing)):
            yield _OPTS
        if any(part in name for part in self.technical):
            return
        if is_made_of(name, self.doing, (*self.around, *self.allowing)) and is_made_of(
            name, self.allowing, (*self.around, *self.doing)
        ):
            yield _DOES
        if name.endswith(self.allowed):
            yield _SOMETHING
