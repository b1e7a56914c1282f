"""Runs ``demo``: profiles of made-up households and real web visits, with the truth beside them.

One command, no set-up: an embedded broker unless --bootstrap names another, the topics, the
bundled tags, a worker as a process of its own, 8 weeks of events in event time, and at the end
what it learned about three households beside what is true. It ends by itself where nobody
watches; on a terminal it goes on live, and serves the page on the profiles. A desktop opens it.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain

from rich.console import Console
from rich.live import Live

from features.tags.exact import encode, exact_tags, tag_catalogue
from streams.client import Profile, ProfileReader
from streams.contract import topics
from streams.contract.record import Record
from streams.datasets import bundled_web_visits
from streams.errors import ExitCode
from streams.kafka import clients
from streams.kafka.consumer_group import Group, Lag
from streams.kafka.producing import Produced, merged, produce, with_consent
from streams.kafka.topic_plan import create_topics
from streams.sandbox.days import HOME
from streams.sandbox.demo_worker import WorkerProcess
from streams.sandbox.embedded_broker import (
    EMBEDDED_FEED_OVERRIDES,
    EMBEDDED_KAFKA_OVERRIDES,
    EmbeddedBroker,
    free_port,
)
from streams.sandbox.simulator import Simulation, catalogue, simulated
from streams.sandbox.truth_table import choose, privacy_line, score_lines, table, truths
from streams.settings import Settings
from streams.terminal import Meter, add_kafka_options, instant, report, settings_of

NAME = "demo"
HELP = "everything at once, with a broker of its own"

#: The last day of the bundled web visits: the simulation ends with them.
LAST_DAY = date(2019, 7, 8)
LIVE_DAYS = 365
LIVE_SPEED = 3_600.0  # an hour of their lives a second
_PLAIN_WIDTH = 120  # columns where there is no terminal to ask
_ANSWER_S = 10.0
_READY_S = 600.0
_CATCH_UP_S = 90.0
_READ_S = 20.0
_PROPOSED = 12  # accounts that the page proposes
_LOOK_S = 0.5
_SETTLE_S = 2.0  # the worker publishes after its commit interval


class DemoError(RuntimeError):
    """The demo cannot go on; the message tells why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "Example: interest-streams demo --households 50 --days 28"
    parser.add_argument("--households", type=int, default=120)
    parser.add_argument("--days", type=int, default=56)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--once", action="store_true", help="end after the tables")
    parser.add_argument(
        "--serve", action="store_true", help="serve the page until Ctrl-C without a terminal, too"
    )
    parser.add_argument("--port", type=int, default=0, help="of the page (default: any)")
    add_kafka_options(parser, "use this Kafka (topics get the prefix demo-)")


def run(args: argparse.Namespace) -> ExitCode:
    """Run the demo; DONE when it ran through, or was ended by Ctrl-C once it was live."""
    # A closed terminal and a plain kill end it in order too: broker and worker must not outlive it.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH)
    with ExitStack() as stack:
        # Inside: an error keeps its clients alive, and they complain when the broker goes.
        try:
            _run(args, console, stack)
        except KeyboardInterrupt:
            console.print("ended")
            return ExitCode.INTERRUPTED
        except Exception as error:
            return report(NAME, error)
    return ExitCode.DONE


def _run(args: argparse.Namespace, console: Console, stack: ExitStack) -> None:
    started = time.monotonic()
    live = console.is_terminal and not args.once
    console.print(
        f"interest-streams demo: {args.households} made-up households and 3 real "
        f"panelists, {args.days} days"
    )
    start = LAST_DAY - timedelta(days=args.days - 1)
    simulation = Simulation(
        args.seed, args.households, args.days + LIVE_DAYS * live, start, story_days=args.days
    )
    settings = _cluster(args, console, stack)
    done = create_topics(clients.admin(settings), settings)
    console.print(f"topics: {len(done)} created or updated, {settings.partitions} partitions")
    worker = stack.enter_context(WorkerProcess(settings))
    console.print(f"worker: process {worker.pid}, metrics on port {settings.http_port}")
    feed = settings if args.bootstrap else feeding(settings)
    console.print(f"tags: {publish_tags(feed)} contents tagged")

    records = events(simulation)
    end_ms = simulation.start_ms + args.days * 86_400_000
    rest: list[Record] = []
    produced = _produce(before(records, end_ms, rest), feed, worker)
    console.print(produced.line())
    _wait_ready(settings, worker, console)
    _catch_up(settings, worker)
    spent = time.monotonic() - started
    console.print(
        f"caught up {spent:.0f} s after the start "
        f"({produced.total / spent:,.0f} records/s, start-up included)"
    )
    time.sleep(_SETTLE_S)
    profiles = read_profiles(settings)
    if not profiles:
        raise DemoError(
            f"no profiles in {settings.topic(topics.PROFILES)}; "
            f"the worker says: {worker.last_line()}"
        )
    _show(console, simulation, profiles)
    if not (live or args.serve):
        return
    from streams.apps.lookup.beside import Scene  # these are of no use to the rest
    from streams.apps.lookup.demonstration import demonstration

    chosen = choose(simulation.truth, profiles, _PROPOSED)
    scene = Scene(truths(simulation.truth), lambda: worker.metrics(settings.http_port))
    with demonstration(settings, chosen, scene, args.port) as address:
        console.print(f"the page, with buttons that act: {address}", soft_wrap=True)
        if live:
            open_on_desktop(address)
            _go_on(console, simulation, chain(rest, records), feed, worker)
            return
        with suppress(KeyboardInterrupt):
            while True:
                worker.check()
                time.sleep(_LOOK_S)


def open_on_desktop(address: str) -> bool:
    """Open a page where there is a desktop to see it on; whether a browser took it."""
    windows = sys.platform in ("darwin", "win32")
    shown = windows or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
    if not shown or "SSH_CONNECTION" in os.environ:
        return False
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False


def _cluster(args: argparse.Namespace, console: Console, stack: ExitStack) -> Settings:
    """Settings of the demo's deployment; starts the embedded broker if none is given."""
    if args.bootstrap is None:
        broker = stack.enter_context(EmbeddedBroker())
        console.print(f"broker: embedded, in memory, {broker.bootstrap_servers}")
        return Settings(
            bootstrap_servers=broker.bootstrap_servers,
            group_id="interest-streams-demo",
            instance_id="demo-1",
            partitions=4,
            replication=1,
            http_host="127.0.0.1",
            http_port=free_port(),
            home_country=HOME,
            session_timeout_ms=int(EMBEDDED_KAFKA_OVERRIDES["session.timeout.ms"]),
            kafka={
                key: value
                for key, value in EMBEDDED_KAFKA_OVERRIDES.items()
                if key != "session.timeout.ms"
            },
        )
    given = settings_of(args)
    settings = replace(
        given,
        http_port=free_port(),
        home_country=given.home_country or HOME,
        instance_id="demo-1",
        # Made-up customers must not mix with real ones.
        topic_prefix=given.topic_prefix or "demo-",
        group_id="interest-streams-demo",
    )
    brokers = len(clients.admin(settings).list_topics(timeout=_ANSWER_S).brokers)
    console.print(f"broker: {args.bootstrap}, {brokers} brokers")
    return replace(settings, replication=min(settings.replication, brokers))


def feeding(settings: Settings) -> Settings:
    """The settings for producing plainly to the embedded broker."""
    return replace(settings, kafka={**settings.kafka, **EMBEDDED_FEED_OVERRIDES})


def publish_tags(settings: Settings) -> int:
    """Publish the bundled tags, and those of the simulator's programmes; returns how many."""
    tagged = dict(exact_tags())
    for _, key, value in catalogue():
        entry = tag_catalogue(value)
        if entry is not None:
            tagged[key] = entry
    records = (Record(0, topics.TAGS, key, encode(key, entry)) for key, entry in tagged.items())
    return produce(records, settings, Produced()).total


def events(simulation: Simulation) -> Iterator[Record]:
    """Made-up and real events in one stream, by event time."""
    return merged([simulated(simulation), with_consent(bundled_web_visits())])


def before(records: Iterator[Record], at: int, rest: list[Record]) -> Iterator[Record]:
    """Records before an event time; the first one after it goes to `rest`, the others wait."""
    for record in records:
        if record.at >= at:
            rest.append(record)
            return
        yield record


def _produce(records: Iterator[Record], settings: Settings, worker: WorkerProcess) -> Produced:
    with Meter("produced") as meter:

        def tick(account: Produced, at: int) -> None:
            if meter.due():
                worker.check()
                meter.show(account.total, f"event time {instant(at)}")

        produced = produce(records, settings, Produced(), tick=tick)
    if produced.failed:
        raise DemoError(produced.line())
    return produced


def _wait_ready(settings: Settings, worker: WorkerProcess, console: Console) -> None:
    """Wait for the worker: without compiled kernels on disk its first start takes minutes."""
    deadline, told = time.monotonic() + _READY_S, ""
    while True:
        ready, said = worker.state(settings.http_port)
        if ready:
            return
        if time.monotonic() > deadline:
            raise DemoError(f"the worker is not ready after {_READY_S:g} s; it says: {said}")
        if said != told:
            told = said
            console.print(f"worker: {said}")
        time.sleep(_LOOK_S)


def _catch_up(settings: Settings, worker: WorkerProcess) -> None:
    with Meter("still to process") as meter:

        def show(lag: Lag) -> None:
            worker.check()
            if meter.due() or lag.done:
                meter.show_level(lag.behind)

        with Group(settings) as group:
            done = group.wait(_CATCH_UP_S, show)
        if not done:
            raise DemoError(
                f"the worker is not at the end after {_CATCH_UP_S:g} s; it says: "
                f"{worker.last_line()}"
            )


def read_profiles(settings: Settings) -> dict[str, Profile]:
    """All committed profiles by subject."""
    with _reader(settings) as reader:
        return dict(reader.bootstrap(_READ_S))


def _reader(settings: Settings) -> ProfileReader:
    kafka = {
        key: value for key, value in settings.kafka.items() if key not in EMBEDDED_FEED_OVERRIDES
    }
    return ProfileReader(settings.bootstrap_servers, settings.topic(topics.PROFILES), kafka=kafka)


def _show(console: Console, simulation: Simulation, profiles: dict[str, Profile]) -> None:
    for account in choose(simulation.truth, profiles, 3):
        console.print(table(simulation.truth[account], profiles))
    for line in (
        *score_lines(simulation.truth, profiles),
        privacy_line(simulation.truth, profiles),
    ):
        console.print(line)


def _go_on(
    console: Console,
    simulation: Simulation,
    records: Iterator[Record],
    settings: Settings,
    worker: WorkerProcess,
) -> None:
    """An hour a second, one household on the screen, until Ctrl-C."""
    console.print("live, an hour a second; Ctrl-C ends it")
    with _reader(settings) as reader, Live(console=console, auto_refresh=False) as screen:
        reader.bootstrap(_READ_S)
        account = choose(simulation.truth, reader.profiles, 1)[0]
        shown = 0.0

        def tick(_: Produced, at: int) -> None:
            nonlocal shown
            if time.monotonic() - shown < 1.0:
                return
            worker.check()
            for _update in reader.follow(timeout=0.0):
                pass
            screen.update(
                table(simulation.truth[account], reader.profiles, f"event time {instant(at)}"),
                refresh=True,
            )
            shown = time.monotonic()

        with suppress(KeyboardInterrupt):
            produce(records, settings, Produced(), speed=LIVE_SPEED, tick=tick)
    console.print("ended")
