"""Runs ``quality``: measures the scores of the production code on real days, against baselines.

The protocol is that of `streams.evaluation.panels`: a day is scored as a whole before any of it is
learned, and the first quarter of each person's span is not counted. Every panel has a table of its
own. Interests are keys (registrable domains, packages, programmes); with ``--taxonomy`` the same is
measured on the interests that the bundled tags give.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from streams.errors import ExitCode, UsageError
from streams.evaluation import cost, households, node_affinity, panel_files, panels, report, scores

NAME = "quality"
HELP = "measure the scores on real data, against baselines"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "Example: interest-streams quality --data panels --set web --no-boosting"
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with panels/NAME/events.csv, web-visits/visits.csv and so on; default: the "
        "web visits that ship with the package",
    )
    parser.add_argument(
        "--cost", action="store_true", help="what learning costs, on simulated customers"
    )
    parser.add_argument(
        "--households",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="DIR",
        help="who was at a shared screen, on merged homes; without DIR on the bundled sample",
    )
    parser.add_argument(
        "--tgb",
        type=Path,
        metavar="DIR",
        help="shares on a node property set of the Temporal Graph Benchmark: "
        "*edgelist*.csv and *label*.csv",
    )
    parser.add_argument(
        "--set",
        action="append",
        metavar="NAME",
        dest="sets",
        help="measure this panel alone; repeat it for several",
    )
    parser.add_argument(
        "--taxonomy", action="store_true", help="interests of the bundled tags instead of keys"
    )
    parser.add_argument("--ablate", action="store_true", help="what each signal earns")
    parser.add_argument("--bursts", action="store_true", help="plant foreign evenings")
    parser.add_argument(
        "--references", action="store_true", help="compare with models that no worker runs"
    )
    parser.add_argument("--no-boosting", action="store_true", help="leave out what needs LightGBM")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write figures and plots")


def run(args: argparse.Namespace) -> ExitCode:
    """Measure the models' scores and print the report, panel by panel."""
    if args.cost:
        print(cost.measure())
        return ExitCode.DONE
    if args.tgb is not None:
        print(node_affinity.affinity_report(node_affinity.measure_affinity(args.tgb)))
        return ExitCode.DONE
    if args.households is not None:
        folder = args.households if args.households != Path() else None
        shared = households.measure_households(folder, args.ablate)
        print(households.households_report(shared))
        if args.out:
            print(f"written: {households.write_households(shared, args.out)}")
        return ExitCode.DONE
    for panel in _panels(args.data, args.sets):
        measured = scores.measure(panel, args.taxonomy, not args.no_boosting, args.references)
        if args.ablate:
            measured.found["ablation"] = scores.ablation(measured)
        if args.bursts:
            measured.found["bursts"] = scores.flood(panel, measured)
        print(report.summary(measured.found), end="\n\n", flush=True)
        if args.out:
            print("written: " + ", ".join(map(str, report.write(measured, args.out))))
    return ExitCode.DONE


def _panels(data: Path | None, names: list[str] | None) -> Iterator[panels.Panel]:
    """The chosen panels one after the other, after a word on what isn't measured."""
    if data is None:
        if names:
            raise UsageError("--set chooses from a folder: say --data DIR")
        yield panels.bundled()
        return
    folder = panel_files.look(data)
    missing = set(names or ()) - set(folder.panels)
    if missing:
        raise UsageError(
            f"no panel {', '.join(sorted(missing))} in {data}: there is {', '.join(folder.panels)}"
        )
    for place, why in folder.left_out.items():
        print(f"not measured: {place} ({why})")
    for name in names or folder.panels:
        yield panel_files.load(name, data)
