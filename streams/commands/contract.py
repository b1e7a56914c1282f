"""Runs ``contract``: writes the published contract, or compares it with released versions."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from streams.contract.documents import DEFAULT_DIR, documents, release_breaks
from streams.contract.schema_forms import Schema
from streams.errors import ExitCode, UsageError

NAME = "contract"
HELP = "write the contract, or hold it to releases"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "Example: interest-streams contract --against deploy/contract/releases/1.0.0"
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"write asyncapi.json and schemas/ here ({DEFAULT_DIR})",
    )
    what.add_argument(
        "--against",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="folders of released contracts, oldest first: fail if any two break",
    )


def run(args: argparse.Namespace) -> ExitCode:
    """Write the documents, or compare them with released ones; FAILED if incompatible."""
    if args.out is not None:
        for name, document in documents().items():
            target = args.out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(document)
        return ExitCode.DONE
    problems = _against(args.against)
    for problem in problems:
        print(problem, file=sys.stderr)
    return ExitCode.FAILED if problems else ExitCode.DONE


def _against(released: Sequence[Path]) -> list[str]:
    for folder in released:
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such folder")
    return release_breaks(
        {
            str(folder): {
                path.stem: _load(path) for path in sorted((folder / "schemas").glob("*.json"))
            }
            for folder in released
        }
    )


def _load(path: Path) -> Schema:
    try:
        schema = json.loads(path.read_text())
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None
    if not isinstance(schema, dict):
        raise UsageError(f"{path}: not a JSON object")
    return schema
