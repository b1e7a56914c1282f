"""Runs ``interest-streams tags``: publishes the bundled tags, and an operator's own.

``publish`` and ``add`` are idempotent: the topic is read first and only what differs is
produced. A record that a person set (``editor``) is never overwritten by ``publish``.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from features.tags import taxonomy
from features.tags.exact import (
    MAX_TAGS,
    Tag,
    TagEntry,
    TagError,
    checked_key,
    checked_weight,
    decode,
    encode,
    exact_tags,
    expand,
    resolve,
)
from streams.contract import topics
from streams.contract.record import Record
from streams.errors import ExitCode
from streams.evaluation import coverage
from streams.kafka.compacted import CompactedTopic
from streams.kafka.producing import Produced, produce
from streams.settings import Settings
from streams.terminal import Meter, add_kafka_options, settings_of

NAME = "tags"
HELP = "what hosts, apps and programmes stand for"

#: In the taxonomy column of an operator's list: machinery, and "known, but never to be tagged".
INFRASTRUCTURE, DENIED = "infrastructure", "denied"
MAX_ROWS = 1_000_000
_SHOWN = 20  # refused rows that are named
_COLUMNS = ("key", "interest", "weight")


def read_list(path: Path) -> tuple[dict[str, TagEntry], list[str]]:
    """An operator's list: content key, taxonomy id, weight, tab-separated.

    Lines that start with ``#`` and the header ``key interest weight`` are skipped. A key may
    have several rows. The id may be ``infrastructure`` or ``denied``; then there is no weight.

    Returns
    -------
    dict of str to TagEntry, list of str
        Entries, and refused rows as ``line 7: weight: '2' ...``.

    Raises
    ------
    OSError, UnicodeDecodeError
        If the file cannot be read.
    """
    tags: dict[str, list[Tag]] = {}
    marks: dict[str, str] = {}
    refused: list[str] = []
    with path.open(encoding="utf-8", newline="") as lines:
        for number, line in enumerate(lines, 1):
            row = [cell.strip() for cell in line.split("\t")]
            if line.startswith("#") or row == [""] or tuple(row[:3]) == _COLUMNS:
                continue
            try:
                if number > MAX_ROWS:
                    raise TagError("line", f"at most {MAX_ROWS:,} rows")
                key, interest, weight = _row(row)
                _take(tags.setdefault(key, []), marks, key, interest, weight)
            except TagError as error:
                refused.append(f"line {number}: {error}")
                if number > MAX_ROWS:
                    break
    return {
        key: TagEntry(
            tuple(sorted(pairs, key=lambda tag: (-tag[1], tag[0]))),
            f"editor:{path.name}"[:300],
            1.0,
            marks.get(key) == INFRASTRUCTURE,
            True,
        )
        for key, pairs in tags.items()
        if pairs or key in marks
    }, refused


def _row(row: list[str]) -> tuple[str, str, float]:
    if len(row) < 2:
        raise TagError("row", "expected content key, taxonomy id and weight, tab-separated")
    key, interest = checked_key(row[0]), row[1]
    if interest in (INFRASTRUCTURE, DENIED):
        return key, interest, 0.0
    tree = taxonomy.load()
    if interest not in tree:
        raise TagError("interest", f"{interest!r} is no id of {tree.version}")
    if tree.is_sensitive(interest):
        name = tree.names[tree.index(interest)]
        raise TagError("interest", f"{interest!r} ({name}) is sensitive and never inferred")
    try:
        weight = float(row[2]) if len(row) > 2 else 1.0
    except ValueError:
        raise TagError("weight", f"{row[2]!r}: expected a number from 0 to 1") from None
    if weight == 0:
        raise TagError("weight", "0 says nothing; leave the row out")
    return key, interest, checked_weight("weight", weight)


def _take(pairs: list[Tag], marks: dict[str, str], key: str, interest: str, weight: float) -> None:
    if interest in (INFRASTRUCTURE, DENIED):
        if pairs or marks.get(key, interest) != interest:
            raise TagError("interest", f"{key!r} has other rows, so it can't be {interest}")
        marks[key] = interest
        return
    if key in marks:
        raise TagError("interest", f"{key!r} is {marks[key]} by an earlier row")
    if any(interest == held for held, _ in pairs):
        raise TagError("interest", f"{interest!r} stands twice for {key!r}")
    if len(pairs) == MAX_TAGS:
        raise TagError("interest", f"more than {MAX_TAGS} for {key!r}")
    pairs.append((interest, weight))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "Example: interest-streams tags lookup host:bbc.co.uk app:com.whatsapp"
    actions = parser.add_subparsers(dest="what", required=True)
    publish = actions.add_parser("publish", help="bundled tags into the content-tags topic")
    export = actions.add_parser("export", help="tags as a list that `tags add` reads")
    export.add_argument("file", type=Path)
    export.add_argument("--topic", action="store_true", help="the topic's instead of the bundled")
    add = actions.add_parser("add", help="an operator's own list into the topic; it wins")
    add.add_argument("file", type=Path, metavar="FILE.tsv", help="content key, taxonomy id, weight")
    add.add_argument("--dry-run", action="store_true", help="only check the list")
    lookup = actions.add_parser("lookup", help="what is known about content keys")
    lookup.add_argument("key", nargs="+", metavar="KEY", help="host:bbc.co.uk, app:com.whatsapp")
    lookup.add_argument("--topic", action="store_true", help="ask the topic too")
    cover = actions.add_parser("coverage", help="how much of real data the bundled tags name")
    cover.add_argument("--data", type=Path, required=True, metavar="DIR")
    cover.add_argument(
        "--unknown",
        type=int,
        default=0,
        metavar="N",
        help="name the N heaviest unknown contents of each set",
    )
    for action in (publish, export, add, lookup):
        add_kafka_options(action)


def run(args: argparse.Namespace) -> ExitCode:
    """Publish or check tags; FAILED on refused rows, unknown keys or records not taken."""
    if args.what == "coverage":
        return _coverage(args.data, args.unknown)
    return {"publish": _publish, "export": _export, "add": _add, "lookup": _lookup}[args.what](
        args, settings_of(args)
    )


def _publish(args: argparse.Namespace, settings: Settings) -> ExitCode:
    return _upsert(exact_tags(), settings, "tags publish", over_editors=False)


def _add(args: argparse.Namespace, settings: Settings) -> ExitCode:
    entries, refused = read_list(args.file)
    for line in refused[:_SHOWN]:
        print(f"{args.file}: {line}", file=sys.stderr)
    if refused:
        print(f"tags add: {len(refused)} rows refused, nothing published", file=sys.stderr)
        return ExitCode.FAILED
    if args.dry_run:
        print(f"tags add: {len(entries)} contents, fine")
        return ExitCode.DONE
    return _upsert(entries, settings, "tags add", over_editors=True)


def _upsert(
    entries: Mapping[str, TagEntry], settings: Settings, name: str, over_editors: bool
) -> ExitCode:
    present = dict(_topic(settings))
    edited = 0
    records = []
    for key, entry in entries.items():
        value = encode(key, entry)
        held = present.get(key)
        if held is not None and not over_editors and _edited(held):
            edited += 1
        elif held != value:
            records.append(Record(0, topics.TAGS, key, value))
    with Meter(name, len(records)) as meter:
        done = produce(
            iter(records),
            settings,
            Produced(),
            tick=lambda produced, at: meter.show(produced.total),
        )
    print(
        f"{name}: {done.line()}; {len(entries) - len(records) - edited} unchanged, "
        f"{edited} kept as a person set them"
    )
    return ExitCode.FAILED if done.failed else ExitCode.DONE


def _topic(settings: Settings) -> Iterator[tuple[str, bytes]]:
    """Newest value of every key of the topic."""
    reader = CompactedTopic(
        settings.bootstrap_servers, settings.topic(topics.TAGS), kafka=settings.kafka
    )
    newest: dict[str, bytes] = {}
    try:
        for message in reader.past(settings.restore_timeout_ms / 1000):
            key, value = (message.key() or b"").decode(errors="replace"), message.value()
            if value is None:
                newest.pop(key, None)
            else:
                newest[key] = value
    finally:
        reader.close()
    yield from newest.items()


def _edited(value: bytes) -> bool:
    try:
        return decode(value)[1].editor
    except TagError:
        return False  # unreadable: to be replaced


def _table(settings: Settings) -> dict[str, TagEntry]:
    found = {}
    for key, value in _topic(settings):
        try:
            found[key] = decode(value)[1]
        except TagError as error:
            print(f"content-tags {key!r}: {error}", file=sys.stderr)
    return found


def _export(args: argparse.Namespace, settings: Settings) -> ExitCode:
    entries = _table(settings) if args.topic else exact_tags()
    with args.file.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(
            file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None
        )
        writer.writerow([*_COLUMNS, "source", "confidence"])
        for key, entry in sorted(entries.items()):
            mark = INFRASTRUCTURE if entry.infrastructure else DENIED
            for interest, weight in entry.told or ((mark, ""),):
                writer.writerow([key, interest, weight, entry.source, entry.confidence])
    print(f"tags export: {len(entries)} contents in {args.file}")
    return ExitCode.DONE


def _lookup(args: argparse.Namespace, settings: Settings) -> ExitCode:
    table = {**exact_tags(), **_table(settings)} if args.topic else exact_tags()
    tree, missing = taxonomy.load(), 0
    for text in args.key:
        try:
            entry = resolve(checked_key(text), table)
        except TagError as error:
            print(f"{text}: {error}", file=sys.stderr)
            missing += 1
            continue
        if entry is None:
            print(f"{text}: unknown")
            missing += 1
            continue
        what = INFRASTRUCTURE if entry.infrastructure else DENIED if entry.denied else "tagged"
        print(f"{text}: {what} by {entry.source}, confidence {entry.confidence:g}")
        for index, weight in expand(entry.told, tree):
            print(f"  {weight:.2f}  {tree.ids[index]:7} {' > '.join(tree.paths[index])}")
    return ExitCode.FAILED if missing else ExitCode.DONE


def _coverage(data: Path, unknown: int) -> ExitCode:
    from rich.console import Console
    from rich.table import Table

    table = Table("data set", title="share of events, %")
    for name in ("events", *coverage.KINDS, "known", "public lists alone", "contents known"):
        table.add_column(name, justify="right")
    found = list(coverage.measure(data))
    if not found:
        print(f"tags coverage: {data}: none of the data sets is there", file=sys.stderr)
        return ExitCode.FAILED
    for name, covered in found:
        table.add_row(
            name,
            f"{covered.events.total():,}",
            *(_percent(covered.events, kind) for kind in coverage.KINDS),
            _percent(covered.events, *coverage.KINDS[:3]),
            _percent(covered.compiled, *coverage.KINDS[:3]),
            _percent(covered.contents, *coverage.KINDS[:3]),
        )
    Console(width=140).print(table)
    for name, covered in found:
        for key, count in covered.unknown.most_common(unknown):
            print(f"{name}: unknown {count:6} {key}")
    return ExitCode.DONE


def _percent(counts: Mapping[str, int], *kinds: str) -> str:
    return f"{100 * sum(counts.get(k, 0) for k in kinds) / max(1, sum(counts.values())):.1f}"
