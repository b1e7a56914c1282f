"""Reports the figures: a table for people, JSON for machines, and plots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from streams.evaluation.measures import MEASURES, lift_curve, reliability
from streams.evaluation.prequential import Answers

_TITLES = {
    "log_loss": "log-loss",
    "auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "brier": "Brier",
    "ece": "ECE",
    "recall_5": "recall@5",
}


def score_table(lines: Mapping[str, Mapping[str, float]]) -> str:
    """One line per answerer, best log-loss first."""
    width = max(len(name) for name in lines)
    rows = [" " * width + "".join(f"{_TITLES[m]:>10}" for m in MEASURES)]
    for name, values in sorted(lines.items(), key=lambda item: item[1]["log_loss"]):
        rows.append(name.ljust(width) + "".join(f"{values[m]:10.4f}" for m in MEASURES))
    return "\n".join(rows)


def summary(found: Mapping[str, Any]) -> str:
    """Everything measured of one run, as text."""
    blocks = [
        f"== {found['panel']}: {found['rows']} rows, {found['counted']} counted, "
        f"{found['rate']:.4f} engaged, champion {found['champion']}",
        score_table(found["lines"]),
    ]
    if "targets" in found:
        blocks.append(
            "\n".join(
                f"{'met   ' if target['met'] else 'MISSED'} {target['what']}: {target['value']:.4f}"
                for target in found["targets"]
            )
        )
    blocks.append(
        "log-loss of the first tenth of the rows\n"
        + "\n".join(f"{name:40}{value:.4f}" for name, value in found["first_days"].items())
    )
    blocks.append(
        "stances     share   rows  engaged\n"
        + "\n".join(
            f"{name:10}{row['share']:7.3f}{row['rows']:7.0f}{row['engaged']:9.4f}"
            for name, row in found["stances"].items()
        )
    )
    blocks.append(
        "surest bets: share, least lift (lower bound), precision\n"
        + "\n".join(
            f"{share:7.3f} {low:8.2f} {precision:8.3f}"
            for share, low, precision in found["abstention"]
        )
    )
    blocks.append(
        "80 % intervals against the following 14 days\n"
        "   scores mornings pairs  held  mean score  rate tomorrow  of the 14 days\n"
        + "\n".join(
            f"{band['scores']:>9} {band['mornings']:8d} {band['pairs']:5d} {band['held']:5.2f}"
            f"{band['score']:12.3f}{band['tomorrow']:15.3f}{band['fortnight']:16.3f}"
            for band in found["coverage"]
        )
    )
    if "bursts" in found:
        blocks.append(
            "top five kept after a foreign evening (half of the day's events)\n"
            + "\n".join(
                f"{name:12} {np.mean(kept):.2f} of 5 over {len(kept)} bursts"
                for name, kept in found["bursts"].items()
                if kept
            )
        )
    if "ablation" in found:
        blocks.append(
            "without the signal, log-loss rises by (hurdle)\n"
            + "\n".join(f"{name:16} {rise:+.2%}" for name, rise in found["ablation"].items())
        )
    for news in found["news"]:
        blocks.append(f"day {news['day']}: {news['what']} {news['model']} ({news['other']})")
    return "\n\n".join(blocks)


def file_stem(found: Mapping[str, Any]) -> str:
    """Stem of the files of a run."""
    return f"{found['panel']}-{found['level']}"


def write_json(found: Mapping[str, Any], path: Path) -> None:
    """The figures as JSON; what is not a number is null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")


def plots(
    answers: Answers, found: Mapping[str, Any], counted: Any, lines: Mapping[str, Any], folder: Path
) -> list[Path]:
    """Reliability, log-loss over time and lift curve, as PNG files.

    Raises
    ------
    ImportError
        Where the extra ``quality`` is not installed.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    shown = [found["champion"], "7-day frequency", "LightGBM weekly"]
    shown = [name for name in shown if name in lines]
    y = answers.y[counted]
    written = []
    for title, draw in (("reliability", _reliability), ("log-loss", _over_time), ("lift", _lift)):
        figure, axes = pyplot.subplots(figsize=(6, 4.5))
        for name in shown:
            draw(axes, name, y, lines[name][counted], answers.day[counted])
        axes.set_title(f"{found['panel']}: {title}")
        axes.legend()
        path = folder / f"{file_stem(found)}-{title}.png"
        figure.savefig(path, dpi=110)
        pyplot.close(figure)
        written.append(path)
    return written


def _reliability(axes: Any, name: str, y: Any, p: Any, day: Any) -> None:
    points = reliability(y, p)
    axes.loglog(
        [max(q, 1e-4) for q, _, _ in points],
        [max(r, 1e-4) for _, r, _ in points],
        marker="o",
        label=name,
    )
    axes.loglog([1e-4, 1.0], [1e-4, 1.0], color="grey", linewidth=0.5)
    axes.set_xlabel("probability")
    axes.set_ylabel("rate")


def _over_time(axes: Any, name: str, y: Any, p: Any, day: Any) -> None:
    q = np.clip(p, 1e-5, 1.0 - 1e-5)
    lost = -np.where(y == 1, np.log(q), np.log1p(-q))
    week = (day - day[0]) // 7
    rows = np.bincount(week)
    means = np.bincount(week, lost)[rows > 0] / rows[rows > 0]
    axes.plot(np.flatnonzero(rows), means, marker=".", label=name)
    axes.set_xlabel("week")
    axes.set_ylabel("log-loss")


def _lift(axes: Any, name: str, y: Any, p: Any, day: Any) -> None:
    points = lift_curve(y, p)
    axes.semilogx(
        [share for share, _ in points], [hit for _, hit in points], marker=".", label=name
    )
    axes.set_xlabel("share of rows, from the top")
    axes.set_ylabel("share of engagements found")
