"""Matches a text to interests by likeness to their descriptions alone, nothing learned.

A subject's likelihood is a kernel density: ``sum(exp(cos(text, phrase) / BANDWIDTH))`` over its
phrases, cosines taken after the mean of all phrases was subtracted (which takes away what all
sentences have in common). Shares of the subjects that compete sum to one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.tags.taxonomy import Taxonomy
from features.tags.text.descriptions import Phrases

#: Texts to unit vectors, float32, shape (n, dimensions). Deterministic: tags are upserted.
Embed = Callable[[Sequence[str]], NDArray[np.float32]]

#: In units of cosine. 0.04 to 0.06 ranked news texts alike; here shares come near to frequencies.
BANDWIDTH = 0.045

GENRES = "SPSHQ5"
#: Subjects that programmes are made about, beside genres and whatever is sensitive: cars, art,
#: food, home, pets, science, sports, style, travel. A synopsis tells a story: other subjects are
#: its setting (a banker falls in love), not its interest.
_SHOWN = ("1", "201", "210", "274", "422", "464", "483", "552", "653")


@dataclass(frozen=True)
class Subjects:
    """The subjects of a kind of text, and how near the likeliest sensitive part of them is.

    Attributes
    ----------
    field : Candidates
        Whole subjects.
    parts : Candidates
        Harmless subjects whole, sensitive ones node by node.
    sensitive : ndarray of bool, shape (len(parts.nodes),)
    """

    field: Candidates
    parts: Candidates
    sensitive: NDArray[np.bool_]

    def nearness(self, likeness: NDArray[np.float32]) -> NDArray[np.float64]:
        """Share of the likeliest sensitive part over that of the likeliest harmless, shape (n,)."""
        shares = self.parts.shares(likeness)
        harmless = shares[:, ~self.sensitive].max(axis=1)
        return np.asarray(shares[:, self.sensitive].max(axis=1) / np.maximum(harmless, 1e-9))


@dataclass(frozen=True)
class Candidates:
    """The subjects that compete for a text.

    Attributes
    ----------
    nodes : ndarray of int, shape (c,)
        Dense indices of the subjects.
    phrase : ndarray of int, shape (p,)
        Phrases that speak for them, grouped by subject.
    start : ndarray of int, shape (c,)
        Where each group starts in `phrase`.
    """

    nodes: NDArray[np.int64]
    phrase: NDArray[np.int64]
    start: NDArray[np.int64]

    def shares(self, likeness: NDArray[np.float32]) -> NDArray[np.float64]:
        """Share of each subject, shape (n, c), from cosines, shape (n, phrases)."""
        logs = likeness[:, self.phrase].astype(np.float64) / BANDWIDTH
        joint = np.logaddexp.reduceat(logs, self.start, axis=1)
        joint -= joint.max(axis=1, keepdims=True)
        weight = np.exp(joint)
        return np.asarray(weight / weight.sum(axis=1, keepdims=True))


class Matcher:
    """Embeds the descriptions once and compares texts with them.

    Parameters
    ----------
    embed : Embed
    tree : Taxonomy
    phrases : Phrases

    Attributes
    ----------
    pages, programmes : Subjects
        Tier-1 subjects of pages, hosts and apps; genres and subjects of programmes.
    below : dict of int to Candidates
        Tier 2 of a tier-1 node; the node itself competes with its children.
    """

    def __init__(self, embed: Embed, tree: Taxonomy, phrases: Phrases) -> None:
        self._embed = embed
        vectors = embed(phrases.texts)
        self._mean = vectors.mean(axis=0)
        self._phrases = self.centred(vectors)
        root = np.array([(n, *tree.ancestors(n))[-1] for n in phrases.node.tolist()])
        second = np.array(
            [
                (n, *tree.ancestors(n))[-2 if tree.ancestors(n) else -1]
                for n in phrases.node.tolist()
            ]
        )
        genres = tree.index(GENRES)
        everything = np.arange(len(root))
        self._sensitive = np.asarray(tree.sensitive)
        parts = phrases.node.astype(np.int64)
        self.pages = self._subjects(everything[root != genres], root, parts)
        shown = everything[
            (root == genres) | tree.sensitive[root] | np.isin(root, [tree.index(i) for i in _SHOWN])
        ]
        self.programmes = self._subjects(shown, np.where(root == genres, second, root), parts)
        self.below = {
            node: _field(everything[root == node], second)
            for node in sorted(set(root.tolist()) - {genres})
        }

    def _subjects(
        self, phrase: NDArray[np.int64], subject: NDArray[np.int64], part: NDArray[np.int64]
    ) -> Subjects:
        parts = _field(phrase, np.where(self._sensitive[part], part, subject))
        return Subjects(_field(phrase, subject), parts, self._sensitive[parts.nodes])

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Centred unit vectors of texts."""
        return self.centred(self._embed(texts))

    def centred(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors without the phrases' mean, of length 1."""
        moved = vectors - self._mean
        norm = np.linalg.norm(moved, axis=1, keepdims=True)
        return np.asarray(moved / np.maximum(norm, 1e-9), np.float32)

    def likeness(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosines between centred vectors and all phrases, shape (n, phrases)."""
        return vectors @ self._phrases.T


def _field(phrase: NDArray[np.int64], subject: NDArray[np.int64]) -> Candidates:
    order = phrase[np.argsort(subject[phrase], kind="stable")]
    nodes, start = np.unique(subject[order], return_index=True)
    return Candidates(nodes, order, start)
