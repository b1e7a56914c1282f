"""Every alert is provoked by a step, or it is said why none can; hastened rules are the rules."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.gameday.rules import WINDOWS, alerts, hastened
from tests.gameday.stage import RULES
from tests.gameday.table import BY_NAME, STEPS, UNPROVOKED
from tests.support.paths import ROOT

SHIPPED = RULES.read_text()
RUNBOOK = (ROOT / "deploy" / "RUNBOOK.md").read_text()


def test_each_alert_has_a_step_or_a_reason() -> None:
    provoked = {name for step in STEPS for name in step.fires}
    assert provoked.isdisjoint(UNPROVOKED)
    assert provoked | UNPROVOKED.keys() == alerts(SHIPPED).keys()
    assert {name for step in STEPS for name in step.beside} <= alerts(SHIPPED).keys()
    assert all(UNPROVOKED.values()) and len(BY_NAME) == len(STEPS)
    assert all(step.about for step in STEPS)


def test_the_runbook_tells_what_the_day_shows() -> None:
    rows = re.findall(r"^\| (InterestStreams\w+) \| ([^|]+) \| [^|]+ \| (\w+) \|$", RUNBOOK, re.M)
    assert [name for name, _, _ in rows] == [n for n in alerts(SHIPPED) if n not in UNPROVOKED]
    for name, step, stays in rows:
        assert name in BY_NAME[step].fires
        assert stays == "seconds" or stays in WINDOWS


def test_hastened_rules_differ_in_their_times_alone() -> None:
    def all_but_times(text: str) -> list[dict[str, object]]:
        [group] = yaml.safe_load(text)["groups"]
        return [
            {**rule, "for": "", "expr": "".join(part.partition("]")[2] or part
                                                for part in rule["expr"].split("["))}
            for rule in group["rules"]
        ]  # fmt: skip

    fast = hastened(SHIPPED)
    assert all_but_times(fast) == all_but_times(SHIPPED)
    assert "for: 300s" not in fast and "[10m]" not in fast and "for: 15s" in fast
    with pytest.raises(KeyError):
        hastened(SHIPPED.replace("[10m]", "[11m]"))
