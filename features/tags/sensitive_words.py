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
_SOUND = re.compile("|".join(_SOUNDS))
_DOUBLE = re.compile(r"(.)\1+")
#: Longest word that may be two words joined, and the shortest part, letters.
_JOINED, _PART = 24, 2
#: Letters of several words that say it together.
_LEAST_JOINED = 4
_GRAM, _SHORT_GRAM = 3, 2  # letters by which words are found; two where letters are syllables
#: Letters that have no decomposition.
_PLAIN = str.maketrans("łøđıßæœ", "lodisao")


@dataclass(frozen=True)
class _Words:
    """The list, made ready to be looked up."""

    inside: dict[str, tuple[tuple[str, str], ...]]
    root: dict[str, tuple[tuple[str, str], ...]]
    joined: dict[str, tuple[tuple[str, str], ...]]
    start: dict[str, tuple[tuple[str, str], ...]]
    end: dict[str, tuple[tuple[str, str], ...]]
    token: dict[str, str]
    beside: frozenset[str]
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
    parts = _WORD.findall(text)
    # Words that say it together stand apart in a title, and with a dash between in a host.
    together = ["".join(_WORD.findall(label)) for label in text.split(".")]
    for word in parts:
        if _class(word, words) is None:
            continue  # most names; what is harmless is looked for where something was found
        for part in words.harmless.sub(" ", word).split():
            found = _class(part, words)
            if found is not None:
                return found
    for label in together:
        found = _inside(label, words.joined) if len(label) >= _LEAST_JOINED else None
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
    sounds = _SOUND.sub(lambda match: _SOUNDS[match[0]], word.translate(_TRANSCRIBED))
    return _DOUBLE.sub(r"\1", sounds)


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
    found = _inside(word, words.inside) or _inside(sounded(word), words.root)
    if found is not None:
        return found
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


def _inside(word: str, held: dict[str, tuple[tuple[str, str], ...]]) -> str | None:
    size = _size(word)
    for at in range(len(word) - size + 1):
        for text, kind in held.get(word[at : at + size], ()):
            if word.startswith(text, at):
                return kind
    return None


@cache
def _words(bundled: bool = True) -> _Words:
    held: dict[str, list[tuple[str, str]]] = {}
    for table in ("sensitive_words.tsv", "sensitive_terms.tsv")[: 1 + bundled]:
        for number, (word, match, kind, _) in taxonomy.read_rows(table):
            known = kind in taxonomy.DENIED_FOR or match in ("beside", "harmless")
            if match not in _MATCHES or not known or normalised(word) != word:
                raise taxonomy.TaxonomyError(f"{table} line {number}: {word!r}")
            held.setdefault(match, []).append((word, kind))
    roots = [(sounded(word), kind) for word, kind in held["root"]]
    harmless = sorted((word for word, _ in held["harmless"]), key=lambda word: (-len(word), word))
    return _Words(
        _grams(held["in"], first=True),
        _grams(roots, first=True),
        _grams(held.get("joined", []), first=True),
        _grams(held["start"], first=True),
        _grams(held["end"], first=False),
        dict(held["token"]),
        frozenset(word for word, _ in held["beside"]),
        re.compile("|".join(map(re.escape, harmless))),
    )


_MATCHES = frozenset({"in", "root", "joined", "start", "end", "token", "beside", "harmless"})


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
