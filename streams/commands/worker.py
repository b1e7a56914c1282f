"""Runs ``interest-streams worker``: one stream worker, until it is told to stop."""

from __future__ import annotations

import argparse
import logging

from confluent_kafka import KafkaException

from streams import logs
from streams.errors import ExitCode, Stop
from streams.terminal import add_kafka_options, settings_of

NAME = "worker"
HELP = "run one stream worker"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "Example: interest-streams worker --config worker.toml --bootstrap kafka:9092"
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> int:
    """Work until SIGTERM or SIGINT; the exit code tells why it ended."""
    from streams.worker.exits import Exits
    from streams.worker.worker import Worker  # the compiler, which --help does without

    settings = settings_of(args)
    logs.configure(settings.log_level, settings.log_format, NAME, settings.instance)
    exits = Exits("worker", settings.instance)
    code: int = ExitCode.FAILED
    try:
        code = Worker(settings).run()
    except Stop as error:
        code = error.code
        raise
    except KafkaException:
        raise
    except Exception:
        # A fault of ours: whoever reads the log of a service needs to know where.
        logging.getLogger(__name__).critical("the worker failed", exc_info=True)
    finally:
        exits.ended(code)
    return code
