"""Computes a model's probability from numbers, in the one form that every model can take."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, inlined, njit
from features.models.bins_kernel import corrected
from features.models.signals_kernel import HABITS, LINEAR


class Form(NamedTuple):
    """A model as numbers: a mixture of answers, calibrated.

    A part with ``product`` 1 is a hurdle: the probability that the subject is here at all, from
    the presence signals, times that of the interest given it is, from the others. A part with 0
    is one regression over all signals. A part with ``probit`` 0 is logistic. One with 1 answers
    ``Phi(w x / sqrt(1 + v x^2))``, v being the variances of its weights: the less sure of them,
    the nearer to one half. Where there are ``steps``, their sum over the bins that the row falls
    into is added to the log-odds last: `features.models.bins_kernel`.
    """

    weights: NDArray[np.float64]  # shape (parts, SIGNALS); no line reads those from LINEAR on
    intercepts: NDArray[np.float64]  # shape (parts, interests), or (parts, 0) for none
    variances: NDArray[np.float64]  # shape (parts, SIGNALS), 0 where a part is not probit
    product: NDArray[np.uint8]  # shape (parts,)
    probit: NDArray[np.uint8]  # shape (parts,)
    mix: NDArray[np.float64]  # shape (parts,), sums to 1
    slope: float  # calibration of the log-odds: slope * log-odds + shift
    shift: float
    steps: NDArray[np.float64]  # shape (bins_kernel.SIZE,), or (0,) for none


@inlined
def answer(form: Form, vector: Any, interest: int) -> Any:
    """A model's probability for one row.

    Parameters
    ----------
    vector : ndarray of float64, shape (SIGNALS,)
    """
    p = 0.0
    for m in range(form.mix.shape[0]):
        habit = 0.0
        for k in range(HABITS):
            habit += form.weights[m, k] * vector[k]
        presence = 0.0
        for k in range(HABITS, LINEAR):
            presence += form.weights[m, k] * vector[k]
        if interest < form.intercepts.shape[1]:
            habit += form.intercepts[m, interest]
        if form.probit[m]:
            p += form.mix[m] * _probit(form.variances[m], form.product[m], vector, habit, presence)
        elif form.product[m]:
            p += form.mix[m] / ((1.0 + np.exp(-habit)) * (1.0 + np.exp(-presence)))
        else:
            p += form.mix[m] / (1.0 + np.exp(-habit - presence))
    if form.slope != 1.0 or form.shift != 0.0:
        p = min(1.0 - 1e-9, max(1e-9, p))
        p = 1.0 / (1.0 + np.exp(-form.slope * np.log(p / (1.0 - p)) - form.shift))
    if form.steps.shape[0] == 0:
        return p
    return corrected(p, form.steps, vector, interest)


@inlined
def _probit(variances: Any, product: int, vector: Any, habit: float, presence: float) -> Any:
    unsure, unsure_presence = 1.0, 0.0
    for k in range(HABITS):
        unsure += variances[k] * vector[k] * vector[k]
    for k in range(HABITS, LINEAR):
        unsure_presence += variances[k] * vector[k] * vector[k]
    if product:
        return _phi(habit / np.sqrt(unsure)) * _phi(presence / np.sqrt(1.0 + unsure_presence))
    return _phi((habit + presence) / np.sqrt(unsure + unsure_presence))


@inlined
def _phi(t: float) -> Any:
    # Within eight standard deviations the answer differs from 0 and from 1.
    return 0.5 * math.erfc(-min(8.0, max(-8.0, t)) / math.sqrt(2.0))


@njit
def answers(form: Form, x: Any, interest: Any, out: Any) -> None:
    """A model's probabilities for rows: `answer`, row by row, into `out`."""
    for i in range(x.shape[0]):
        out[i] = answer(form, x[i], as_int(interest[i]))
