"""Reads JSON and words as loosely as can be told: what a record that is out of form may say.

Of a repeated field every value is kept, and of a word what does not vary in spelling. Nothing here
raises, and the work is linear in the bytes.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

#: Longest record that is parsed.
MAX_BYTES: Final = 1_048_576
#: Most values that one field can have, and what stands for those beyond: no known word.
_MAX_VALUES: Final = 64
BEYOND: Final = "?"
#: A number from which on it is a time and no count.
AS_TIME: Final = 100_000_000
#: Characters of a word that are looked at: the first and the last.
_LONGEST: Final = 256
_DIGITS: Final = frozenset("0123456789")
#: Letters from which on a word can be misspelt by one slip, and by two.
_SHORTEST: Final = 5
_LONG: Final = 9


@lru_cache(maxsize=4096)
def squeezed(text: str) -> str:
    """A word without what varies in spelling: case, accents, blanks, separators, prefix or IRI."""
    if len(text) > _LONGEST:  # normalising is not linear in marks that pile up
        text = text[: _LONGEST // 2] + text[-_LONGEST // 2 :]
    plain = unicodedata.normalize("NFKD", text).casefold().strip().rstrip("#/:")
    last = re.split("[#/:]", plain)[-1]
    if _NEGATIVE.fullmatch(last):
        return last
    kept = "".join(char for char in last if char.isalnum() or char == "*")
    return unicodedata.normalize("NFC", kept)


def fronts(text: str) -> list[str]:
    """The words of a text before its last one, squeezed: prefixes, or the path of an IRI.

    Examples
    --------
    >>> fronts("https://op.example/use/Profiling#security"), fronts("revoked: true")
    (['use', 'profiling'], ['revoked'])
    """
    told = _AUTHORITY.sub("", text[:_LONGEST].strip().rstrip("#/:"))
    return [word for part in _FRONTS.split(told)[:-1] if (word := squeezed(part))]


@lru_cache(maxsize=4096)
def is_near(word: str, other: str) -> bool:
    """Whether a word may be another one that is misspelt: of a long one two slips, else one.

    A slip is a letter too many, too few, another one, or two that changed places.

    Examples
    --------
    >>> is_near("earsure", "erasure"), is_near("errassure", "erasure"), is_near("erase", "phase")
    (True, False, False)
    """
    most = 0 if len(other) < _SHORTEST else 1 if len(other) < _LONG else 2
    if abs(len(word) - len(other)) > most:
        return False
    above, row = list[int](), list(range(len(other) + 1))
    for i, char in enumerate(word, 1):
        before, above, row = above, row, [i]
        for j, wanted in enumerate(other, 1):
            slips = min(above[j] + 1, row[-1] + 1, above[j - 1] + (char != wanted))
            if i > 1 and j > 1 and char == other[j - 2] and word[i - 2] == wanted:
                slips = min(slips, before[j - 2] + 1)
            row.append(slips)
        if min(row) > most:
            return False
    return row[-1] <= most


def unaccented(text: str) -> str:
    """The beginning of a text, without the accents of its letters."""
    plain = unicodedata.normalize("NFKD", text[:_LONGEST])
    return "".join(char for char in plain if not unicodedata.combining(char))


def squeezed_parts(text: str) -> set[str]:
    """The parts of a word, split at separators and before capitals, squeezed.

    Examples
    --------
    >>> sorted(squeezed_parts("optOut_ofProfiling"))
    ['of', 'opt', 'out', 'profiling']
    """
    return {squeezed(part) for part in _WORD_PARTS.findall(unaccented(text))}


def scalars(values: Iterable[Any]) -> list[str | int | float | bool]:
    """List what stands in values, lists and objects too; something unknown where it is too much."""
    found: list[str | int | float | bool] = []
    left = list(values)[::-1]
    while left and len(found) < _MAX_VALUES:
        value = left.pop()
        if isinstance(value, (list, dict)):
            inner = value if isinstance(value, list) else list(value.values())
            beyond = [BEYOND] if not inner or len(inner) > _MAX_VALUES else []
            left += [*inner[:_MAX_VALUES], *beyond][::-1]
        elif value is not None:
            found.append(value)
    return [*found, BEYOND] if left else found


def may_count(value: Any) -> bool:
    """Whether a value begins with a digit, so that it may be a count."""
    return str(value).lstrip()[:1] in _DIGITS


def words_in(values: Iterable[Any]) -> list[str | int | float | bool]:
    """`scalars`, and of a text that is a list its parts: each has a prefix of its own.

    Examples
    --------
    >>> words_in(["dpv:Profiling,dpv:Marketing", "offers/audiences", "x:a/b#Offers"])
    ['dpv:Profiling', 'dpv:Marketing', 'offers', 'audiences', 'x:a/b#Offers']
    """
    found: list[str | int | float | bool] = []
    for value in scalars(values):
        found += _parts(value) if isinstance(value, str) else [value]
    return found


def object_fields(values: Iterable[Any]) -> list[tuple[str, str | int | float | bool]]:
    """The fields of the objects among values, each with its name; at most as many as of a list.

    Examples
    --------
    >>> object_fields([{"revoked": [True], "by": [{"id": ["x"]}]}, "granted"])
    [('revoked', True), ('id', 'x')]
    """
    found: list[tuple[str, str | int | float | bool]] = []
    left: list[tuple[str, Any]] = [("", value) for value in values][::-1]
    while left and len(found) < _MAX_VALUES:
        name, value = left.pop()
        if isinstance(value, dict):
            left += [(str(n), v) for n, v in value.items()][_MAX_VALUES::-1]
        elif isinstance(value, list):
            left += [(name, v) for v in value[:_MAX_VALUES]][::-1]
        elif value is not None and name:
            found.append((name, value))
    return [*found, (BEYOND, BEYOND)] if left else found


def _parts(text: str) -> list[str]:
    parts = _LISTED.split(text, _MAX_VALUES)
    beyond = [BEYOND] * (len(parts) > _MAX_VALUES)
    parts = [
        word
        for part in parts[:_MAX_VALUES]
        for word in ([part] if ":" in part or "#" in part else part.split("/", _MAX_VALUES))
        if word.strip()
    ]
    return [*(parts or [text]), *beyond]


def whole(value: Any) -> int | None:
    """A whole number, written as a number or as digits."""
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", value, re.ASCII):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def parse(raw: bytes, fields: dict[str, list[Any]]) -> str:
    """Collect the values of all objects of a record by name; what was wrong, or nothing."""
    if len(raw) > MAX_BYTES:
        return "too_large"
    text = raw.decode(json.detect_encoding(raw), "replace").rstrip("\0")
    at = _skipped(text, 0)
    if at == len(text):
        return "empty"
    fault = ""
    while at < len(text):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return "not_json"
        at = _skipped(text, at)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                for name, values in item.items():
                    fields.setdefault(name, []).extend(values)
            else:
                fault = "not_object"
    return fault


def _skipped(text: str, at: int) -> int:
    """Where the next value begins."""
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


def _grouped(pairs: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    """An object with all values of each name."""
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


_WORD_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+")
_NEGATIVE = re.compile(r"-[0-9]+")
_FRONTS = re.compile("[#/:]")
_AUTHORITY = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]{0,31}://[^/#?]{0,255}")
_LISTED = re.compile("[,;|&]")
_BLANK = re.compile(r"[\s\ufeff]*")
#: As tolerant as the library can be; a number of any length is no work.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_grouped,
    parse_int=lambda text: int(text) if len(text) <= 20 else text,
    parse_constant=str,
    strict=False,
)
