"""Converts public data sets to our events: one small generator per set, in event-time order.

An adaptor yields `Record`s and says in its docstring what it had to assume. Users are
pseudonymised: an id that the inlet would refuse (all digits looks like a phone number) gets a
prefix. A row that makes no sense is skipped and counted, never repaired. Every content comes
with a `catalogue` record of what the set knows about it.

Law of the folder: files in, records out; nothing here knows Kafka. Public face: `ADAPTORS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from streams.contract.record import Record
from streams.datasets.devices import app_usage, operator_dpi, snapshots
from streams.datasets.rows import Skipped, SourceError, pseudonym, slug
from streams.datasets.television import stream_starts, tv_sessions
from streams.datasets.web import bundled_web_visits, network_flows, web_visits

__all__ = [
    "ADAPTORS",
    "Adaptor",
    "Skipped",
    "SourceError",
    "bundled_web_visits",
    "pseudonym",
    "slug",
]

Adaptor = Callable[[Path, Skipped], Iterator[Record]]

ADAPTORS: dict[str, Adaptor] = {
    "web-visits": web_visits,
    "stream-starts": stream_starts,
    "tv-sessions": tv_sessions,
    "operator-dpi": operator_dpi,
    "app-usage": app_usage,
    "snapshots": snapshots,
    "flows": network_flows,
}
