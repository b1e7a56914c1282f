"""The events that every contender reads, the same bytes for the same arguments.

Subjects act in sessions: a device that opens a page or an app causes a burst of events within
minutes. A session stays with one source; what it touches is mostly one of the subject's
favourites. Event times run from a Monday 06:00 UTC over `hours`, so that a worker with the usual
lateness of six hours closes a day once per 24 hours of input.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import exact_tags
from streams.contract import topics

START_MS = 1_714_975_200_000  # Monday 2024-05-06, 06:00 UTC
SOURCES = (topics.NETWORK, topics.TV, topics.APP)
NETWORK, TV, APP = range(3)
DAY_MS = 86_400_000
ACTIONS = ("open", "view", "search", "view")

_SHARE = (0.6, 0.2, 0.2)  # of sessions
_HOUSEHOLD = (0.4, 0.8, 0.0)  # sessions without a member: broadband line, set-top box
_MEMBERS = 2
_FAVOURITES = 8
_FAITHFUL = 0.8  # share of events that touch a favourite
_IDLE = 0.08  # share of network events that are infrastructure
_GAP_S = 20.0  # mean time between events of a session
_PROGRAMME_MS = 45 * 60_000
_IDLE_HOSTS = ("fonts.gstatic.com", "ocsp.digicert.com", "safebrowsing.googleapis.com")
_COUNTRIES = ("DE", "DE", "DE", "FR", "NL")
_MODES = ("live", "catchup", "vod", "live")


@dataclass(frozen=True)
class Shape:
    """What the input is like; equal shapes give equal bytes.

    Attributes
    ----------
    events : int
    accounts : int
        Households; each is a subject and has two members that are.
    session : float
        Mean events of a session; 1 for none but single events.
    hours : float
        Event time spanned.
    partitions : int
    seed : int
    """

    events: int
    accounts: int = 20_000
    session: float = 8.0
    hours: float = 30.0
    partitions: int = 4
    seed: int = 1


@dataclass(frozen=True)
class Columns:
    """The events as columns, in order of event time; `member` 0 is the household itself."""

    shape: Shape
    ts: NDArray[np.int64]
    source: NDArray[np.uint8]
    account: NDArray[np.int32]
    member: NDArray[np.uint8]
    content: NDArray[np.int32]  # index into `keys[source]`, -1 - n for an idle host
    duration_ms: NDArray[np.int64]
    size: NDArray[np.int64]
    mode: NDArray[np.uint8]
    keys: tuple[list[str], list[str], list[str]]

    def partition(self) -> NDArray[np.int8]:
        """Partition of each event, by its account."""
        of = np.array(
            [
                partition_of(account_id(a), self.shape.partitions)
                for a in range(self.shape.accounts)
            ],
            np.int8,
        )
        return of[self.account]

    def subject(self, i: int) -> str:
        """Key of the profile that event `i` is about."""
        account = account_id(int(self.account[i]))
        return f"{account}/m{self.member[i]}" if self.member[i] else account


def account_id(number: int) -> str:
    """Pseudonym of an account."""
    return f"acc-{number:07x}"


def partition_of(account: str, partitions: int) -> int:
    """The partitioner of this input: CRC-32, as librdkafka's own."""
    return zlib.crc32(account.encode()) % partitions


def generate(shape: Shape) -> Columns:
    """Draw the events of a shape."""
    rng = np.random.default_rng(shape.seed)
    keys = _contents(rng)
    n = shape.events
    # Lengths are geometric; a few too many sessions, the surplus is cut off at the end.
    count = int(n / shape.session * 1.1) + 64
    length = rng.geometric(1.0 / shape.session, count)
    of = np.repeat(np.arange(count), length)
    if len(of) < n:
        of = np.concatenate([of, rng.integers(0, count, n - len(of))])
        of.sort()
    begin = rng.uniform(0, shape.hours * 3600, count)
    within = np.cumsum(rng.exponential(_GAP_S, len(of)))
    first = np.searchsorted(of, np.arange(count))
    within -= within[np.minimum(first, len(of) - 1)][of]
    seconds = np.minimum(begin[of] + within, shape.hours * 3600 - 1)
    order = np.sort(rng.permutation(len(of))[:n]) if len(of) > n else np.arange(n)
    order = order[np.argsort(seconds[order], kind="stable")]
    of, seconds = of[order], seconds[order]

    source = rng.choice(3, count, p=_SHARE)
    account = rng.integers(0, shape.accounts, count)
    member = 1 + rng.integers(0, _MEMBERS, count)
    member[rng.random(count) < np.array(_HOUSEHOLD)[source]] = 0
    ts = START_MS + (seconds * 1000).astype(np.int64)
    src = source[of].astype(np.uint8)
    return Columns(
        shape,
        ts,
        src,
        account[of].astype(np.int32),
        member[of].astype(np.uint8),
        _touched(rng, src, account[of] * 3 + member[of], keys),
        _durations(rng, src),
        np.exp(rng.normal(12.0, 2.0, n)).astype(np.int64) + 400,
        rng.integers(0, 4, n).astype(np.uint8),
        keys,
    )


def records(
    columns: Columns, first: int = 0, last: int | None = None
) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Source, partition, key and value of each event, in order of event time."""
    c = columns
    cut = slice(first, last)
    number = first
    for ts, source, account, member, content, duration, size, mode, partition in zip(
        c.ts[cut].tolist(),
        c.source[cut].tolist(),
        c.account[cut].tolist(),
        c.member[cut].tolist(),
        c.content[cut].tolist(),
        c.duration_ms[cut].tolist(),
        c.size[cut].tolist(),
        c.mode[cut].tolist(),
        c.partition()[cut].tolist(),
        strict=True,
    ):
        key = account_id(account)
        value = _value(c.keys, number, ts, source, key, member, content, duration, size, mode)
        yield source, partition, key.encode(), value.encode()
        number += 1


def tags(columns: Columns) -> dict[str, list[tuple[int, float]]]:
    """Content key to interests (dense index) and weights, ancestors included."""
    contents = Contents(taxonomy.load(), exact_tags())
    return {key: list(contents.slot_tags(key)) for keys in columns.keys for key in keys}


def event_id(number: int) -> str:
    """128 bits in hexadecimal, as producers' UUIDs are; unique by the number."""
    mixed = (number * 0x9E3779B97F4A7C15 + 0x1234567) & 0xFFFFFFFFFFFFFFFF
    return f"{mixed:016x}{number:016x}"


def _value(
    keys: tuple[list[str], list[str], list[str]],
    number: int,
    ts: int,
    source: int,
    account: str,
    member: int,
    content: int,
    duration: int,
    size: int,
    mode: int,
) -> str:
    who = f'"member_id":"m{member}",' if member else ""
    head = (
        f'{{"event_id":"{event_id(number)}","account_id":"{account}",{who}'
        f'"device_id":"dev-{account}-{member}","ts":{ts},"tz_offset_min":120,'
    )
    if source == NETWORK:
        host = keys[0][content][5:] if content >= 0 else _IDLE_HOSTS[-1 - content]
        line = "mobile" if member else "broadband"
        return (
            f'{head}"country":"{_COUNTRIES[number % 5]}","line":"{line}","host":"{host}",'
            f'"bytes_down":{size},"bytes_up":{size // 9},"duration_ms":{duration}}}'
        )
    text = keys[source][content]
    if source == TV:
        channel = text.partition(":")[2]
        return (
            f'{head}"content_id":"prog-{number % 4096:04d}","channel":"{channel}",'
            f'"title":"Episode {number % 97} of the series","watched_ms":{duration},'
            f'"content_ms":{_PROGRAMME_MS},"mode":"{_MODES[mode]}"}}'
        )
    return (
        f'{head}"country":"{_COUNTRIES[number % 5]}","app_id":"{text[4:]}",'
        f'"action":"{ACTIONS[mode]}","section":"home-{number % 7}",'
        f'"duration_ms":{duration}}}'
    )


def _contents(rng: np.random.Generator) -> tuple[list[str], list[str], list[str]]:
    """Keys with a meaning that is not denied, per source, in a drawn order of popularity."""
    table = exact_tags()
    contents = Contents(taxonomy.load(), table)
    found = []
    for prefix in ("host:", "channel:", "app:"):
        keys = sorted(
            k
            for k in table
            if k.startswith(prefix)
            and k.isascii()
            and '"' not in k
            and "\\" not in k
            and contents.slot_tags(k)
        )
        found.append([keys[i] for i in rng.permutation(len(keys))])
    return found[0], found[1], found[2]


def _touched(
    rng: np.random.Generator,
    source: NDArray[np.uint8],
    subject: NDArray[np.int64],
    keys: tuple[list[str], list[str], list[str]],
) -> NDArray[np.int32]:
    """Content of each event: mostly one of the subject's favourites, the popular ones first."""
    n = len(source)
    sizes = np.array([len(k) for k in keys])[source]
    pick = rng.integers(0, _FAVOURITES, n)
    stray = rng.random(n) >= _FAITHFUL
    # A favourite is a hash of subject, source and its number, skewed towards popular contents.
    h = (
        (
            subject.astype(np.uint64) * np.uint64(1_000_003)
            + source.astype(np.uint64) * np.uint64(8191)
            + pick.astype(np.uint64)
        )
        * np.uint64(0x9E3779B97F4A7C15)
    ) >> np.uint64(11)
    u = np.where(stray, rng.random(n), h.astype(np.float64) / 2.0**53)
    content: NDArray[np.int32]
    content = np.minimum((sizes**u - 1.0).astype(np.int32), sizes - 1).astype(np.int32)
    idle = (source == NETWORK) & (rng.random(n) < _IDLE)
    content[idle] = -1 - rng.integers(0, len(_IDLE_HOSTS), int(idle.sum()))
    return content


def _durations(rng: np.random.Generator, source: NDArray[np.uint8]) -> NDArray[np.int64]:
    median = np.array([8_000.0, 600_000.0, 45_000.0])[source]
    drawn = np.exp(rng.normal(0.0, 1.0, len(source))) * median
    capped: NDArray[np.float64] = np.minimum(drawn, 6 * 3_600_000)
    return capped.astype(np.int64) + 200
