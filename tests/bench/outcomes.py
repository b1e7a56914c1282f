"""What contacts and their answers cost: processor time an outcome, and over that of the events.

The same events go through engines alone and with outcomes among them, in turns, and the least
processor time of each counts, for what disturbs only adds. Models learn nothing meanwhile: that
would make events dearer, and outcomes look cheap.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import orjson

from features.config import Config
from features.engine import Engine
from features.records.batch import parse_log
from features.records.inputs import INPUTS, NETWORK_USAGE
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import TagEntry
from features.vocabulary import Reply
from streams.evaluation.cost import Unlearning

_DAY_MS = 86_400_000
_START = 18_019 * _DAY_MS
_COMMIT, _HOSTS, _DAYS = 20_000, 60, 10
_NETWORK = INPUTS.names.index(NETWORK_USAGE.name)
#: How often each answer comes; the rest of contacts have none.
_ANSWERS = ((Reply.ACCEPTED, 0.06), (Reply.BOUGHT, 0.04), (Reply.DISMISSED, 0.25),
            (Reply.IGNORED, 0.12), (Reply.COMPLAINED, 0.03))  # fmt: skip

Records = list[tuple[int, dict[str, Any]]]


class Stages(NamedTuple):
    """Processor seconds of parsing, folding and writing."""

    parse: float
    apply: float
    collect: float


@dataclass(frozen=True)
class OutcomesCost:
    """What outcomes add.

    Attributes
    ----------
    events, outcomes : int
        Records of each.
    event_us : float
        Microseconds of processor time that an event costs without any.
    parse_us, apply_us, collect_us : float
        What an outcome adds to each stage.
    outcome_us : float
        The three together.
    ratio : float
        Processor time with the outcomes over that without.
    """

    events: int
    outcomes: int
    event_us: float
    parse_us: float
    apply_us: float
    collect_us: float
    outcome_us: float
    ratio: float


def measure(
    events: int = 200_000, accounts: int = 2_000, share: float = 0.01, turns: int = 3
) -> OutcomesCost:
    """Measure it.

    Parameters
    ----------
    events, accounts : int
        Events, of so many households.
    share : float
        Outcomes of an event.
    turns : int
        Of each engine, after one that compiles.
    """
    alone = _consents(accounts) + _events(events, accounts)
    told = _outcomes(int(events * share), accounts)
    mixed = sorted(alone + told, key=lambda record: int(record[1]["ts"]))
    logs = {False: alone, True: mixed}
    least: dict[bool, Stages] = {}
    for turn in range(turns + 1):
        for with_them, log in logs.items():
            spent = run(log)
            if turn:
                pairs = zip(least.get(with_them, spent), spent, strict=True)
                least[with_them] = Stages(*map(min, pairs))
    pairs = zip(least[True], least[False], strict=True)
    added = Stages(*((more - less) / len(told) * 1e6 for more, less in pairs))
    whole, base = sum(least[True]), sum(least[False])
    return OutcomesCost(
        events,
        len(told),
        base / events * 1e6,
        added.parse,
        added.apply,
        added.collect,
        sum(added),
        whole / base,
    )


def run(log: Records) -> Stages:
    """Send a log through a new engine, a commit's size at a time."""
    tree = taxonomy.load()
    ids = _interests()
    table = {f"host:h{k}.example": TagEntry(((i, 1.0),), "bench", 1.0) for k, i in enumerate(ids)}
    engine = Engine(Config(), tree, Contents(tree, table))
    engine.learner = Unlearning(len(tree))
    spent = [0.0, 0.0, 0.0]
    for first in range(0, len(log), _COMMIT):
        part = log[first : first + _COMMIT]
        values = [orjson.dumps(doc) for _, doc in part]
        keys = [doc["account_id"].encode() for _, doc in part]
        kinds = [kind for kind, _ in part]
        gc.collect()
        gc.freeze()  # the log is no part of what is measured
        clock = [time.process_time()]
        batch, refused = parse_log(values, keys, kinds, first)
        assert not refused
        clock.append(time.process_time())
        engine.apply(batch)
        clock.append(time.process_time())
        engine.collect({})
        clock.append(time.process_time())
        for k in range(3):
            spent[k] += clock[k + 1] - clock[k]
        gc.unfreeze()
    return Stages(*spent)


def show(cost: OutcomesCost) -> str:
    """Format for people, beside what is allowed."""
    met = "met   " if cost.ratio <= 1.05 else "MISSED"
    return (
        f"{met} ratio {cost.ratio:.3f} <= 1.05\n"
        f"       an outcome {cost.outcome_us:.1f} us (parsed {cost.parse_us:.1f}, folded "
        f"{cost.apply_us:.1f}, written {cost.collect_us:.1f}); an event {cost.event_us:.2f} us; "
        f"{cost.outcomes:,} among {cost.events:,}"
    )


def _interests() -> list[str]:
    tree = taxonomy.load()
    return [i for i, bad in zip(tree.ids, tree.sensitive, strict=True) if not bad][:_HOSTS]


def _consents(accounts: int) -> Records:
    return [
        (0, {"event_id": f"c{a}", "account_id": f"a{a}", "ts": _START - _DAY_MS, "kind": "consent",
             "purpose": "profiling", "status": "granted"})
        for a in range(accounts)
    ]  # fmt: skip


def _events(count: int, accounts: int) -> Records:
    """Events over some days, every other one of a member; each household has some tastes."""
    chance = np.random.default_rng(1)
    account = chance.integers(0, accounts, count)
    host = (account * 7 + chance.geometric(0.25, count)) % _HOSTS
    ts = _START + np.sort(chance.integers(0, _DAYS * _DAY_MS, count))
    of_member = chance.random(count) < 0.5
    columns = zip(account.tolist(), host.tolist(), ts.tolist(), of_member.tolist(), strict=True)
    return [
        (_NETWORK, {"event_id": f"e{n}", "account_id": f"a{a}", "ts": t, "line": "mobile",
                    "host": f"h{h}.example", "duration_ms": 600_000, "bytes_down": 1_000_000,
                    **({"member_id": f"m{a}"} if m else {})})
        for n, (a, h, t, m) in enumerate(columns)
    ]  # fmt: skip


def _outcomes(count: int, accounts: int) -> Records:
    """Contacts over the same days and their answers, so many in all."""
    chance, ids, found = np.random.default_rng(2), _interests(), Records()
    words, bounds = [word for word, _ in _ANSWERS], np.cumsum([often for _, often in _ANSWERS])
    n = 0
    while len(found) < count:
        a, ts = int(chance.integers(accounts)), _START + int(chance.integers(_DAYS * _DAY_MS))
        who = {"account_id": f"a{a}", **({"member_id": f"m{a}"} if n % 2 else {})}
        interest = ids[(a * 7 + int(chance.geometric(0.25))) % _HOSTS]
        found.append((INPUTS.outcomes, {
            "event_id": f"o{n}", "ts": ts, "kind": "contact", "contact_id": f"c{n}",
            "channel": "mail" if n % 3 else "screen", "interest": interest, "propensity": 0.8,
            "stance": "engage", "profile_version": 3, **who,
        }))  # fmt: skip
        drawn = int(np.searchsorted(bounds, chance.random()))
        if drawn < len(words):
            later = ts + int(chance.integers(_DAY_MS))
            found.append((INPUTS.outcomes, {
                "event_id": f"r{n}", "ts": later, "kind": "answer", "contact_id": f"c{n}",
                "answer": words[drawn], **who,
            }))  # fmt: skip
        n += 1
    return sorted(found[:count], key=lambda record: int(record[1]["ts"]))
