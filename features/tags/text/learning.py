"""Learns from known entries how likely a text has each interest.

Two answers are averaged. A bounded memory of the newest known texts votes by nearness, which
lets one correction by an editor count at once. A logistic regression of River per interest,
learned online, reads the vector and hashed words and starts from that vote: it learns where the
memory is wrong, not everything anew.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from river import linear_model, optim

#: Interests that can be learned; later ones are left to the descriptions.
MAX_LABELS = 64
#: Texts remembered: 20 MB of vectors.
MAX_REMEMBERED = 10_000
#: Texts learned before an answer is given, and positive ones before an interest is in it.
ENOUGH, ENOUGH_POSITIVE = 200, 10

_RATE = 0.04  # of AdaGrad
# The vector has length 1 over 512 columns, a text has some 30 words: with these scales a
# column of either kind is of like size.
_VECTOR_SCALE, _WORD_SCALE = 5.0, 4.0
_WORDS = 1 << 14  # buckets of hashed words
_STEM = 5  # letters; cheap stemming for inflected languages
_NEAREST, _NEAR = 100, 0.08  # neighbours asked, and their bandwidth in units of cosine
_MODEL_SHARE = 0.6
# Share of the vote's log-odds that a regression starts from, and the least vote it believes: one
# text in a hundred votes. Chosen by learning from the first part and scoring on the next of the
# first half of the programmes alone, cut at 0.4, 0.6 and 0.8: micro-F1 0.614, without 0.606.
_VOTE_SHARE, _LEAST_VOTE = 0.8, 0.01
#: Probability from which an interest is asserted. By Lipton et al., "Thresholding Classifiers to
#: Maximize F1 Score" (2014), the best threshold is half the best F1; F1 of tags from short texts
#: is about 0.6. Thresholds learned per interest did worse: they follow shares that drift.
THRESHOLD = 0.3

_TOKEN = re.compile(r"\w+")


class TextClassifier:
    """Learns the interests of texts of one kind.

    Parameters
    ----------
    dimensions : int
        Of the vectors.
    """

    def __init__(self, dimensions: int) -> None:
        self.learned = 0
        self.labels: list[str] = []
        self._positive: list[int] = []
        self._models: list[linear_model.LogisticRegression] = []
        self._vectors = np.zeros((0, dimensions), np.float32)
        self._marks = np.zeros((0, MAX_LABELS), np.bool_)

    @property
    def trained(self) -> bool:
        """Whether it has seen enough to answer."""
        return self.learned >= ENOUGH

    def knows(self, label: str) -> bool:
        """Whether it has seen enough of a label to answer for it."""
        return (
            self.trained
            and label in self.labels
            and self._positive[self.labels.index(label)] >= ENOUGH_POSITIVE
        )

    def learn(self, vector: NDArray[np.float32], text: str, labels: Iterable[str]) -> None:
        """Learn a text whose interests are known; all others are taken to be absent.

        Parameters
        ----------
        vector : ndarray of float32, shape (dimensions,)
            Of length 1.
        text : str
        labels : iterable of str
        """
        own = sorted(set(labels))
        for label in own:
            if label not in self.labels and len(self.labels) < MAX_LABELS:
                self.labels.append(label)
                self._positive.append(0)
                self._models.append(
                    linear_model.LogisticRegression(
                        optimizer=optim.AdaGrad(lr=_RATE), intercept_lr=0.0
                    )
                )
        signals = _signals(vector, text)
        starts = _starts(self._votes(vector[None, :]))[0].tolist()
        marks = np.zeros(MAX_LABELS, np.bool_)
        for k, label in enumerate(self.labels):
            marks[k] = label in own
            self._positive[k] += int(marks[k])
            self._models[k].intercept = starts[k]  # whose own rate is 0: it stays what it is
            self._models[k].learn_one(signals, bool(marks[k]))
        self._remember(vector, marks)
        self.learned += 1

    def chances(self, vectors: NDArray[np.float32], texts: list[str]) -> NDArray[np.float64]:
        """Probability of every label, shape (n, len(labels))."""
        votes = self._votes(vectors)
        starts = _starts(votes)
        found = np.zeros(votes.shape)
        for i, text in enumerate(texts):
            signals = _signals(vectors[i], text)
            for k, model in enumerate(self._models):
                model.intercept = float(starts[i, k])
                found[i, k] = model.predict_proba_one(signals)[True]
        return _MODEL_SHARE * found + (1 - _MODEL_SHARE) * votes

    def _votes(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        count = min(self.learned, len(self._vectors))
        if not count:
            return np.zeros((len(vectors), len(self.labels)))
        near = vectors @ self._vectors[:count].T
        k = min(_NEAREST, count)
        index = np.argpartition(-near, k - 1, axis=1)[:, :k]
        weight = np.take_along_axis(near, index, 1).astype(np.float64)
        weight = np.exp((weight - weight.max(axis=1, keepdims=True)) / _NEAR)
        weight /= weight.sum(axis=1, keepdims=True)
        marks = self._marks[index][:, :, : len(self.labels)]
        return np.asarray(np.einsum("nk,nkl->nl", weight, marks.astype(np.float64)))

    def _remember(self, vector: NDArray[np.float32], marks: NDArray[np.bool_]) -> None:
        if self.learned >= len(self._vectors) < MAX_REMEMBERED:
            more = min(MAX_REMEMBERED, max(256, 2 * len(self._vectors))) - len(self._vectors)
            self._vectors = np.vstack(
                [self._vectors, np.zeros((more, self._vectors.shape[1]), np.float32)]
            )
            self._marks = np.vstack([self._marks, np.zeros((more, MAX_LABELS), np.bool_)])
        place = self.learned % MAX_REMEMBERED
        self._vectors[place] = vector
        self._marks[place] = marks


def _starts(votes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds from which the regressions start, shape as `votes`."""
    held = np.clip(votes, _LEAST_VOTE, 1.0 - _LEAST_VOTE)
    return np.asarray(_VOTE_SHARE * np.log(held / (1.0 - held)))


def _signals(vector: NDArray[np.float32], text: str) -> dict[int, float]:
    """Columns 0.. of the vector, -1 the constant, and from the vector's end on hashed words."""
    size = len(vector)
    signals: dict[int, float] = dict(enumerate((vector * _VECTOR_SCALE).tolist()))
    words = [word for word in _TOKEN.findall(text.lower()) if len(word) > 2]
    stems = {word[:_STEM] + "*" for word in words if len(word) > _STEM}
    buckets = {zlib.crc32(word.encode()) % _WORDS for word in stems.union(words)}
    for bucket in sorted(buckets):
        signals[size + bucket] = _WORD_SCALE / len(buckets) ** 0.5
    signals[-1] = 1.0
    return signals
