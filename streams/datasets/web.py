"""Converts web visits and a DPI probe's flows to `network-usage`."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from streams.contract import topics
from streams.contract.record import Record
from streams.datasets.rows import (
    LONGEST_MS,
    LONGEST_VISIT_MS,
    Skipped,
    catalogue_record,
    instant_ms,
    pseudonym,
    rows_of,
    short_digest,
    whole_number,
)

#: The set of flows carries no date: stated here, meaning nothing.
FLOWS_START_MS = 1_568_016_000_000  # Monday 2019-09-09, 08:00 UTC


def web_visits(path: Path, skipped: Skipped) -> Iterator[Record]:
    """Web visits (panelist, time, URL, device) -> `network-usage`.

    Time on a page is the gap to the panelist's next visit, at most 30 minutes, and 0 for the
    last one. Bytes are unknown. URLs of other schemes than http(s) are skipped.
    """
    visits: list[tuple[int, str, str, str]] = []
    for row in rows_of(path, ("panelist_id", "timestamp", "url", "device")):
        url = urlsplit(row["url"])
        if url.scheme not in ("http", "https") or not url.hostname:
            skipped["not a web address"] += 1
            continue
        visits.append(
            (instant_ms(row["timestamp"], path), row["panelist_id"], url.hostname, row["device"])
        )
    yield from _visits(visits)


def bundled_web_visits() -> Iterator[Record]:
    """The same from the sample that ships with the package (`streams/data`)."""
    data = resources.files("streams").joinpath("data", "web_visits.tsv.gz").read_bytes()
    lines = gzip.decompress(data).decode().splitlines()[1:]
    visits = []
    for line in lines:
        panelist, at, host, device = line.split("\t")
        visits.append((int(at), panelist, host, device))
    yield from _visits(visits)


def _visits(visits: list[tuple[int, str, str, str]]) -> Iterator[Record]:
    visits.sort(key=lambda visit: visit[0])
    following: dict[str, int] = {}
    gaps = [0] * len(visits)
    for i in range(len(visits) - 1, -1, -1):
        at, panelist = visits[i][:2]
        gaps[i] = min(following.get(panelist, at) - at, LONGEST_VISIT_MS)
        following[panelist] = at
    for i, (at, panelist, host, device) in enumerate(visits):
        account = pseudonym(panelist, "web")
        yield Record(
            at,
            topics.NETWORK,
            account,
            {
                "event_id": f"wv-{i:x}",
                "account_id": account,
                "ts": at,
                "device_id": f"{account}-{device}",
                "line": "mobile" if device == "mobile" else "broadband",
                "host": host,
                "duration_ms": gaps[i],
            },
        )


def network_flows(path: Path, skipped: Skipped) -> Iterator[Record]:
    """Labelled flows -> `network-usage`; one account per capture, for there are no users.

    The set has no times: flows follow each other by a second from 2019-09-09 08:00 UTC. Names
    that are none (scans, attacks) stay in: refusing them is the inlet's work.
    """
    for i, row in enumerate(
        rows_of(path, ("pcap", "app", "category", "c2s_bytes", "s2c_bytes", "duration_s", "host"))
    ):
        at, account = FLOWS_START_MS + i * 1000, f"pcap-{short_digest(row['pcap'])}"
        value: dict[str, Any] = {
            "event_id": f"nf-{i:x}",
            "account_id": account,
            "ts": at,
            "line": "broadband",
            "bytes_down": whole_number(row["s2c_bytes"], path),
            "bytes_up": whole_number(row["c2s_bytes"], path),
            "duration_ms": min(int(float(row["duration_s"] or 0) * 1000), LONGEST_MS),
        }
        if row["host"]:
            value["host"] = row["host"]
        elif row["app"]:
            value["app"] = row["app"]
        else:
            skipped["neither host nor app"] += 1
            continue
        kind = "host" if row["host"] else "app"
        yield catalogue_record(
            at, kind, value[kind], value[kind], [row["category"]] if row["category"] else []
        )
        yield Record(at, topics.NETWORK, account, value)
