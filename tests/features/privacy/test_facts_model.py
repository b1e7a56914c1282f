"""Facts, events and restarts in any order: what is erased stays erased (I8), nothing is held or
said without consent (I12), nothing sensitive either (I13), and cuts don't matter (I11).

A machine feeds one engine in random order with restarts between commits; what it may hold is
decided by a slow model that keeps every fact ever sent and asks, per event time, what was said.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from features.config import Config
from features.privacy.accounts import Accounts
from features.privacy.facts import AccountFacts, erasure_mark
from features.tags import taxonomy
from features.tags.exact import TagEntry
from features.tags.taxonomy import Taxonomy
from tests.support.feeding import DAY, START, Feed, Record, Stream
from tests.support.held import child_known, earliest, events, held, rows_of, traces, whole

TREE = taxonomy.load()
SENSITIVE = "v9i3On"  # Sensitive Topics; an id that no number contains
LIKED, BOUGHT = "483", "635"  # Sports, Smartphones
#: What is behind each host: the last one is denied in the taxonomy.
TABLE = {
    "host:sport.example": TagEntry(((LIKED, 1.0),), "test", 1.0),
    "host:phones.example": TagEntry(((BOUGHT, 1.0),), "test", 1.0),
    "host:clinic.example": TagEntry(((SENSITIVE, 1.0),), "test", 1.0),
}
HOSTS = tuple(key.partition(":")[2] for key in TABLE)
ACCOUNTS = ("zq-alpha", "zq-beta")
KEY = b"a key of the test"
LATENESS = DAY // 4

#: Quarters of a day from now: mostly onwards, now and then long ago.
steps = st.sampled_from([0, 0, 1, 1, 2, 4, 8, -1, -2, -6, -12])
accounts = st.sampled_from(ACCOUNTS)


class Model:
    """Every consent and erasure of an account, and the spans that follow."""

    def __init__(self) -> None:
        self.consents: list[tuple[int, int, str, int | None]] = []
        self.facts: list[int] = []
        self.erased = -1

    def since(self, by_default: bool) -> int | None:
        """From when on data may be held now; None if none may."""
        said = self.said()
        if not said or said[-1][2] != "granted":
            return None
        since: int | None = 0 if by_default and self.erased < 0 else None
        end = None
        for ts, _, status, expires in said:
            if status != "granted":
                since = None
            elif since is None or (end is not None and end < ts):
                since = ts
            end = expires
        return since

    def said(self) -> list[tuple[int, int, str, int | None]]:
        """What counts, in event time; of one time what forbids more comes later."""
        return sorted(
            (c for c in self.consents if c[0] > self.erased),
            key=lambda c: (c[0], c[2] != "granted", -(c[3] or 2**62)),
        )

    def until(self) -> int:
        said = self.said()
        return said[-1][3] or 2**62 if said else 0


class FactsMachine(RuleBasedStateMachine):
    """Random interleavings on one engine."""

    default_grant = False

    @initialize(granted=st.sampled_from([ACCOUNTS, ACCOUNTS, ACCOUNTS[:1], ()]))
    def start(self, granted: tuple[str, ...]) -> None:
        self.now = 4.0
        self.feed = Feed()
        self.stream = Stream(
            Config(erasure_key=KEY, lateness_ms=LATENESS, consent_default_grant=self.default_grant),
            TABLE,
        )
        self.models = {account: Model() for account in ACCOUNTS}
        self.sent: list[Record] = []
        self.counted: dict[str, list[int]] = {account: [] for account in ACCOUNTS}
        for account in granted:
            self.consent(account, 0, "granted", None)

    def _day(self, step: int) -> float:
        day = max(0.0, self.now + step / 4)
        self.now = max(self.now, day)
        return day

    def _send(self, record: Record) -> str:
        self.sent.append(record)
        body = json.loads(record[1])
        if body.get("kind") not in (None, "erasure"):  # an event has none
            self.models[body["account_id"]].facts.append(body["ts"])
        return self.stream.feed(record)[0]

    @rule(
        some=st.lists(
            st.tuples(
                accounts, steps, st.sampled_from(HOSTS), st.sampled_from([None, "m1", "kid"])
            ),
            min_size=1,
            max_size=6,
        )
    )
    def events(self, some: list[tuple[str, int, str, str | None]]) -> None:
        for account, step, host, member in some:
            day = self._day(step)
            more = {"member_id": member} if member else {}
            outcome = self._send(self.feed.visit(account, day, host, **more))
            if outcome == "counted":
                self.counted[account].append(START + int(day * DAY))

    @rule(
        account=accounts,
        step=steps,
        length=st.sampled_from([None, 1, 3]),
        status=st.sampled_from(["granted", "granted", "granted", "withdrawn", "Revoked"]),
        purpose=st.sampled_from(["profiling", "profiling", "profiling", "dpv:all", "weather"]),
    )
    def consent(
        self, account: str, step: int, status: str, length: int | None, purpose: str = "profiling"
    ) -> None:
        day = self._day(step)
        ts = START + int(day * DAY)
        expires = None if length is None or status != "granted" else ts + length * DAY
        more = {} if expires is None else {"expires_at": expires}
        model, number = self.models[account], self.feed.count + 1
        self._send(self.feed.consent(account, day, status, purpose=purpose, **more))
        if status != "granted" or purpose == "profiling":  # any other word grants nothing
            model.consents.append((ts, number, status, expires))

    @rule(
        account=accounts,
        step=steps,
        interest=st.sampled_from([LIKED, BOUGHT, SENSITIVE]),
        kind=st.sampled_from(["purchase", "decision_against", "like", "dislike"]),
    )
    def says(self, account: str, step: int, interest: str, kind: str) -> None:
        day = self._day(step)
        if kind in ("like", "dislike"):
            self._send(self.feed.fact(account, day, "declaration", interest=interest, stance=kind))
        else:
            self._send(self.feed.fact(account, day, kind, interest=interest))

    @rule(account=accounts, step=steps, status=st.sampled_from(["opened", "closed"]))
    def case(self, account: str, step: int, status: str) -> None:
        self._send(
            self.feed.fact(account, self._day(step), "care_case", case_id="c1", status=status)
        )

    @rule(account=accounts, step=steps)
    def child(self, account: str, step: int) -> None:
        self._send(
            self.feed.fact(
                account,
                self._day(step),
                "registry",
                device_id="tab-1",
                owner_member_id="kid",
                adult=False,
            )
        )

    @precondition(lambda self: len(self.sent) % 3 == 0)  # not too often, or nothing is left
    @rule(account=accounts, step=steps, comes_late=st.booleans())
    def erase(self, account: str, step: int, comes_late: bool) -> None:
        day = self._day(step)
        self._send(self.feed.fact(account, day, "erasure"))
        model = self.models[account]
        model.erased = max(model.erased, START + int(day * DAY))
        if comes_late:  # a grant of before, and behaviour of after
            self.consent(account, -1, "granted", None)
            self.events([(account, 0, HOSTS[0], None)])

    @rule()
    def duplicate(self) -> None:
        if self.sent:
            self._send(self.sent[-1])

    @rule()
    def commit(self) -> None:
        self.stream.commit()
        self._check()

    @rule(step=steps)
    def time_passes(self, step: int) -> None:
        """Another account moves the watermark; those who are silent must see their ends too."""
        self._send(self.feed.visit("zq-gamma", self._day(step) + 2, HOSTS[0]))
        self.stream.commit()
        self._check()

    @rule()
    def restart(self) -> None:
        self.stream.commit()
        before = whole(self.stream.engine)
        self.stream.restart()
        assert whole(self.stream.engine) == before  # I5

    def _check(self) -> None:
        watermark = self.stream.engine.watermark
        for account, model in self.models.items():
            since = model.since(self.default_grant)
            allowed = since is not None and model.until() > max(watermark, 0)
            if self.default_grant and not model.consents and model.erased < 0:
                continue
            if not allowed:
                assert not held(self.stream, account), "I12: held without consent"
            if allowed and since is not None:
                assert earliest(self.stream, account) >= since // DAY, "I12: from before consent"
                if not any(since <= ts for ts in self.counted[account]):
                    assert events(self.stream, account) == 0
            if model.erased >= 0 and not model_alive(model):
                assert not traces(self.stream, account), "I8: the erased account's id is left"
                name = erasure_mark(KEY, account).encode()
                assert self.stream.state[b"e/" + name] == b"%d" % model.erased
            for key in [k for k in self.stream.state if k.startswith(b"s/" + account.encode())]:
                assert not key.endswith(b"/kid") or not child_known(self.stream, account)
        for value in self.stream.written:  # I13
            assert SENSITIVE.encode() not in value and b"clinic" not in value

    @invariant()
    def nothing_is_said_of_the_sensitive(self) -> None:
        for sid in range(int(self.stream.engine.store.counters["subjects"])):
            for index in rows_of(self.stream.engine.store, sid):
                assert not TREE.sensitive[index]

    def teardown(self) -> None:
        """Other cuts and no restarts end in the same state (I11)."""
        if not hasattr(self, "sent"):
            return
        again = Stream(self.stream.config, TABLE)
        if self.sent:
            again.feed(*self.sent)
        assert whole(self.stream.engine) == whole(again.engine), "I11"


class FactsMachineByDefault(FactsMachine):
    """The same where consent is granted by default."""

    default_grant = True


# An engine costs tens of milliseconds to make, so shrinking would take longer than reading.
_CALM = settings(
    max_examples=30,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
TestFacts = FactsMachine.TestCase
TestFacts.settings = _CALM
TestFactsByDefault = FactsMachineByDefault.TestCase
TestFactsByDefault.settings = _CALM


# -- seen to fail


def _keeps_facts(self: Any, account: bytes, facts: AccountFacts) -> None:
    self._facts.setdefault(account, facts.to_bytes())  # an erasure leaves what was known
    self.changed.add(account)


def _forgets_marks(self: Any, account: bytes) -> AccountFacts:
    value = self._facts.get(account)
    return AccountFacts() if value is None else AccountFacts.from_bytes(value)


def _overlooks(self: Any, watermark: int) -> None:
    self._heap.clear()
    self._set_due()


def _restores_halfway(
    self: Any, account: bytes, value: bytes, watermark: int, new_rules: bool
) -> None:
    self._facts[account] = value


#: Planted bugs by the promise they break: what is replaced in the engine, and by what.
PLANTED: dict[str, tuple[type, str, Any]] = {
    "I8 erased facts stay": (Accounts, "_keep", _keeps_facts),
    "I8 marks are not asked": (Accounts, "facts", _forgets_marks),
    "I12 withdrawal leaves the state": (Accounts, "_drop_all", lambda self, account: []),
    "I12 expiry is overlooked": (Accounts, "expire", _overlooks),
    "I13 sensitive declarations are kept": (Taxonomy, "is_sensitive", lambda self, i: False),
    "I5 restore forgets who is admitted": (Accounts, "restore", _restores_halfway),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, replacement = PLANTED[bug]
    monkeypatch.setattr(owner, name, replacement)
    with pytest.raises(BaseException) as caught:
        run_state_machine_as_test(
            FactsMachine,
            settings=settings(
                _CALM, max_examples=200, derandomize=True, database=None, print_blob=False
            ),
        )
    assert "Error" in repr(caught.value)


# -- looking


def model_alive(model: Model) -> bool:
    """Whether anything was said about an account after its erasure."""
    return any(ts > model.erased for ts in model.facts)
