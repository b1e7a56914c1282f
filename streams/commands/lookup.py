"""Runs ``interest-streams lookup``: answers look-ups of profiles over HTTP, and serves the page."""

from __future__ import annotations

import argparse
import logging
import signal
import threading

from streams import logs
from streams.errors import ExitCode
from streams.terminal import add_kafka_options, settings_of

NAME = "lookup"
HELP = "answer look-ups of profiles over HTTP, and serve the page"

_TICK_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "Example: interest-streams lookup --config lookup.toml"
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Serve until SIGTERM or SIGINT; FAILED where following the topic stopped."""
    from streams.apps.lookup.deployment import serving  # packages that --help does without
    from streams.worker.health import Health

    settings = settings_of(args)
    logs.configure(settings.log_level, settings.log_format, NAME, settings.instance)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    health = Health(
        settings.http_host,
        settings.http_port,
        2 * settings.watchdog_ms / 1000,
        "lookup",
        settings.tenant,
    )
    try:
        with serving(settings) as served:
            logging.getLogger(NAME).info("listening on port %s", served.server.port)
            while not ended.wait(_TICK_S) and served.source.failed is None:
                served.figures.renew()
                health.tick(served.source.ready, "the profiles are still being read")
            return ExitCode.DONE if served.source.failed is None else ExitCode.FAILED
    finally:
        health.close()
