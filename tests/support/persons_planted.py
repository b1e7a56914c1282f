"""Planted bugs that the persons model has to see, and how many steps it takes to see each.

python -m tests.support.persons_planted
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import seed, settings
from hypothesis.stateful import run_state_machine_as_test

from features.privacy.accounts import Accounts
from features.privacy.admission import Admission
from features.privacy.kin import Kin
from features.privacy.ledger import Ledger
from features.privacy.marks import Mark
from features.privacy.owned_device import Device
from features.privacy.person import Person
from features.privacy.standing import Standing
from features.state.spans import ALWAYS, SpanTable
from features.tags.taxonomy import Taxonomy
from tests.support.persons_model import CALM, Persons

_put, _word, _follow = SpanTable.put, Person.word, Standing.follow
_set_mark, _erase, _add = Ledger.set_mark, Accounts._erase, Device.add
_person = Ledger.person


def _never_ends(self: Any, account: bytes, span: tuple[int, int], **more: Any) -> None:
    _put(self, account, (span[0], max(span[1], 2**62)) if span[1] else span, **more)


def _always_began(self: Any, account: bytes, span: tuple[int, int], **more: Any) -> None:
    _put(self, account, (0, span[1]) if span[1] else span, **more)


def _no_devices(self: Any, account: bytes, span: tuple[int, int], **more: Any) -> None:
    _put(self, account, ALWAYS if more.get("device") else span, **more)


def _by_its_own_clock(self: Any, fact: Any, purpose: Any, status: str, until: Any = None) -> bool:
    later = Person({purpose: []}, {}, self.erased_at)
    if not _word(later, fact, purpose, status, until):
        return False
    known = self.consents.get(purpose, [])
    self.consents[purpose] = sorted({*known, *later.consents[purpose]})
    return bool(self.consents[purpose] != known)


def _erases_the_account(self: Any, account: bytes, member: str, fact: Any, now: int) -> int:
    return _erase(self, account, "", fact, now)


def _forgets_children(self: Any, name: str, mark: Mark) -> None:
    _set_mark(self, name, mark._replace(children=()))


def _not_asked_by_name(self: Any, account: bytes, member: str = "") -> Person:
    return replace(_person(self, account, member), by_name=False)


def _forgets_who_refused(self: Any, name: str, mark: Mark) -> None:
    if mark.request or mark.children:  # else it is left of a member who refused something
        _set_mark(self, name, mark)


def _omission_says_adult(self: Any, ts: int, event_id: str, entry: Any) -> bool:
    before = self.to_bytes()
    self.said = None
    self.owners = {}
    _add(self, ts, event_id, entry)
    return bool(self.to_bytes() != before)


def _only_the_account(self: Any, account: bytes, member: str, now: int, ts: int) -> None:
    if not member:
        _follow(self, account, member, now, ts)


def _erases_by_time_alone(self: Any, account: bytes, member: str = "") -> int:
    return -1


def _overlooks_ends(self: Any, watermark: int, most: int) -> int:
    ends = self.standing.ends
    passed = len(list(ends.passed(watermark)))
    self._store.counters["due"] = ends.next()
    return passed


#: Planted bugs by the promise they break: what is replaced in the engine, and by what.
PLANTED: dict[str, tuple[type, str, Any]] = {
    "I8 erased facts stay": (Ledger, "forget", lambda self, account, member="": None),
    "I8 marks are not asked": (Ledger, "mark", lambda self, account, member="": None),
    "I8 what is stamped ahead survives": (Ledger, "latest", _erases_by_time_alone),
    "I8 one member's erasure is everybody's": (Accounts, "_erase", _erases_the_account),
    "I16 a use that was refused comes back": (Ledger, "person", _not_asked_by_name),
    "I16 a member's refusal goes with his account": (Ledger, "set_mark", _forgets_who_refused),
    "I12 a member's end is not looked at": (SpanTable, "put", _never_ends),
    "I12 a member's gap is not looked at": (SpanTable, "put", _always_began),
    "I12 a child's device is not looked at": (SpanTable, "put", _no_devices),
    "I12 a member's words are not followed": (Standing, "follow", _only_the_account),
    "I12 a doubt puts nobody on hold": (Person, "span_in_use", Person.span),
    "I12 withdrawal leaves the state": (Standing, "drop", lambda self, account, member="": []),
    "I12 expiry is overlooked": (Accounts, "expire", _overlooks_ends),
    "I12 a refusal is placed by a slow clock": (Person, "word", _by_its_own_clock),
    "I12 a re-grant makes children adults": (Ledger, "set_mark", _forgets_children),
    "I12 what leaves adult out says adult": (Device, "add", _omission_says_adult),
    "I12 a child who gave his device away": (
        Kin,
        "is_child",
        lambda self, member: any(d.child and d.owner == member for d in self.childrens.values()),
    ),
    "I12 a member's refusal is in no profile": (
        Person,
        "refuses",
        lambda self, purpose, now: False,
    ),
    "I12 what a member refuses his device tells the household": (
        Person,
        "use_span",
        lambda self, purpose: ALWAYS,
    ),
    "I12 answers are never forgotten": (
        Admission,
        "forget_answers",
        lambda self, account, likewise=None: None,
    ),
    "I13 sensitive declarations are kept": (Taxonomy, "is_sensitive", lambda self, i: False),
    "I5 restore forgets what ends": (Standing, "settle", lambda self, now, new_rules: None),
}

#: Seeds by which the slower ones are seen early; the others by 0.
SEEDS = {
    "I12 a doubt puts nobody on hold": 8,
    "I12 a refusal is placed by a slow clock": 4,
    "I12 a member's refusal is in no profile": 4,
    "I13 sensitive declarations are kept": 4,
    "I12 expiry is overlooked": 7,
}


class Seen(NamedTuple):
    """How a planted bug was seen: after so many steps, and by what."""

    steps: int
    by: str


@contextmanager
def planted(bug: str) -> Iterator[None]:
    """Put a bug in the engine for a while."""
    owner, name, replacement = PLANTED[bug]
    before = owner.__dict__[name]
    setattr(owner, name, replacement)
    try:
        yield
    finally:
        setattr(owner, name, before)


def seen(bug: str, number: int, most_steps: int) -> Seen | None:
    """Run the model on an engine with a bug, by a seed; None where it does not see it."""
    steps = 0

    class Counted(Persons):
        def check_invariants(self, *args: Any, **more: Any) -> None:
            nonlocal steps
            steps += 1
            super().check_invariants(*args, **more)

    examples = max(1, most_steps // CALM.stateful_step_count)
    calm = settings(CALM, max_examples=examples, database=None)
    with planted(bug):
        try:
            run_state_machine_as_test(seed(number)(Counted), settings=calm)
        except AssertionError as error:
            return Seen(steps, str(error).partition("\n")[0])
    return None


def main() -> None:
    """Print how many steps it takes to see each bug."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=32_000, help="most steps a bug and seed")
    parser.add_argument("--seeds", type=int, default=1, help="so many seeds, from 0 on")
    options = parser.parse_args()
    print("| planted bug | seed | steps | CPU, s | seen by |\n|---|---|---|---|---|")
    for bug in PLANTED:
        numbers = range(options.seeds) if options.seeds > 1 else [SEEDS.get(bug, 0)]
        for number in numbers:
            began = time.process_time()
            found = seen(bug, number, options.steps)
            steps, by = found or Seen(options.steps, "**not seen**")
            took = time.process_time() - began
            print(f"| {bug} | {number} | {steps} | {took:.1f} | {by[:50]} |", flush=True)


if __name__ == "__main__":
    main()
