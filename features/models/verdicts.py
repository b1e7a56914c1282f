"""Counts how right `engage` was: by what people said when they were asked, and by what they did.

Behaviour says what somebody does, an answer what he wants; a model that is judged by behaviour
alone learns to be right about habits. An answer is counted once, by what behaviour said on the
morning of the open day and not by the profile, for a profile goes after what was declared. Sums
name nobody and stay when somebody is forgotten, as what models have learned does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.models.measures import BINS, band_of
from features.state import changelog_keys as keys
from features.state import snapshots
from features.vocabulary import Opinion

OPINIONS: Final = tuple(Opinion)
#: The band of who was never seen with an interest, behind those of its score.
UNSEEN: Final = BINS
_BANDS: Final = BINS + 1


class Opined(NamedTuple):
    """An opinion that was declared, beside what behaviour said.

    Attributes
    ----------
    asked : bool
        Whether it is the answer to a question.
    opinion : Opinion
    engaged : bool
        Whether behaviour alone would have had it engaged.
    """

    asked: bool
    opinion: Opinion
    engaged: bool


class Verdicts:
    """Sums of a partition.

    Attributes
    ----------
    said : ndarray of int64, shape (2, opinions, 2, bands)
        Answers by whether they were asked for, `OPINIONS`, whether engaged, and band of the score.
    mornings : ndarray of int64, shape (3,)
        Of rows of subjects who were there that day: engaged in the morning, those of them that were
        then seen, and all that were seen.
    news : Counter of Opined
        Answers since the caller last took them.
    """

    def __init__(self) -> None:
        self.said: NDArray[np.int64] = np.zeros((2, len(OPINIONS), 2, _BANDS), np.int64)
        self.mornings: NDArray[np.int64] = np.zeros(3, np.int64)
        self.news: Counter[Opined] = Counter()

    def add(self, answered: Opined, score: float) -> None:
        """Count an answer; a score below 0 is of an interest that was never seen."""
        band = UNSEEN if score < 0.0 else int(band_of(np.array([score]))[0])
        asked, opinion, engaged = answered
        self.said[int(asked), OPINIONS.index(opinion), int(engaged), band] += 1
        self.news[answered] += 1

    def snapshot(self) -> dict[bytes, bytes]:
        """Changelog record."""
        arrays = {"said": self.said, "mornings": self.mornings}
        return {keys.VERDICTS: snapshots.pack({"opinions": OPINIONS}, arrays)}

    def restore(self, records: Mapping[bytes, bytes]) -> None:
        """Go on from a snapshot; one of other opinions or bands is left."""
        if keys.VERDICTS in records:
            self.take(records[keys.VERDICTS])

    def take(self, data: bytes) -> None:
        """Add the sums of a record."""
        head, arrays = snapshots.unpack(data)
        if tuple(head["opinions"]) == OPINIONS and arrays["said"].shape == self.said.shape:
            self.said += arrays["said"]
            self.mornings += arrays["mornings"]
