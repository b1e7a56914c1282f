"""Runs the command ``interest-streams``: one subcommand per thing an operator does.

A subcommand is a module of `streams.commands`, found by its name; only the one that was asked for
is loaded, so that none waits for what another needs. The list for people is read from the
sources of the others, not by importing them.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence
from importlib import metadata
from importlib.machinery import SourceFileLoader as SourceLoader
from typing import Any, NoReturn

from streams import commands
from streams.errors import ExitCode
from streams.leaving import leave
from streams.terminal import report


def build_parser(name: str | None = None) -> argparse.ArgumentParser:
    """The command line with one subcommand's arguments; with the names of all without one."""
    parser = argparse.ArgumentParser(
        prog="interest-streams", description="Behaviour to interest profiles, while it happens."
    )
    parser.add_argument("--version", action=_Version, help="show the version and exit")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    found = {module.name: module for module in pkgutil.iter_modules(commands.__path__)}
    if name in found:
        command = importlib.import_module(f"{commands.__name__}.{name}")
        own = subparsers.add_parser(command.NAME, description=command.HELP)
        command.add_arguments(own)
        own.set_defaults(run=command.run)
    else:
        for other in sorted(found):
            subparsers.add_parser(other, help=_help(found[other]))
    return parser


def chosen(words: Sequence[str]) -> str | None:
    """The command that a command line names."""
    return next((word for word in words if not word.startswith("-")), None)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit code. Users get a line that says why, no stack trace."""
    words = sys.argv[1:] if argv is None else argv
    command = chosen(words)
    try:
        args = build_parser(command).parse_args(words)
        code = args.run(args)
        sys.stdout.flush()
        return int(code)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Nobody reads any more: nor should the interpreter try to flush what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.BROKEN_PIPE
    except Exception as error:
        return report(str(command), error)


def run_and_leave(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a subcommand in a process of its own, and end that with its exit code."""
    leave(main(argv))


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
    run_and_leave()
