"""A table of the packages' data that a script builds: written, or compared with what is there."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from tests.support.paths import ROOT


def write_or_check(
    parser: argparse.ArgumentParser, name: str, build: Callable[[argparse.Namespace], str]
) -> int:
    """Write ``features/data/<name>``; with ``--check`` compare only, 1 if it is another text."""
    parser.add_argument("--check", action="store_true", help="compare only")
    args = parser.parse_args()
    text, target = build(args), ROOT / "features" / "data" / name
    if args.check:
        same = target.read_text(encoding="utf-8") == text
        print("up to date" if same else "differs: run without --check")
        return 0 if same else 1
    target.write_text(text, encoding="utf-8")
    rows = sum(not line.startswith("#") for line in text.splitlines()) - 1
    print(f"{name}: {rows:,} rows, {len(text.encode()):,} bytes")
    return 0
