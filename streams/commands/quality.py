"""Runs ``quality``: measures the scores of the production code on real days, against baselines.

The protocol is that of `streams.evaluation.panels`; a day is scored as a whole before any of it is
learned, and the rows of the first quarter are not counted. Interests are keys (registrable
domains, packages); with ``--taxonomy`` the same is measured on the interests that the bundled
tags give.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from features.models import Learner, prior
from features.models.adpredictor import AdPredictor
from features.models.linear import Hurdle
from features.models.registry import references, registered
from features.models.signals import NAMES
from features.tags import taxonomy
from features.tags.exact import exact_tags
from streams.errors import ExitCode
from streams.evaluation import bursts, cost, households, panels, report, stances
from streams.evaluation import prequential as runs
from streams.evaluation.baselines import PLAIN, baselines, weekly_boosting
from streams.evaluation.measures import first_quarter_out, log_loss, measures
from streams.evaluation.prequential import Answers, count_active_days, replay, row_by_row

NAME = "quality"
HELP = "measure the scores on real data, against baselines"

#: What the issue of honest learning promises of the development data.
_BELOW_FREQUENCY, _BELOW_BOOSTING, _LEAST_AUC, _MOST_ECE = 0.15, 0.05, 0.90, 0.01


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--data", type=Path, metavar="DIR", help="folder with web-visits/visits.csv and so on"
    )
    what.add_argument(
        "--cost", action="store_true", help="what learning costs, on simulated customers"
    )
    what.add_argument(
        "--households",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="DIR",
        help="who was at a shared screen, on merged homes; without DIR on the bundled sample",
    )
    parser.add_argument(
        "--set",
        action="append",
        choices=[*panels.SETS],
        dest="sets",
        help="repeat it for several, merged by time; default: the web visits "
        "and the snapshots of apps",
    )
    parser.add_argument(
        "--taxonomy", action="store_true", help="interests of the bundled tags instead of keys"
    )
    parser.add_argument("--ablate", action="store_true", help="what each signal earns")
    parser.add_argument("--bursts", action="store_true", help="plant foreign evenings")
    parser.add_argument("--no-boosting", action="store_true", help="leave out what needs LightGBM")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="write plots")


def run(args: argparse.Namespace) -> ExitCode:
    """Measure the models' scores and print the report."""
    if args.cost:
        print(cost.measure())
        return ExitCode.DONE
    if args.households is not None:
        folder = args.households if args.households != Path() else None
        shared = households.measure_households(folder, args.ablate)
        print(households.households_report(shared))
        if args.json:
            report.write_json(shared, args.json)
        return ExitCode.DONE
    panel = panels.load(args.sets or ["web-visits", "snapshots"], args.data)
    found, answers, lines = measure(panel, args.taxonomy, not args.no_boosting)
    if args.ablate:
        found["ablation"] = ablation(answers)
    if args.bursts:
        found["bursts"] = flood(panel, answers)
    print(report.summary(found))
    if args.json:
        report.write_json(found, args.json)
    if args.plots:
        report.plots(answers, found, first_quarter_out(answers), lines, args.plots)
    return ExitCode.DONE


def measure(
    panel: panels.Panel, tagged: bool = False, boosting: bool = True
) -> tuple[dict[str, Any], Answers, dict[str, Any]]:
    """Figures, the rows they come from, and the probabilities by line of the table."""
    tree, table = _interests(panel, tagged)
    # Cold, for the shipped prior has seen the development data.
    learner = Learner(len(tree), (*registered(primed=False), *references()))
    champion = learner.champion.id
    answers = runs.run(panel, tree, table, learner)
    number = {name: k for k, name in enumerate(answers.subjects)}
    active = {
        (number[account], interest): days
        for (account, interest), days in count_active_days(panel, tree, table).items()
        if account in number
    }
    lines = dict(answers.p) | baselines(answers, active)
    lines["ftrl-logistic, row by row (leaks the day)"] = row_by_row(answers)
    for name, model in (
        ("ftrl-hurdle", Hurdle(prior.HURDLE)),
        ("adpredictor", AdPredictor(prior.HURDLE)),
    ):
        lines[f"{name}, from the shipped prior"] = replay(answers, model)
    if boosting:
        lines["LightGBM weekly"] = weekly_boosting(answers, PLAIN)
        lines["LightGBM weekly, all signals"] = weekly_boosting(answers)
    counted = first_quarter_out(answers)
    figures = {name: measures(answers, p, counted) for name, p in lines.items()}
    found: dict[str, Any] = {
        "panel": panel.name,
        "level": "taxonomy" if tagged else "key",
        "rows": len(answers),
        "counted": int(counted.sum()),
        "rate": float(answers.y[counted].mean()),
        "champion": champion,
        "first_days": first_days(answers, lines),
        "lines": figures,
        "targets": targets(figures, champion),
        "stances": stances.stances(answers, counted),
        "abstention": stances.abstention(answers, counted),
        "coverage": [asdict(band) for band in stances.coverage(answers, counted)],
        "news": [asdict(news) for news in learner.news],
    }
    return found, answers, lines


def first_days(answers: Answers, lines: dict[str, Any]) -> dict[str, float]:
    """Log-loss of the first tenth of the rows: what a prior is good for."""
    early = answers.day <= answers.day[len(answers) // 10]
    return {
        name: log_loss(answers.y[early], p[early])
        for name, p in lines.items()
        if name.startswith(("ftrl-hurdle", "adpredictor")) or name == "7-day frequency"
    }


def _interests(panel: panels.Panel, tagged: bool) -> tuple[taxonomy.Taxonomy, Any]:
    if tagged:
        return taxonomy.load(), exact_tags()
    interests = panel.interests()
    return panels.flat(sorted(set(interests.values()))), panels.one_each(interests)


def targets(lines: dict[str, dict[str, float]], champion: str) -> list[dict[str, Any]]:
    """The promised figures, and whether each is reached."""
    own = lines[champion]
    found = [
        (
            "share below the 7-day frequency >= 0.15",
            _BELOW_FREQUENCY,
            1.0 - own["log_loss"] / lines["7-day frequency"]["log_loss"],
            1,
        ),
        ("ROC-AUC >= 0.90", _LEAST_AUC, own["auc"], 1),
        ("ECE <= 0.01", _MOST_ECE, own["ece"], -1),
    ]
    for name in ("LightGBM weekly", "LightGBM weekly, all signals"):
        if name in lines:
            found.append(
                (
                    f"share below {name} >= 0.05",
                    _BELOW_BOOSTING,
                    1.0 - own["log_loss"] / lines[name]["log_loss"],
                    1,
                )
            )
    return [
        {"what": what, "value": value, "met": (value - least) * sign >= 0.0}
        for what, least, value, sign in found
    ]


def ablation(answers: Answers) -> dict[str, float]:
    """By how much the hurdle's log-loss rises when a signal is taken away."""
    counted = first_quarter_out(answers)
    y = answers.y[counted]
    whole = log_loss(y, replay(answers, Hurdle())[counted])
    silent = {name for k, name in enumerate(NAMES) if not answers.x[:, k].any()}
    rises = {
        name: log_loss(y, replay(answers, Hurdle(), name)[counted]) / whole - 1.0
        for name in NAMES
        if name not in silent
    }
    return dict(sorted(rises.items(), key=lambda item: -item[1]))


def flood(panel: panels.Panel, clean: Answers) -> dict[str, list[int]]:
    """Top five kept per burst, by the champion's score and by a level of one half-life."""
    flooded_panel, planted = bursts.plant(panel)
    tree, table = _interests(panel, tagged=False)
    learner = Learner(len(tree), registered(primed=False))
    flooded = runs.run(flooded_panel, tree, table, learner)
    return bursts.kept(clean, flooded, planted, learner.champion.id)
