"""Defines a model: it scores a morning's rows, learns the closed day, goes to bytes and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from features.models.answer_kernel import Form, answers
from features.models.signals import NAMES, DayRows
from features.state import snapshots


class PoisonedRow(ValueError):
    """A signal is not finite: learning from it would spoil the weights for ever."""


class Model(Protocol):
    """A model that predicts engagement; see the package for what all of them promise.

    Attributes
    ----------
    id : str
        Names the kind; part of every profile and of the state's keys.
    learned : int
        Rows learned so far.
    version : int
        Days learned so far.
    primed : bool
        It started from a prior, and answers from the first day.
    """

    id: str
    learned: int
    version: int
    primed: bool

    def score(self, rows: DayRows) -> NDArray[np.float64]:
        """Probability of each row, from what was learned of earlier days; shape (n,)."""
        ...

    def learn(self, rows: DayRows) -> None:
        """Learn a closed day, in the given order.

        Raises
        ------
        PoisonedRow
            Where a signal is not finite; nothing was learned then.
        """
        ...

    def form(self) -> Form | None:
        """The model as numbers the kernels score with; None where it has no such form."""
        ...

    def relearn(self) -> None:
        """The world changed (drift): trust what was learned less, learn faster for a while."""
        ...

    def merge(self, other: bytes) -> None:
        """Merge a sibling's snapshot, each weighing by the rows it has learned."""
        ...

    def snapshot(self) -> bytes:
        """Everything needed to go on learning as if never stopped."""
        ...

    def restore(self, data: bytes) -> None:
        """Go on from a snapshot; signals it doesn't know start fresh, others are dropped.

        Raises
        ------
        ValueError
            Where it is of another model.
        """
        ...


def check(rows: DayRows) -> None:
    """Refuse rows that would poison a model."""
    bad = ~np.isfinite(rows.x)
    if bad.any():
        raise PoisonedRow(f"signal {NAMES[int(np.argwhere(bad)[0][1])]} is not finite")


def unpack(data: bytes, model: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Manifest and arrays of a snapshot of `model`.

    Raises
    ------
    ValueError
        Where it is of another model.
    """
    manifest, arrays = snapshots.unpack(data)
    if manifest["model"] != model:
        raise ValueError(f"a snapshot of model {manifest['model']}, not {model}")
    return manifest, arrays


def score_form(form: Form, rows: DayRows) -> NDArray[np.float64]:
    """Score rows with the kernel that writes profiles."""
    out = np.zeros(len(rows))
    answers(form, rows.x, rows.interest, out)
    return out


def single(
    weights: NDArray[np.float64],
    product: bool,
    intercepts: NDArray[np.float64] | None = None,
    variances: NDArray[np.float64] | None = None,
) -> Form:
    """The form of a model of one part, a probit one where `variances` are given."""
    table = np.zeros((1, 0)) if intercepts is None else intercepts[np.newaxis, :]
    unsure = np.zeros_like(weights) if variances is None else variances
    return Form(
        weights[np.newaxis, :].copy(),
        table,
        unsure[np.newaxis, :].copy(),
        np.array([product], np.uint8),
        np.array([variances is not None], np.uint8),
        np.ones(1),
        1.0,
        0.0,
        np.zeros(0),
    )


def vector(part: Mapping[str, float], missing: float = 0.0) -> NDArray[np.float64]:
    """Weights by name in the order of the signals, `missing` where there is none."""
    return np.array([part.get(name, missing) for name in NAMES])
