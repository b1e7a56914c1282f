"""The work every Python peer does for an event, as plain functions of the subject's state.

Decayed levels at three half-lives per interest; when a subject's day changes, River learns each
row of the day before (did it engage, from the levels it had that morning); River predicts the
interests that the event touched; the profile lists the best twenty. The same questions as the
engine's, with fewer signals, which favours the peers. State is a dictionary of JSON types, for
that is what the peers' stores keep.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from river import linear_model, optim

DAY_MS = 86_400_000
RATES = (1.0, 1.0 / 7.0, 1.0 / 60.0)
TOP = 20
_MOST_ROWS = 64

# Columns of a row: time of the levels, the levels, the levels this morning, last day active,
# score of the latest prediction.
_AT, _LEVEL, _OPEN, _DAY, _SCORE = 0, 1, 4, 7, 8


def content_keys(event: dict[str, Any]) -> tuple[str, ...]:
    """Keys under which an event's tags may be found, the nearest first."""
    if "watched_ms" in event:
        return (f"programme:{event['content_id']}".lower(), f"channel:{event['channel']}".lower())
    if "action" in event:
        return (f"app:{event['app_id']}".lower(), f"section:{event['section']}".lower())
    return (f"host:{event['host']}".lower(),)


def engagement(event: dict[str, Any]) -> float:
    """How much an event says, 0 to 1."""
    if "watched_ms" in event:
        duration: float = event["watched_ms"]
        if duration >= 4 * 3_600_000:
            return 0.0
        time = duration / (duration + 300_000.0)
        share: float = duration / event["content_ms"]
        return 0.05 * time if share < 0.05 else max(time, min(1.0, share))
    duration = event["duration_ms"]
    time = duration / (duration + 300_000.0)
    if "action" in event:
        return max(time, 0.5 if event["action"] == "search" else 0.35)
    size: float = event["bytes_down"] + event["bytes_up"]
    short = duration < 60_000
    if duration < 1000 if size == 0 else short and size < 20_000:
        return 0.0
    if not short and 0 < size < 0.1 * duration:
        return 0.0
    if duration and size > 4000 * max(duration, 1000):
        return 0.0
    return time if short and duration else max(time, size / (size + 20e6))


class Work:
    """Tags and the model of one process.

    Parameters
    ----------
    tags : str
        JSON file: content key to pairs of interest and weight.
    """

    def __init__(self, tags: str) -> None:
        self.tags: dict[str, list[tuple[str, float]]] = {
            key: [(str(interest), weight) for interest, weight in pairs]
            for key, pairs in json.loads(Path(tags).read_text()).items()
        }
        self.model = linear_model.LogisticRegression(
            optimizer=optim.FTRLProximal(alpha=0.05, beta=1.0, l1=0.0, l2=1e-3), intercept_lr=0.0
        )
        self.learned = 0

    def subject(self, event: dict[str, Any]) -> str:
        """Key of the profile an event is about."""
        member = event.get("member_id")
        return f"{event['account_id']}/{member}" if member else str(event["account_id"])

    def apply(
        self, state: dict[str, Any] | None, event: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """State and profile after an event; None where it says nothing."""
        tags = next((self.tags[k] for k in content_keys(event) if k in self.tags), None)
        if not tags:
            return None
        weight = engagement(event)
        if weight < 1e-4:
            return None
        ts = event["ts"]
        day = ts // DAY_MS
        if state is None:
            state = {"day": day, "version": 0, "as_of": ts, "rows": {}}
        elif day > state["day"]:
            self._close(state, day)
        rows = state["rows"]
        for interest, share in tags:
            row = rows.get(interest)
            if row is None:
                if len(rows) >= _MOST_ROWS:
                    continue
                row = rows[interest] = [ts, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, day, 0.0]
            _add(row, ts, weight * share)
            row[_DAY] = max(row[_DAY], day)
            row[_SCORE] = self.model.predict_proba_one(_signals(row, day, row[_LEVEL:_OPEN]))[True]
        state["version"] += 1
        state["as_of"] = max(ts, state["as_of"])
        return state, self._profile(self.subject(event), state)

    def _close(self, state: dict[str, Any], day: int) -> None:
        begin = day * DAY_MS
        for row in state["rows"].values():
            self.model.learn_one(
                _signals(row, state["day"], row[_OPEN:_DAY]), row[_DAY] == state["day"]
            )
            age = (begin - row[_AT]) / DAY_MS
            for k in range(3):
                row[_OPEN + k] = row[_LEVEL + k] * 2.0 ** (-age * RATES[k])
            self.learned += 1
        state["day"] = day

    def _profile(self, subject: str, state: dict[str, Any]) -> dict[str, Any]:
        best = sorted(state["rows"].items(), key=lambda item: -item[1][_SCORE])[:TOP]
        return {
            "schema": 1,
            "subject": subject,
            "version": state["version"],
            "as_of": state["as_of"],
            "model": {"id": "ftrl-logistic", "version": self.learned},
            "interests": [
                {
                    "id": interest,
                    "score": round(row[_SCORE], 4),
                    "at": row[_AT],
                    "levels": row[_LEVEL:_OPEN],
                    "last_active": row[_DAY],
                }
                for interest, row in best
            ],
        }


def _add(row: list[Any], ts: int, mass: float) -> None:
    """Add an event's mass: levels are kept as of the row's latest event."""
    ahead = (ts - row[_AT]) / DAY_MS
    if ahead >= 0:
        for k in range(3):
            row[_LEVEL + k] = row[_LEVEL + k] * 2.0 ** (-ahead * RATES[k]) + mass
        row[_AT] = ts
    else:
        for k in range(3):
            row[_LEVEL + k] += mass * 2.0 ** (ahead * RATES[k])


def _signals(row: list[Any], day: int, levels: list[float]) -> dict[str, float]:
    total = levels[0] + levels[1] + levels[2]
    return {
        "bias": 1.0,
        "level_1d": math.log1p(levels[0]),
        "level_7d": math.log1p(levels[1]),
        "level_60d": math.log1p(levels[2]),
        "short_long": levels[0] / levels[1] if levels[1] > 1e-6 else 0.0,
        "share": levels[1] / total if total > 1e-9 else 0.0,
        "recency": 1.0 / (1 + max(0, day - row[_DAY])),
    }
