"""Runs ``interest-streams config check|users``: whether these settings work, and with which users.

``check`` refuses whatever would end a program at its start; with ``--connect`` it also asks the
cluster, and says each thing by its name that would stop the program. ``users`` prints the Kafka
users that the settings need, as Strimzi's resources.
"""

from __future__ import annotations

import argparse
import json
import sys

from streams.errors import ExitCode
from streams.kafka import access, strimzi
from streams.settings import Settings, load, redacted

NAME = "config"
HELP = "check and print the effective settings, or the Kafka users they need"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "Example: interest-streams config check --connect --program worker"
    parser.add_argument("action", choices=["check", "users"])
    parser.add_argument("--config", metavar="FILE", help="TOML file with settings")
    parser.add_argument(
        "--connect", action="store_true", help="ask the cluster too: names, login, every ACL"
    )
    parser.add_argument(
        "--program",
        choices=sorted(access.BY_NAME),
        default="worker",
        help="whose ACLs to look for (default worker)",
    )
    for name, about in (
        ("produce", "bytes a second that each may write"),
        ("fetch", "bytes a second that each may read"),
        ("request", "percent of one of a broker's threads that each may take"),
    ):
        parser.add_argument(
            f"--{name}-quota",
            type=_quota,
            default=0,
            metavar="N",
            help=f"users: {about}, on each broker",
        )
    parser.add_argument(
        "--running", action="store_true", help="the program runs here and has the port already"
    )


def run(args: argparse.Namespace) -> ExitCode:
    """Print the settings as JSON, or the users; say on standard error what is wrong."""
    settings = load(args.config)
    if args.action == "users":
        quotas = strimzi.Quotas(args.produce_quota, args.fetch_quota, args.request_quota)
        print(strimzi.users(settings, quotas), end="")
        return ExitCode.DONE
    _check_here(settings, args.running)
    print(json.dumps(redacted(settings), indent=2, default=str))
    return _check_there(settings, args.program) if args.connect else ExitCode.DONE


def _check_here(settings: Settings, running: bool) -> None:
    """See that nothing on this machine ends a program that has these settings.

    Raises
    ------
    SettingsError, PortTaken
    """
    from streams.kafka.diagnosis import check_keys

    check_keys(settings)
    if settings.suppression_rules or settings.contact_policy:
        from streams.worker.wiring import rules_of

        rules_of(settings)
    if settings.dead_letter_key:
        from streams.worker.sealing import seal_of

        seal_of(settings)
    if settings.http_port and not running:
        from streams.worker.http_port import HttpPort

        HttpPort(settings.http_host, settings.http_port, {}).close()


def _check_there(settings: Settings, program: str) -> ExitCode:
    from streams.kafka.diagnosis import diagnose

    troubles = diagnose(settings, access.BY_NAME[program])
    for trouble in troubles:
        print(f"config: {trouble.said}", file=sys.stderr)
    if not troubles:
        print(f"config: the cluster lets the {program} do all it has to", file=sys.stderr)
        return ExitCode.DONE
    away = all(trouble.away for trouble in troubles)
    return ExitCode.UNREACHABLE if away else ExitCode.FAILED


def _quota(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number above 0")
    return int(text)
