"""Runs ``interest-streams redrive``: sends dead letters back to the inputs that they came from.

Each goes to its own topic and partition, with its own key and bytes, once. What was sent is kept
beside an offset of the group ``<group>-redrive``, in the transaction that sends it, as runs: which
letters were asked for, and from where to where in ``dead-letters``. So a command that was
interrupted goes on when it is given again, and a letter that any former one has sent is left out.
A letter whose record is refused again is a new letter. Of a letter whose bytes are sealed the
record is sent that a private key opens; the key is read from its file, and goes nowhere.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

from confluent_kafka import Message

from features.records.dead_letter import DeadLetter
from streams.contract.headers import parse_dead_letter
from streams.contract.topics import DEAD_LETTERS, JOINABLE
from streams.errors import ExitCode, UsageError
from streams.kafka import clients
from streams.kafka.copying import Copier, Outgoing, Progress, committed_records, ends_of
from streams.kafka.topic_plan import fetch
from streams.logs import visible
from streams.settings import Settings
from streams.terminal import Meter, add_kafka_options, parse_instant, settings_of
from streams.worker.sealing import Opener, SealError, read_private, sealed_for

NAME = "redrive"
HELP = "send dead letters back to their inputs"

_NOTE_BYTES = 4_000  # a broker stores 4,096 beside an offset
_PER_COMMIT = 1_000
_EXAMPLES = """examples:
  interest-streams redrive --reason late --since 2026-03-01           how many there are
  interest-streams redrive --reason late --since 2026-03-01 --yes     send them
  interest-streams redrive --topic network-usage --rate 200 --yes     200 a second
  interest-streams redrive --reason identifier --key k.pem --yes      open what is sealed"""


@dataclass(frozen=True)
class Run:
    """Letters that were asked for and sent, between offsets of a partition.

    Attributes
    ----------
    reasons, topics : tuple of str
        Empty: any.
    since, until : int
        Kafka time of the letter, ms; until is not in it, and 0 is no bound.
    first, end : int
        Offsets.
    key : str
        Name of the key that opened what was sealed for it; empty: what was sealed was left.
    """

    reasons: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    since: int = 0
    until: int = 0
    first: int = 0
    end: int = 0
    key: str = ""

    def wants(self, letter: DeadLetter, at_ms: int) -> bool:
        """Whether a letter is asked for."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.topics or letter.topic in self.topics)
            and at_ms >= self.since
            and (not self.until or at_ms < self.until)
        )

    def sent(self, letter: DeadLetter, at_ms: int, offset: int) -> bool:
        """Whether this run has sent a letter."""
        opened = not letter.sealed or self.key == sealed_for(letter)
        return opened and self.first <= offset < self.end and self.wants(letter, at_ms)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "--reason", action="append", default=[], help="only these; may be repeated (any)"
    )
    parser.add_argument(
        "--topic",
        action="append",
        default=[],
        choices=JOINABLE,
        help="only of these inputs; may be repeated (any)",
    )
    for name, about in (("since", "refused at or after"), ("until", "refused before")):
        parser.add_argument(
            f"--{name}",
            type=parse_instant,
            default=0,
            metavar="TIME",
            help=f"{about}, ISO 8601, UTC",
        )
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="private key that opens what is sealed, in PEM"
    )
    parser.add_argument("--rate", type=int, default=0, metavar="N", help="at most N a second")
    parser.add_argument("--yes", action="store_true", help="really send them")
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Send the letters, or count them."""
    settings = settings_of(args)
    opener = read_private(args.key) if args.key else None
    asked = Run(
        tuple(sorted(args.reason)),
        tuple(sorted(map(settings.topic, args.topic))),
        args.since,
        args.until,
        key=opener.name if opener else "",
    )
    counts: Counter[str] = Counter()
    with Meter("redrive") as meter, Copier(settings, "redrive") as copier:
        redrive = Redrive(settings, copier, asked, args.rate if args.yes else 0, counts, opener)
        for partition in range(redrive.partitions):
            for _ in redrive.send(partition, really=args.yes):
                if meter.due():
                    meter.show(sum(counts.values()))
    for words, count in sorted(counts.items()):
        print(f"{count:>10,} {visible(words)}")
    if not args.yes:
        print("repeat with --yes to send them")
    if redrive.unopened:
        print(f"redrive: {args.key} does not open {redrive.unopened:,} of them", file=sys.stderr)
        return ExitCode.FAILED
    return ExitCode.DONE


class Redrive:
    """Sends letters that were asked for and not sent before, a partition at a time.

    Parameters
    ----------
    copier : Copier
    asked : Run
        Its offsets don't matter.
    rate : int
        Most letters a second, 0 for any number.
    counts : Counter of str
        Counts letters, by what became of them.
    opener : Opener, optional
        Opens what is sealed.

    Attributes
    ----------
    unopened : int
        Letters that it does not open.
    """

    def __init__(
        self,
        settings: Settings,
        copier: Copier,
        asked: Run,
        rate: int,
        counts: Counter[str],
        opener: Opener | None = None,
    ) -> None:
        self._settings = settings
        self._copier = copier
        self._asked = asked
        self._rate = rate
        self._counts = counts
        self._opener = opener
        self.unopened = 0
        self._topic = settings.topic(DEAD_LETTERS)
        found = fetch(clients.admin(settings), settings)
        if self._topic not in found:
            raise UsageError(f"{self._topic} does not exist")
        self.partitions = found[self._topic].partitions
        self._inputs = {
            name: found[name].partitions for name in map(settings.topic, JOINABLE) if name in found
        }

    def send(self, partition: int, *, really: bool) -> Iterator[int]:
        """Send a partition's letters, or only count them; yields after each commit."""
        spot = (self._topic, partition)
        start, end = ends_of(self._settings, [spot])[spot]
        done = self._copier.done([spot]).get(spot)
        runs = [item for item in read_runs(done.note if done else "") if item.end > start]
        copies: list[Outgoing] = []
        began = time.monotonic()
        first = done_to = start
        for message in committed_records(self._settings, spot, start, end):
            if copy := self._copy(message, runs):
                copies.append(copy)
            done_to = (message.offset() or 0) + 1
            if len(copies) >= (min(self._rate, _PER_COMMIT) if self._rate else _PER_COMMIT):
                began = self._commit(spot, copies, runs, (first, done_to), began, really)
                yield partition
        self._commit(spot, copies, runs, (first, max(done_to, end)), began, really)
        yield partition

    def _copy(self, message: Message, runs: Iterable[Run]) -> Outgoing | None:
        headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])
        letter = replace(parse_dead_letter(headers), key=message.key(), value=message.value())
        at_ms, offset = message.timestamp()[1], message.offset() or 0
        if not self._asked.wants(letter, at_ms):
            return None
        word = f"{letter.topic} {letter.reason}"
        if any(run.sent(letter, at_ms, offset) for run in runs):
            self._counts[f"{word}: sent before"] += 1
        elif letter.partition >= self._inputs.get(letter.topic, 0):
            self._counts[f"{word}: not an input, or no such partition"] += 1
        elif not letter.whole and not letter.sealed:
            self._counts[f"{word}: the letter is not the whole record"] += 1
        elif not letter.whole and self._opener is None:
            self._counts[f"{word}: sealed, to be opened with --key"] += 1
        else:
            try:
                if self._opener is not None and not letter.whole:
                    letter = self._opener.opened(letter)
            except SealError as error:
                self._counts[f"{word}: {error}"] += 1
                self.unopened += 1
                return None
            self._counts[word] += 1
            note = f"{message.topic()}/{message.partition()}/{offset}".encode()
            return Outgoing(
                letter.topic, letter.partition, letter.key, letter.value, [("redriven-from", note)]
            )
        return None

    def _commit(
        self,
        spot: tuple[str, int],
        copies: list[Outgoing],
        runs: list[Run],
        span: tuple[int, int],
        began: float,
        really: bool,
    ) -> float:
        if really:
            note = write_runs([*runs, replace(self._asked, first=span[0], end=span[1])])
            self._copier.commit(copies, {spot: Progress(span[1], note)})
            if self._rate:
                time.sleep(max(0.0, began + len(copies) / self._rate - time.monotonic()))
        copies.clear()
        return time.monotonic()


def write_runs(runs: Iterable[Run]) -> str:
    """Note runs in one line; of two alike that meet, as one.

    Raises
    ------
    UsageError
        Where there are more than a broker stores.
    """
    kept: list[Run] = []
    for run in runs:
        for at, old in enumerate(kept):
            alike = replace(old, first=0, end=0) == replace(run, first=0, end=0)
            if alike and run.first <= old.end and old.first <= run.end:
                ends = min(old.first, run.first), max(old.end, run.end)
                kept[at] = replace(run, first=ends[0], end=ends[1])
                break
        else:
            kept.append(run)
    text = json.dumps([_short(run) for run in kept], separators=(",", ":"))
    if len(text) > _NOTE_BYTES:
        raise UsageError(
            "too many different redrives of letters that are still there: wait until the oldest "
            "have left dead-letters, or ask for what some of the former asked for"
        )
    return text


def read_runs(text: str) -> list[Run]:
    """Read what `write_runs` wrote.

    Examples
    --------
    >>> read_runs(write_runs([Run(("late",), end=4), Run(("late",), first=4, end=9)]))
    [Run(reasons=('late',), topics=(), since=0, until=0, first=0, end=9, key='')]
    """
    return [
        Run(
            tuple(doc.get("reasons", ())),
            tuple(doc.get("topics", ())),
            **{name: int(doc.get(name, 0)) for name in ("since", "until", "first", "end")},
            key=str(doc.get("key", "")),
        )
        for doc in (json.loads(text) if text else [])
    ]


def _short(run: Run) -> dict[str, object]:
    return {name: item for name, item in asdict(run).items() if item}
