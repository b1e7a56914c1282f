"""Reads the signals that a browser or a telephone sends: nobody is to be followed or sold.

Global Privacy Control (``gpc``), Do Not Track (``dnt``), limited ad tracking (``lmt``) and the
US privacy string of the IAB (``1YYN``: its third character says that somebody opted out).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from features.privacy.memo import Memo
from features.records.loose import squeezed
from features.records.word_parts import is_made_of

_US_PRIVACY: Final = re.compile(r"\s*[0-9][YN-]([YN-])[YN-]\s*", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Signals:
    """The names of signals, and what in one says that it is not set.

    Attributes
    ----------
    names : tuple of str
    around : tuple of str
        What may stand beside one of these words in a field's name.
    off : tuple of str
        Anything else than one of these, or nothing, refuses.
    """

    names: tuple[str, ...]
    around: tuple[str, ...]
    off: tuple[str, ...]

    def is_one(self, name: str) -> bool:
        """Whether a squeezed name is that of a signal."""
        return self._known[name]

    @cached_property
    def _known(self) -> Memo[str, bool]:
        return Memo(lambda name: is_made_of(name, self.names, self.around))

    def is_set(self, value: Any) -> bool:
        """Whether the value of one refuses."""
        text = str(value)
        told = _US_PRIVACY.fullmatch(text)
        if told is not None:
            return told[1] in "yY"
        word = squeezed(text)
        return word != "" and word not in self.off and word.strip("0") != ""
