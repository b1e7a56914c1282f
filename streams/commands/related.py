"""Runs ``interest-streams related INTEREST``: shows what goes together with it, and why.

Reads the graph of every partition from the changelog (`features.related.graph`) and adds them up;
beside it what means nearly the same (``features/data/neighbours.tsv``). For people: scores and
suppressions don't use the learned graph.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from typing import TYPE_CHECKING, Any

from features.state.changelog_keys import RELATED
from features.tags import taxonomy
from features.tags.taxonomy import Taxonomy
from streams.contract.topics import STATE
from streams.errors import ExitCode, UsageError
from streams.kafka.compacted import ReaderError
from streams.kafka.latest import read_latest
from streams.settings import Settings
from streams.terminal import add_kafka_options, bar, settings_of

if TYPE_CHECKING:
    from features.related.graph import Related

NAME = "related"
HELP = "interests that go together with one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("interest", metavar="INTEREST", help="taxonomy id or name")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.epilog = "Example: interest-streams related Gardening --bootstrap kafka:9092"
    parser.add_argument(
        "--timeout",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="for reading the changelog (default 300)",
    )
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print the neighbours; FAILED if there are none.

    Raises
    ------
    UsageError
        Where the interest is unknown, or one that is never inferred.
    """
    tree = taxonomy.load()
    index = find(args.interest, tree)
    if index is None:
        raise UsageError(f"{args.interest!r} is no interest of {tree.version}{_meant(args, tree)}")
    if tree.sensitive[index]:
        raise UsageError(f"{tree.names[index]} is sensitive: nothing is inferred of it")
    settings = settings_of(args)
    found = listed(read(settings, tree, args.timeout), index, tree, settings.audience_k)
    if args.json or not sys.stdout.isatty():
        print(
            json.dumps(
                {"id": tree.ids[index], "name": tree.names[index], "related": found},
                ensure_ascii=False,
            )
        )
    else:
        print(f"{' > '.join(tree.paths[index])} ({tree.ids[index]})")
        for item in found:
            near = item["relatedness"]
            print(f"  {bar(near)} {near:.3f}  {item['why']:8}  {item['name']} ({item['id']})")
    if not found:
        least = settings.audience_k
        print(
            f"related: nothing goes together with {tree.names[index]} in {least} households yet",
            file=sys.stderr,
        )
    return ExitCode.DONE if found else ExitCode.FAILED


def _meant(args: argparse.Namespace, tree: Taxonomy) -> str:
    """Names like the one that is none, of what is inferred."""
    names = {
        name.lower(): name for name, no in zip(tree.names, tree.sensitive, strict=True) if not no
    }
    near = [names[name] for name in difflib.get_close_matches(args.interest.lower(), names)]
    return f"; is it {' or '.join(near)}?" if near else ""


def find(text: str, tree: Taxonomy) -> int | None:
    """Dense index of an id or a name, whatever its case; the first in file order."""
    if text in tree:
        return tree.index(text)
    names = [name.lower() for name in tree.names]
    return names.index(text.lower()) if text.lower() in names else None


def read(settings: Settings, tree: Taxonomy, timeout: float = 300.0) -> Related:
    """The graphs of all partitions, added up.

    Raises
    ------
    ReaderError
        The changelog cannot be read in time, or holds a graph that is not of this release.
    """
    from features.related.graph import Related  # the compiler: not for every command

    records = read_latest(settings, STATE, lambda key: key == RELATED, timeout)
    whole = Related(tree)
    for (_, partition), value in sorted(records.items()):
        part = Related(tree)
        try:
            part.restore({RELATED: value})
        except (ValueError, LookupError) as error:
            raise ReaderError(
                f"{settings.topic(STATE)}[{partition}]: {RELATED.decode()} is not of "
                f"this release ({error})"
            ) from None
        whole.add(part)
    return whole


def listed(graph: Related, index: int, tree: Taxonomy, k: int) -> list[dict[str, Any]]:
    """Neighbours: what was learned ``together``, nearest first, then by likeness of ``meaning``.

    Nothing is told that rests on fewer than `k` households.
    """
    from features.tags.exact import neighbours

    found = [
        {"id": tree.ids[i], "name": tree.names[i], "relatedness": round(near, 4), "why": "together"}
        for i, near in graph.neighbours(index, k)
    ]
    told = {item["id"] for item in found}
    same = neighbours(tree).get(index)
    if same is not None and tree.ids[same] not in told:
        likeness = {
            (row[0], row[1]): float(row[2]) for _, row in taxonomy.read_rows("neighbours.tsv")
        }
        found.append(
            {
                "id": tree.ids[same],
                "name": tree.names[same],
                "why": "meaning",
                "relatedness": likeness[tree.ids[index], tree.ids[same]],
            }
        )
    return found
