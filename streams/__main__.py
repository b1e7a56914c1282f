"""The command ``interest-streams``: one subcommand per thing an operator does.

A subcommand is a module of `streams.commands`, found by its name; only the one that was asked for
is loaded, so that none waits for what another needs. The list for people is read from the
sources of the others, not by importing them.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from importlib import metadata
from importlib.machinery import SourceFileLoader as SourceLoader
from typing import Any

from streams import commands
from streams.settings import SettingsError


def build_parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """The command line with one subcommand's arguments; with the names of all without one."""
    parser = argparse.ArgumentParser(
        prog="interest-streams", description="Behaviour to interest profiles, while it happens."
    )
    parser.add_argument("--version", action=_Version, help="show the version and exit")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    found = {module.name: module for module in pkgutil.iter_modules(commands.__path__)}
    if chosen in found:
        command = importlib.import_module(f"{commands.__name__}.{chosen}")
        own = subparsers.add_parser(command.NAME, description=command.HELP)
        command.add_arguments(own)
        own.set_defaults(run=command.run)
    else:
        for name in sorted(found):
            subparsers.add_parser(name, help=_help(found[name]))
    return parser


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Arguments of a command line; its ``run`` is the function of the chosen command."""
    chosen = next((word for word in words if not word.startswith("-")), None)
    return build_parser(chosen).parse_args(words)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit code. Users get messages, not stack traces."""
    args = parse(sys.argv[1:] if argv is None else argv)
    try:
        return int(args.run(args) or 0)
    except SettingsError as error:
        print(f"settings: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 141


class _Version(argparse.Action):
    """Prints the version of the installed package, which is looked up only when asked for."""

    def __init__(self, **options: Any) -> None:
        super().__init__(nargs=0, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"{parser.prog} {metadata.version('interest-streams')}")
        parser.exit()


def _help(module: pkgutil.ModuleInfo) -> str:
    """The text of HELP in a module's source."""
    spec = module.module_finder.find_spec(module.name, None)
    loader = spec.loader if spec is not None else None
    source = loader.get_source(module.name) if isinstance(loader, SourceLoader) else ""
    for node in ast.parse(source or "").body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "HELP":
            return str(ast.literal_eval(node.value))
    raise AttributeError(f"{module.name} says no HELP")


if __name__ == "__main__":
    sys.exit(main())
