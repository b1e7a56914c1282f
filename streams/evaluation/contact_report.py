"""Reports, from a group's state, what contacts came to and brought, and what the rules keep back.

Counts of households only: what fewer than k of them had is counted together as one line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from features.outcomes.contact_policy import ContactPolicy
from features.outcomes.contacts import ANNOYED, DAY_MS, Contact, Contacts
from features.privacy.spelling import spelled
from features.state import changelog_keys as keys
from features.state.changelog_keys import Kind
from features.vocabulary import Reply, SuppressionReason
from streams.evaluation.contact_effects import (
    MOST_LINES,
    EffectLine,
    NoEffect,
    OpportunityLog,
    effect_lines,
)
from streams.evaluation.sequential import Look

#: What a contact counts as while an answer may still come.
OPEN: Final = "open"
SCHEMA: Final = 1
#: Days that effects are told of: no more weeks than have lines.
MOST_DAYS: Final = 7 * (MOST_LINES["week"] - 1)
_EPOCH: Final = date(1970, 1, 1)
_NONE: Final = {
    NoEffect.FEW: "too few",
    NoEffect.UNLIKE: "more or fewer are held out than the propensities say",
    None: "",
}


@dataclass
class Line:
    """The contacts of one kind.

    Attributes
    ----------
    households : set of bytes
        Accounts with any.
    made, held_out, late : int
        Contacts, those held out, and answers after the last day.
    came : Counter of str
        Contacts by what came of them: a `Reply`, or `OPEN`.
    """

    households: set[bytes] = field(default_factory=set)
    made: int = 0
    held_out: int = 0
    late: int = 0
    came: Counter[str] = field(default_factory=Counter)

    def add(self, account: bytes, held: Contact, now: int, timeout_ms: int) -> None:
        """Count a contact."""
        if held.made is None:
            return
        self.households.add(account)
        self.late += held.late(timeout_ms)
        if held.made.held_out:
            self.held_out += 1
            return
        self.made += 1
        self.came[held.outcome(now, timeout_ms) or OPEN] += 1

    def join(self, other: Line) -> None:
        """Count another line's contacts, too."""
        self.households |= other.households
        self.made += other.made
        self.held_out += other.held_out
        self.late += other.late
        self.came.update(other.came)


@dataclass
class ContactReport:
    """The contacts of a group at one moment.

    Attributes
    ----------
    lines : dict of (str, str) to Line
        By interest and channel, only of k households and more.
    rest : Line
        All others.
    silent : dict of str to int
        Households in which somebody is left alone now, by reason; only k and more.
    annoyed : int
        Households in which a contact annoyed somebody; 0 below k.
    effects : list of EffectLine
        What contacts brought over none, of those since a day.
    held_back : dict of str to int
        What hold-outs were told for against the rules since then, by rule: it would have been a
        contact but for them.
    undrawn : int
        Contacts since then of which nothing is learned, for no draw decided them.
    """

    lines: dict[tuple[str, str], Line]
    rest: Line
    silent: dict[SuppressionReason, int]
    annoyed: int
    effects: list[EffectLine]
    held_back: dict[SuppressionReason, int]
    undrawn: int


def first_day(now: int, policy: ContactPolicy, day_offset_ms: int = 0) -> date:
    """Say since when effects are told unless somebody asks otherwise: a Monday.

    The week in which the quarter of the last contact began that has ended, so that the looks of a
    quarter are looks at the same.
    """
    ended = _EPOCH + timedelta(days=(now + day_offset_ms - policy.answer_days * DAY_MS) // DAY_MS)
    quarter = ended.replace(month=(ended.month - 1) // 3 * 3 + 1, day=1)
    return quarter - timedelta(days=quarter.weekday())


def contact_report(
    records: Iterable[tuple[bytes, bytes]],
    policy: ContactPolicy,
    now: int,
    k: int,
    since: date,
    day_offset_ms: int = 0,
) -> ContactReport:
    """Count the contacts in changelog records; those of other kinds are passed over.

    Parameters
    ----------
    now : int
        Event time, ms, at which no answer is one, and somebody is left alone.
    k : int
        Households below which nothing is said.
    since : date
        Local day from which contacts tell what they brought; at most `MOST_DAYS` before
        `now`, or the last weeks have no line.
    day_offset_ms : int
        Of the operator's local day.
    """
    homes: defaultdict[bytes, list[Contact]] = defaultdict(list)
    for key, value in records:
        match keys.parse(key):
            case (Kind.CONTACTS, name):
                account, _, member = name.partition(b"/")
                whose = spelled(member.decode(), account.decode()) or None
                homes[account] += Contacts.from_bytes(value, whose)
    lines: defaultdict[tuple[str, str], Line] = defaultdict(Line)
    silent: Counter[SuppressionReason] = Counter()
    annoyed = 0
    timeout = policy.answer_days * DAY_MS
    chances = OpportunityLog(policy, (since - _EPOCH).days * DAY_MS - day_offset_ms, now)
    for account, contacts in homes.items():
        for held in contacts:
            if held.made is not None:
                about = held.made.interest, held.made.channel
                lines[about].add(account, held, now, timeout)
        chances.add(account, contacts)
        silence = policy.silence(contacts, now)
        silent.update({item.rule for of in silence.of.values() for item in of})
        annoyed += any(ANNOYED & held.answers.keys() for held in contacts)
    rest = Line()
    for about in [about for about, line in lines.items() if len(line.households) < k]:
        rest.join(lines.pop(about))
    said = {rule: count for rule, count in sorted(silent.items()) if count >= k}
    return ContactReport(
        dict(sorted(lines.items())),
        rest,
        said,
        annoyed if annoyed >= k else 0,
        effect_lines(chances.found, k, day_offset_ms),
        chances.held_back(k),
        chances.undrawn,
    )


def report_json(
    report: ContactReport, now: int, k: int, since: date, names: Mapping[str, str]
) -> dict[str, Any]:
    """The report for programs and the page.

    Parameters
    ----------
    names : mapping of str to str
        Names of interests by id.
    """
    return {
        "schema": SCHEMA,
        "at": now,
        "since": since.isoformat(),
        "k": k,
        "effects": [_effect_json(line, names) for line in report.effects],
        "undrawn": report.undrawn,
        "contacts": [
            {"interest": interest, "name": names.get(interest, interest), "channel": channel,
             "households": len(line.households), "made": line.made, "held_out": line.held_out,
             "late": line.late, "came": _words(line.came)}
            for (interest, channel), line in report.lines.items()
        ],
        "annoyed": report.annoyed or None,
        "left_alone": _words(report.silent),
        "held_back": _words(report.held_back),
    }  # fmt: skip


def write_report(told: Mapping[str, Any], path: Path) -> None:
    """Write what `report_json` tells, so that whoever reads the file finds all of it or none."""
    draft = path.with_name(path.name + ".draft")
    draft.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
    draft.replace(path)


def _effect_json(line: EffectLine, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "by": line.by,
        "name": names.get(line.name, line.name) if line.by == "interest" else _name(line),
        "contacted": line.contacted,
        "held_out": line.held_out,
        "effect": _look_json(line.effect),
        "sure": line.sure,
        "annoyed": _look_json(line.annoyed),
        "why": line.why,
    }


def _words(counts: Mapping[Any, int]) -> dict[str, int]:
    return {str(word): count for word, count in counts.items()}


def _look_json(look: Look | None) -> dict[str, float] | None:
    if look is None:
        return None
    return {"value": round(look.effect, 5), "low": round(look.low, 5), "high": round(look.high, 5)}


def _name(line: EffectLine) -> str:
    return (_EPOCH + timedelta(days=int(line.name))).isoformat() if line.by == "week" else line.name


def report_lines(report: ContactReport, k: int, since: date) -> list[str]:
    """The report as lines of text."""
    words = [*map(str, Reply), OPEN]
    found = [f"{'interest':10} {'channel':10} {'homes':>7} {'made':>7} {'held_out':>8} "
             + " ".join(f"{word:>12}" for word in words) + f" {'late':>6}"]  # fmt: skip
    rows = [(*about, line) for about, line in report.lines.items()]
    if len(report.rest.households) >= k:
        rows.append(("others", "", report.rest))
    for interest, channel, line in rows:
        came = " ".join(f"{line.came[word]:12}" for word in words)
        found.append(
            f"{interest:10} {channel:10} {len(line.households):7} {line.made:7} "
            f"{line.held_out:8} {came} {line.late:6}"
        )
    found.append(f"annoyed: {_count(report.annoyed, k)} households")
    for rule, count in report.silent.items():
        found.append(f"left alone now for {rule}: {count} households")
    return [*found, *_effect_text(report, since)]


def _effect_text(report: ContactReport, since: date) -> Iterator[str]:
    yield ""
    yield f"more good answers of 100 households, by the first contact of each since {since}"
    yield f"{'':22} {'spoken_to':>9} {'held_out':>8} {'more':>7}  95 % at every look  annoyed"
    for line in report.effects:
        head = f"{line.by:8} {_name(line):13} {line.contacted:9} {line.held_out:8}"
        if line.effect is None or line.annoyed is None:
            yield f"{head}  {_NONE[line.why]}"
            continue
        annoyed = line.annoyed
        yield (
            f"{head} {100 * line.effect.effect:7.2f}  {_range(line.effect):18}  "
            f"{100 * annoyed.effect:.2f} ({_range(annoyed)}){'  sure' if line.sure else ''}"
        )
    if report.undrawn:
        yield f"no draw decided (propensity 1), so nothing is learned: {report.undrawn} contacts"
    for rule, count in report.held_back.items():
        yield f"kept back by {rule}: {count} contacts that hold-outs were told for"


def _range(look: Look) -> str:
    return f"{100 * look.low:.2f} .. {100 * look.high:.2f}"


def _count(count: int, k: int) -> str:
    return str(count) if count else f"fewer than {k}"
