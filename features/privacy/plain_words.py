"""Finds in a text that somebody plainly says not to be profiled, or to be forgotten.

Words that follow each other without a stranger between them are a run. A run refuses that has a
word which stops something, and one of what is done here with people: by itself (``profiling``), if
the run asks for it, too (``no more advertising``, ``please``), or if it speaks of somebody's own
(``my data``). So ``don't miss our personalised offers`` and ``no data on the line`` refuse nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from features.records.loose import squeezed

#: Characters of a text that are looked at.
_LONGEST: Final = 2_048
_SHORTEST: Final = 5
_TOKENS: Final = re.compile(r"[^\W\d_]+|[.!;\n]")
_NOT: Final = re.compile("n['\u2019]t")
_STOP, _USE, _WISHED, _OWN, _MINE, _ASKS, _ELSE = (1 << n for n in range(7))


@dataclass(frozen=True, eq=False)
class PlainWords:
    """The words of such a text, squeezed.

    Attributes
    ----------
    never, stops : tuple of str
        Whole words, and beginnings of words, that stop something.
    uses : tuple of str
        Beginnings of what is done with people, whoever says it.
    wished, own : tuple of str
        Likewise, where something is asked for, or said of one's own.
    mine, asks, between : tuple of str
        Whole words of one's own, of asking, and others that may stand between these.
    otherwise : tuple of str
        Beginnings of words that make a run about something else.
    phrases : tuple of str
        What says so by itself, as part of a text without its blanks.
    """

    never: tuple[str, ...]
    stops: tuple[str, ...]
    uses: tuple[str, ...]
    wished: tuple[str, ...]
    own: tuple[str, ...]
    mine: tuple[str, ...]
    asks: tuple[str, ...]
    between: tuple[str, ...]
    otherwise: tuple[str, ...]
    phrases: tuple[str, ...]

    def refuse(self, text: str) -> bool:
        """Whether a text says so."""
        if len(text) < _SHORTEST or (text.isascii() and " " not in text.strip()):
            return False
        word = squeezed(text)
        return any(part in word for part in self.phrases) or any(map(_refuses, self._runs(text)))

    def _runs(self, text: str) -> Iterator[int]:
        """What each run of a text has in it."""
        plain = unicodedata.normalize("NFKD", text[:_LONGEST]).casefold()
        plain = "".join(c for c in plain if unicodedata.category(c) != "Mn")
        found = 0
        for token in _TOKENS.findall(unicodedata.normalize("NFC", _NOT.sub("nt", plain))):
            told = self._meaning(token)
            if told is None:
                yield found
                found = 0
            else:
                found |= told
        yield found

    def _meaning(self, word: str) -> int | None:
        """What a word has; 0 for one that may stand between, None for a stranger."""
        told = self._whole.get(word)
        if told is not None:
            return told
        return next((what for part, what in self._begins if word.startswith(part)), None)

    @cached_property
    def _whole(self) -> dict[str, int]:
        found = dict.fromkeys(self.between, 0)
        for words, what in ((self.asks, _ASKS), (self.never, _STOP), (self.mine, _MINE)):
            found |= {word: found.get(word, 0) | what for word in words}
        return found

    @cached_property
    def _begins(self) -> list[tuple[str, int]]:
        """Beginnings of words, the longest first."""
        lists = ((self.stops, _STOP), (self.uses, _USE), (self.wished, _WISHED), (self.own, _OWN),
                 (self.otherwise, _ELSE))  # fmt: skip
        found = [(word, what) for words, what in lists for word in words]
        return sorted(found, key=lambda item: -len(item[0]))


def _refuses(run: int) -> bool:
    of_people = (
        run & _USE or (run & _WISHED and run & (_ASKS | _MINE)) or (run & _OWN and run & _MINE)
    )
    return bool(run & _STOP and of_people and not run & _ELSE)
