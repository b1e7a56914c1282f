"""Runs ``interest-streams policy evaluate|effect|simulate|contacts|holdouts|report|declared``.

``evaluate`` says what a policy that was never used would have earned, from logged decisions;
``effect`` what contacts brought over none, with an interval that may be looked at every day;
``simulate`` plays policies against people whose answers are known; ``contacts`` says who is to be
left alone by the rules, from a log of contacts and answers; ``holdouts`` who is never spoken to;
``report`` what came of the contacts in a group's state, in counts of households, and what they
brought over none by interest, channel and week; ``declared`` how right `engage` is by what people
said of interests, beside what they did.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from features.outcomes.contact_policy import PolicyError, parse_policy
from features.outcomes.contacts import DAY_MS
from features.outcomes.holdouts import Holdouts
from features.state import changelog_keys as keys
from features.state.changelog_keys import Kind, Meta
from features.tags import taxonomy
from streams.contract.topics import STATE
from streams.errors import ExitCode, UsageError
from streams.evaluation import contact_log, contact_report, decisions, off_policy, sequential
from streams.evaluation.decisions import BadLog
from streams.kafka.latest import read_latest
from streams.settings import Settings
from streams.terminal import add_kafka_options, settings_of

NAME = "policy"
HELP = "judge policies of contact, and say who is to be left alone"
#: Relative errors that the Open Bandit Dataset's paper reports for its whole campaign.
_PUBLISHED = {"ips": 0.311, "snips": 0.312, "dm": 0.157, "dr": 0.292, "dros": 0.160}
#: Below it an estimate rests on a handful of decisions.
_LEAST_EFFECTIVE = 100.0
_METAVAR = "evaluate|effect|simulate|contacts|holdouts|report|declared"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = (
        "Example: interest-streams policy contacts --log contacts.jsonl --at 2026-03-01T12:00:00Z"
    )
    what = parser.add_subparsers(dest="what", required=True, metavar=_METAVAR)
    evaluate = what.add_parser("evaluate", help="what would another policy have earned")
    source = evaluate.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--log", type=Path, metavar="FILE", help="decisions as JSON lines; - is standard input"
    )
    source.add_argument(
        "--open-bandit",
        type=Path,
        metavar="DIR",
        help="check the estimators against the Open Bandit Dataset in this folder",
    )
    evaluate.add_argument("--level", type=float, default=0.95, help="of the intervals (0.95)")
    effect = what.add_parser("effect", help="what contacts brought over none, at any look")
    effect.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        required=True,
        help="one line a unit: unit, day, contacted, propensity, reward; - is standard input",
    )
    effect.add_argument("--alpha", type=float, default=0.05, help="of all looks together (0.05)")
    simulate = what.add_parser("simulate", help="play policies against made-up people")
    simulate.add_argument("--subjects", type=int, default=20_000)
    simulate.add_argument("--days", type=int, default=60)
    simulate.add_argument("--seeds", type=int, default=5, metavar="N", help="so many worlds (5)")
    contacts = what.add_parser("contacts", help="who is to be left alone, why, and until when")
    contacts.add_argument(
        "--log", type=Path, metavar="FILE", required=True, help="contacts and answers; - is stdin"
    )
    contacts.add_argument(
        "--at", type=_instant, metavar="TIME", required=True, help="as 2026-03-01T12:00:00+01:00"
    )
    contacts.add_argument("--rules", type=Path, metavar="FILE", help="other rules than the bundled")
    holdouts = what.add_parser("holdouts", help="who is never spoken to, so that effects are known")
    holdouts.add_argument(
        "--accounts", type=Path, metavar="FILE", required=True, help="one a line; - is stdin"
    )
    holdouts.add_argument("--interest", required=True, metavar="ID")
    holdouts.add_argument("--key", type=Path, required=True, metavar="FILE", help="of the draws")
    holdouts.add_argument("--everything", type=float, default=0.05, metavar="SHARE")
    holdouts.add_argument("--per-interest", type=float, default=0.05, metavar="SHARE")
    report = _report_parser(what)
    declared = what.add_parser("declared", help="how right `engage` is by what people say of it")
    for reads_state in (report, declared):
        reads_state.add_argument(
            "--timeout",
            type=float,
            default=300.0,
            metavar="SECONDS",
            help="for reading the state (300)",
        )
        add_kafka_options(reads_state)


def _report_parser(what: Any) -> argparse.ArgumentParser:
    report: argparse.ArgumentParser = what.add_parser(
        "report", help="what contacts came to and brought, and whom they annoyed"
    )
    report.add_argument(
        "--since",
        type=date.fromisoformat,
        metavar="DAY",
        help="of what they brought, at most 25 weeks ago (the Monday before the quarter began)",
    )
    report.add_argument(
        "--out", type=Path, metavar="FILE", help="write it as JSON, for lookup_report and the page"
    )
    return report


def run(args: argparse.Namespace) -> ExitCode:
    """Judge what is logged; FAILED where the log is none, or says nothing."""
    if args.what == "report":
        return _report(settings_of(args), args)
    if args.what == "declared":
        return _declared(settings_of(args), args.timeout)
    try:
        if args.what == "effect":
            return _effect(args.log, args.alpha)
        if args.what == "contacts":
            return _contacts(args.log, args.at, args.rules)
        if args.what == "holdouts":
            return _holdouts(args)
        if args.what == "simulate":
            return _simulate(args.subjects, args.days, args.seeds)
        if args.log is not None:
            return _evaluate(args.log, args.level)
        return _open_bandit(args.open_bandit, args.level)
    except (BadLog, OSError, PolicyError) as error:
        print(f"policy {args.what}: {error}", file=sys.stderr)
        return ExitCode.FAILED


def _evaluate(path: Path, level: float) -> ExitCode:
    log = decisions.read_log(_lines(path))
    size, share = off_policy.effective_size(log), off_policy.support(log)
    print(
        f"{len(log.unit)} decisions about {len(np.unique(log.unit))} units, mean reward "
        f"{log.reward.mean():.5f}; they weigh like {size:.0f} of the judged policy"
    )
    _print(off_policy.estimate(log, level), level)
    if share < 0.999:
        print(f"{1.0 - share:.1%} of what the policy would do was never done: no estimate of it")
    if size < _LEAST_EFFECTIVE:
        print(f"fewer than {_LEAST_EFFECTIVE:.0f}: too few to decide by")
    return ExitCode.DONE


def _print(found: dict[str, off_policy.Value], level: float) -> None:
    print(f"{'':7}{'value':>9}  {level:.0%} interval")
    for name, value in found.items():
        print(f"{name:7}{value}")


def _open_bandit(folder: Path, level: float) -> ExitCode:
    for name in ("men", "women"):
        campaign = decisions.read_campaign(folder, name)
        truth = float(campaign.truth.mean())
        error = 1.96 * float(campaign.truth.std()) / len(campaign.truth) ** 0.5
        print(
            f"{name}: {len(campaign.log.unit)} random impressions; Thompson sampling really "
            f"earned {truth:.5f} +- {error:.5f} a click"
        )
        print(f"{'':7}{'value':>9}  {f'{level:.0%} interval':24} relative error  published (all)")
        for estimator, value in off_policy.estimate(campaign.log, level).items():
            off = abs(value.estimate - truth) / truth
            print(f"{estimator:7}{value!s:36}{off:8.3f}{_PUBLISHED[estimator]:16.3f}")
    return ExitCode.DONE


def _effect(path: Path, alpha: float) -> ExitCode:
    found = decisions.read_assignments(_lines(path))
    terms = sequential.effects(found.contacted, found.propensity, found.reward)
    days, ends = np.unique(found.day, return_index=True)
    after = [*ends[1:].tolist(), len(found.day)]
    print(f"{'day':>12}{'units':>9}{'effect':>10}  interval at every look ({1.0 - alpha:.0%})")
    for day, seen in zip(days.tolist(), sequential.looks(terms, after, alpha), strict=True):
        mark = "  decided" if seen.decided else ""
        print(
            f"{day:>12}{seen.terms:9}{seen.effect:10.5f}  {seen.low:.5f} .. {seen.high:.5f}{mark}"
        )
    return ExitCode.DONE


def _simulate(subjects: int, days: int, seeds: int) -> ExitCode:
    from streams.evaluation import campaigns  # its model stands beside kernels: seconds to load

    for seed in range(seeds):
        found = campaigns.courses(subjects, days, seed)
        best = found["oracle"].gained
        print(f"seed {seed}   contacts  gained  annoyed   Qini  regret after a quarter, half, all")
        for name, course in found.items():
            regret = best - course.gained
            marks = [regret[int(share * (days - 1))] for share in (0.25, 0.5, 1.0)]
            print(
                f"  {name:9}{course.contacts[-1]:9.0f}{course.gained[-1]:8.0f}"
                f"{course.annoyed[-1]:9.0f}{course.qini:7.2f}  "
                + ", ".join(f"{mark:.0f}" for mark in marks)
            )
        response = found["response"]
        contacts, annoyed = found["uplift"].needed(float(response.gained[-1]))
        print(
            f"  for what response gains, uplift needs {contacts / response.contacts[-1]:.0%} of "
            f"its contacts and annoys {annoyed / response.annoyed[-1]:.0%} of the people"
        )
    return ExitCode.DONE


def _contacts(path: Path, at: datetime, rules: Path | None) -> ExitCode:
    bundled = resources.files("features.data").joinpath("contact_policy.toml")
    policy = parse_policy((bundled if rules is None else rules).read_text("utf-8"))
    now = int(at.timestamp() * 1000)
    for account, contacts in sorted(contact_log.read_contacts(_lines(path)).items()):
        members = {held.made.member for held in contacts if held.made is not None} | {None}
        for member in sorted(members, key=lambda name: name or ""):
            subject = account if member is None else f"{account}/{member}"
            for item in policy.forbidden(contacts, member, now):
                about = f"{item.interest or 'anything'} by {item.channel or 'any channel'}"
                until = datetime.fromtimestamp(item.until / 1000, UTC).isoformat("T", "seconds")
                print(f"{subject:24} {item.rule:14} {about:28} until {until}")
    return ExitCode.DONE


def _report(settings: Settings, args: argparse.Namespace) -> ExitCode:
    from streams.worker.wiring import rules_of  # the compiler, which the others do without

    def concerns(key: bytes) -> bool:
        found = keys.parse(key)
        return key == keys.META or (found is not None and found.kind is Kind.CONTACTS)

    k, policy, offset = settings.audience_k, rules_of(settings).contact, settings.day_offset_min
    state = read_latest(settings, STATE, concerns, args.timeout)
    times = [Meta.from_bytes(value).max_ts for (key, _), value in state.items() if key == keys.META]
    now = max(times, default=0)
    since = args.since or contact_report.first_day(now, policy, offset * 60_000)
    if not 0 <= now // DAY_MS - (since - date(1970, 1, 1)).days <= contact_report.MOST_DAYS:
        raise UsageError(
            f"--since {since}: a day of the last {contact_report.MOST_DAYS // 7} weeks"
        )
    records = ((key, value) for (key, _), value in state.items())
    found = contact_report.contact_report(records, policy, now, k, since, offset * 60_000)
    print("\n".join(contact_report.report_lines(found, k, since)))
    if args.out is not None:
        interests = taxonomy.load()
        names = dict(zip(interests.ids, interests.names, strict=True))
        told = contact_report.report_json(found, now, k, since, names)
        contact_report.write_report(told, args.out)
        print(f"written: {args.out}")
    return ExitCode.DONE


def _declared(settings: Settings, timeout: float) -> ExitCode:
    from features.models.verdicts import Verdicts  # its report stands beside kernels
    from streams.evaluation import declared_report

    state = read_latest(settings, STATE, lambda key: key == keys.VERDICTS, timeout)
    verdicts = Verdicts()
    for value in state.values():
        verdicts.take(value)
    print("\n".join(declared_report.declared_lines(verdicts, settings.audience_k)))
    return ExitCode.DONE


def _holdouts(args: argparse.Namespace) -> ExitCode:
    try:
        draws = Holdouts(args.key.read_bytes().strip(), args.everything, args.per_interest)
    except ValueError as error:
        raise UsageError(f"holdouts: {error}") from None
    for line in _lines(args.accounts):
        account = line.decode("utf-8", "replace").strip()
        if account:
            print(f"{account}\t{draws.group(account, args.interest) or '-'}")
    return ExitCode.DONE


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r}: a time with its zone is expected")
    return at


def _lines(path: Path) -> list[bytes]:
    if str(path) == "-":
        return sys.stdin.buffer.read().splitlines()
    return path.read_bytes().splitlines()
