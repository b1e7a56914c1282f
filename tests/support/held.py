"""What an engine and its changelog hold of an account, for tests that look for traces."""

from __future__ import annotations

from collections import deque
from types import FunctionType
from typing import Any

import numpy as np

from features.engine import Engine
from features.state import layout as lay
from features.state import packing_kernel
from features.state.store import Store
from tests.support.feeding import Stream

#: How the keys of facts begin.
FACT_KEYS = (b"c/", b"i/", b"v/", b"k/")


def held(stream: Stream, account: str) -> list[bytes]:
    """Keys of state and profiles with something about an account's behaviour."""
    prefix = account.encode()
    return [
        key
        for key in (*stream.state, *stream.profiles)
        if key.removeprefix(b"s/").partition(b"/")[0] == prefix and key[:2] not in FACT_KEYS
    ]


def traces(stream: Stream, account: str) -> list[bytes]:
    """Keys of records of the compacted topics with the account's id anywhere in them."""
    name = account.encode()
    return [
        key
        for topic in (stream.state, stream.profiles, stream.offers)
        for key, value in topic.items()
        if name in key or name in value
    ]


def remembered(root: object, name: str) -> list[str]:
    """Paths from an object to every text below it with a name in it; arrays are not looked into."""
    found, seen, waiting = [], set(), [("", root)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, str | bytes):
            text = item if isinstance(item, str) else item.decode("latin-1")
            found += [path] if name in text else []
        elif id(item) not in seen:
            seen.add(id(item))
            waiting += [(f"{path}.{part}", within) for part, within in _parts(item)]
    return sorted(found)


def _parts(item: object) -> list[tuple[str, object]]:
    if isinstance(item, dict):
        return [(f"{kind} {n}", x) for n, pair in enumerate(item.items())
                for kind, x in zip(("key", "value"), pair, strict=True)]  # fmt: skip
    if isinstance(item, list | tuple | set | frozenset | deque):
        return [(str(n), x) for n, x in enumerate(item)]
    if isinstance(item, np.ndarray | type | FunctionType):
        return []
    return list(getattr(item, "__dict__", {}).items())


def heads(stream: Stream, account: str) -> list[Any]:
    """Headers of an account's state records."""
    return [
        np.frombuffer(value, packing_kernel.HEAD, 1)[0]
        for key, value in stream.state.items()
        if key.startswith(b"s/") and key[2:].partition(b"/")[0] == account.encode()
    ]


def earliest(stream: Stream, account: str) -> int:
    """First local day anything of an account was counted on."""
    return min(
        (int(head["first"]) for head in heads(stream, account) if head["events"]), default=2**31
    )


def events(stream: Stream, account: str) -> int:
    """Events counted in an account's state."""
    return sum(int(head["events"]) for head in heads(stream, account))


def child_known(stream: Stream, account: str) -> bool:
    """Whether the account's facts name a child."""
    kin = stream.engine.accounts.ledger.kin(account.encode())
    return kin is not None and bool(kin.known_children)


def rows_of(store: Store, sid: int) -> list[int]:
    """Interests of a subject's rows."""
    start = int(store.subjects["start"][sid])
    return [int(i) for i in store.rows.interest[start : start + int(store.subjects["used"][sid])]]


def whole(engine: Engine) -> list[str]:
    """Everything that decides what an engine does next, but versions, which commits count."""
    store = engine.store
    lines = []
    for sid in range(int(store.counters["subjects"])):
        if store.subjects["status"][sid] & lay.S_GONE:
            continue
        start, used = int(store.subjects["start"][sid]), int(store.subjects["used"][sid])
        lines.append(
            repr(
                (
                    store.key(sid),
                    int(store.subjects["seq"][sid]),
                    int(store.subjects["events"][sid]),
                    int(store.subjects["status"][sid]),
                    int(store.subjects["account"][sid]) == sid
                    and (
                        int(store.subjects["consent_from"][sid]),
                        int(store.subjects["consent_until"][sid]),
                    ),
                    rows_of(store, sid),
                    store.rows.windows[start : start + used].tobytes(),
                )
            )
        )
    lines.sort()
    ledger, standing = engine.accounts.ledger, engine.accounts.standing
    lines += [repr((key, ledger.value(key))) for key in sorted(ledger.all_keys())]
    lines += [
        repr(
            (
                sorted(standing.ends.due.items()),
                int(store.counters["due"]),
                sorted((key, sorted(of)) for key, of in standing.noted.items()),
                store.totals.tolist(),
            )
        )
    ]
    return lines
