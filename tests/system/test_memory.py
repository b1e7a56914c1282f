"""I10: memory is bounded by configuration; what is let go of gives its memory back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.tags.taxonomy import load
from tests.oracle.views import Run, live_rows, run
from tests.support import generators as gen
from tests.support.generators import DAY_MS, START, Record, config


@given(gen.sequences(days=4, events=80, least=30), st.integers(1, 6), gen.cuts(0, 3))
@settings(max_examples=25)
def test_no_subject_has_more_rows_than_it_may(
    records: list[Record], limit: int, places: list[float]
) -> None:
    done = run(config(rows_per_subject=limit), gen.cut(records, places), restart=True)
    sizes = [len(rows) for rows in live_rows(done.engine).values()]
    assert max(sizes, default=0) <= limit
    assert int(done.engine.store.counters["rows_live"]) == sum(sizes)


def _silence(done: Run, days: int, account: int = 1) -> list[tuple[bytes, bytes | None]]:
    """Days of which only another account is heard; gives the profiles published meanwhile."""
    told = []
    start = int(done.engine.store.counters["max_ts"])
    for day in range(1, days + 1):
        done.apply([gen.rugby(10_000 + done.offset, start + day * DAY_MS, account)])
        told += [(key, value) for key, value, _, _ in done.commit().profiles]
        done.restart()
    return told


@pytest.mark.parametrize("grant", [False, True])
def test_who_is_silent_beyond_retention_is_forgotten(grant: bool) -> None:
    """With tombstones for profile and state, once; and no restart brings anything back."""
    done = Run(config(retention_days=3, consent_default_grant=grant))
    told = [] if grant else [gen.consent(0), gen.consent(1)]
    done.apply([*told, gen.rugby(0), gen.rugby(1, member_id="m-1"), gen.rugby(2, account=1)])
    done.commit()
    assert {b"s/acc-0", b"s/acc-0/m-1"} <= set(done.changelog)
    published = _silence(done, 3 + 9)
    for key in (b"acc-0", b"acc-0/m-1"):
        assert published.count((key, None)) == 1
    assert b"s/acc-0/m-1" not in done.changelog
    assert not live_rows(done.engine).get("acc-0")
    assert list(live_rows(done.engine)) == (["acc-1"] if grant else ["acc-0", "acc-1"])
    assert done.engine.profile(b"acc-0") is None
    assert done.apply([gen.rugby(3, int(done.engine.store.counters["max_ts"]))]) == ["counted"]
    assert [p[2] for p in done.commit().profiles if p[0] == b"acc-0"] == [1], "a new beginning"


def test_what_faded_goes_and_takes_an_empty_subject_with_it() -> None:
    """A zap is forgotten long before its subject is silent for too long."""
    done = Run(config(row_epsilon=0.05, half_lives=(0.5, 1.0, 2.0)))
    zap = {
        "event_id": "z",
        "account_id": "acc-0",
        "ts": START,
        "content_id": "p-1",
        "mode": "live",
        "content_ms": 5_400_000,
        "watched_ms": 4_000,
    }
    done.apply(
        [
            gen.consent(0),
            gen.consent(1),
            Record(gen.TV, zap),
            gen.rugby(1, START),
            Record(gen.TV, {**zap, "event_id": "z2", "member_id": "m-1"}),
        ]
    )
    done.commit()
    tree = load()
    assert tree.index("655") in live_rows(done.engine)["acc-0"]
    published = _silence(done, 8)
    assert (b"acc-0/m-1", None) in published
    assert "acc-0/m-1" not in live_rows(done.engine)
    assert tree.index("655") not in live_rows(done.engine)["acc-0"]
    assert tree.index("529") in live_rows(done.engine)["acc-0"], "what was more is still there"


def test_what_is_forgotten_gives_its_memory_back() -> None:
    """Subjects come and go by the thousand; numbers, rows and keys are used again."""
    done = Run(config(retention_days=1, consent_default_grant=True, learn_rows_per_close=10))
    sizes = []
    for month in range(4):
        start = START + month * 30 * DAY_MS
        done.apply([gen.rugby(n, start + n, member_id=f"m-{month}-{n}") for n in range(1200)])
        done.commit()
        for day in range(1, 11):
            done.apply([gen.rugby(10_000 + day, start + day * DAY_MS, 1)])
            done.commit()
        sizes.append(done.engine.store.nbytes())
        assert len(live_rows(done.engine)) <= 3
    assert sizes[-1] <= 1.01 * sizes[1], sizes


def test_contents_may_be_forgotten_in_the_midst(monkeypatch: pytest.MonkeyPatch) -> None:
    """The map of contents is bounded; a batch that makes it start afresh loses no attention."""
    records = [gen.consent(0)]
    for n in range(40):
        records += [gen.rugby(2 * n, START + n), gen.rugby(2 * n + 1, START + n, host=f"h{n}.test")]
    whole = Run(config())
    whole.apply(records)
    monkeypatch.setattr("features.state.contents._MOST", 8)
    done = Run(config())
    for piece in gen.cut(records, [n / 10 for n in range(1, 10)]):
        done.apply(piece)
    assert done.engine.store.totals.tolist() == whole.engine.store.totals.tolist()
