"""Converts phone usage to `app-events`, and an operator's DPI by app to `network-usage`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from streams.contract import topics
from streams.contract.record import Record
from streams.datasets.rows import (
    HOUR_MS,
    LONGEST_VISIT_MS,
    MINUTE_MS,
    Skipped,
    catalogue_record,
    number_of,
    opened,
    pseudonym,
    rows_of,
    whole_number,
)

#: The DPI set carries no date: stated here, meaning nothing.
DPI_MIDNIGHT_MS = 1_567_958_400_000  # Monday 2019-09-09, 00:00 at UTC+8

#: The operator's categories, with a word that genre tables know.
_DPI_CATEGORIES = {
    "通讯聊天": "Messaging",
    "实用工具": "Tools",
    "视频服务": "Video",
    "金融理财": "Finance",
    "美食外卖": "Food & Drink",
    "健康医疗": "Medical",
    "游戏服务": "Gaming",
    "便捷生活": "Lifestyle",
    "综合资讯": "News",
    "社交网络": "Social",
    "电子商务": "Shopping",
    "旅行预订": "Travel",
    "音乐音频": "Music",
    "电子阅读": "Books",
    "汽车服务": "Automotive",
    "办公管理": "Productivity",
    "亲子服务": "Parenting",
    "拍摄美化": "Photography",
    "个人工具": "Tools",
}
_HIT_MS, _HIT_BYTES = 30_000, 40_000


def operator_dpi(path: Path, skipped: Skipped) -> Iterator[Record]:
    """Hits per subscriber, hour and app -> one `network-usage` each, on 2019-09-09 at UTC+8.

    A hit counts as 30 seconds (at most the hour) and 40 kB: the set has neither. Where in the
    hour an event lies is drawn by hash, so that hours do not start with a spike.
    """
    usage: list[tuple[int, str, dict[str, str]]] = []
    for row in rows_of(path, ("id", "hour", "app", "app_cat", "times")):
        account = pseudonym(row["id"], "dpi")
        at = DPI_MIDNIGHT_MS + whole_number(row["hour"], path) * HOUR_MS
        usage.append((at + number_of(row["id"] + row["app"]) % HOUR_MS, account, row))
    usage.sort(key=lambda item: item[0])
    for i, (at, account, row) in enumerate(usage):
        hits = whole_number(row["times"], path)
        known = _DPI_CATEGORIES.get(row["app_cat"])
        yield catalogue_record(
            at, "app", row["app"], row["app"], [row["app_cat"], *([known] if known else [])], "zh"
        )
        yield Record(
            at,
            topics.NETWORK,
            account,
            {
                "event_id": f"dpi-{i:x}",
                "account_id": account,
                "ts": at,
                "tz_offset_min": 480,
                "country": "CN",
                "line": "mobile",
                "app": row["app"],
                "bytes_down": hits * _HIT_BYTES,
                "duration_ms": min(hits * _HIT_MS, HOUR_MS),
            },
        )


_FOREGROUND, _BACKGROUND, _SCREEN_OFF = "1", "2", "16"


def app_usage(path: Path, skipped: Skipped) -> Iterator[Record]:
    """Android usage events of one person -> `app-events`, one per time in the foreground.

    It lasts until the app goes to the background, another one comes to the front or the screen
    goes off. The set has labels, not package names, and they are the app ids.
    """
    with opened(path) as file:
        events = [row for row in csv.reader(file) if len(row) >= 3]
    account, sessions = "usage-logger-1", list[tuple[int, int, str]]()
    current: tuple[int, str] | None = None
    for at_text, label, event, *_ in sorted(events, key=lambda row: row[0]):
        at = whole_number(at_text, path)
        ends = event in (_FOREGROUND, _SCREEN_OFF) or (
            event == _BACKGROUND and current is not None and current[1] == label
        )
        if current is not None and ends:
            sessions.append((current[0], at, current[1]))
            current = None
        if event == _FOREGROUND:
            current = at, label
        elif event not in (_BACKGROUND, _SCREEN_OFF):
            skipped["not a foreground event"] += 1
    for i, (at, end, label) in enumerate(sessions):
        yield catalogue_record(at, "app", label, label, [])
        yield _app(f"ul-{i:x}", at, account, label, "open", min(end - at, LONGEST_VISIT_MS))


#: The study's own apps and the launcher: what people had to do, not what they liked.
_STUDY_APPS = (
    "com.google.android.apps.paco",
    "com.android.launcher",
    "edu.dartmouth.",
    "org.bewellapp",
    "com.android.systemui",
    "com.example.",
)


def snapshots(path: Path, skipped: Skipped) -> Iterator[Record]:
    """The foreground app every 20 minutes -> `app-events` of 20 minutes each."""
    rows = []
    for row in rows_of(path, ("user", "ts", "package")):
        if row["package"].startswith(_STUDY_APPS):
            skipped["study app or launcher"] += 1
        else:
            rows.append((whole_number(row["ts"], path) * 1000, row))
    rows.sort(key=lambda item: item[0])
    for i, (at, row) in enumerate(rows):
        account = pseudonym(row["user"], "sl")
        yield catalogue_record(at, "app", row["package"], row["package"].rsplit(".", 1)[-1], [])
        yield _app(f"sl-{i:x}", at, account, row["package"], "view", 20 * MINUTE_MS)


def _app(event_id: str, at: int, account: str, app: str, action: str, duration: int) -> Record:
    return Record(
        at,
        topics.APP,
        account,
        {
            "event_id": event_id,
            "account_id": account,
            "ts": at,
            "app_id": app,
            "action": action,
            "duration_ms": max(duration, 0),
        },
    )
