"""Recognises names of sensitive content by their words, and tells the class.

For names that no list knows (a clinic's host, a self-help group's app) nothing but the name can
keep them from being published among the contents without tags. Silent where unsure would be wrong
here: a county in -sex costs a row of ``harmless``, a hospital named to the world cannot be undone.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from features.tags import taxonomy

#: Longest name that is looked at, characters; a host has at most 253.
MAX_CHARS = 300

_WORD = re.compile(r"[^\W\d_]{2,}")
#: Longest word that may be two words joined, and the shortest part, letters.
_JOINED, _PART = 24, 2
_GRAM, _SHORT_GRAM = 3, 2  # letters by which words are found; two where letters are syllables
#: Letters that have no decomposition.
_PLAIN = str.maketrans("łøđıßæœ", "lodisao")


@dataclass(frozen=True)
class _Words:
    """The list, made ready to be looked up."""

    inside: dict[str, tuple[tuple[str, str], ...]]
    start: dict[str, tuple[tuple[str, str], ...]]
    end: dict[str, tuple[tuple[str, str], ...]]
    token: dict[str, str]
    beside: frozenset[str]
    harmless: re.Pattern[str]


def sensitive_class(name: str) -> str | None:
    """Class of `taxonomy.DENIED_FOR` that a name tells, None if none.

    Parameters
    ----------
    name : str
        A host below its public suffix, an app id or name, a title; in any script.
    """
    words = _words()
    for word in _WORD.findall(normalised(name[:MAX_CHARS])):
        if _class(word, words) is None:
            continue  # most names; what is harmless is looked for where something was found
        for part in words.harmless.sub(" ", word).split():
            found = _class(part, words)
            if found is not None:
                return found
    return None


def normalised(text: str) -> str:
    """Lower case without accents; labels of international domain names as they are read."""
    if "xn--" in text:
        text = ".".join(_read(label) for label in text.split("."))
    text = text.lower()
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def _class(word: str, words: _Words) -> str | None:
    found = words.token.get(word) or words.token.get(word.removesuffix("s"))
    if found is not None:
        return found
    size = _size(word)
    last = len(word) - size + 1
    for at in range(last):
        for text, kind in words.inside.get(word[at : at + size], ()):
            if word.startswith(text, at):
                return kind
    for text, kind in words.start.get(word[:size], ()):
        if word.startswith(text):
            return kind
    for text, kind in words.end.get(word[-size:], ()):
        if word.endswith(text):
            return kind
    for at in range(_PART, len(word) - _PART + 1 if len(word) <= _JOINED else 0):
        kind_before, kind_after = words.token.get(word[:at]), words.token.get(word[at:])
        if kind_before is not None and word[at:] in words.beside:
            return kind_before
        if kind_after is not None and word[:at] in words.beside:
            return kind_after
    return None


@cache
def _words() -> _Words:
    held: dict[str, list[tuple[str, str]]] = {}
    for number, (word, match, kind, _) in taxonomy.read_rows("sensitive_words.tsv"):
        known = kind in taxonomy.DENIED_FOR or match in ("beside", "harmless")
        if match not in _MATCHES or not known or normalised(word) != word:
            raise taxonomy.TaxonomyError(f"sensitive_words.tsv line {number}: {word!r}")
        held.setdefault(match, []).append((word, kind))
    harmless = sorted((word for word, _ in held["harmless"]), key=lambda word: (-len(word), word))
    return _Words(
        _grams(held["in"], first=True),
        _grams(held["start"], first=True),
        _grams(held["end"], first=False),
        dict(held["token"]),
        frozenset(word for word, _ in held["beside"]),
        re.compile("|".join(map(re.escape, harmless))),
    )


_MATCHES = frozenset({"in", "start", "end", "token", "beside", "harmless"})


def _grams(rows: list[tuple[str, str]], *, first: bool) -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for word, kind in rows:
        size = _size(word)
        gram = word[:size] if first else word[-size:]
        found[gram] = (*found.get(gram, ()), (word, kind))
    return found


def _size(word: str) -> int:
    return _GRAM if word.isascii() else _SHORT_GRAM


def _read(label: str) -> str:
    try:
        return label.encode().decode("idna") if label.startswith("xn--") else label
    except UnicodeError:
        return label
