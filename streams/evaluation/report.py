"""Reports the figures: a table for people, JSON for machines, and plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from streams.evaluation.baselines import BOOSTED
from streams.evaluation.intervals import Interval
from streams.evaluation.measures import MEASURES, lift_curve, reliability
from streams.evaluation.scores import ANSWERED, Measured
from streams.evaluation.segments import SegmentRates

_TITLES = {
    "log_loss": "log-loss",
    "auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "brier": "Brier",
    "ece": "ECE",
    "slope": "slope",
    "spread": "spread",
    "recall_5": "recall@5",
    "ndcg_10": "nDCG@10",
}
_SAID = {1: "better", 0: "undecided", -1: "worse"}


def score_table(lines: Mapping[str, Mapping[str, float]]) -> str:
    """One line per answerer, best log-loss first."""
    width = max(len(name) for name in lines)
    rows = [" " * width + "".join(f"{_TITLES[m]:>10}" for m in MEASURES)]
    for name, values in sorted(lines.items(), key=lambda item: item[1]["log_loss"]):
        rows.append(name.ljust(width) + "".join(f"{values[m]:10.4f}" for m in MEASURES))
    return "\n".join(rows)


def gain_table(gains: Mapping[str, Mapping[str, Interval]]) -> str:
    """Compare what was answered with each other line, and say what may be claimed."""
    width = max(len(name) for name in gains)
    rows = [
        "what was answered against each, [90 % interval by subject and week]\n"
        f"{'':{width}}{'log-loss below it by':>28}{'':11}{'recall@5':>28}{'nDCG@10':>28}"
    ]
    for name, gain in sorted(gains.items(), key=lambda item: item[1]["log_loss"].value):
        lost, recall, ndcg = (gain[measure] for measure in ("log_loss", "recall_5", "ndcg_10"))
        rows.append(
            f"{name:{width}}{format(lost, '+.2%'):>28}  {_SAID[lost.sign]:9}"
            f"{format(recall, '+.4f'):>28}{format(ndcg, '+.4f'):>28}"
        )
    return "\n".join(rows)


def segment_table(parts: Sequence[SegmentRates]) -> str:
    """Put what came beside what was said, and mark where the interval excludes it."""
    width = max(len(part.name) for part in parts)
    rows = [f"{'':{width}}{'rows':>9}{'said':>8}   {'came':28}came / said"]
    rows += [
        f"{part.name:{width}}{part.rows:9d}{part.said:8.4f}   {format(part.came, '.4f'):28}"
        f"{part.ratio:.2f}{'  off' if part.off else ''}"
        for part in parts
    ]
    return "\n".join(rows)


def summary(found: Mapping[str, Any]) -> str:
    """Everything measured of one panel, as text."""
    prior = "from the shipped prior" if found["primed"] else "cold: the prior has seen this set"
    blocks = [
        f"== {found['panel']} ({found['level']}): {found['subjects']} subjects, {found['rows']:,} "
        f"rows, {found['counted']:,} counted, rate {found['rate']:.4f}; {prior}; champion at the "
        f"end {found['champion']}",
        f"answered: log-loss {found['log_loss']:.4f}, calibration slope {found['slope']:.2f}",
        score_table(found["lines"]),
        gain_table(found["gains"]),
        segment_table(found["segments"]),
    ]
    if found["left_out"]:
        said = ", ".join(f"{count:,} {what}" for what, count in found["left_out"].items())
        blocks.insert(1, f"left out of the file: {said}")
    blocks += [*_stances(found), *_shares(found), *_bursts(found)]
    if "ablation" in found:
        blocks.append(
            "without the signal, log-loss rises by (hurdle)\n"
            + "\n".join(f"{name:16} {rise:+.2%}" for name, rise in found["ablation"].items())
        )
    blocks.append(
        "log-loss of the first tenth of the rows\n"
        + "\n".join(f"{name:40}{value:.4f}" for name, value in found["first_days"].items())
    )
    for news in found["news"]:
        blocks.append(f"day {news['day']}: {news['what']} {news['model']} ({news['other']})")
    return "\n\n".join(blocks)


def _stances(found: Mapping[str, Any]) -> list[str]:
    return [
        "stances     share     rows  engaged\n"
        + "\n".join(
            f"{name:10}{row['share']:7.3f}{row['rows']:9d}  {row['engaged']:.4f}"
            for name, row in found["stances"].items()
        ),
        "engage per week of a subject: begins {comes:.3f}, ends {ends:.3f}, there and back in a "
        "week {said}; of {onsets} new habits it waited {lag:.1f} days".format(
            **found["changes"], said=format(Interval(**found["changes"]["back"]), ".4f")
        ),
        "trend against the coming week, of what was seen on three of 28 days or more: rows, right "
        "(of habits: called steady), the contrary came (called rising)\n"
        + "\n".join(
            f"{rates['said']:22}{rates['rows']:9d}  {format(Interval(**rates['right']), '.3f'):22}"
            f"{rates['opposite']:8.3f}"
            for rates in found["trends"]
        ),
        "confidence: standard error over score, as it said and as the following 14 days showed\n"
        + "\n".join(
            f"{band['confidence']:>9} {band['mornings']:8d}{band['said']:8.2f}{band['came']:8.2f}"
            for band in found["exactness"]
        ),
        "surest bets: share, least lift (lower bound), precision\n"
        + "\n".join(
            f"{share:7.3f} {low:8.2f} {precision:8.3f}"
            for share, low, precision in found["abstention"]
        ),
        "80 % intervals against the following 14 days\n"
        "   scores mornings pairs  held  mean score  rate tomorrow  of the 14 days\n"
        + "\n".join(
            f"{band['scores']:>9} {band['mornings']:8d} {band['pairs']:5d} {band['held']:5.2f}"
            f"{band['score']:12.3f}{band['tomorrow']:15.3f}{band['fortnight']:16.3f}"
            for band in found["coverage"]
        ),
    ]


def _shares(found: Mapping[str, Any]) -> list[str]:
    if not found.get("shares"):
        return []
    return [
        "share of the attention of the next 7 days; what share is better by, [90 % interval]\n"
        f"{'':20}{'NDCG@10':>9}{'cross-entropy':>15}{'NDCG@10':>28}{'cross-entropy':>28}\n"
        + "\n".join(
            f"{line['name']:20}{line['ndcg']:9.4f}{line['cross_entropy']:15.4f}"
            f"{format(Interval(**line['ndcg_gain']), '+.4f'):>28}"
            f"{format(Interval(**line['cross_entropy_gain']), '+.2%'):>28}"
            for line in sorted(found["shares"], key=lambda line: line["cross_entropy"])
        ),
        "shares: rows, said, came, held by the 80 % interval\n"
        + "\n".join(
            f"{band['shares']:>9} {band['rows']:8d}{band['said']:8.4f}{band['came']:8.4f}"
            f"{band['held']:6.2f}"
            for band in found["share_bands"]
        ),
    ]


def _bursts(found: Mapping[str, Any]) -> list[str]:
    if "bursts" not in found:
        return []
    return [
        "top five kept after a foreign evening (half of the day's events)\n"
        + "\n".join(
            f"{name:12} {np.mean(kept):.2f} of 5 over {len(kept)} bursts"
            for name, kept in found["bursts"].items()
            if kept
        )
    ]


def file_stem(found: Mapping[str, Any]) -> str:
    """Stem of the files of a run."""
    return f"{found['panel']}-{found['level']}"


def write(measured: Measured, folder: Path) -> list[Path]:
    """The figures as JSON, where what is not a number is null, and plots.

    Raises
    ------
    ImportError
        Where the extra ``quality`` is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{file_stem(measured.found)}.json"
    path.write_bytes(orjson.dumps(measured.found, option=orjson.OPT_INDENT_2) + b"\n")
    return [path, *_plots(measured, folder)]


def _plots(measured: Measured, folder: Path) -> list[Path]:
    """Reliability, log-loss over time and lift curve, as PNG files."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    found, counted, lines = measured.found, measured.counted, measured.lines
    shown = [name for name in (ANSWERED, "7-day frequency", BOOSTED) if name in lines]
    y, day = measured.answers.y[counted], measured.answers.day[counted]
    written = []
    for title, draw in (("reliability", _reliability), ("log-loss", _over_time), ("lift", _lift)):
        figure, axes = pyplot.subplots(figsize=(6, 4.5))
        for name in shown:
            draw(axes, name, y, lines[name][counted], day)
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
