"""Extracts the words of a catalogue record that tell what its content is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_TEXT_CHARS = 1_000  # the embedding averages: more text blurs, and costs
#: Shorter texts teach nothing, and nothing is told of them. Of programmes more is asked: of what
#: was told of 2,500 titles alone, 9 % was right, and 44 % of titles of 40 characters or more.
TELLING_CHARS, TELLING_PROGRAMME_CHARS = 40, 100
_WIDE, _WIDE_CHARS = 0x2E80, 4  # a character from here on says as much as so many letters


def is_telling(text: str, kind: str) -> bool:
    """Whether a text is long enough for something to be told of it.

    Parameters
    ----------
    kind : str
        Prefix of the content key.

    Examples
    --------
    >>> is_telling("Dr. Phil", "programme")
    False
    """
    least = TELLING_PROGRAMME_CHARS if kind in ("programme", "channel") else TELLING_CHARS
    wide = sum(ord(letter) >= _WIDE for letter in text[:least])
    return len(text.strip()) + (_WIDE_CHARS - 1) * wide >= least


def text_of(record: Mapping[str, Any]) -> str:
    """Text of a catalogue record: title, text and keywords; empty if nothing.

    A title that only repeats the content key (``com.example.app``) is a name, not a text.
    """
    parts = []
    key = str(record.get("key", "")).partition(":")[2].lower()
    title = record.get("title")
    if isinstance(title, str) and title.strip().lower() != key:
        parts.append(title.strip())
    body = record.get("text")
    if isinstance(body, str):
        parts.append(body.strip())
    words = record.get("keywords")
    if isinstance(words, (list, tuple)):
        parts.append(", ".join(word for word in words if isinstance(word, str)))
    return ". ".join(part for part in parts if part)[:MAX_TEXT_CHARS]
