"""Reads the signals that nobody is to be followed, sold or called: by what a field is named.

Those of a browser or a telephone are Global Privacy Control (``gpc``), Do Not Track (``dnt``),
limited ad tracking (``lmt``), Apple's state of tracking (``att``), an advertising id that is denied
or all zeros, and the US privacy string of the IAB (``1YYN``: its third character says that somebody
opted out). Those of a business are ``do_not_call``, ``robinson_list`` and ``deceased``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from features.privacy.coded import code_refuses, us_privacy_refuses
from features.privacy.memo import Memo
from features.records.loose import AS_TIME, squeezed, whole
from features.records.word_parts import is_made_of

_DAY: Final = re.compile(r"\s*(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}[./][0-9]{2}[./][0-9]{4})")
#: Apple's number of the state in which an app may track: of 0 to 3 the only one.
_AUTHORISED: Final = 3
_KINDS: Final = ("names", "codes", "lists", "states", "ids")
#: Zeros in place of an id.
_NO_ID: Final = "00000000"


@dataclass(frozen=True, eq=False)
class Signals:
    """The names of signals, and what in one says that it is set, or is not.

    Attributes
    ----------
    names : tuple of str
    around : tuple of str
        What may stand beside one of these words in a field's name.
    off : tuple of str
        Anything else than one of these, or nothing, refuses.
    codes : tuple of str
        Names of consent in a code (`features.privacy.coded`).
    states, ids : tuple of str
        Names of the state of tracking, and of advertising ids.
    barred : tuple of str
        Ends of words that refuse in these.
    lists : tuple of str
        Names of lists of those who are not to be spoken to: refused by `on`, a day or a time.
    on : tuple of str
    of_lists : tuple of str
        Names of fields that say on which lists somebody is.
    """

    names: tuple[str, ...]
    around: tuple[str, ...]
    off: tuple[str, ...]
    codes: tuple[str, ...]
    states: tuple[str, ...]
    ids: tuple[str, ...]
    barred: tuple[str, ...]
    lists: tuple[str, ...]
    on: tuple[str, ...]
    of_lists: tuple[str, ...]

    def is_one(self, name: str) -> bool:
        """Whether a squeezed name is that of a signal that is named by what it wants."""
        return self._named[name] == "names"

    def knows(self, name: str) -> bool:
        """Whether a squeezed name is that of any signal."""
        return self._named[name] != ""

    def refuses(self, name: str, value: Any) -> bool | None:
        """Whether a field of a squeezed name refuses; None where that is the name of no signal."""
        match self._named[name]:
            case "":
                return None
            case "names":
                return self.is_set(value)
            case "lists":
                return self._is_on(value)
            case "codes":
                return code_refuses(str(value))
            case kind:
                return self._is_barred(value, of_id=kind == "ids")

    def says_one(self, name: str, value: Any) -> bool:
        """Whether a value names a signal, or a list of those where a field says on which one is."""
        word = squeezed(value) if isinstance(value, str) else ""
        kind = self._named[word] if word else ""
        return kind == "names" or (kind == "lists" and name in self.of_lists)

    @cached_property
    def _named(self) -> Memo[str, str]:
        """Which of the lists of names a squeezed name is made of."""

        def known(name: str) -> str:
            told = ((kind, getattr(self, kind)) for kind in _KINDS)
            return next((k for k, words in told if is_made_of(name, words, self.around)), "")

        return Memo(known)

    def is_set(self, value: Any) -> bool:
        """Whether the value of one that is named by what it wants refuses."""
        text = str(value)
        told = us_privacy_refuses(text)
        if told is not None:
            return told
        word = squeezed(text)
        return word != "" and word not in self.off and word.strip("0") != ""

    def _is_on(self, value: Any) -> bool:
        """Whether somebody is on a list: a number may be a count, and a text what is on it."""
        number = whole(value)
        if number is not None:
            return number == 1 or number >= AS_TIME
        text = str(value)
        return squeezed(text) in self.on or _DAY.match(text) is not None

    def _is_barred(self, value: Any, *, of_id: bool) -> bool:
        """Whether a state of tracking, or what stands in place of an id, denies it."""
        if isinstance(value, bool):
            return not value
        word = "".join(filter(str.isalnum, squeezed(str(value))))
        if of_id:
            return (word.startswith(_NO_ID) and not word.strip("0")) or word.endswith(self.barred)
        number = whole(value)
        return number != _AUTHORISED if number is not None else word.endswith(self.barred)
