"""Runs ``interest-streams config check|users``: the effective settings, and the users they need."""

from __future__ import annotations

import argparse
import json

from streams.errors import ExitCode
from streams.kafka import access
from streams.settings import load, redacted

NAME = "config"
HELP = "check and print the effective settings, or the Kafka users they need"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("action", choices=["check", "users"])
    parser.add_argument("--config", metavar="FILE", help="TOML file with settings")


def run(args: argparse.Namespace) -> ExitCode:
    """Print the settings as JSON, or the users as Strimzi's resources."""
    settings = load(args.config)
    if args.action == "users":
        print(access.strimzi_users(settings), end="")
    else:
        print(json.dumps(redacted(settings), indent=2, default=str))
    return ExitCode.DONE
