"""Makes the Faust apps: from `streams.settings`, reading committed records only, with pages.

Faust's aiokafka driver reads ``read_uncommitted`` unless the app is exactly-once, and Faust's
exactly-once cannot fence a stale worker. So the apps are at-least-once, write idempotent
upserts, acknowledge a record when its outputs are delivered, and end when they cannot go on.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import faust
from faust.app.base import BootStrategy
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers import aiokafka as driver
from faust.types.auth import CredentialsT
from faust.types.transports import TransportT

from streams import logs
from streams.errors import ExitCode, PortTaken
from streams.kafka import access
from streams.kafka.clients import MOST_BYTES, heartbeat_ms
from streams.kafka.partitioners import PARTITIONERS
from streams.leaving import leave
from streams.settings import Settings, SettingsError, load
from streams.worker.exits import Exits
from streams.worker.health import Health
from streams.worker.reach import Reach

_TICK_S = 0.5


class _CommittedThread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        if not hasattr(consumer, "_isolation_level"):
            raise RuntimeError("aiokafka keeps its isolation level elsewhere than this expects")
        consumer._isolation_level = "read_committed"  # takes effect when the consumer starts
        return consumer


class _CommittedConsumer(driver.Consumer):
    def _new_consumer_thread(self) -> _CommittedThread:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)


class CommittedTransport(driver.Transport):
    """Faust's ``kafka://`` driver with ``read_committed`` forced."""

    Consumer: ClassVar[Any] = _CommittedConsumer


class _WithoutWeb(BootStrategy):
    """Faust's web server has no limits, and its command line would switch it on."""

    enable_web = False


class LeavingWorker(faust.Worker):
    """Ends its process as every other program of ours ends."""

    def execute_from_commandline(self) -> NoReturn:
        """Run the app to its end, and leave with its exit code."""
        code: int = ExitCode.FAILED
        try:
            super().execute_from_commandline()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else code
        leave(code)


class QuietWorker(LeavingWorker):
    """Prints no banner between JSON lines."""

    def __init__(self, *apps: Any, **options: Any) -> None:
        super().__init__(*apps, **{**options, "quiet": True})


class CommittedApp(faust.App):
    """A Faust app whose consumer never sees an aborted record, with the worker's pages.

    Attributes
    ----------
    health : callable or None
        Makes the pages when the app starts: an app is imported by commands that serve nothing.
    exits : callable or None
        Makes the account of how the app ended before, when it starts.
    reach : callable or None
        Makes what tells them whether a broker answers: Faust keeps its partitions without one.
    """

    health: Callable[[], Health] | None = None
    exits: Callable[[], Exits] | None = None
    reach: Callable[[Callable[[bool], None]], Reach] | None = None
    _ends: Exits | None = None

    BootStrategy = _WithoutWeb

    def _new_transport(self) -> TransportT:
        return CommittedTransport(self.conf.broker_consumer, self)

    async def on_first_start(self) -> None:
        """Open the port before anything else, so that a start that takes long can be seen."""
        if self.health is not None:
            try:
                health = self.health()
            except PortTaken as error:
                self.log.error("%s", error)
                raise SystemExit(error.code) from None
            self.add_future(self._tick(health))
            if self.reach is not None:
                self.reach(health.reached).start()
        if self.exits is not None:
            self._ends = self.exits()
        await super().on_first_start()

    async def on_shutdown(self) -> None:
        """Note how it ended, once there is nothing more to stop."""
        await super().on_shutdown()
        if self._ends is not None:
            self._ends.ended(ExitCode.FAILED if self.crashed else ExitCode.DONE)

    async def _tick(self, health: Health) -> None:
        while not self.should_stop:
            health.tick(self._assigned(), "no partitions assigned")
            await asyncio.sleep(_TICK_S)

    def _assigned(self) -> bool:
        try:
            return bool(self.consumer.assignment()) and not self.rebalancing
        except ConsumerNotStarted:
            return False


def make_app(name: str, settings: Settings | None = None) -> tuple[CommittedApp, Settings]:
    """Make a Faust app.

    Parameters
    ----------
    name : str
        Joined to the group id, it is the app's consumer group.
    settings : Settings, optional
        By default read from the environment.

    Returns
    -------
    CommittedApp, Settings
        The app serves the worker's pages on ``http_port`` (0: nowhere).

    Raises
    ------
    SystemExit
        Naming the setting that is wrong: apps are made on import, by the ``faust`` command.
    """
    try:
        settings = load() if settings is None else settings
        login = credentials(settings.kafka)
    except SettingsError as error:
        raise SystemExit(f"settings: {error}") from None
    app_id = access.app_group(settings, name)
    app = CommittedApp(
        app_id,
        broker=[f"kafka://{server.strip()}" for server in settings.bootstrap_servers.split(",")],
        broker_credentials=login,
        broker_session_timeout=settings.session_timeout_ms / 1000,
        broker_heartbeat_interval=heartbeat_ms(settings) / 1000,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        # An event whose agent failed or was cancelled is not done: acknowledged only by us.
        stream_ack_exceptions=False,
        stream_ack_cancelled_tasks=False,
        producer_partitioner=partition_of,
        # The brokers' limits are what counts; an app fits what it writes to them.
        producer_max_request_size=MOST_BYTES,
        topic_allow_declare=False,  # `topics apply` makes them, with the right configuration
        topic_disable_leader=True,
        store="memory://",
        datadir=Path(tempfile.gettempdir()) / app_id,
        autodiscover=False,
        **_logging(name, settings),
    )
    stale_s = 2 * settings.watchdog_ms / 1000
    app.exits = partial(Exits, name, settings.instance)
    app.health = partial(
        Health, settings.http_host, settings.http_port, stale_s, name, settings.tenant
    )
    app.reach = partial(Reach, settings)
    return app, settings


def _logging(name: str, settings: Settings) -> dict[str, Any]:
    """Faust would write every record that is fetched or sent at its command line's ``-l debug``."""
    form = settings.log_format
    config = logs.configuration(settings.log_level, form, name, settings.instance)
    return {"logging_config": config, "Worker": QuietWorker if form == "json" else LeavingWorker}


def partition_of(key: bytes | None, every: Sequence[int], available: Sequence[int]) -> int:
    """Partition by librdkafka's default, CRC-32 of the key, instead of Java's murmur2.

    One key must have one partition whoever writes it: compaction and order end at a partition.
    """
    if not key:
        return random.choice(available or every)
    return sorted(every)[PARTITIONERS["consistent"](key, len(every))]


def credentials(kafka: Mapping[str, str]) -> CredentialsT | None:
    """Credentials of Faust from librdkafka's keys, None for plaintext.

    Raises
    ------
    SettingsError
        Naming the key or value that has no counterpart.
    """
    protocol = kafka.get("security.protocol", "plaintext").upper()
    if protocol == "PLAINTEXT":
        return None
    context = _ssl_context(kafka) if protocol.endswith("SSL") else None
    if protocol == "SSL":
        return faust.SSLCredentials(context=context)
    mechanism = kafka.get("sasl.mechanism", kafka.get("sasl.mechanisms", "")).upper()
    if not protocol.startswith("SASL_"):
        raise SettingsError(
            f"security.protocol = {protocol!r}: plaintext, ssl, sasl_plaintext or sasl_ssl"
        )
    if mechanism not in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        raise SettingsError(
            f"sasl.mechanism = {mechanism!r}: the Faust apps take PLAIN, "
            "SCRAM-SHA-256 or SCRAM-SHA-512"
        )
    return faust.SASLCredentials(
        username=kafka.get("sasl.username", ""),
        password=kafka.get("sasl.password", ""),
        mechanism=mechanism,
        ssl_context=context,
    )


def _ssl_context(kafka: Mapping[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=kafka.get("ssl.ca.location"))
        if "ssl.certificate.location" in kafka:
            context.load_cert_chain(
                kafka["ssl.certificate.location"],
                kafka.get("ssl.key.location"),
                kafka.get("ssl.key.password"),
            )
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"ssl.*.location: {error}") from None
    return context
