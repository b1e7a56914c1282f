"""Replays a log through the production engine without some of its sources or fields.

Nothing else differs, so a replay is bit-exact: without what the engine does not read, not a bit of
its changelog is another one. Facts always stay whole, for rights rest on them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from features.engine import Engine
from features.models.signals import DayRows
from features.records.batch import parse_log
from features.records.inputs import INPUTS
from features.state.contents import Contents
from features.tags.exact import TagEntry
from features.tags.taxonomy import Taxonomy
from streams.contract.record import Record
from streams.evaluation.prequential import CONFIG

Floats = NDArray[np.float64]

#: What can be left out: a source, whose records go, or a field, which goes from all records.
SOURCES = {item.name: item.topic for item in INPUTS.events}
FIELDS = ("member_id", "device_id", "country", "tz_offset_min", "title")
KINDS = {name: kind for kind, name in enumerate(INPUTS.topics)}
#: Outcome of a record that was left out.
LEFT_OUT = 255

_CONFIG = replace(CONFIG, consent_default_grant=False, attribution=True)
_BATCH = 2_000
_DAY_BITS, _INTEREST_BITS = 16, 12
#: Of a row's code, what is not its subject.
_LOW = _INTEREST_BITS + _DAY_BITS


@dataclass
class Replay:
    """Holds what the engine answered over a log.

    Attributes
    ----------
    code : ndarray of int64, shape (rows,)
        Subject, interest and day of each row, ascending.
    y : ndarray of uint8, shape (rows,)
    score : ndarray of float64, shape (rows,)
        As a profile of that morning would have had it.
    outcomes : ndarray of uint8, shape (records,)
        What became of each record of the whole log; those left out are `LEFT_OUT`.
    size : int
        Bytes of the records that went in.
    reach, moments, attributed : Counter of str
        By subject: 1 with an interest to engage; moments said; interests seen on a shared screen.
    digest : str
        Of all that went to the changelog: equal where not a bit differs.
    """

    code: NDArray[np.int64]
    y: NDArray[np.uint8]
    score: Floats
    outcomes: NDArray[np.uint8]
    size: int
    reach: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    attributed: Counter[str] = field(default_factory=Counter)
    digest: str = ""


def replay_without(
    log: Sequence[Record],
    gone: Collection[str],
    tree: Taxonomy,
    table: Mapping[str, TagEntry],
    names: dict[str, int],
) -> Replay:
    """Fold a log in its order, without some sources and fields.

    Parameters
    ----------
    names : dict of str to int
        Numbers of subjects; grows.
    """
    engine = Engine(_CONFIG, tree, Contents(tree, table))
    recorder = _Recorder(names, engine)
    engine.learner.observer = recorder
    topics = {SOURCES[name] for name in gone if name in SOURCES}
    fields = set(gone) & set(FIELDS)
    outcomes, size, state = np.full(len(log), LEFT_OUT, np.uint8), 0, dict[bytes, bytes | None]()
    left = [at for at, record in enumerate(log) if record.topic not in topics]
    for first in range(0, len(left), _BATCH):
        at = left[first : first + _BATCH]
        values = [_value(log[k], fields) for k in at]
        size += sum(map(len, values))
        outcomes[at] = _fold(engine, [log[k] for k in at], values, first)
        state |= engine.collect({}).state
    nothing = (np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0))
    columns = zip(nothing, *recorder.parts, strict=True)
    code, y, score = (np.concatenate(column) for column in columns)
    order = np.argsort(code, kind="stable")
    found = Replay(code[order], y[order], score[order], outcomes, size)
    found.digest = hashlib.sha256(repr(sorted(state.items())).encode()).hexdigest()
    _read_profiles(engine, found, names)
    return found


def _value(record: Record, gone: Collection[str]) -> bytes:
    """A record's bytes without some fields; facts stay whole."""
    value = record.value if isinstance(record.value, dict) else orjson.loads(record.value)
    if record.topic in SOURCES.values():
        value = {name: said for name, said in value.items() if name not in gone}
    return orjson.dumps(value)


def _fold(engine: Engine, records: list[Record], values: list[bytes], first: int) -> NDArray[Any]:
    keys = [record.key.encode() for record in records]
    batch, _ = parse_log(values, keys, [KINDS[record.topic] for record in records], first)
    return engine.apply(batch)


def _read_profiles(engine: Engine, found: Replay, names: dict[str, int]) -> None:
    store = engine.store
    for sid in range(int(store.counters["subjects"])):
        name = store.key(sid)
        value = engine.profile(name)
        if value is None:
            continue
        key = name.decode()
        names.setdefault(key, len(names))
        for item in json.loads(value)["interests"]:
            found.reach[key] |= item["stance"] == "engage"
            found.moments[key] += len(item.get("moments", ()))
            found.attributed[key] += "attributed" in item


class _Recorder:
    """Numbers subjects alike in every replay, and keeps what was scored."""

    def __init__(self, names: dict[str, int], engine: Engine) -> None:
        self._names, self._engine = names, engine
        self.parts: list[tuple[NDArray[np.int64], NDArray[np.uint8], Floats]] = []

    def __call__(self, rows: DayRows, answers: Mapping[str, Floats]) -> None:
        key = self._engine.store.key
        number = {
            sid: self._names.setdefault(key(sid).decode(), len(self._names))
            for sid in set(rows.subject.tolist())
        }
        subject = np.array([number[sid] for sid in rows.subject.tolist()], np.int64)
        code = row_codes(subject, rows.interest.astype(np.int64), rows.day)
        score = self._engine.learner.decisions(rows)["score"].astype(np.float64)
        self.parts.append((code, rows.y, score))


def row_codes(
    subject: NDArray[np.int64], interest: NDArray[np.int64], day: int
) -> NDArray[np.int64]:
    """Codes of rows: subject, interest, day."""
    return ((subject << _INTEREST_BITS | interest) << _DAY_BITS) | day


def row_subjects(code: NDArray[np.int64]) -> NDArray[np.int64]:
    """Subjects of codes."""
    return code >> _LOW


def row_days(code: NDArray[np.int64]) -> NDArray[np.int64]:
    """Days of codes."""
    return code & ((1 << _DAY_BITS) - 1)


def with_subject(code: NDArray[np.int64], subject: NDArray[np.int64]) -> NDArray[np.int64]:
    """Codes of the same interests and days of other subjects."""
    return subject << _LOW | (code & ((1 << _LOW) - 1))
