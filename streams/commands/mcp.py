"""Runs ``interest-streams mcp``: look-ups over the Model Context Protocol, on standard input."""

from __future__ import annotations

import argparse
from pathlib import Path

from streams.client.words import LANGUAGES
from streams.errors import ExitCode, UsageError

NAME = "mcp"
HELP = "answer look-ups over the Model Context Protocol, to read only"
PURPOSES = ("offers", "profiling", "privacy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--url", required=True, help="of the look-up service")
    parser.add_argument(
        "--token-file",
        required=True,
        type=Path,
        metavar="FILE",
        help="bearer token, read each time",
    )
    parser.add_argument("--purpose", required=True, choices=PURPOSES, help="what is read for")
    parser.add_argument(
        "--language", choices=LANGUAGES, default=LANGUAGES[0], help="of the sentences"
    )
    parser.epilog = (
        "Example: interest-streams mcp --url https://lookup.example --token-file token "
        "--purpose offers"
    )


def run(args: argparse.Namespace) -> ExitCode:
    """Serve until the input ends."""
    from streams.apps.lookup.context_protocol import LookupClient, context_server

    if not args.token_file.is_file():
        raise UsageError(f"{args.token_file}: no such file")
    try:
        client = LookupClient(args.url, lambda: args.token_file.read_text().strip(), args.purpose)
    except ValueError as error:
        raise UsageError(str(error)) from None
    context_server(client, args.language).run("stdio")
    return ExitCode.DONE
