"""Runs ``interest-streams config check``: the effective settings, secrets left out."""

from __future__ import annotations

import argparse
import json

from streams.errors import ExitCode
from streams.settings import load, redacted

NAME = "config"
HELP = "check and print the effective settings"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("action", choices=["check"])
    parser.add_argument("--config", metavar="FILE", help="TOML file with settings")


def run(args: argparse.Namespace) -> ExitCode:
    """Print the settings as JSON."""
    print(json.dumps(redacted(load(args.config)), indent=2, default=str))
    return ExitCode.DONE
