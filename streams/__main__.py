"""The command ``interest-streams``: one subcommand per thing an operator does."""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import sys
from collections.abc import Sequence

from streams.settings import SettingsError, load, redacted

#: Subcommands by the module that has ``add_parser`` and ``run``; imported as they are needed,
#: for only the worker wants the compiler.
_MODULES = {
    "topics": "streams.kafka.topic_plan",
    "replay": "streams.commands.replay",
    "simulate": "streams.sandbox.simulator",
    "demo": "streams.commands.demo",
    "tags": "streams.commands.tags",
    "tag": "streams.commands.tag",
    "untagged": "streams.worker.untagged",
    "related": "streams.commands.related",
    "profile": "streams.client.reader",
    "subject": "streams.commands.subject",
    "contract": "streams.commands.contract",
    "accounting": "streams.commands.accounting",
    "state": "streams.commands.state",
    "offsets": "streams.commands.offsets",
    "quality": "streams.commands.quality",
    "size": "streams.commands.size",
}


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="interest-streams", description="Behaviour to interest profiles, while it happens."
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    worker = subparsers.add_parser("worker", help="run one stream worker")
    worker.add_argument("--config", help="TOML file with settings")
    worker.set_defaults(run=_worker)
    config = subparsers.add_parser("config", help="check and print the effective settings")
    config.add_argument("action", choices=["check"])
    config.add_argument("--config", help="TOML file with settings")
    config.set_defaults(run=_config)
    for name, module_name in _MODULES.items():
        module = importlib.import_module(module_name)
        module.add_parser(subparsers)
        subparsers.choices[name].set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit code. Users get messages, not stack traces."""
    args = build_parser().parse_args(argv)
    try:
        return int(args.run(args) or 0)
    except SettingsError as error:
        print(f"settings: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 141


def _worker(args: argparse.Namespace) -> int:
    settings = load(args.config)
    logging.basicConfig(
        level=settings.log_level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    from confluent_kafka import KafkaException

    from streams.worker.worker import Worker  # numba and river are wanted by this command only

    try:
        worker = Worker(settings)
    except KafkaException as error:
        raise SettingsError(f"kafka: {error.args[0].str()}") from None
    return worker.run()


def _config(args: argparse.Namespace) -> int:
    print(json.dumps(redacted(load(args.config)), indent=2, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
