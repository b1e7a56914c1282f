"""A log replayed without a source or a field: bit-exact, paired, and nobody's protection traded."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from features.tags import taxonomy
from features.tags.exact import TagEntry
from streams.__main__ import main
from streams.contract.record import Record
from streams.evaluation import worth, worth_report
from streams.evaluation.counterfactual import Replay
from streams.evaluation.worth import Study, measure_worth
from tests.support import generators as gen
from tests.support import shared_home as world
from tests.support.generators import DAY_MS, HOUR_MS, START

_TABLE = {**gen.TABLE, "programme:p-9": TagEntry((("216", 1.0),), "test", 1.0)}
_TOPICS = ("subscriber-facts", "network-usage", "tv-viewing", "app-events")
_PARTS = ("network", "tv", "app", "member_id", "device_id", "title")


def _log(days: int = 9) -> list[Record]:
    """Three homes: two lines each, television in the evening, a child's tablet in one of them."""
    found: list[gen.Record] = []
    for account in range(3):
        found += world.home(account)
        found.append(
            gen.fact(account, "consent", START - DAY_MS, purpose="offers", status="granted")
        )
    found.append(gen.fact(0, "registry", START - DAY_MS, device_id="tablet", adult=False))
    events = [event for account in range(3) for event in world.own_days(days, account)]
    for day in range(days):
        for account in range(3):
            ts = START + day * DAY_MS + 20 * HOUR_MS + account
            doc = {
                "event_id": f"t-{account}-{day}", "account_id": f"acc-{account}", "ts": ts,
                "device_id": "box", "content_id": "p-9", "title": "Soup", "mode": "live",
                "watched_ms": 2_400_000,
            }  # fmt: skip
            events.append(gen.Record(gen.TV, doc))
        child = world.seen(9_000 + day, START + day * DAY_MS + 15 * HOUR_MS, "hockey.example")
        events.append(gen.Record(gen.NETWORK, {**child.doc, "device_id": "tablet"}))
    events.sort(key=lambda record: int(record.doc["ts"]))
    return [
        Record(r.doc["ts"], _TOPICS[r.kind], r.doc["account_id"], dict(r.doc))
        for r in [*found, *events]
    ]


@pytest.fixture(scope="module")
def study() -> Study:
    return measure_worth(_log(), taxonomy.load(), _TABLE, parts=_PARTS)


def _without(study: Study, name: str) -> worth.Worth:
    (found,) = [part for part in study.parts if part.without == (name,)]
    return found


def test_the_whole_log_keeps_all_of_itself(study: Study) -> None:
    """Bit for bit, and so does a replay without what nobody reads or nobody sent."""
    assert study.whole.same and study.whole.gain.value == study.whole.reach.value == 1.0
    for name in ("app", "title"):
        found = _without(study, name)
        assert found.same and found.kept == 1.0 and found.log_loss == study.whole.log_loss
    assert _without(study, "title").size < 1.0
    assert not any(_without(study, name).same for name in ("network", "tv", "member_id"))


def test_what_matters_is_missed(study: Study) -> None:
    """Lines are most of what is known here; without members nothing of theirs is left."""
    for name in ("network", "member_id", "tv"):
        found = _without(study, name)
        assert found.gain.value < 0.99 or found.reach.value < 0.99, name
        assert found.log_loss.value > study.whole.log_loss.value
    assert study.parts[0].kept >= study.parts[-1].kept


def test_a_field_that_tells_a_child_never_goes(study: Study) -> None:
    """Without the device the tablet's nine events would be the household's."""
    assert _without(study, "device_id").unprotected == 9
    assert "device_id" in study.needed
    assert {"app", "title"} <= set(study.minimal.without)
    assert study.minimal.kept >= worth.KEEP and study.minimal.unprotected == 0


def test_rates_and_answers_know_nothing_of_their_day() -> None:
    """The running rate of a day is that of the days before; a home answers for its members."""
    import numpy as np

    day, y = np.array([1, 1, 2, 3]), np.array([1, 1, 0, 1], np.uint8)
    rate = worth._running_rate(day, y, np.ones(4, np.bool_))
    assert rate.tolist() == pytest.approx([0.05, 0.05, 3.0 / 22.0, 3.0 / 23.0])
    names = {"a": 0, "a/m": 1}

    def replayed(rows: list[tuple[int, int, int, float]]) -> Replay:
        code = np.array([((s << 12 | i) << 16) | d for s, i, d, _ in rows], np.int64)
        score = np.array([p for *_, p in rows])
        return Replay(code, np.zeros(len(rows), np.uint8), score, np.zeros(0, np.uint8), 1)

    whole = replayed([(0, 5, 9, 0.9), (1, 5, 9, 0.8), (1, 6, 9, 0.7)])
    answers = worth._answers(names, whole, replayed([(0, 5, 9, 0.4)]))
    assert answers.tolist() == pytest.approx([0.4, 0.4, 0.05])
    assert worth._answers(names, whole, replayed([])).tolist() == pytest.approx([0.05] * 3)


def test_the_report_says_it_and_can_be_signed(study: Study, tmp_path: Path) -> None:
    text = worth_report.worth_report(study)
    assert "without title" in text and "not read" in text and "Needed to keep 99%" in text
    data, page = worth_report.write_worth(study, tmp_path)
    found = json.loads(data.read_text())
    assert found["needed"] == list(study.needed) and len(found["parts"]) == len(_PARTS)
    said = page.read_text()
    assert "<svg" in said and "signature" in said
    assert "<script" not in said and "src=" not in said and "nan" not in said.lower()


def test_the_command_replays_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As `simulate --out` writes it, with a catalogue beside; an empty one is a plain error."""
    for topic in _TOPICS:
        lines = [json.dumps(r.value) for r in _log(6) if r.topic == topic]
        (tmp_path / f"{topic}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    entry = {"key": "programme:p-9", "genres": ["Drama"]}
    (tmp_path / "catalogue.jsonl").write_text(json.dumps(entry) + "\n")
    out = tmp_path / "report"
    assert main(["worth", "--data", str(tmp_path), "--without", "title", "--out", str(out)]) == 0
    assert "without title" in capsys.readouterr().out and (out / "worth.html").exists()
    (tmp_path / "tv-viewing.jsonl").write_text("")
    (tmp_path / "network-usage.jsonl").write_text("")
    assert main(["worth", "--data", str(tmp_path)]) == 2
    assert "days" in capsys.readouterr().err


def test_an_interval_of_what_was_never_there_claims_nothing(study: Study) -> None:
    assert math.isnan(study.whole.moments.value) or study.whole.moments.value == 1.0
