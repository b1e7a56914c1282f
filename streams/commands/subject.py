"""Runs ``interest-streams subject ACCOUNT``: shows or exports all that is stored of an account.

Reads the changelog and the profiles as anybody could who may read the topics; nothing is kept.
What was erased shows as such: by the mark that outlives it, if the erasure key is set.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

from features.privacy.facts import erasure_mark
from features.state import changelog_keys as keys
from features.state.changelog_keys import Kind, Meta
from features.tags import taxonomy
from streams.contract.topics import DEAD_LETTERS, PROFILES, RECEIPTS, STATE, TOPICS
from streams.errors import ExitCode
from streams.kafka.compacted import CompactedTopic
from streams.settings import Settings
from streams.terminal import add_kafka_options, settings_of

NAME = "subject"
HELP = "show or export all that is held of an account"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("account", metavar="ACCOUNT", help="account id, or account/member")
    parser.add_argument("--json", action="store_true", help="one JSON object, for export")
    parser.add_argument(
        "--timeout",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="for reading each topic (default 300)",
    )
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print all that is stored; FAILED if that is nothing."""
    found = held(settings_of(args), args.account.partition("/")[0], args.timeout)
    if args.json or not sys.stdout.isatty():
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        _show(found)
    known = found["state"] or found["facts"] or found["profiles"] or found["erased"]
    return ExitCode.DONE if known else ExitCode.FAILED


def held(settings: Settings, account: str, timeout: float = 300.0) -> dict[str, Any]:
    """All that is stored about an account, decoded.

    Raises
    ------
    ReaderError
        A topic cannot be read in time.
    IncompatibleState
        The changelog is of another format.
    """
    # The compiler, which --help does without.
    from features.privacy import disclosure
    from streams.worker.wiring import suppression_rules

    tree, rules = taxonomy.load(), suppression_rules(settings.suppression_rules)
    name = erasure_mark(settings.erasure_key.encode(), account)
    wanted = _ours(account)
    state = _fold(settings, STATE, timeout, partial(_concerns, wanted, keys.erased(name)))
    metas = [Meta.from_bytes(v).max_ts for (key, _), v in state.items() if key == keys.META]
    now = max(metas, default=0)
    profiles = _fold(settings, PROFILES, timeout, wanted)
    values = {key: value for (key, _), value in state.items()}
    facts = values.get(keys.facts(account.encode()))
    erased = values.get(keys.erased(name))
    return {
        "account": account,
        "facts": None if facts is None else disclosure.describe_facts(facts, rules, now),
        "state": {
            found.name.decode(): disclosure.describe_subject(value, tree)
            for key, value in sorted(values.items())
            if (found := keys.parse(key)) and found.kind is Kind.SUBJECT
        },
        "profiles": {
            key.decode(): json.loads(value) for (key, _), value in sorted(profiles.items())
        },
        "erased": None if erased is None else {"mark": name, "requested_at": int(erased)},
        "also": _elsewhere(settings),
    }


def _concerns(wanted: Callable[[bytes], bool], erasure: bytes, key: bytes) -> bool:
    match keys.parse(key):
        case (Kind.SUBJECT | Kind.FACTS, name):
            return wanted(name)
    return key in (keys.META, erasure)


def _ours(account: str) -> Callable[[bytes], bool]:
    exact, below = account.encode(), account.encode() + b"/"
    return lambda key: key == exact or key.startswith(below)


def _fold(
    settings: Settings, name: str, timeout: float, wants: Any
) -> dict[tuple[bytes, int], bytes]:
    with closing(
        CompactedTopic(settings.bootstrap_servers, settings.topic(name), kafka=settings.kafka)
    ) as topic:
        return topic.latest(wants, timeout)


def _elsewhere(settings: Settings) -> list[str]:
    """Where records with the account's id may stand besides, and for how long."""
    lines = []
    for topic in TOPICS:
        keeps = int(topic.config.get("retention.ms", 0))
        if topic.key in ("account", "as input") and keeps and topic.name != RECEIPTS:
            span = "until it is deleted there" if keeps < 0 else f"{keeps // 86_400_000} days"
            what = "refused records" if topic.name == DEAD_LETTERS else "records as they came"
            lines.append(f"{settings.topic(topic.name)}: {what}, {span}")
    return lines


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False)
    console.print(f"account {found['account']}")
    if found["erased"]:
        console.print(f"erased: {found['erased']}")
    for item in (found["facts"] or {}).get("consent", ()):
        console.print(
            f"consent to {item['purpose']}: "
            f"{'yes' if item['statusValidForProcessing'] else item['statusReason']}"
        )
    for fact in (found["facts"] or {}).get("facts", ()):
        console.print(
            f"known since {fact['at']}: "
            + ", ".join(f"{k} {v}" for k, v in fact.items() if k != "at")
        )
    for subject, state in found["state"].items():
        table = Table(title=f"{subject}: {state['events']} events", title_justify="left")
        for column in ("interest", "since", "active days", "level 60 d", "flags", "in the profile"):
            table.add_column(column)
        shown = {i["id"]: i for i in found["profiles"].get(subject, {}).get("interests", ())}
        for row in state["interests"]:
            said = shown.get(row["id"])
            table.add_row(
                f"{row['name']} ({row['id']})",
                row["first_day"],
                str(row["active_days"]),
                f"{row['levels']['long']:.2f}",
                ", ".join(row["flags"]),
                "no"
                if said is None
                else f"{said['stance']} {said['score']:.2f}: "
                + ", ".join(f"{r['code']}={r.get('value')}" for r in said["reasons"]),
            )
        console.print(table)
    for line in found["also"]:
        console.print(f"also in {line}")
