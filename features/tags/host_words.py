"""Tells from a host's own words and its public suffix what it is, where no list names it.

A guess: entries that lists, operators and editors wrote come first, and a name that tells that it
is sensitive stays denied. What it reaches and how often it is right stands in
``features/data/README.md``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from features.tags import taxonomy
from features.tags.entry import Tag, TagEntry, admissible, checked_weight
from features.tags.keys import registrable

#: Share of guesses that are right: 34 of 37 hosts that were told by hand (README.md of the data).
WORD = 0.85
_PART = re.compile(r"[a-z]+")
#: How much a match tells: a word by itself, then one at an edge, one amid others.
_ORDER = {"token": 0, "end": 1, "start": 2, "in": 3}


@dataclass(frozen=True)
class _Words:
    """The list, made ready to be looked up.

    Attributes
    ----------
    rows : tuple of (str, str, TagEntry)
        Word and match, the most telling match and then the longest word first.
    any : re.Pattern
        All words.
    suffix : dict of str to TagEntry
        By a top level domain.
    harmless : re.Pattern
        What is taken out before anything is looked for.
    """

    rows: tuple[tuple[str, str, TagEntry], ...]
    any: re.Pattern[str]
    suffix: dict[str, TagEntry]
    harmless: re.Pattern[str]


def by_host_words(host: str) -> TagEntry | None:
    """Entry that a host's registrable domain tells by its words, None if none.

    Examples
    --------
    >>> by_host_words("www.lakeside-pizza.example.com") is None  # the domain is example.com
    True
    >>> by_host_words("www.lakeside-pizza.com").source
    'rule:name:pizza'
    """
    words = _words()
    if words.any.search(host) is None and host.rpartition(".")[2] not in words.suffix:
        return None  # most hosts, before their suffix is looked for
    label, _, suffix = registrable(host).partition(".")
    parts = _PART.findall(words.harmless.sub(" ", label))
    for word, match, entry in words.rows:
        for part in parts:
            if (
                (match == "in" and word in part)
                or (match == "end" and part.endswith(word))
                or (match == "start" and part.startswith(word))
                or part == word
            ):
                return entry
    return words.suffix.get(suffix)


@cache
def _words() -> _Words:
    rows: list[tuple[str, str, TagEntry]] = []
    suffixes: dict[str, TagEntry] = {}
    harmless: list[str] = []
    for _, (word, match, tags) in taxonomy.read_rows("host_words.tsv"):
        if match == "harmless":
            harmless.append(re.escape(word))
        elif match == "suffix":
            suffixes[word] = _entry(f".{word}", tags)
        elif match in _ORDER:
            rows.append((word, match, _entry(word, tags)))
        else:
            raise taxonomy.TaxonomyError(f"host_words.tsv: {word!r}: no match {match!r}")
    rows.sort(key=lambda row: (_ORDER[row[1]], -len(row[0]), row[0]))
    harmless.sort(key=lambda word: (-len(word), word))
    found = re.compile("|".join(sorted({re.escape(word) for word, _, _ in rows})))
    return _Words(tuple(rows), found, suffixes, re.compile("|".join(harmless)))


def _entry(word: str, tags: str) -> TagEntry:
    source = f"rule:name:{word}"
    if tags == "infrastructure":
        return TagEntry((), source, WORD, infrastructure=True)
    interest, _, weight = tags.partition(":")
    tag: Tag = (interest, checked_weight("weight", float(weight)))
    told = admissible([tag])
    if not told:
        raise taxonomy.TaxonomyError(f"host_words.tsv: {word!r}: {tags!r} may not be told")
    return TagEntry(told, source, WORD)
