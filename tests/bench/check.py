"""Did a contender compute the same levels? Against a recomputation in double precision.

The level of an interest at time T is the sum over its events of ``w * 2 ** (-(T - ts) / h)``;
compared for a sample of subjects, at a T after every event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import orjson
from numpy.typing import NDArray

from features.engine import Engine
from features.state.contents import Contents
from features.tags import taxonomy
from streams.settings import Settings
from streams.worker.wiring import engine_config
from tests.bench import inputs
from tests.bench.inputs import APP, DAY_MS, NETWORK, TV, Columns

HALF_LIVES = np.array([1.0, 7.0, 60.0])
_SUBJECTS = 300
_TOLERANCE = 2e-3  # rows are kept in single precision
_SWEPT = 0.011  # a row below row_epsilon = 0.01 may have been swept before it grew again
_LISTED = 20  # interests of a full profile
_FADED = 0.05  # what is smaller says too little beside that

Levels = dict[str, dict[int, NDArray[np.float64]]]


def moment(columns: Columns) -> int:
    """The T of the comparison: the start of the second day after the last event."""
    return (int(columns.ts[-1]) // DAY_MS + 2) * DAY_MS


def exact(columns: Columns, tags: Mapping[str, Sequence[tuple[int, float]]]) -> Levels:
    """Levels at `moment` of a sample of subjects, from the columns."""
    number = columns.account.astype(np.int64) * 3 + columns.member
    every = np.unique(number)
    chosen = every[np.linspace(0, len(every) - 1, min(_SUBJECTS, len(every))).astype(int)]
    weight = engagement(columns)
    at = moment(columns)
    found: Levels = {}
    for i in np.flatnonzero(np.isin(number, chosen)).tolist():
        source, content = int(columns.source[i]), int(columns.content[i])
        if content < 0 or weight[i] < 1e-4:
            continue
        decay = 2.0 ** (-(at - int(columns.ts[i])) / DAY_MS / HALF_LIVES)
        mine = found.setdefault(columns.subject(i), {})
        for interest, share in tags[columns.keys[source][content]]:
            mine[interest] = mine.get(interest, np.zeros(3)) + weight[i] * share * decay
    return found


def engagement(columns: Columns) -> NDArray[np.float64]:
    """How much each event says, as `features.state.rows_kernel.engagement` has it."""
    duration = columns.duration_ms.astype(np.float64)
    time = duration / (duration + 300_000.0)
    size = columns.size + np.where(columns.source == NETWORK, columns.size // 9, 0)
    short = (duration > 0) & (duration < 60_000)
    network = np.where(short, time, np.maximum(time, size / (size + 20e6)))
    call = np.where(size == 0, duration < 1000, size < 20_000) & (duration < 60_000)
    idle = (duration >= 60_000) & (size > 0) & (size < 0.1 * duration)
    fast = (duration > 0) & (size > 4000.0 * np.maximum(duration, 1000))
    network = np.where(call | idle | fast, 0.0, network)
    watched = duration / 2_700_000.0
    tv = np.where(watched < 0.05, 0.05 * time, np.maximum(time, np.minimum(1.0, watched)))
    search = np.array([name == "search" for name in inputs.ACTIONS])[columns.mode]
    app = np.maximum(time, np.where(search, 0.5, 0.35))
    return np.select(
        [columns.source == NETWORK, columns.source == TV, columns.source == APP],
        [network, np.where(duration >= 4 * 3_600_000, 0.0, tv), app],
    )


Records = Iterable[tuple[int, bytes, bytes | None]]


def ours(settings: Settings, state: Records, at: int, subjects: Iterable[str]) -> Levels:
    """Levels from the fold of the changelog, loaded as a worker would."""
    wanted, found = list(subjects), Levels()
    for records in _folded(state):
        engine = _loaded(settings, records)
        for subject in wanted:
            account, _, member = subject.encode().partition(b"/")
            sid = engine.store.find(account, member)
            if sid >= 0:
                found[subject] = _rows(engine, sid, at)
    return found


def rows_of(settings: Settings, state: Records) -> tuple[int, int, int]:
    """Rows, subjects, and bytes of the fold of a changelog."""
    rows = subjects = size = 0
    for records in _folded(state):
        counters = _loaded(settings, records).store.counters
        rows += int(counters["rows_live"])
        subjects += int(counters["subjects"])
        size += sum(len(key) + len(value) for key, value in records.items())
    return rows, subjects, size


def published(profiles: Records, at: int) -> Levels:
    """Levels from a peer's profiles: the latest of each subject, decayed to `at`.

    A profile lists the best twenty interests, so of a subject with more the rest is not seen.
    """
    latest = {key: value for _, key, value in profiles if value is not None}
    found = Levels()
    for key, value in latest.items():
        profile = orjson.loads(value)
        found[key.decode()] = {
            int(item["id"]): np.array(item["levels"])
            * 2.0 ** (-(at - item["at"]) / DAY_MS / HALF_LIVES)
            for item in profile["interests"]
        }
    return found


def compare(wanted: Levels, found: Levels) -> str:
    """ "same", or how many levels differ and the first one."""
    wrong, total, example = 0, 0, ""
    for subject, rows in wanted.items():
        for interest, levels in rows.items():
            if levels[2] < _FADED:
                continue
            have = found.get(subject, {}).get(interest)
            if have is None and len(found.get(subject, {})) == _LISTED:
                continue
            total += 1
            if have is None or not np.allclose(have, levels, rtol=_TOLERANCE, atol=_SWEPT):
                wrong += 1
                example = example or f"{subject} interest {interest}: {have} for {levels}"
    if total == 0:
        return "nothing to compare"
    return "same" if not wrong else f"{wrong} of {total} differ ({example})"


def _folded(state: Records) -> list[dict[bytes, bytes]]:
    """The latest value of each key, by partition."""
    folded: dict[int, dict[bytes, bytes]] = {}
    for partition, key, value in state:
        if value is None:
            folded.setdefault(partition, {}).pop(key, None)
        else:
            folded.setdefault(partition, {})[key] = value
    return [folded[partition] for partition in sorted(folded)]


def _loaded(settings: Settings, records: Mapping[bytes, bytes]) -> Engine:
    tree = taxonomy.load()
    engine = Engine(engine_config(settings), tree, Contents(tree))
    engine.load(records.items())
    return engine


def _rows(engine: Engine, sid: int, at: int) -> dict[int, NDArray[np.float64]]:
    subjects, rows = engine.store.subjects, engine.store.rows
    start = int(subjects["start"][sid])
    found = {}
    for j in range(start, start + int(subjects["used"][sid])):
        row = rows.windows[j]
        steps = at / DAY_MS - int(row["day"])
        base, today, after = (
            row[name].astype(np.float64) for name in ("level", "today", "tomorrow")
        )
        found[int(rows.interest[j])] = (base + today) * 2.0 ** (
            -steps / HALF_LIVES
        ) + after * 2.0 ** (-(steps - 1) / HALF_LIVES)
    return found
