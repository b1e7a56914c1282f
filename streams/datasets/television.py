"""Converts television and streaming sessions to `tv-viewing`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streams.contract import topics
from streams.contract.record import Record
from streams.datasets.rows import (
    LONGEST_MS,
    MINUTE_MS,
    Skipped,
    catalogue_record,
    instant_ms,
    pseudonym,
    rows_of,
    slug,
    whole_number,
)

#: Length of one episode or film by genre, minutes: the set has starts only.
_NOMINAL_MIN = {"Series Kids": 22, "Movies Other": 100, "Movies Kids": 85, "Sports": 105}
_OTHER_MIN = 42
#: Minutes east of UTC on 2018-10-01. The set's clock is taken as UTC: its evening peak is at
#: 17-18 h, and breakfast television for children at 4-5 h.
_NORDIC = {"se": 120, "dk": 120, "no": 120, "fi": 180}
_GENRES = {
    "Series Kids": ("Children",),
    "Movies Kids": ("Movies", "Children"),
    "Movies Other": ("Movies",),
    "Series Reality": ("Reality",),
    "Sports": ("Sports",),
}


def stream_starts(path: Path, skipped: Skipped) -> Iterator[Record]:
    """Starts of streamed programmes -> `tv-viewing`, with a `catalogue` record per title.

    Watched time is the gap to the user's next start, at most the nominal length of the genre;
    the last start of a user counts in full. Ids mangled by a spreadsheet are skipped.
    """
    starts: list[tuple[int, dict[str, str]]] = []
    for row in rows_of(
        path,
        (
            "user_id",
            "dt",
            "time",
            "device_name",
            "country_code",
            "program_title",
            "season_episode",
            "genre",
        ),
    ):
        if "," in row["user_id"] or not row["program_title"]:
            skipped["mangled user id or no title"] += 1
            continue
        starts.append((instant_ms(f"{row['dt']} {row['time']}", path), row))
    starts.sort(key=lambda start: start[0])
    following: dict[str, int] = {}
    watched = [0] * len(starts)
    for i in range(len(starts) - 1, -1, -1):
        at, row = starts[i]
        nominal = _NOMINAL_MIN.get(row["genre"], _OTHER_MIN) * MINUTE_MS
        watched[i] = min(following.get(row["user_id"], at + nominal) - at, nominal)
        following[row["user_id"]] = at
    for i, (at, row) in enumerate(starts):
        account, content = pseudonym(row["user_id"], "st"), f"st-{slug(row['program_title'])}"
        nominal = _NOMINAL_MIN.get(row["genre"], _OTHER_MIN) * MINUTE_MS
        yield catalogue_record(
            at,
            "programme",
            content,
            row["program_title"],
            [row["genre"], *_GENRES.get(row["genre"], ())],
        )
        value: dict[str, Any] = {
            "event_id": f"st-{i:x}",
            "account_id": account,
            "ts": at,
            "device_id": f"{account[:40]}-{row['device_name']}",
            "content_id": content,
            "title": f"{row['program_title']} {row['season_episode']}".strip(),
            "watched_ms": watched[i],
            "content_ms": nominal,
            "mode": "vod",
        }
        if row["country_code"] in _NORDIC:
            value["country"] = row["country_code"].upper()
            value["tz_offset_min"] = _NORDIC[row["country_code"]]
        yield Record(at, topics.TV, account, value)


def tv_sessions(path: Path, skipped: Skipped) -> Iterator[Record]:
    """Sessions of linear television -> `tv-viewing`; the programme is unknown, the channel not.

    Sessions of 0 seconds are zaps and stay in. The offset from UTC is unknown and left out.
    """
    sessions = [
        (instant_ms(row["start_utc"], path), row)
        for row in rows_of(path, ("user_id", "channel", "start_utc", "duration_s"))
    ]
    sessions.sort(key=lambda session: session[0])
    for i, (at, row) in enumerate(sessions):
        account, channel = pseudonym(row["user_id"], "tv"), row["channel"]
        yield catalogue_record(at, "channel", channel, channel, [])
        yield Record(
            at,
            topics.TV,
            account,
            {
                "event_id": f"tv-{i:x}",
                "account_id": account,
                "ts": at,
                "content_id": f"live-{slug(channel)}",
                "channel": channel,
                "watched_ms": min(whole_number(row["duration_s"], path) * 1000, LONGEST_MS),
                "mode": "live",
            },
        )
