"""Makes records of a planned day's rows: topic, key, JSON value and the truth behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.contract import topics
from streams.sandbox import days
from streams.sandbox.contents import (
    GENERAL_CHANNELS,
    INFRASTRUCTURE_HOSTS,
    INTERESTS,
    NEUTRAL_HOSTS,
    PROGRAMMES_PER_INTEREST,
    programme,
)
from streams.sandbox.people import Households

_CHUNK = 8_192  # rows that are Python objects at the same time
_ACTIONS = ("open", "view", "search", "close")
_MODES = ("live", "live", "catchup", "vod")
_PROGRAMME_MS = 90 * days.MINUTE_MS


class EventTruth(NamedTuple):
    """The truth behind an event, for tests; never part of a record.

    Attributes
    ----------
    at : int
        When the record reaches the operator, epoch milliseconds (its event time plus any delay).
    interest : str or None
        Taxonomy id behind it; None for noise, neutral traffic and facts.
    member_id : str or None
        Who really did it, also on shared devices.
    late, duplicate, burst, zap : bool
    """

    at: int
    interest: str | None = None
    member_id: str | None = None
    late: bool = False
    duplicate: bool = False
    burst: bool = False
    zap: bool = False


class Simulated(NamedTuple):
    """One record of the simulation, ready to be encoded."""

    topic: str
    key: str
    value: dict[str, Any]
    truth: EventTruth


class RecordWriter:
    """Turns rows into records of one population; holds the names of everybody and everything."""

    def __init__(self, people: Households, seed: int) -> None:
        self._prefix = f"s{seed}-"
        self._accounts = [people.account(h) for h in range(people.households)]
        self._household = people.household.tolist()
        self._members = [f"m{k + 1}" for k in people.member.tolist()]
        self._programmes = [
            [programme(x, n) for n in range(PROGRAMMES_PER_INTEREST)] for x in INTERESTS
        ]

    def fact(
        self, at: int, household: int, number: int, kind: str, data: dict[str, Any]
    ) -> Simulated:
        """A record of `subscriber-facts`."""
        account = self._accounts[household]
        value = {
            "event_id": f"{self._prefix}f{number:x}",
            "account_id": account,
            "ts": at,
            "kind": kind,
            **data,
        }
        return Simulated(topics.FACTS, account, value, EventTruth(at))

    def records(self, rows: NDArray[np.void]) -> Iterator[Simulated]:
        """Records of ROW[n], in the order given."""
        build = (None, self._flow, self._tv, self._app)
        for start in range(0, len(rows), _CHUNK):
            for (
                at,
                ts,
                n,
                amount,
                duration,
                person,
                content,
                interest,
                kind,
                device,
                country,
                flags,
            ) in rows[start : start + _CHUNK].tolist():
                account = self._accounts[self._household[person]]
                value: dict[str, Any] = {
                    "event_id": f"{self._prefix}{n:x}",
                    "account_id": account,
                    "ts": ts,
                }
                if device == days.PHONE:
                    member = self._members[person]
                    value["member_id"] = member
                    value["device_id"] = f"ph-{account}-{member}"
                    name, offset = days.COUNTRIES[country]
                    value["country"], value["tz_offset_min"] = name, offset
                else:
                    value["device_id"] = ("rt-" if device == days.ROUTER else "tv-") + account
                    value["tz_offset_min"] = days.COUNTRIES[0][1]
                make = build[kind]
                assert make is not None, "facts are not rows"
                topic = make(value, interest, content, amount, duration, flags, n)
                yield Simulated(
                    topic,
                    account,
                    value,
                    EventTruth(
                        at,
                        INTERESTS[interest].id if interest >= 0 else None,
                        self._members[person],
                        bool(flags & days.LATE),
                        bool(flags & days.AGAIN),
                        bool(flags & days.BURST),
                        bool(flags & days.ZAP),
                    ),
                )

    def _flow(
        self,
        value: dict[str, Any],
        interest: int,
        content: int,
        amount: int,
        duration: int,
        flags: int,
        n: int,
    ) -> str:
        value["line"] = "mobile" if "member_id" in value else "broadband"
        if flags & days.NOISE:
            value["host"] = INFRASTRUCTURE_HOSTS[content]
        elif flags & days.NEUTRAL:
            value["host"] = NEUTRAL_HOSTS[content]
        else:
            value["host"] = INTERESTS[interest].hosts[content]
        value["bytes_down"], value["bytes_up"] = amount, amount >> 4
        value["duration_ms"] = duration
        return topics.NETWORK

    def _tv(
        self,
        value: dict[str, Any],
        interest: int,
        content: int,
        amount: int,
        duration: int,
        flags: int,
        n: int,
    ) -> str:
        if interest < 0:
            value["content_id"] = f"pr-general-{content}"
            value["channel"] = GENERAL_CHANNELS[content]
        else:
            channels = INTERESTS[interest].channels
            value["content_id"], value["title"] = self._programmes[interest][content]
            value["channel"] = channels[content % len(channels)]
        value["watched_ms"], value["content_ms"] = duration, _PROGRAMME_MS
        value["mode"] = "live" if flags & days.ZAP else _MODES[n & 3]
        return topics.TV

    def _app(
        self,
        value: dict[str, Any],
        interest: int,
        content: int,
        amount: int,
        duration: int,
        flags: int,
        n: int,
    ) -> str:
        value["app_id"] = INTERESTS[interest].apps[content]
        value["action"] = _ACTIONS[n & 3]
        value["duration_ms"] = duration
        return topics.APP
