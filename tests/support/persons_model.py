"""Persons, devices, purposes, clocks, restarts and erasures in any order, against the slow twin.

A machine feeds one engine; the twin keeps every fact in the order in which it came and asks it
anew at every event's own time. What became of each record has to agree, and who is held.

    python -m tests.support.persons_model --steps 100000 --seed 1
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from features.config import Config
from features.tags.exact import TagEntry
from tests.oracle.facts import DOUBT
from tests.support.feeding import DAY, START, Feed, Record
from tests.support.persons_part import Part

SENSITIVE = "v9i3On"  # Sensitive Topics; an id that no number contains
LIKED, BOUGHT = "483", "635"  # Sports, Smartphones
#: What is behind each host: the third is denied in the taxonomy, of the last nothing is known.
TABLE = {
    "host:sport.example": TagEntry(((LIKED, 1.0),), "test", 1.0),
    "host:phones.example": TagEntry(((BOUGHT, 1.0),), "test", 1.0),
    "host:clinic.example": TagEntry(((SENSITIVE, 1.0),), "test", 1.0),
}
HOSTS = (*(key.partition(":")[2] for key in TABLE), "unheard.example")
ACCOUNTS = ("zq-alpha", "zq-beta", "zq-delta")
#: The accounts of each partition; its last one only moves the watermark.
PARTITIONS = (("zq-alpha", "zq-beta", "zq-gamma"), ("zq-delta", "zq-omega"))
MEMBERS = ("m1", "kid")
SPELLED = (*MEMBERS, "M-1")  # the first, as another producer writes him
DEVICES = ("tab-1", "dev-2", "TAB_1")  # two of them spelled alike
KEY = b"a key of the test"
LATENESS = DAY // 4
HOUR_DAYS = 1 / 24

#: Hours from now: mostly onwards, now and then before, seldom long ago.
steps = st.sampled_from([0, 0, 1, 6, 6, 12, 24, 48, -1, -6, -12, -30, -72])
accounts = st.sampled_from(ACCOUNTS)
people = st.sampled_from([None, None, *MEMBERS, *SPELLED])
persons = st.sampled_from(MEMBERS)
parts = st.sampled_from([0, 0, 1])
#: What stands in the place of a time in ms; what refuses or erases acts on arrival then.
clocks = st.sampled_from(["seconds", "microseconds", "zero", "below zero", "ahead", "text"])
liked = st.sampled_from([LIKED, BOUGHT])
#: Facts that can be read neither as granting nor as refusing; each has an id that can be read.
doubts = st.sampled_from(["a word", "no status", "a kind", "when", "a device"])
#: Hours from an end or a beginning.
around = st.lists(st.sampled_from([-1, 0, 1, 4]), min_size=1, max_size=3)


class Persons(RuleBasedStateMachine):
    """Random interleavings on one engine."""

    default_grant = False
    checks_cuts = True

    @initialize(granted=st.sampled_from([ACCOUNTS, ACCOUNTS, ACCOUNTS[:1], ()]))
    def start(self, granted: tuple[str, ...]) -> None:
        self.now = 4.0
        self.feed = Feed()
        config = Config(
            erasure_key=KEY, lateness_ms=LATENESS, consent_default_grant=self.default_grant
        )
        self.parts = [Part(config, TABLE, SENSITIVE) for _ in PARTITIONS]
        self.sent: list[tuple[Record, dict[str, Any]]] = []
        for account in granted:
            self.consent(account, None, 0, None, "granted", "profiling")

    def _day(self, step: float) -> float:
        return self._at(max(0.0, self.now + step * HOUR_DAYS))

    def _at(self, day: float) -> float:
        self.now = max(self.now, day)
        return day

    def _send(self, record: Record, **more: Any) -> None:
        self.sent.append((record, more))
        account = (record[2] or b"").decode()
        (part,) = (part for part, of in zip(self.parts, PARTITIONS, strict=True) if account in of)
        part.send(record, **more)

    # -- what happens --------------------------------------------------------------------

    @rule(
        some=st.lists(
            st.tuples(
                accounts,
                steps,
                st.sampled_from(HOSTS),
                st.sampled_from([None, *SPELLED]),
                st.sampled_from([None, None, *DEVICES]),
            ),
            min_size=1,
            max_size=5,
        )
    )
    def events(self, some: list[tuple[str, int, str, str | None, str | None]]) -> None:
        for account, step, host, member, device in some:
            more = {"member_id": member, "device_id": device}
            more = {name: value for name, value in more.items() if value}
            self._send(self.feed.visit(account, self._day(step), host, **more))

    @rule(
        account=accounts,
        member=people,
        step=steps,
        hours=st.sampled_from([None, None, 12, 36]),
        status=st.sampled_from(["granted"] * 4 + ["withdrawn", "withdrawn", "Revoked", "maybe"]),
        purpose=st.sampled_from(["profiling", "profiling", "offers", "audiences"]),
    )
    def consent(
        self,
        account: str,
        member: str | None,
        step: int,
        hours: int | None,
        status: str,
        purpose: str,
    ) -> None:
        day = self._day(step)
        more: dict[str, Any] = {"purpose": purpose} | ({"member_id": member} if member else {})
        if hours is not None and status == "granted":
            more["expires_at"] = START + int(day * DAY) + hours * DAY // 24
        word = self.feed.consent(account, day, status, **more)
        self._send(word)

    @rule(
        account=accounts,
        member=people,
        step=steps,
        interest=st.sampled_from([LIKED, BOUGHT, SENSITIVE]),
        kind=st.sampled_from(["purchase", "decision_against", "like", "dislike"]),
    )
    def says(self, account: str, member: str | None, step: int, interest: str, kind: str) -> None:
        more = {"member_id": member} if member else {}
        if kind in ("like", "dislike"):
            more["stance"], kind = kind, "declaration"
        self._send(self.feed.fact(account, self._day(step), kind, interest=interest, **more))

    @rule(account=accounts, step=steps, status=st.sampled_from(["opened", "closed"]))
    def case(self, account: str, step: int, status: str) -> None:
        self._send(
            self.feed.fact(account, self._day(step), "care_case", case_id="c1", status=status)
        )

    @rule(
        account=accounts,
        step=steps,
        device=st.sampled_from(DEVICES),
        owner=people,
        adult=st.sampled_from([None, False, "no", True]),
    )
    def register(
        self, account: str, step: int, device: str, owner: str | None, adult: bool | str | None
    ) -> None:
        more = {"owner_member_id": owner, "adult": adult}
        more = {name: value for name, value in more.items() if value is not None}
        self._send(self.feed.fact(account, self._day(step), "registry", device_id=device, **more))

    @precondition(lambda self: len(self.sent) % 3 == 0)  # not too often, or nothing is left
    @rule(account=accounts, member=people, step=steps, comes_late=st.booleans())
    def erase(self, account: str, member: str | None, step: int, comes_late: bool) -> None:
        more = {"member_id": member} if member else {}
        self._send(self.feed.fact(account, self._day(step), "erasure", **more))
        if comes_late:  # a grant of before, and behaviour of after
            self.consent(account, member, -1, None, "granted", "profiling")
            self.events([(account, 0, HOSTS[0], member, None)])

    # Of what the rules above seldom bring together.

    @rule(account=accounts, member=persons, hours=st.sampled_from([2, 7]), after=around)
    def grant_ends(self, account: str, member: str, hours: int, after: list[int]) -> None:
        """A member's grant ends, and he goes on before the watermark has got there."""
        begin = self.now
        self.consent(account, member, 0, hours, "granted", "profiling")
        self._visits(account, member, begin + hours * HOUR_DAYS, after)

    @rule(account=accounts, member=persons, hours=st.sampled_from([2, 7]), after=around)
    def refuses_for_a_while(self, account: str, member: str, hours: int, after: list[int]) -> None:
        """A member refuses and grants again; what he did in between arrives behind it."""
        begin = self.now
        self.consent(account, member, 0, None, "withdrawn", "profiling")
        self.consent(account, member, hours, None, "granted", "profiling")
        self._visits(account, member, begin + hours * HOUR_DAYS, after)

    @rule(
        account=accounts,
        member=persons,
        device=st.sampled_from(DEVICES),
        use=st.sampled_from(["offers", "audiences"]),
        again=st.sampled_from([None, 2, 7]),
    )
    def refuses_a_use(
        self, account: str, member: str, device: str, use: str, again: int | None
    ) -> None:
        """A member refuses a use, and his device goes on without his name."""
        self.register(account, 0, device, member, True)
        self.consent(account, member, 0, None, "withdrawn", use)
        self.events([(account, 1, HOSTS[0], None, device)])
        if again is not None:
            self.consent(account, member, 1, again, "granted", use)
            self.events([(account, step, HOSTS[0], None, device) for step in (0, -1, 2, 6)])

    @rule(
        account=accounts,
        member=people,
        how=doubts,
        decided=st.sampled_from([None, "granted", "withdrawn"]),
        after=around,
    )
    def is_in_doubt(
        self, account: str, member: str | None, how: str, decided: str | None, after: list[int]
    ) -> None:
        """Of somebody who granted comes what may be a refusal; maybe somebody decides."""
        begin = self.now
        self.consent(account, None, 0, None, "granted", "profiling")
        self._doubtful(account, member, begin + HOUR_DAYS, how)
        self._visits(account, member, begin + 2 * HOUR_DAYS, after)
        if decided is not None:
            self.consent(account, None, 1, None, decided, "profiling")
            self._visits(account, None, self.now, [0, *after])

    def _doubtful(self, account: str, member: str | None, day: float, how: str) -> None:
        """Send what can't be read; it came at the time that stands in it, or would."""
        more = {"member_id": member} if member else {}
        record = self.feed.consent(account, self._at(day), "perhaps", **more)
        said = json.loads(record[1])
        others: dict[str, dict[str, Any]] = {
            "no status": {"status": None},
            "a kind": {"kind": "gdpr-case"},
            "when": {"ts": "this morning"},
            "a device": {"kind": "registry", "device_id": ["tab-1", "dev-2"], "adult": False},
        }
        raw = json.dumps(said | others.get(how, {})).encode()
        told = said | {"status": "pending", "purpose": DOUBT}
        told.pop("member_id", None)  # whoever was meant, all wait
        self._send((record[0], raw, record[2]), said=told, now=said["ts"])

    @precondition(lambda self: len(self.sent) % 3 == 0)
    @rule(account=accounts, member=people, ahead=st.sampled_from([1, 6]), interest=liked)
    def erase_what_is_ahead(
        self, account: str, member: str | None, ahead: int, interest: str
    ) -> None:
        """An erasure right after a fact whose clock runs ahead of it."""
        begin = self.now
        self.says(account, member, ahead, interest, "like")
        more = {"member_id": member} if member else {}
        self._send(self.feed.fact(account, begin, "erasure", **more))

    @rule(account=accounts, member=persons, devices=st.permutations(DEVICES), gone=st.booleans())
    def child_grows_up(self, account: str, member: str, devices: list[str], gone: bool) -> None:
        """A child is erased or gives his device away, and later is said to be an adult."""
        self.register(account, 1, devices[0], member, False)
        if gone:
            self._send(self.feed.fact(account, self.now, "erasure"))
            self.consent(account, None, 1, None, "granted", "profiling")
        else:
            self.register(account, 1, devices[0], *(set(MEMBERS) - {member}), None)
        self._visits(account, member, self.now, [0])
        self.register(account, 1, devices[1], member, True)
        self._visits(account, member, self.now, [0])

    @rule(account=accounts, host=st.sampled_from(HOSTS), child=st.booleans())
    def what_was_answered_changes(self, account: str, host: str, child: bool) -> None:
        """Somebody without words of his own is asked about; then one speaks who is spelled so."""
        spoken, other = SPELLED[0], SPELLED[-1]
        self.consent(account, MEMBERS[1], 0, None, "withdrawn", "profiling")  # now all are asked
        self._send(self.feed.visit(account, self._at(self.now), host, member_id=other))
        if child:
            self.register(account, 0, DEVICES[0], spoken, False)
        else:
            self.consent(account, spoken, 0, None, "withdrawn", "profiling")
        self._send(self.feed.visit(account, self.now, HOSTS[0], member_id=other))

    def _visits(self, account: str, member: str | None, day: float, after: list[int]) -> None:
        for hours in after:
            day_then = self._at(max(0.0, day + hours * HOUR_DAYS))
            more = {"member_id": member} if member else {}
            self._send(self.feed.visit(account, day_then, HOSTS[0], **more))

    @precondition(lambda self: self.sent)
    @rule(back=st.integers(1, 6))
    def comes_again(self, back: int) -> None:
        record, more = self.sent[-min(back, len(self.sent))]
        self._send(record, **more)

    @rule(account=accounts, member=people, clock=clocks, erases=st.integers(0, 3))
    def by_a_wrong_clock(self, account: str, member: str | None, clock: str, erases: int) -> None:
        """A refusal or, seldom, an erasure whose time is none, or is still to come."""
        more = {"member_id": member} if member else {}
        record = self.feed.consent(account, self.now, "withdrawn", **more)
        if not erases:
            record = self.feed.fact(account, self.now, "erasure", **more)
        said = json.loads(record[1])
        now = said["ts"]
        other = {
            "seconds": now // 1000,
            "microseconds": now * 1000,
            "zero": 0,
            "below zero": -now,
            "ahead": now + 400 * DAY,
            "text": "this morning",
        }[clock]
        raw = json.dumps(said | {"ts": other}).encode()
        self._send((record[0], raw, record[2]), said=said, now=now)

    @rule(part=parts)
    def commit(self, part: int) -> None:
        self.parts[part].commit()

    @rule(step=steps, part=parts)
    def time_passes(self, step: int, part: int) -> None:
        """Another account moves the watermark; those who are silent must see their ends too."""
        self._send(self.feed.visit(PARTITIONS[part][-1], self._day(step) + 2, HOSTS[0]))
        self.parts[part].commit()

    @rule(ahead=st.sampled_from([0, 1, 5, 24]), part=parts)
    def time_is_told(self, ahead: int, part: int) -> None:
        """No record comes, and what ends by the clock ends before the watermark gets there."""
        self.parts[part].send(self.feed.tick(self.now + ahead * HOUR_DAYS))
        self.parts[part].commit()

    @rule(part=parts)
    def restart(self, part: int) -> None:
        self.parts[part].restart()

    @rule(part=parts)
    def another_worker_takes_over(self, part: int) -> None:
        """Nothing was committed of what came last; the other partition stays where it is."""
        self.parts[part].move()

    @precondition(lambda self: len(self.sent) % 4 == 0)
    @rule(part=parts, forgotten=st.booleans(), published=st.booleans())
    def state_is_reset(self, part: int, forgotten: bool, published: bool) -> None:
        self.parts[part].reset(forgotten=forgotten, published=published)

    # -- what must hold ------------------------------------------------------------------

    def teardown(self) -> None:
        """Other cuts and no restarts end in the same state (I11)."""
        for part in getattr(self, "parts", ()) if self.checks_cuts else ():
            part.once_more()


class PersonsByDefault(Persons):
    """The same where consent is granted by default."""

    default_grant = True


# An engine costs tens of milliseconds to make, so shrinking would take longer than reading.
CALM = settings(
    max_examples=30,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    print_blob=False,
)


def main() -> None:
    """Run so many steps of both machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for machine in (Persons, PersonsByDefault):
        of_seed = seed(options.seed)(type(machine.__name__, (machine,), {}))
        examples = options.steps // (2 * CALM.stateful_step_count)
        calm = settings(CALM, max_examples=examples, database=None)
        began = time.process_time()
        run_state_machine_as_test(of_seed, settings=calm)
        steps, took = examples * CALM.stateful_step_count, time.process_time() - began
        print(
            f"{machine.__name__}: {steps} steps, seed {options.seed}: holds ({took:.0f} s of CPU)"
        )


if __name__ == "__main__":
    main()
