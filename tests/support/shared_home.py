"""Records of homes with a shared screen, and what an engine holds of it."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.engine import Engine
from features.privacy.person import ATTRIBUTION
from features.tags.taxonomy import load
from tests.support.generators import DAY_MS, HOUR_MS, NETWORK, START, Record, consent, fact

#: Who does what on a line of his own: a host, whose interest is in the table of the tests.
TASTES = {"m-1": "rugby.example", "m-2": "hockey.example"}
#: The interest of each host, and that of a third one that is nobody's.
RUGBY, HOCKEY = "529", "515"


def agreed(account: int, member: str, status: str = "granted", ts: int = START) -> Record:
    """A member's word on being told apart on shared screens."""
    return fact(
        account, "consent", ts - DAY_MS, purpose=ATTRIBUTION, status=status, member_id=member
    )


def seen(number: int, ts: int, host: str, account: int = 0, **more: Any) -> Record:
    """Ten minutes with a host; of a member with `member_id`, else on the shared screen."""
    doc = {
        "event_id": f"n-{number}",
        "account_id": f"acc-{account}",
        "ts": ts,
        "line": "mobile",
        "host": host,
        "duration_ms": 600_000,
        **more,
    }
    return Record(NETWORK, doc)


def own_days(days: int, account: int = 0, first: int = 0) -> list[Record]:
    """What each member does on his own line, every evening of so many days."""
    return [
        seen(
            1_000 * account + 2 * day + at,
            START + day * DAY_MS + (18 + at) * HOUR_MS,
            host,
            account,
            member_id=member,
        )
        for day in range(first, first + days)
        for at, (member, host) in enumerate(TASTES.items())
    ]


def home(account: int = 0, agree: tuple[str, ...] = ("m-1", "m-2")) -> list[Record]:
    """An account's consent, and the words of who agreed."""
    return [consent(account), *(agreed(account, member) for member in agree)]


def some_days(seed: int, days: int, a_day: int, accounts: int = 2, first: int = 0) -> list[Record]:
    """Own and shared events of two homes in order of time: a sitting is of one person."""
    chance, found = Random(seed), []
    for day in range(first, first + days):
        for _ in range(a_day):
            account, hour = chance.randrange(accounts), chance.randrange(24)
            shared = chance.random() < 0.5
            sitter = Random(f"{seed} {day} {account} {hour // 3}") if shared else chance
            member, host = sitter.choice(list(TASTES.items()))
            other = chance.choice(["rugby.example", "hockey.example"])
            at = START + day * DAY_MS + hour * HOUR_MS + chance.randrange(HOUR_MS)
            more = {} if shared else {"member_id": member}
            more |= chance.choice(({}, {}, {}, {"country": "DE"}, {"country": "FR"}))
            host = host if chance.random() < 0.8 else other
            found.append(seen(0, at, host, account, **more))
    found.sort(key=lambda record: int(record.doc["ts"]))
    return [Record(NETWORK, {**record.doc, "event_id": f"s-{n}"}) for n, record in enumerate(found)]


def disordered(records: list[Record], late: float, seed: int, most_ms: int) -> list[Record]:
    """The same records, a share of them up to so much later in the sequence."""
    chance = Random(seed)
    at = [
        r.doc["ts"] + (chance.randrange(most_ms) if chance.random() < late else 0) for r in records
    ]
    return [records[i] for i in np.argsort(np.array(at), kind="stable")]


def attributed(engine: Engine, key: str, day: int) -> dict[str, float]:
    """Attributed mass of a member's rows (of a household's, a child's) by interest, as of `day`."""
    store, tree = engine.store, load()
    account, _, member = key.encode().partition(b"/")
    sid = store.find(account, member)
    if sid < 0:
        return {}
    first = int(store.subjects["start"][sid])
    own = slice(first, first + int(store.subjects["used"][sid]))
    mass: NDArray[np.float64] = _as_of(store.rows.apart[own], store.rows.windows[own], day)
    names = [tree.ids[i] for i in store.rows.interest[own].tolist()]
    return {name: m for name, m in zip(names, mass.tolist(), strict=True) if m > 0.0}


def _as_of(apart: NDArray[Any], rows: NDArray[Any], day: int) -> NDArray[np.float64]:
    now = apart["level"] + apart["today"] + apart["tomorrow"] * 2.0 ** (1 / 60)
    found: NDArray[np.float64] = now.astype(float) * 2.0 ** ((rows["day"].astype(float) - day) / 60)
    return found


def has_line(engine: Engine, key: str) -> bool:
    """Whether something is known of a member's own line."""
    account, _, member = key.encode().partition(b"/")
    sid = engine.store.find(account, member)
    return sid >= 0 and int(engine.store.subjects["line"][sid]) > 0
