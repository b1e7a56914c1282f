"""``interest-streams worker``: runs one stream worker until it is told to stop."""

from __future__ import annotations

import argparse
import logging
import sys

from confluent_kafka import KafkaException

from streams.settings import SettingsError, load

NAME = "worker"
HELP = "run one stream worker"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--config", help="TOML file with settings")


def run(args: argparse.Namespace) -> int:
    """Work until SIGTERM or SIGINT; the exit code says why it ended."""
    from streams.worker.worker import Worker  # the compiler, which --help does without

    settings = load(args.config)
    logging.basicConfig(
        level=settings.log_level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    try:
        worker = Worker(settings)
    except KafkaException as error:
        raise SettingsError(f"kafka: {error.args[0].str()}") from None
    return worker.run()
