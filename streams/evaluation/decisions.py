"""Reads logged decisions for the judgement of a policy: JSON lines, or the Open Bandit Dataset.

A line of a decision log:

===============  ==========================================================================
``unit``         whom it was about; a text
``context``      what is told apart beside the action; a text, absent: nothing is
``action``       what was done; a text
``propensity``   probability with which it was chosen, above 0, at most 1
``reward``       what came of it; a number
``target``       object of probabilities by action, of the policy to be judged; their sum is 1
===============  ==========================================================================

A line of assignments, in the order in which the outcomes became known, one a unit: ``unit``,
``day`` (a text that sorts, such as 2026-03-01), ``contacted`` (true or false), ``propensity`` (of
contact, between 0 and 1), ``reward``.

Of the Open Bandit Dataset (Saito and others, 2020, arXiv 2008.07146) the log of the random policy
is read, and the judged one is Bernoulli Thompson sampling with the platform's own prior, its
probabilities counted from draws, certain to about 0.001.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from streams.evaluation.off_policy import Decisions, NoSupport

_MOST_ACTIONS = 10_000
_DRAWS = 200_000
_POSITIONS = 3
_PRIOR = "bandit_prior.tsv"


class BadLog(ValueError):
    """A line that is no decision; says the line's number and the field."""


class _Line(NamedTuple):
    unit: str
    context: str
    action: str
    propensity: float
    reward: float
    target: Mapping[str, float]


def read_log(lines: Iterable[bytes]) -> Decisions:
    """Read a decision log.

    Raises
    ------
    BadLog
        Naming the line and the field that won't do.
    """
    found = [_line(number, text) for number, text in enumerate(lines, 1) if text.strip()]
    names = {name for line in found for name in (line.action, *line.target)}
    if len(names) > _MOST_ACTIONS:
        raise BadLog(f"{len(names)} actions: at most {_MOST_ACTIONS}")
    actions = {name: k for k, name in enumerate(sorted(names))}
    target = np.zeros((len(found), len(actions)))
    for k, line in enumerate(found):
        for name, p in line.target.items():
            target[k, actions[name]] = p
    try:
        return Decisions(
            _numbers(line.unit for line in found),
            _numbers(line.context for line in found),
            np.array([actions[line.action] for line in found], np.int64),
            np.array([line.propensity for line in found]),
            np.array([line.reward for line in found]),
            target,
        )
    except NoSupport as error:
        raise BadLog(str(error)) from None


def _line(number: int, text: bytes) -> _Line:
    said = logged_object(number, text)
    target = said.get("target")
    if not isinstance(target, dict) or not target:
        raise BadLog(f"line {number}: target: an object of probabilities by action")
    shares = {
        name: logged_number(number, f"target.{name}", p, 0.0, 1.0) for name, p in target.items()
    }
    if abs(sum(shares.values()) - 1.0) > 1e-6:
        raise BadLog(f"line {number}: target: its sum is {sum(shares.values()):.6g}, not 1")
    propensity = logged_propensity(number, said)
    return _Line(
        logged_text(number, "unit", said.get("unit")),
        logged_text(number, "context", said.get("context", "")),
        logged_text(number, "action", said.get("action")),
        propensity,
        logged_number(number, "reward", said.get("reward"), -1e12, 1e12),
        shares,
    )


def logged_object(number: int, text: bytes) -> dict[str, Any]:
    """Read a line as an object, or raise `BadLog` with its number."""
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadLog(f"line {number}: not JSON: {error}") from None
    if not isinstance(said, dict):
        raise BadLog(f"line {number}: an object is expected")
    return said


def logged_text(number: int, name: str, value: Any) -> str:
    """Take a field's value as a text, or raise `BadLog` with the line and the field."""
    if not isinstance(value, str):
        raise BadLog(f"line {number}: {name}: a text is expected")
    return value


def logged_number(number: int, name: str, value: Any, low: float, high: float) -> float:
    """Take a field's value as a number of a range, or raise `BadLog` likewise."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadLog(f"line {number}: {name}: a number from {low:g} to {high:g} is expected")
    return float(value)


def logged_propensity(number: int, said: Mapping[str, Any]) -> float:
    """Take a decision's propensity, above 0 and at most 1, or raise `BadLog` likewise."""
    propensity = logged_number(number, "propensity", said.get("propensity"), 0.0, 1.0)
    if propensity <= 0.0:
        raise BadLog(f"line {number}: propensity: above 0")
    return propensity


def _numbers(words: Iterable[str]) -> NDArray[np.int64]:
    known: dict[str, int] = {}
    return np.array([known.setdefault(word, len(known)) for word in words], np.int64)


class Assignments(NamedTuple):
    """Units in the order of their outcomes."""

    day: NDArray[np.str_]
    contacted: NDArray[np.bool_]
    propensity: NDArray[np.float64]
    reward: NDArray[np.float64]


def read_assignments(lines: Iterable[bytes]) -> Assignments:
    """Read who was contacted, who was held out, and what came of it.

    Raises
    ------
    BadLog
        Naming the line and the field; a unit that comes twice and a day that goes back too.
    """
    rows: list[tuple[str, bool, float, float]] = []
    known: set[str] = set()
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        said = logged_object(number, text)
        unit = logged_text(number, "unit", said.get("unit"))
        if unit in known:
            raise BadLog(f"line {number}: unit: {unit!r} comes twice")
        known.add(unit)
        contacted = said.get("contacted")
        if not isinstance(contacted, bool):
            raise BadLog(f"line {number}: contacted: true or false is expected")
        propensity = logged_number(number, "propensity", said.get("propensity"), 0.0, 1.0)
        if propensity in (0.0, 1.0):
            raise BadLog(f"line {number}: propensity: between 0 and 1, neither of them")
        reward = logged_number(number, "reward", said.get("reward"), -1e12, 1e12)
        day = logged_text(number, "day", said.get("day"))
        if rows and day < rows[-1][0]:
            raise BadLog(f"line {number}: day: {day} after {rows[-1][0]}")
        rows.append((day, contacted, propensity, reward))
    if not rows:
        raise BadLog("no line at all")
    day_, contacted_, propensity_, reward_ = zip(*rows, strict=True)
    return Assignments(
        np.array(day_), np.array(contacted_), np.array(propensity_), np.array(reward_)
    )


class Campaign(NamedTuple):
    """One campaign: the random policy's log, judged as Thompson sampling, and its true clicks."""

    log: Decisions
    truth: NDArray[np.float64]


def read_campaign(folder: Path, name: str, seed: int = 0) -> Campaign:
    """Read a campaign of the Open Bandit Dataset, ``men`` or ``women``.

    Raises
    ------
    BadLog
        Where a file or a column is missing.
    """
    item, place, clicked, propensity = _columns(folder / "random" / name / f"{name}.csv")
    truth = _columns(folder / "bts" / name / f"{name}.csv")[2]
    chances = thompson(_prior(name), np.random.default_rng(seed))
    if len(chances[0]) <= int(item.max()):
        raise BadLog(f"{name}: item {int(item.max())}, but the prior has {len(chances[0])}")
    # No user is told apart: every impression is a unit.
    log = Decisions(np.arange(len(item)), place, item, propensity, clicked, chances[place])
    return Campaign(log, truth)


def thompson(prior: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    """Probability of each item at each position, (positions, items), of Thompson sampling.

    Parameters
    ----------
    prior : float array (items, 2)
        Clicks and other impressions known before; the best draws take the positions.
    """
    count = np.zeros((_POSITIONS, len(prior)))
    for _ in range(_DRAWS // 10_000):
        draws = generator.beta(prior[:, 0], prior[:, 1], (10_000, len(prior)))
        best = np.argsort(-draws, axis=1)[:, :_POSITIONS]
        for place in range(_POSITIONS):
            count[place] += np.bincount(best[:, place], minlength=len(prior))
    return np.asarray(count / _DRAWS)


def _columns(path: Path) -> tuple[Any, Any, Any, Any]:
    if not path.is_file():
        raise BadLog(f"{path}: is not there")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        return (
            np.array([int(row["item_id"]) for row in rows], np.int64),
            np.array([int(row["position"]) - 1 for row in rows], np.int64),
            np.array([float(row["click"]) for row in rows]),
            np.array([float(row["propensity_score"]) for row in rows]),
        )
    except KeyError as error:
        raise BadLog(f"{path}: column {error} is missing") from None


def _prior(name: str) -> NDArray[np.float64]:
    found = [row for row in _rows() if row[0] == name]
    if not found:
        raise BadLog(f"{name!r}: its prior is not known")
    return np.array([(float(clicks), float(others)) for _, clicks, others in found])


def _rows() -> Iterator[tuple[str, str, str]]:
    text = resources.files("streams.data").joinpath(_PRIOR).read_text("utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            campaign, clicks, others = line.split("\t")
            yield campaign, clicks, others
