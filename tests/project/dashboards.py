"""Writes the dashboards from one table: ``python -m tests.project.dashboards``.

A panel is a title, a unit and its expressions; layout and everything Grafana wants besides is made
here, alike for all. `{job}` stands for the selection of the job and the tenant.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.paths import ROOT

FOLDER = ROOT / "deploy" / "grafana" / "dashboards"
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH = 24
_PREFIX = "interest_streams_"
_PROCESS = "{{job}} {{instance}}"


class Expression(NamedTuple):
    """An expression of PromQL and the legend of its series."""

    query: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One panel; a `stat` shows a number, a `timeseries` lines."""

    title: str
    unit: str
    expressions: tuple[Expression, ...]
    about: str = ""
    kind: str = "timeseries"


@dataclass(frozen=True)
class Dashboard:
    """Rows of panels, by their titles."""

    uid: str
    title: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]


def _rate(name: str, by: str = "") -> str:
    """Sum of a counter's rate."""
    group = f" by ({by})" if by else ""
    return f"sum{group} (rate({_PREFIX}{name}{{job}}[$__rate_interval]))"


def _by(name: str, label: str) -> tuple[str, str]:
    """A counter's rate by a label, and the label's value as the legend."""
    return _rate(name, label), f"{{{{{label}}}}}"


def _quantiles(name: str) -> tuple[Expression, ...]:
    return tuple(
        Expression(f"histogram_quantile({q}, {_rate(f'{name}_seconds_bucket', 'le')})", f"p{q[2:]}")
        for q in ("0.5", "0.99")
    )


def _stat(title: str, unit: str, query: str, about: str = "") -> Panel:
    return Panel(title, unit, (Expression(query),), about, "stat")


def _lines(title: str, unit: str, *pairs: tuple[str, str], about: str = "") -> Panel:
    return Panel(title, unit, tuple(Expression(*pair) for pair in pairs), about)


STREAM = Dashboard(
    "interest-streams",
    "Interest streams",
    (
        ("Is it well?", (
            _stat("Worst lag", "s", f"max({_PREFIX}lag_seconds{{job}})"),
            _stat("Workers ready", "short", f'sum({_PREFIX}ready{{job,program="worker"}})'),
            _stat("Reaches a broker", "short", f"max({_PREFIX}broker_reachable{{job}})"),
            _stat("Events per second", "short", _rate("input_records_total")),
            _stat("Refused", "percentunit",
                  f"{_rate('dead_letters_total')} / {_rate('input_records_total')}"),
            _stat("Halted or given up", "short",
                  f"(sum({_PREFIX}input_halted{{job}}) or vector(0)) "
                  f"+ (sum({_PREFIX}partition_given_up{{job}}) or vector(0))"),
        )),
        ("Flow", (
            _lines("Lag by partition", "s",
                   (f"max by (partition) ({_PREFIX}lag_seconds{{job}})", "{{partition}}")),
            Panel("From event to profile", "s", _quantiles("event_to_profile")),
            _lines("Input by topic", "short", _by("input_records_total", "topic")),
            _lines("What became of it", "short", _by("outcomes_total", "outcome")),
            _lines("Output", "short", (_rate("profiles_published_total"), "profiles"),
                   (_rate("state_records_total"), "state"),
                   (_rate("tombstones_total", "topic"), "tombstones {{topic}}")),
            _lines("Refused by reason", "short", _by("dead_letters_total", "reason")),
            _lines("Untagged attention", "s",
                   _by("untagged_attention_seconds_total", "source")),
        )),
        ("Transactions", (
            _lines("Commits and aborts", "short", (_rate("commits_total"), "commits"),
                   _by("aborts_total", "reason")),
            Panel("Commit duration", "s", _quantiles("commit_duration")),
            Panel("Batch duration", "s", _quantiles("batch_duration")),
            _lines("Since the latest commit", "s",
                   (f"time() - {_PREFIX}last_commit_timestamp_seconds{{job}}", "{{instance}}")),
        )),
        ("Workers", (
            _lines("Partitions by worker", "short",
                   (f"{_PREFIX}assigned_partitions{{job}}", "{{instance}}")),
            _lines("Rebalances", "short",
                   (f"sum by (kind) (increase({_PREFIX}rebalances_total{{job}}[5m]))", "{{kind}}")),
            _lines("Restores", "short",
                   (f"{_PREFIX}restore_remaining_records{{job}}", "left {{instance}}"),
                   (f"{_PREFIX}restore_duration_seconds{{job}}", "seconds {{instance}}")),
            _lines("State", "bytes", (f"{_PREFIX}state_bytes{{job}}", "{{instance}}")),
        )),
        ("Processes, apps too", (
            _lines("Memory", "bytes", ("process_resident_memory_bytes{job}", _PROCESS)),
            _lines("CPU", "short",
                   ("rate(process_cpu_seconds_total{job}[$__rate_interval])", _PROCESS)),
            _lines("Ends by reason", "short",
                   (f"sum by (program, reason) (increase({_PREFIX}exits_total{{job}}[1h])) > 0",
                    "{{program}}: {{reason}}"), about="killed: without having had the time to say"),
            _lines("Build", "short",
                   (f"count by (program, version, river) ({_PREFIX}build_info{{job}})",
                    "{{program}} {{version}}, River {{river}}")),
        )),
    ),
)  # fmt: skip

MODELS = Dashboard(
    "interest-models",
    "Interest models",
    (
        ("Now", (
            _stat("Log-loss", "none", f"avg({_PREFIX}prequential_log_loss{{job}})",
                  "Of the champion, scored before learned; less is better"),
            _stat("Rows learned in an hour", "short",
                  f"sum(increase({_PREFIX}learned_rows_total{{job}}[1h]))"),
            _stat("Days closed in an hour", "short",
                  f"sum(increase({_PREFIX}days_closed_total{{job}}[1h]))"),
            _stat("Interest rows per subject", "short",
                  f"sum({_PREFIX}interest_rows{{job}}) / sum({_PREFIX}subjects{{job}})"),
        )),
        ("Models", (
            _lines("Log-loss", "none",
                   (f"avg by (model) ({_PREFIX}model_log_loss{{job}})", "{{model}}")),
            _lines("Calibration error", "none",
                   (f"avg by (model) ({_PREFIX}model_calibration_error{{job}})", "{{model}}")),
            _lines("Who answers", "short",
                   (f"sum by (model) ({_PREFIX}champion_partitions{{job}})", "{{model}}")),
            _lines("News", "short",
                   (f"sum by (what, model) (increase({_PREFIX}model_news_total{{job}}[1d])) > 0",
                    "{{what}} {{model}}"), about="Promoted, demoted, drift"),
        )),
        ("What they learn from", (
            _lines("Watermark age", "s",
                   ("time() - max by (partition) "
                    f"({_PREFIX}watermark_timestamp_seconds{{job}} > 0)", "{{partition}}")),
            _lines("Catalogue", "short", _by("catalogue_entries_total", "outcome")),
            _lines("Heaviest untagged contents", "s",
                   (f"topk(10, max by (content) ({_PREFIX}untagged_heaviest_seconds{{job}}))",
                    "{{content}}")),
        )),
    ),
)  # fmt: skip

PRIVACY = Dashboard(
    "interest-privacy",
    "Interest privacy",
    (
        ("Facts about rights", (
            _stat("To be decided by a person, 24 h", "short",
                  f"sum(increase({_PREFIX}facts_undecided_total{{job}}[1d]))"),
            _lines("Read tolerantly", "short",
                   (f"sum by (reading) (increase({_PREFIX}facts_read_tolerantly_total{{job}}[1h]))",
                    "{{reading}}")),
            Panel("Erasures, from asked to committed", "s", _quantiles("erasure_duration")),
            _lines("Facts' lag", "s", (f"max({_PREFIX}lag_seconds{{job}})", "worst partition"),
                   about="Withdrawals and erasures wait as long"),
        )),
        ("Consent", (
            _lines("Without consent, by input", "percentunit",
                   (f"sum by (topic) (rate({_PREFIX}input_outcomes_total"
                    '{job,outcome="no_consent"}[$__rate_interval])) / '
                    f"{_rate('input_outcomes_total', 'topic')}", "{{topic}}")),
            _lines("Tombstones", "short", _by("tombstones_total", "topic")),
            _lines("Facts let go for later ones", "short",
                   (f"sum by (kind) (increase({_PREFIX}facts_evicted_total{{job}}[1h]))",
                    "{{kind}}"),
                   about="What protects somebody is never among them"),
        )),
        ("Audiences", (
            _stat("Privacy budget", "percentunit", f"max({_PREFIX}audience_budget_ratio{{job}})",
                  "Above 1 the next release waits"),
            _lines("Cells", "short", _by("audience_segments_total", "action")),
            _lines("Profiles that changed a count", "short",
                   (_rate("audience_profiles_total"), "")),
        )),
    ),
)  # fmt: skip

DASHBOARDS = (STREAM, MODELS, PRIVACY)


def expressions() -> dict[str, str]:
    """Every expression by dashboard and panel, as Prometheus takes it without Grafana."""
    found = {}
    for dashboard in DASHBOARDS:
        for row, panels in dashboard.rows:
            for panel in panels:
                for number, expression in enumerate(panel.expressions):
                    query = expression.query.replace("{job}", "").replace("{job,", "{")
                    name = f"{dashboard.title}: {row}: {panel.title} {number}"
                    found[name] = query.replace("$__rate_interval", "1m")
    return found


def text_of(dashboard: Dashboard) -> str:
    """A dashboard as Grafana's file."""
    return json.dumps(_whole(dashboard), indent=1) + "\n"


def _whole(dashboard: Dashboard) -> dict[str, Any]:
    variables: list[dict[str, Any]] = [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"},
        *({
            "name": name, "type": "query", "label": name.capitalize(), "datasource": _DATASOURCE,
            "query": f"label_values({_PREFIX}ready, {name})", "refresh": 2, "includeAll": True,
            "multi": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"},
        } for name in ("tenant", "job")),
    ]  # fmt: skip
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["interest-streams"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "time": {"from": "now-3h", "to": "now"},
        "refresh": "30s",
        "timezone": "browser",
        "templating": {"list": variables},
        "annotations": {"list": [_aborts()]},
        "panels": _panels(dashboard),
    }


def _aborts() -> dict[str, Any]:
    query = f"sum by (instance, reason) (increase({_PREFIX}aborts_total{{job}}[1m])) > 0"
    return {"name": "Aborts", "datasource": _DATASOURCE, "enable": True, "iconColor": "red",
            "expr": _selected(query), "titleFormat": "{{instance}}: {{reason}}"}  # fmt: skip


def _panels(dashboard: Dashboard) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    y = 0
    for title, panels in dashboard.rows:
        place = {"h": 1, "w": _WIDTH, "x": 0, "y": y}
        made.append({"id": len(made) + 1, "type": "row", "title": title, "gridPos": place})
        y += 1
        x = height = 0
        for panel in panels:
            tall, wide = (4, 4) if panel.kind == "stat" else (8, 8 if len(panels) != 4 else 6)
            if x + wide > _WIDTH:
                x, y, height = 0, y + height, 0
            place = {"h": tall, "w": wide, "x": x, "y": y}
            made.append(_panel(panel, len(made) + 1, place))
            x, height = x + wide, max(height, tall)
        y += height
    return made


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + n), "datasource": _DATASOURCE, "expr": _selected(e.query),
         "legendFormat": e.legend or "__auto"}
        for n, e in enumerate(panel.expressions)
    ]  # fmt: skip
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _DATASOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }


def _selected(query: str) -> str:
    chosen = 'job=~"$job",tenant=~"$tenant"'  # all of them: those without a tenant, too
    return query.replace("{job}", f"{{{chosen}}}").replace("{job,", f"{{{chosen},")


def path_of(dashboard: Dashboard, folder: Path = FOLDER) -> Path:
    """The file of a dashboard."""
    return folder / f"{dashboard.uid.removeprefix('interest-')}.json"


if __name__ == "__main__":
    for board in DASHBOARDS:
        path_of(board).write_text(text_of(board))
