"""How the engine scales, in one process and without a broker, and what workers cost beside it.

For each number of subjects the state is first filled, then a stretch of events is folded in
batches of a commit's size: parse, apply, collect. Slope is cost at the most subjects over cost
at the fewest.
"""

from __future__ import annotations

import gc
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from features.engine import Engine
from features.records.batch import parse
from features.records.decoder import Limits
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import exact_tags
from streams.settings import Settings
from streams.worker.wiring import engine_config
from tests.bench import inputs
from tests.bench.inputs import Shape

COMMIT = 40_000
_SUBJECTS_PER_ACCOUNT = 3
_ROWS = 30
_LIMITS = Limits()

Records = list[tuple[int, int, bytes, bytes]]

#: As the contenders' worker has it.
SETTINGS = Settings(consent_default="grant")


@dataclass(frozen=True)
class Point:
    """One number of subjects.

    Attributes
    ----------
    parse_us, apply_us, collect_us : float
        Processor time per event, microseconds.
    state_bytes : int
        Live state in use, `features.state.store.Store.nbytes`.
    restore_rows_s, restore_subjects_s : float
        `Engine.load` of the whole changelog, per second of processor time.
    """

    subjects: int
    rows: int
    events: int
    parse_us: float
    apply_us: float
    collect_us: float
    state_bytes: int
    changelog_bytes: int
    restore_rows_s: float
    restore_subjects_s: float

    @property
    def core_s_per_million(self) -> float:
        """Processor seconds per million events, without Kafka's part."""
        return self.parse_us + self.apply_us + self.collect_us


def run(subjects: list[int], events: int) -> dict[str, Any]:
    """Measure every number of subjects, ascending; returns points, slope and widths."""
    measure(300, 2_000)  # compiled before the clock runs
    points = []
    for count in subjects:
        point = measure(count, events)
        points.append(point)
        print(
            f"{point.subjects:>9,} subjects, {point.rows:>10,} rows: "
            f"parse {point.parse_us:.2f} + apply {point.apply_us:.2f} + collect "
            f"{point.collect_us:.2f} us/event; {point.state_bytes / 1e6:,.0f} MB; restore "
            f"{point.restore_rows_s:,.0f} rows/s",
            flush=True,
        )
        gc.collect()
    wide = widths()
    print(
        f"{wide['bytes_per_row']:.0f} bytes a row in memory, "
        f"{wide['bytes_per_subject_30']:,.0f} bytes a subject with {_ROWS} rows",
        flush=True,
    )
    return {
        "points": [asdict(p) | {"core_s_per_million": p.core_s_per_million} for p in points],
        "slope": points[-1].core_s_per_million / points[0].core_s_per_million,
        **wide,
    }


def measure(subjects: int, events: int) -> Point:
    """Fill the state of so many subjects, then time a stretch of events."""
    accounts = max(1, subjects // _SUBJECTS_PER_ACCOUNT)
    engine, changelog = _engine(), dict[bytes, bytes]()
    _fill(engine, accounts, changelog)
    shape = Shape(events, accounts, hours=4.0, seed=2)
    spent = _fold(engine, _records(shape), changelog)
    store = engine.store
    rows, live = (
        int(store.counters["rows_live"]),
        int(store.counters["live"] or store.counters["subjects"]),
    )
    size = store.nbytes()
    del engine, store
    gc.collect()
    restored, records = _engine(), list(changelog.items())
    before = time.process_time()
    restored.load(records)
    took = time.process_time() - before
    parse_us, apply_us, collect_us = (spent / events * 1e6).tolist()
    return Point(
        live,
        rows,
        events,
        parse_us,
        apply_us,
        collect_us,
        size,
        sum(map(len, changelog.values())),
        rows / took,
        live / took,
    )


def against_floor(events: int, repeats: int) -> dict[str, float]:
    """Cost of each stage over that of ``orjson.loads`` of the same records, in this process.

    Everything is done `repeats` times in turns, each from an engine without subjects, and the least
    processor time of each stage counts: what disturbs only adds. Ratios say the same on fast
    and slow machines, so a limit on them can be a test.

    Returns
    -------
    dict of str to float
        ``parse``, ``apply``, ``collect`` and ``all``, each in units of the floor; ``floor_us``,
        microseconds per event.
    """
    records = _records(Shape(events, max(1, events // 50), hours=4.0))
    known = _contents()
    _fold(_engine(known), records, {})  # compiled, and every content looked up, before the clock
    floor, spent = float("inf"), np.full(3, np.inf)
    for _ in range(repeats):
        begin = time.process_time()
        for _, _, _, value in records:
            orjson.loads(value)
        floor = min(floor, time.process_time() - begin)
        spent = np.minimum(spent, _fold(_engine(known), records, {}))
    shares = dict(zip(("parse", "apply", "collect"), (spent / floor).tolist(), strict=True))
    return {**shares, "all": float(spent.sum()) / floor, "floor_us": floor / events * 1e6}


def changelog(columns: inputs.Columns) -> list[tuple[int, bytes, bytes | None]]:
    """The folded changelog of one engine over an input, as a topic would hold it."""
    folded: dict[bytes, bytes] = {}
    _fold(_engine(), list(inputs.records(columns)), folded)
    return [(0, key, value) for key, value in folded.items()]


def widths() -> dict[str, float]:
    """Bytes of state of subjects that have thirty interests each."""
    engine = _engine()
    store = engine.store
    empty = store.nbytes()
    count = 2_000
    tree = taxonomy.load()
    known = [i for i, bad in enumerate(tree.sensitive) if not bad][:_ROWS]
    for number in range(count):
        sid = store.ensure(inputs.account_id(number).encode())
        for interest in known:
            store.row(sid, interest, 19_000)
    total, rows = store.nbytes() - empty, int(store.counters["rows_live"])
    assert rows == count * _ROWS
    row = float(sum(column.itemsize for column in (store.rows.windows, store.rows.interest)))
    return {
        "bytes_per_row": row,
        "bytes_per_subject_30": total / count,
        "bytes_per_subject_head": total / count - _ROWS * row,
    }


def _engine(known: Contents | None = None) -> Engine:
    return Engine(engine_config(SETTINGS), taxonomy.load(), known or _contents())


def _contents() -> Contents:
    return Contents(taxonomy.load(), exact_tags())


def _records(shape: Shape) -> Records:
    return list(inputs.records(inputs.generate(shape)))


def _fill(engine: Engine, accounts: int, changelog: dict[bytes, bytes]) -> None:
    """Give every subject a few events, a million at a time, before the stretch that is timed."""
    total = accounts * _SUBJECTS_PER_ACCOUNT * 6
    step = min(total, 600_000)
    for number, first in enumerate(range(0, total, step)):
        share = Shape(
            min(step, total - first), accounts, session=3.0, hours=1.0, seed=1_000 + number
        )
        _fold(engine, _records(share), changelog, salt=number + 1)


def _fold(
    engine: Engine, records: Records, changelog: dict[bytes, bytes], salt: int = 0
) -> NDArray[np.float64]:
    """Processor seconds of parsing, applying and collecting, a commit at a time."""
    spent = np.zeros(3)
    for first in range(0, len(records), COMMIT):
        part = records[first : first + COMMIT]
        values = [value for _, _, _, value in part]
        if salt:  # other event ids, or they would be taken for duplicates
            values = [
                value.replace(b'"event_id":"', b'"event_id":"%d-' % salt, 1) for value in values
            ]
        kinds = np.array([source + 1 for source, _, _, _ in part], np.uint8)
        begin = time.process_time()
        batch, refused = parse(
            values,
            [key for _, _, key, _ in part],
            kinds,
            np.zeros(len(part), np.int32),
            np.arange(first, first + len(part), dtype=np.int64),
            _LIMITS,
        )
        parsed = time.process_time()
        engine.apply(batch)
        applied = time.process_time()
        changes = engine.collect({})
        spent += parsed - begin, applied - parsed, time.process_time() - applied
        assert not refused, refused[0]
        for key, value in changes.state.items():
            if value is None:
                changelog.pop(key, None)
            else:
                changelog[key] = value
    return spent
