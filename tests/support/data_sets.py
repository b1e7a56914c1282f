"""Public data sets: where they lie, a page of one, and their records as `replay` reads them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from streams.commands import replay
from streams.contract.record import Record

#: Adaptor to the file it reads, below `tests.support.paths.DATA_SETS`.
FILES = {
    "web-visits": "web-visits/visits.csv",
    "stream-starts": "stream-starts/starts.csv",
    "tv-sessions": "tv-sessions/sessions.csv",
    "operator-dpi": "operator-dpi/app_hours.csv",
    "app-usage": "app-usage/usage_events.csv",
    "snapshots": "app-usage/foreground_snapshots.csv",
    "flows": "network-flows/flows.csv",
}

#: A file of web visits: two people, one page that is none.
WEB = """panelist_id,wave,timestamp,url,device
b,1,2019-03-01 10:00:05.000000057,https://two.example/x,mobile
a,1,2019-03-01 10:00:00.999999999,https://One.Example:8443/x,desktop
a,1,2019-03-01 10:01:00.000000000,http://one.example/y,desktop
a,1,2019-03-01 12:00:00.000000000,http://one.example/y,desktop
a,1,2019-03-01 12:00:01.000000000,file:///etc,desktop
"""


def read(name: str, path: Path) -> tuple[list[Record], Counter[str]]:
    """All records of a file, and why others were skipped."""
    skipped: Counter[str] = Counter()
    return list(replay.source(name, path, skipped)), skipped


def get(record: Record, *names: str) -> tuple[object, ...]:
    """Fields of a record's value."""
    assert isinstance(record.value, dict)
    return tuple(record.value[name] for name in names)
