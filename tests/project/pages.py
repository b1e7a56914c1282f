"""Writes what the code knows better: settings, metrics, alerts of a page, and the Kafka users.

``python -m tests.project.pages`` writes the tables between the markers of ``deploy/README.md``,
``deploy/strimzi/users.yaml``, and the alerts as the Prometheus operator takes them; tests hold that
they are current.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from streams import metrics
from streams.kafka import strimzi
from streams.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "deploy" / "README.md"
USERS = ROOT / "deploy" / "strimzi" / "users.yaml"
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
OPERATOR_RULES = ROOT / "deploy" / "prometheus" / "operator" / "rules.yaml"
#: Of every metric; left out in the table.
METRIC_PREFIX = "interest_streams_"

_GROUP = re.compile(r"    # -- (.+)")
_ABOVE = re.compile(r"    #: (.+)")
_FIELD = re.compile(r"    (\w+): .+? = .+?(?:  # (.+))?")
_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))


def settings_meanings() -> dict[str, tuple[str, str]]:
    """Group and meaning of every setting, from the comments of `Settings`.

    A meaning stands behind its field, or in front of it after ``#:``.
    """
    found: dict[str, tuple[str, str]] = {}
    group, above = "", ""
    kinds = filter(dataclasses.is_dataclass, Settings.__mro__)
    for line in "\n".join(map(inspect.getsource, kinds)).splitlines():
        if match := _GROUP.fullmatch(line):
            group = match[1]
        elif match := _ABOVE.fullmatch(line):
            above = f"{above} {match[1]}".strip()
        elif match := _FIELD.fullmatch(line):
            found[match[1]] = group, above or match[2] or ""
            above = ""
    return found


def settings_table() -> str:
    """Every setting with its type, default and meaning, group by group."""
    meanings = settings_meanings()
    groups: dict[str, list[Sequence[str]]] = {group: [] for group, _ in meanings.values()}
    for field in dataclasses.fields(Settings):
        group, meaning = meanings[field.name]
        meaning = meaning[:1].upper() + meaning[1:]
        groups[group].append((f"`{field.name}`", f"`{field.type}`", _default(field), meaning))
    tables = [
        f"**{group.capitalize()}**\n\n" + _table(("setting", "type", "default", "meaning"), rows)
        for group, rows in groups.items()
    ]
    return "\n\n".join(tables)


def metrics_table() -> str:
    """Every metric with its type, labels, meaning and whose it is."""
    return _table(("metric", "type", "labels", "meaning", "of"), (
        (f"`{name}`", kind, ", ".join(f"`{label}`" for label in labels), about, of)
        for name, kind, labels, about, of in _metrics()
    ))  # fmt: skip


def alerts_table(rules: Path = RULES) -> str:
    """Every alert with its severity, how long it must hold, and what it says."""
    return _table(("alert", "severity", "holds for", "says"), (
        (f"[{name}](RUNBOOK.md#{name.lower()})", rule["labels"]["severity"], rule["for"],
         _plain(rule["annotations"]["summary"]))
        for name, rule in alerts(rules).items()
    ))  # fmt: skip


def alerts(rules: Path = RULES) -> dict[str, Mapping[str, Any]]:
    """Alerting rules by name."""
    groups = yaml.safe_load(rules.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def operator_rules(rules: Path = RULES) -> str:
    """The alerts as a resource of the Prometheus operator."""
    body = rules.read_text().partition("groups:")[2]
    return _OPERATOR + "".join(
        f"  {line}".rstrip() + "\n" for line in f"groups:{body}".splitlines()
    )


_OPERATOR = """\
# Made from rules.yml by `python -m tests.project.pages`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: interest-streams
  labels:
    app.kubernetes.io/part-of: interest-streams
spec:
"""


def metric_names() -> list[str]:
    """Names of all metrics, without the prefix."""
    return [name for name, *_ in _metrics()]


def renewed(text: str) -> str:
    """A page's text with what stands between its markers made anew.

    Raises
    ------
    ValueError
        Where a pair of markers is missing.
    """
    for name, make in TABLES.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if begin not in text or end not in text:
            raise ValueError(f"no marks of the table {name!r}")
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n\n{make()}\n\n{end}{after}"
    return text


#: Markers to what is written between them.
TABLES = {"settings": settings_table, "metrics": metrics_table, "alerts": alerts_table}


def _default(field: dataclasses.Field[Any]) -> str:
    value = field.default
    if value is dataclasses.MISSING or value == "":
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and field.name.endswith("_ms"):
        return f"{value:,}{_duration(value)}"
    if isinstance(value, int):
        return str(value) if field.name.endswith("_port") else f"{value:,}"
    if isinstance(value, tuple):
        return ", ".join(f"{item:g}" for item in value)
    return f"`{value}`" if isinstance(value, str) else f"{value:g}"


def _duration(value: int) -> str:
    return next((f" ({value // unit} {name})" for unit, name in _UNITS
                 if value >= unit and value % unit == 0), "")  # fmt: skip


def _metrics() -> Iterator[tuple[str, str, tuple[str, ...], str, str]]:
    for collector in vars(metrics).values():
        if isinstance(collector, type) or not hasattr(collector, "describe"):
            continue
        for family in collector.describe():
            end = "_total" if family.type == "counter" else ""
            name = family.name.removeprefix(METRIC_PREFIX) + end
            programs = metrics.programs_of(collector)
            of = "all" if len(programs) == len(metrics.REGISTRIES) else ", ".join(programs)
            yield name, family.type, collector._labelnames, family.documentation, of


def _plain(summary: str) -> str:
    """An alert's template for people: labels and the value by name."""
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"*\1*", summary)
    return re.sub(r"\{\{ \$value[^}]*\}\}", "*value*", text)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
    USERS.write_text(strimzi.users(Settings()))
    OPERATOR_RULES.write_text(operator_rules())
