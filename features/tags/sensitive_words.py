"""Recognises names of sensitive content by their words, and tells the class.

For names that no list knows (a clinic's host, a self-help group's app) nothing but the name can
keep them from being published among the contents without tags. Silent where unsure would be wrong
here: a county in -sex costs a row of ``harmless``, a hospital named to the world cannot be undone.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import eq
from typing import NamedTuple

from features.tags import taxonomy

#: Longest name that is looked at, characters; a host has at most 253.
MAX_CHARS = 300

_WORD = re.compile(r"[^\W\d_]{2,}")
#: Letters of other alphabets by those of ours, as names are transcribed.
_TRANSCRIBED = str.maketrans(
    dict(zip("абвгдезиклмнопрстуфыэіїєґ", "abvgdeziklmnoprstufieiieg", strict=True))
    | {"ж": "j", "х": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ь": "",
       "ю": "iu", "я": "ia", "й": "i"}
    | dict(zip("αβγδεζηικλμνοπρσςτυω", "abgdeziiklmnoprsstio", strict=True))
    | {"θ": "th", "ξ": "ks", "φ": "f", "χ": "h", "ψ": "ps"}
)  # fmt: skip
#: Spellings of one sound in the languages of Europe, longest first; what is left out is mute.
_SOUNDS = {"sch": "s", "ph": "f", "th": "t", "rh": "r", "ch": "k", "sh": "s", "ck": "k",
           "qu": "k", "kh": "k", "cz": "k", "ou": "u", "c": "k", "q": "k", "h": "", "y": "i",
           "j": "i", "w": "v", "x": "ks", "z": "s"}  # fmt: skip
#: A sound, letters that begin none, or one that begins none here.
_SOUND = re.compile("|".join([*_SOUNDS, f"[^{''.join(sorted({s[0] for s in _SOUNDS}))}]+", "."]))
_DOUBLE = re.compile(r"(.)\1+")
#: Longest word that may be two words joined, and the shortest part, letters.
_JOINED, _PART = 24, 2
#: Letters of several words that say it together.
_LEAST_JOINED = 4
_GRAM, _SHORT_GRAM = 3, 2  # letters by which words are found; two where letters are syllables
_BEGIN = _GRAM + 1
#: Words that are remembered with their class: of 20,000 names three in five had been there before.
_REMEMBERED = 1 << 14
#: Of a text of our alphabet, lower case, leaves letters and what parts the labels of a host.
_LETTERS = {code: None for code in range(128) if not (chr(code).islower() or chr(code) == ".")}
#: Letters that have no decomposition.
_PLAIN = str.maketrans("łøđıßæœ", "lodisao")


class _Inside(NamedTuple):
    """Words that may stand anywhere in another, by their first letters."""

    held: dict[str, tuple[tuple[str, str], ...]]
    # In few words of a name stand four letters that any of these, of our alphabet, begins with.
    begins: frozenset[tuple[str, ...]]
    short: tuple[str, ...]  # those that have not so many


@dataclass(frozen=True)
class _Words:
    """The list, made ready to be looked up."""

    inside: _Inside
    root: _Inside
    joined: _Inside
    start: dict[str, tuple[tuple[str, str], ...]]
    end: dict[str, tuple[tuple[str, str], ...]]
    token: dict[str, str]
    beside: frozenset[str]
    opening: dict[str, tuple[str, ...]]  # those beside, by their first letters
    closing: dict[str, tuple[str, ...]]  # and by their last
    harmless: re.Pattern[str]


def sensitive_class(name: str, *, bundled: bool = True) -> str | None:
    """Class of `taxonomy.DENIED_FOR` that a name tells, None if none.

    Parameters
    ----------
    name : str
        A host below its public suffix, an app id or name, a title; in any script.
    bundled : bool
        Whether the terms that were compiled are asked, beside the words that were reviewed.
    """
    words = _words(bundled)
    text = normalised(name[:MAX_CHARS])
    for word in _WORD.findall(text):
        if _class(word, bundled) is None:
            continue  # most names; what is harmless is looked for where something was found
        for part in words.harmless.sub(" ", word).split():
            found = _class(part, bundled)
            if found is not None:
                return found
    if text.isascii() and _begins_nothing(text.translate(_LETTERS), words.joined):
        return None
    # Words that say it together stand apart in a title, and with a dash between in a host.
    for label in text.split("."):
        together = "".join(_WORD.findall(label))
        found = _inside(together, words.joined) if len(together) >= _LEAST_JOINED else None
        if found is not None:
            return found
    return None


def sounded(word: str) -> str:
    """A word of any language of Europe, normalised, by its sounds: one root is one in all.

    Examples
    --------
    >>> [sounded(normalised(word)) for word in ("Rheumatologie", "reumatología", "ревматолог")]
    ['reumatologie', 'reumatologia', 'revmatolog']
    >>> sounded("synagogue")[:7] == sounded("sinagoga")[:7] == sounded("синагога")[:7] == "sinagog"
    True
    """
    written = word if word.isascii() else word.translate(_TRANSCRIBED)
    sounds = "".join([_SOUNDS.get(part, part) for part in _SOUND.findall(written)])
    return _DOUBLE.sub(r"\1", sounds) if True in map(eq, sounds, sounds[1:]) else sounds


def normalised(text: str) -> str:
    """Lower case without accents; labels of international domain names as they are read."""
    if "xn--" in text:
        text = ".".join(_read(label) for label in text.split("."))
    text = text.lower()
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


@lru_cache(maxsize=_REMEMBERED)
def _class(word: str, bundled: bool) -> str | None:
    words = _words(bundled)
    found = words.token.get(word) or words.token.get(word.removesuffix("s"))
    if found is not None:
        return found
    size = _size(word)
    found = _inside(word, words.inside) or _inside(sounded(word), words.root)
    if found is not None:
        return found
    for text, kind in words.start.get(word[:size], ()):
        if word.startswith(text):
            return kind
    for text, kind in words.end.get(word[-size:], ()):
        if word.endswith(text):
            return kind
    opening, closing = words.opening.get(word[:_PART], ()), words.closing.get(word[-_PART:], ())
    if len(word) > _JOINED or not (word.startswith(opening) or word.endswith(closing)):
        return None
    for at in range(_PART, len(word) - _PART + 1):
        kind_before, kind_after = words.token.get(word[:at]), words.token.get(word[at:])
        if kind_before is not None and word[at:] in words.beside:
            return kind_before
        if kind_after is not None and word[:at] in words.beside:
            return kind_after
    return None


def _inside(word: str, words: _Inside) -> str | None:
    if word.isascii() and _begins_nothing(word, words):
        return None
    size = _size(word)
    for at in range(len(word) - size + 1):
        for text, kind in words.held.get(word[at : at + size], ()):
            if word.startswith(text, at):
                return kind
    return None


def _begins_nothing(text: str, words: _Inside) -> bool:
    """Whether none of the words of our alphabet begins anywhere in a text of it."""
    grams = zip(text, text[1:], text[2:], text[3:], strict=False)
    return words.begins.isdisjoint(grams) and not any(word in text for word in words.short)


@cache
def _words(bundled: bool = True) -> _Words:
    held: dict[str, list[tuple[str, str]]] = {}
    for table in ("sensitive_words.tsv", "sensitive_terms.tsv")[: 1 + bundled]:
        for number, (word, match, kind, _) in taxonomy.read_rows(table):
            known = kind in taxonomy.DENIED_FOR or match in ("beside", "harmless")
            if match not in _MATCHES or not known or normalised(word) != word:
                raise taxonomy.TaxonomyError(f"{table} line {number}: {word!r}")
            held.setdefault(match, []).append((word, kind))
    beside = sorted(word for word, _ in held["beside"])
    roots = [(sounded(word), kind) for word, kind in held["root"]]
    harmless = sorted((word for word, _ in held["harmless"]), key=lambda word: (-len(word), word))
    return _Words(
        _anywhere(held["in"]),
        _anywhere(roots),
        _anywhere(held.get("joined", [])),
        _grams(held["start"], first=True),
        _grams(held["end"], first=False),
        dict(held["token"]),
        frozenset(beside),
        {of: tuple(w for w in beside if w.startswith(of)) for of in {w[:_PART] for w in beside}},
        {of: tuple(w for w in beside if w.endswith(of)) for of in {w[-_PART:] for w in beside}},
        re.compile("|".join(map(re.escape, harmless))),
    )


_MATCHES = frozenset({"in", "root", "joined", "start", "end", "token", "beside", "harmless"})


def _anywhere(rows: list[tuple[str, str]]) -> _Inside:
    plain = [word for word, _ in rows if word.isascii()]
    return _Inside(
        _grams(rows, first=True),
        frozenset(tuple(word[:_BEGIN]) for word in plain if len(word) >= _BEGIN),
        tuple(word for word in plain if len(word) == _GRAM),
    )


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
