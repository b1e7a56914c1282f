"""Makes a report of contacts, as ``policy report --out`` writes it, for the service and page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LOOK = {"value": 0.032, "low": 0.01, "high": 0.054}
OPEN = {"value": 0.012, "low": -0.0301, "high": 0.054}
ANNOYED = {"value": 0.021, "low": 0.0, "high": 0.043}


def effect(by: str, name: str = "", **more: Any) -> dict[str, Any]:
    return {"by": by, "name": name, "contacted": 1_900, "held_out": 100, "effect": LOOK,
            "sure": True, "annoyed": ANNOYED, "why": None, **more}  # fmt: skip


def untold(by: str, name: str, why: str) -> dict[str, Any]:
    return effect(by, name, effect=None, sure=False, annoyed=None, why=why)


def report(**more: Any) -> dict[str, Any]:
    came = {"complained": 4, "dismissed": 36, "accepted": 300, "bought": 2, "ignored": 1_500}
    return {
        "schema": 1, "at": 1_780_000_000_000, "since": "2026-03-30", "k": 20,
        "effects": [
            effect("all"),
            effect("interest", "Sports"),
            effect("interest", "Pets", effect=OPEN, sure=False),
            effect("channel", "mail"),
            untold("channel", "call", "unlike"),
            effect("week", "2026-03-30"),
            untold("week", "2026-04-06", "few"),
        ],
        "undrawn": 1_200,
        "contacts": [
            {"interest": "1", "name": "Pets", "channel": "call", "households": 90, "made": 90,
             "held_out": 5, "late": 0, "came": {"ignored": 90}},
            {"interest": "483", "name": "Sports", "channel": "mail", "households": 1_800,
             "made": 2_000, "held_out": 100, "late": 3, "came": came},
        ],
        "annoyed": 40, "left_alone": {"contacted": 1_500, "contact_pause": 40},
        "held_back": {"contacted": 230}, **more,
    }  # fmt: skip


def write(path: Path, **more: Any) -> None:
    path.write_text(json.dumps(report(**more)))
