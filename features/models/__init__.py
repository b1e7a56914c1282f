"""Predicts whether a subject engages with an interest tomorrow, and compares models on it.

Learned online from the openings of closed days; a day is scored as a whole before any of it is
learned. Its rows are no strangers to each other: whether a subject was here at all decides all
of its rows, so scoring row by row would let the first rows of an evening answer for the rest.

Law of the folder: signals know earlier days only, and River stays in here. Public face:
`Learner`."""

from features.models.learner import Learner, News

__all__ = ["Learner", "News"]
