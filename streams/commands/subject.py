"""Runs ``interest-streams subject ACCOUNT``: shows or exports all that is stored of an account.

Reads the changelog and the profiles as anybody could who may read the topics; nothing is kept.
What was erased shows as such: by the mark that outlives it, if the erasure key is set. A member is
shown with all his spellings, for what forbids holds for all of them, and with nobody else.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from features.privacy.marks import Mark
from features.privacy.spelling import are_one, earlier_ways
from features.records.concealed import keyed_mark
from features.records.names import plain
from features.state import changelog_keys as keys
from features.state.changelog_keys import Kind, Meta
from features.tags import taxonomy
from streams.apps.customer_sheet import as_html, permissions_said, sheet
from streams.client.words import LANGUAGES, Wording, wording
from streams.contract.topics import DEAD_LETTERS, OFFERS, PROFILES, RECEIPTS, STATE, TOPICS
from streams.errors import ExitCode
from streams.kafka.latest import read_latest
from streams.logs import visible
from streams.settings import Settings
from streams.terminal import add_kafka_options, console_of_texts, settings_of

NAME = "subject"
HELP = "show or export all that is held of an account"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("account", metavar="ACCOUNT", help="account id, or account/member")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="one JSON object, for export")
    how.add_argument("--html", action="store_true", help="a sheet for the customer, as HTML")
    parser.add_argument(
        "--language", choices=LANGUAGES, default=LANGUAGES[0], help="of the sheet's sentences"
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="for reading each topic (default 300)",
    )
    parser.epilog = "Example: interest-streams subject acc-1/m-2 --html --language de > sheet.html"
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print all that is stored; FAILED if that is nothing."""
    settings = settings_of(args)
    found, said = held(settings, args.account, args.timeout), wording(args.language)
    if args.html:
        print(as_html(sheet(found, settings, said), said))
    elif args.json or not sys.stdout.isatty():
        made = json.dumps(sheet(found, settings, said), indent=2, ensure_ascii=False)
        print(visible(made, "\n"))
    else:
        _show(found, said)
    known = found["state"] or found["facts"] or found["profiles"] or found["erased"]
    if not known:
        print(f"subject: nothing is stored of {args.account}", file=sys.stderr)
    return ExitCode.DONE if known else ExitCode.FAILED


def held(settings: Settings, subject: str, timeout: float = 300.0) -> dict[str, Any]:
    """All that is stored about an account, or about one member of it alone, decoded.

    Raises
    ------
    ReaderError
        A topic cannot be read in time.
    IncompatibleState
        The changelog is of another format.
    """
    # The compiler, which --help does without.
    from features.privacy import disclosure, permitted
    from streams.worker.wiring import rules_of

    account, _, member = subject.partition("/")
    member = plain(member, account)
    tree, rules = taxonomy.load(), rules_of(settings)
    ways = earlier_ways(member, account) if member else ()
    erasable = [account, *(f"{account}/{way}" for way in ways)]
    marks = [keyed_mark(settings.secret, name, "erasure") for name in erasable]
    wanted = _ours(account, member)
    of_marks = {keys.erased(mark) for mark in marks} if member else None
    concerns = partial(_concerns, wanted, account.encode(), of_marks)
    state = read_latest(settings, STATE, concerns, timeout)
    metas = [Meta.from_bytes(v).max_ts for (key, _), v in state.items() if key == keys.META]
    now = max(metas, default=0)
    published = {
        what: {
            key.decode(): json.loads(value)
            for (key, _), value in sorted(read_latest(settings, topic, wanted, timeout).items())
        }
        for what, topic in (("profiles", PROFILES), ("offers", OFFERS))
    }
    values = {key: value for (key, _), value in state.items()}
    said = disclosure.describe_facts(values, rules, now)
    erased = [_erased(mark, values.get(keys.erased(mark))) for mark in marks]
    named = {who for key in values if (who := _member_of(key))}
    if member:
        named = {*permitted.alike(account, member, named)} or {member for it in erased[1:] if it}
    permissions = permitted.describe_permissions(
        values,
        account,
        named,
        rules=rules,
        now=now,
        key=settings.secret,
        default_grant=settings.consent_default == "grant",
    )
    shared = {
        found.name.decode(): disclosure.describe_aside(value, tree)
        for key, value in sorted(values.items())
        if (found := keys.parse(key)) and found.kind is Kind.ASIDE
    }
    return {
        "subject": subject,
        **({"permissions": permissions} if said or any(erased) or published["profiles"] else {}),
        "facts": said if said is None or not member else _of_member(said, account, member),
        "state": {
            found.name.decode(): disclosure.describe_subject(value, tree)
            for key, value in sorted(values.items())
            if (found := keys.parse(key)) and found.kind is Kind.SUBJECT
        },
        **({"shared_screen": shared} if shared else {}),
        **published,
        "erased": max(filter(None, erased), key=lambda found: found["requested_at"], default=None),
        "also": _elsewhere(settings),
    }


def _erased(mark: str, value: bytes | None) -> dict[str, Any] | None:
    at = -1 if value is None else Mark.from_bytes(value).at
    return {"mark": mark, "requested_at": at} if at >= 0 else None


def _concerns(
    wanted: Callable[[bytes], bool], account: bytes, erasures: set[bytes] | None, key: bytes
) -> bool:
    """Whether a record is asked for; of erasures all, where it is not known whose they are."""
    match keys.parse(key):
        case (Kind.ERASED, _):
            return erasures is None or key in erasures
        case (Kind.SUBJECT | Kind.ASIDE, name):
            return wanted(name)
        case (Kind.CONSENTS | Kind.ABOUT | Kind.CONTACTS | Kind.DEVICE | Kind.CASE, name):
            return keys.account_named(key) == account
    return key == keys.META


def _member_of(key: bytes) -> str:
    """Member of whom a record is, empty for others."""
    match keys.parse(key):
        case (Kind.SUBJECT | Kind.CONSENTS | Kind.ABOUT | Kind.CONTACTS, name):
            return name.partition(b"/")[2].decode()
    return ""


def _of_member(facts: dict[str, Any], account: str, member: str) -> dict[str, Any]:
    """What was said by or about one member; what holds for the household holds for them, too."""
    his = partial(_is_his, account, member)
    return {
        **facts,
        "consent": [c for c in facts["consent"] if c["member_id"] is None or his(c["member_id"])],
        "facts": [own for fact in facts["facts"] if (own := _own(fact, his)) is not None],
    }


def _is_his(account: str, member: str, name: str) -> bool:
    return bool(name) and are_one(name, member, account)


def _own(fact: dict[str, Any], his: Callable[[str], bool]) -> dict[str, Any] | None:
    """A fact without what it says of others; None where it says nothing of him."""
    owners = fact.get("former_owners_are_children", {})
    own = {name: child for name, child in owners.items() if his(name)}
    named = fact.get("member", ""), fact.get("owner_member_id", "")
    if not own and not any(map(his, named)):
        return None
    fact = {name: value for name, value in fact.items() if name != "former_owners_are_children"}
    if not his(fact.get("owner_member_id", "")):
        fact.pop("owner_member_id", None)  # who has the device now, and whether he is a child
        fact.pop("adult", None)
    return fact | ({"former_owners_are_children": own} if own else {})


def _ours(account: str, member: str) -> Callable[[bytes], bool]:
    def ours(key: bytes) -> bool:
        of, _, who = key.decode("utf-8", "replace").partition("/")
        return of == account and (not member or _is_his(account, member, who))

    return ours


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


def _show(found: dict[str, Any], words: Wording) -> None:
    from rich.table import Table

    console = console_of_texts()
    console.print(f"subject {found['subject']}")
    if found["erased"]:
        console.print(f"erased: {found['erased']}")
    for line in permissions_said(found, words):
        console.print(line)
    for fact in (found["facts"] or {}).get("facts", ()):
        console.print(
            f"{fact.get('kind', 'fact')} of {fact['at']}: "
            + ", ".join(f"{k} {v}" for k, v in fact.items() if k not in ("at", "kind"))
        )
    for subject, state in found["state"].items():
        table = Table(title=f"{subject}: {state['events']} events", title_justify="left")
        for column in (
            "interest",
            "since",
            "active days",
            "weight, 60 d",
            "flags",
            "in the profile",
        ):
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
                else f"{words.say('stance', said['stance'])}, {words.chance(said)}",
            )
        console.print(table)
    console.print("records of the account may stand in these topics, too:")
    for line in found["also"]:
        console.print(f"  {line}")
