"""Puts the look-up service together from settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from streams.apps.lookup.acts import Acts
from streams.apps.lookup.audit import Audit
from streams.apps.lookup.beside import Beside, Scene
from streams.apps.lookup.callers import Budgets, Tokens, TokensError
from streams.apps.lookup.contact_figures import ContactFigures
from streams.apps.lookup.page import routes
from streams.apps.lookup.server import Server
from streams.apps.lookup.service import LookupApp
from streams.apps.lookup.shards import Shards
from streams.apps.lookup.source import ProfileSource
from streams.client import ProfileReader
from streams.contract.topics import PROFILES
from streams.settings import Settings, SettingsError


class Served(NamedTuple):
    """A service at work."""

    server: Server
    source: ProfileSource
    figures: ContactFigures


@contextmanager
def serving(settings: Settings, scene: Scene | None = None) -> Iterator[Served]:
    """Serve look-ups until the context ends.

    Parameters
    ----------
    settings : Settings
    scene : Scene, optional
        Of a demonstration: tokens with the scope ``act`` may put facts on the topic then, and see
        the truth and the worker's metrics.

    Raises
    ------
    SettingsError
        There is no usable file of keys.
    PortTaken
    """
    try:
        tokens = Tokens(
            Path(settings.lookup_jwks), settings.lookup_audience, settings.lookup_issuer
        )
    except TokensError as error:
        raise SettingsError(f"lookup_jwks: {error}") from None
    shards = Shards(settings.lookup_addresses, settings.lookup_shard, settings.partitions)
    reader = ProfileReader(
        settings.bootstrap_servers,
        settings.topic(PROFILES),
        shards.partitions,
        kafka=settings.kafka,
    )
    source = ProfileSource(
        reader, Path(settings.lookup_snapshot) if settings.lookup_snapshot else None
    )
    audit, acts = Audit(settings), None if scene is None else Acts(source, tokens, settings)
    budgets = Budgets(settings.lookup_rate)
    report = Path(settings.lookup_report) if settings.lookup_report else None
    figures = ContactFigures(report, tokens, budgets)
    more = routes(acts is not None) + figures.routes
    if scene is not None and acts is not None:
        more += acts.routes + Beside(scene, tokens).routes
    try:
        app = LookupApp(source, tokens, budgets, audit, more, shards)
        server = Server(app.asgi, settings.http_host, settings.lookup_port)
        source.start(server.loop)
        server.start()
        try:
            yield Served(server, source, figures)
        finally:
            server.close()
    finally:
        source.close()
        audit.close()
        if acts is not None:
            acts.close()
