"""Runs ``interest-streams accounting``: the outcome of every input record, from the changelog.

The totals lie in each partition's meta record, written in the transactions that moved the
offsets, so they are exact: records taken = counted + refused + dropped by rule.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, field

from confluent_kafka.admin import OffsetSpec

from features.vocabulary import Outcome
from streams.contract.topics import joined_topics
from streams.errors import ExitCode
from streams.kafka.copying import committed_records
from streams.kafka.offsets import Spot, offsets_at
from streams.settings import Settings
from streams.terminal import add_kafka_options, settings_of
from streams.worker.metas import read_metas

NAME = "accounting"
HELP = "what became of every input record"


@dataclass
class Account:
    """Totals over partitions.

    Attributes
    ----------
    outcomes : dict of str to int
        Records by what became of them.
    taken : dict of str to int
        Per input topic the records before the committed offsets that the log still holds.
    gone : dict of str to int
        Per input topic the offsets before the log's start: records that retention has deleted,
        counted or not, for the state may have begun behind them.
    behind : dict of str to int
        Per input topic the records after the committed offsets.
    control : dict of str to int
        Per input topic the offsets among those taken that hold no record: ends of transactions, and
        what was aborted. Counted only where the rest does not add up without it.
    """

    outcomes: dict[str, int] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    behind: dict[str, int] = field(default_factory=dict)
    control: dict[str, int] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Whether every record taken has an outcome, as far as the logs can still tell."""
        more = sum(self.outcomes.values()) - sum(self.taken.values())
        return 0 <= more <= sum(self.gone.values())


def read(settings: Settings) -> Account:
    """Account of everything committed; offsets stand for records where those add up.

    Transactional producers leave offsets without a record. Then the logs are read and counted.

    Raises
    ------
    ReaderError, Abandon, CopyFailed, IncompatibleState
        Where the broker does not answer, the topic is absent, or of another format.
    """
    metas = read_metas(settings)
    account = Account()
    spans: dict[Spot, tuple[int, int]] = {}
    spots = [(settings.topic(name), p) for name in joined_topics(settings) for p in metas]
    first = offsets_at(settings, spots, OffsetSpec.earliest())
    last = offsets_at(settings, spots, OffsetSpec.latest())
    for partition, meta in metas.items():
        for name, count in zip(Outcome.words(), meta.outcomes, strict=False):
            account.outcomes[name] = account.outcomes.get(name, 0) + count
        began = {} if meta.owner is None else meta.owner.began
        for name, at in meta.offsets.items():
            spot = (name, partition)
            offset = at.offset
            start = min(offset, max(first[spot], began.get(name, 0)))
            spans[spot] = (start, offset)
            account.taken[name] = account.taken.get(name, 0) + offset - start
            account.gone[name] = account.gone.get(name, 0) + start
            account.behind[name] = account.behind.get(name, 0) + max(
                0, last[spot] - offset
            )  # the embedded broker reports ends that lie back
    account.outcomes.pop("pending", None)
    if sum(account.outcomes.values()) < sum(account.taken.values()):
        for spot, (start, offset) in spans.items():
            records = sum(1 for _ in committed_records(settings, spot, start, offset))
            without = offset - start - records
            account.taken[spot[0]] -= without
            account.control[spot[0]] = account.control.get(spot[0], 0) + without
    return account


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "Example: interest-streams accounting --bootstrap kafka:9092"
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print the account; FAILED where it does not balance."""
    account = read(settings_of(args))
    if args.json:
        print(json.dumps({**asdict(account), "balanced": account.balanced}))
    else:
        for title, table in (
            ("taken", account.taken),
            ("deleted since", account.gone),
            ("still behind", account.behind),
            ("no record", account.control),
            ("outcome", account.outcomes),
        ):
            for name, count in table.items():
                print(f"{title:13} {name:24} {count:>12,}")
        print(
            f"{sum(account.taken.values()):,} records taken, "
            f"{sum(account.outcomes.values()):,} accounted for: "
            f"{'balanced' if account.balanced else 'NOT BALANCED'}"
            + (", as far as what retention deleted lets tell" if any(account.gone.values()) else "")
        )
    return ExitCode.DONE if account.balanced else ExitCode.FAILED
