"""A partition's slow twin: dictionaries, every event kept, every answer worked out anew.

It is given the same sequence as `features.engine.Engine`, as the producers wrote it, and keeps
to the same promises: what counts, when a day closes, what is learned of it, who is forgotten.
The model is River itself, one row at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from river import linear_model, optim

from features.config import Config
from features.records.concealed import keyed_mark
from features.records.inputs import INPUTS
from features.tags.exact import TagEntry, expand, resolve
from features.tags.taxonomy import Taxonomy
from tests.oracle.arithmetic import (
    DAY_MS,
    HABIT,
    PRESENCE,
    SIGNALS,
    Given,
    Row,
    Seen,
    Subject,
    content_keys,
    engagement,
    level,
    local_day,
    signals,
    text_hash,
)
from tests.oracle.attention import Attention
from tests.oracle.facts import ABOUT_INTERESTS, Known, is_of
from tests.oracle.stance import learn_shares, remember
from tests.oracle.uplift import Contacts, hear
from tests.oracle.words import Doc

FACTS, OUTCOMES = 0, INPUTS.outcomes


def _regression(rate: float) -> linear_model.LogisticRegression:
    return linear_model.LogisticRegression(
        optimizer=optim.FTRLProximal(alpha=rate, beta=1.0, l1=0.0, l2=1e-3), intercept_lr=0.0
    )


class Partition:
    """The twin of an engine.

    Attributes
    ----------
    subjects : dict of str to Subject
        By key, in order of arrival.
    closed : list of (int, list, list)
        Per closed day the training rows as (key, interest, signals) and their labels.
    """

    enough = 500  # labels from which on the model answers

    def __init__(self, config: Config, tree: Taxonomy, table: Mapping[str, TagEntry]) -> None:
        self.config, self.tree, self.table = config, tree, table
        self.subjects: dict[str, Subject] = {}
        self.known: dict[str, Known] = {}
        self.seen: dict[tuple[int, str, str], int] = {}
        self.since: dict[str, float] = {}
        self.max_ts, self.open_day, self.ticked = 0, -1, -1
        self.hits = [0.0] * len(tree)
        self.alive = 0.0
        self.closed: list[tuple[int, list[tuple[str, int, list[float]]], list[int]]] = []
        self.learned = 0
        self.habit, self.here = _regression(0.05), _regression(1.0)
        self.attention = Attention()
        self.contacts = Contacts(config, tree)

    @property
    def watermark(self) -> int:
        """Event time up to which all is there."""
        return self.max_ts - self.config.lateness_ms

    @property
    def now(self) -> int:
        """Event time by which what is limited in time ends: that, or a later tick."""
        return max(self.watermark, self.ticked)

    def apply(self, sequence: Iterable[tuple[int, Doc]]) -> list[str]:
        """Take records in sequence; says what became of each."""
        take: dict[int, Callable[[Doc], str]]
        take = {FACTS: self._fact, OUTCOMES: partial(hear, self)}
        return [take[k](d) if k in take else self._event(k, d) for k, d in sequence]

    # -- facts ---------------------------------------------------------------------------

    def _fact(self, doc: Doc) -> str:
        if doc["kind"] == "tick":
            before, self.ticked = self.now, max(self.ticked, doc["now"])
            self._end(before)
            return "fact"
        account, who = doc["account_id"], doc.get("member_id")
        known = self.known_of(account)
        if doc["kind"] in ABOUT_INTERESTS:
            if why := known.refusal(doc, self.tree, self.now):
                return why
        doc = {**doc, "event_id": keyed_mark(b"", doc["event_id"], "request")}  # breaks ties
        children = {m for m in known.members() if known.is_child(m)}
        for name in self._alike(account, who) if who and doc["kind"] == "consent" else ():
            self.since[f"{account}/{name}"] = known.span(name, self.now)[0]
        if not known.take(doc) and children == {m for m in known.members() if known.is_child(m)}:
            return "fact"
        if doc["kind"] == "erasure":
            self._forget(account, who)
        if doc["kind"] in ("registry", "care_case"):
            self._act_members(account, doc["ts"], children)
        else:
            self._act(account, who, doc["ts"], children)
        return "fact"

    def known_of(self, account: str) -> Known:
        new = Known(self.config.rules, self.config.consent_default_grant)
        return self.known.setdefault(account, new)

    def _act(
        self, account: str, who: str | None = None, ts: int = 0, children: set[str] | None = None
    ) -> None:
        """Apply what somebody said, or that something of his ended."""
        if who is None:
            self._act_account(account, ts)
        self._act_members(account, ts, children, {who} - {None})

    def _act_members(
        self, account: str, ts: int, children: set[str] | None, others: Iterable[str | None] = ()
    ) -> None:
        """Apply what changed for members; the default admits with any fact."""
        known = self.known[account]
        now = {m for m in known.members() if known.is_child(m)}
        changed = now ^ (now if children is None else children)
        for member in sorted(str(name) for name in {*changed, *others}):
            self._act_member(account, member, ts)
            for name in self._alike(account, member):
                self._act_member(account, name, 0)
        if account not in self.subjects and known.in_force():
            self._act_account(account, 0)

    def _alike(self, account: str, member: str) -> list[str]:
        """Other spellings of a member under which somebody is held or has words."""
        held = {key.partition("/")[2] for key in self._household(account)}
        named = held | {*self.known[account].members()}
        return sorted(name for name in named - {"", member} if is_of(member, name))

    def _act_account(self, account: str, ts: int) -> None:
        known = self.known[account]
        start, until = known.consent()
        allowed = until > max(self.now, 0)
        known.forget_outside(start, until if allowed else start)
        if not allowed or (account in self.subjects and start > self.since.get(account, 0)):
            self._forget(account)
        if not allowed:
            return
        self.since[account] = start
        fresh = account not in self.subjects
        self.subjects.setdefault(account, Subject())
        for member in known.members() if fresh else ():
            self._enrol_liking(account, member)
        for key in self._household(account):
            self._flag(key, ts)

    def _act_member(self, account: str, member: str, ts: int) -> None:
        key, known = f"{account}/{member}", self.known[account]
        known.forget_outside(*(span := known.span(member, self.now)), member)
        if span[0] > max(self.since.get(key, 0), known.erased_at(member) + 1):
            self.subjects.pop(key, None)
        self.since[key] = span[0]
        if account not in self.subjects and known.in_force():
            self._act_account(account, 0)
        if ts and account in self.subjects:
            self._enrol_liking(account, member)
        if key in self.subjects:
            self._flag(key, ts)

    def _enrol_liking(self, account: str, member: str) -> None:
        said = self.known[account].opinions(self.now)
        if self.open_day >= 0 and (member, "like") in {(w, what) for w, _, what, *_ in said}:
            self.subjects.setdefault(f"{account}/{member}", Subject())

    def _forget(self, account: str, who: str | None = None) -> None:
        for key in self._household(account):
            if not who or is_of(who, key.partition("/")[2]):
                self.subjects.pop(key, None)

    def _household(self, account: str) -> list[str]:
        return [k for k in self.subjects if k == account or k.startswith(account + "/")]

    def _flag(self, key: str, ts: int = 0) -> None:
        """Rows of what is liked, and the flags of all rows of a subject."""
        account, _, member = key.partition("/")
        if account not in self.known:
            return
        now, known, subject = self.now, self.known[account], self.subjects[key]
        said = [
            (
                who,
                {
                    self.tree.index(interest),
                    *(() if what == "like" else self.tree.descendants(self.tree.index(interest))),
                },
                what,
            )
            for who, interest, what, *_ in known.opinions(now)
        ]
        for who, touched, what in said:
            if what == "like" and who == (member or None) and self.open_day >= 0:
                if not subject.rows and not subject.events:
                    subject.spoken = ts or max(self.max_ts, 0), self.open_day
                for index in touched:
                    subject.rows.setdefault(index, Row(index, self.open_day))
        quieted = self.config.rules.quieted
        said += [(who, set(quieted(what)), "quiet") for who, what, *_ in known.quiet(now)]
        for row in subject.rows.values():
            row.flags = {
                what
                for who, touched, what in said
                if row.interest in touched
                and (who in (None, member) or (what != "like" and member and is_of(who, member)))
            }

    # -- events --------------------------------------------------------------------------

    def _event(self, kind: int, doc: Doc) -> str:
        config, ts, before = self.config, doc["ts"], self.now
        by_default = config.consent_default_grant
        self.max_ts = max(self.max_ts, ts)
        self._end(before)
        reached = local_day(self.max_ts - config.lateness_ms, config.day_offset_ms)
        if reached > self.open_day:
            self._close(reached)
        account = doc["account_id"]
        known = self.known.get(account, Known(config.rules, by_default))
        start, until = known.consent()
        if until <= max(self.now, 0) or ts >= until:
            return "no_consent"
        if any(known.erased for known in self.known.values()) and by_default:
            self.subjects.setdefault(account, Subject())
        if ts < start or not self._may_be_held(known, doc):
            return "no_consent" if start <= ts >= known.doubted_from() else "suppressed"
        if ts < self.watermark:
            return "late"
        if self._seen_before((kind, account, doc["event_id"])):
            return "duplicate"
        self.subjects.setdefault(account, Subject())
        tags = self.tags(kind, doc)
        if tags is None:
            return "untagged"
        weight = engagement(kind, doc)
        if not tags or weight < 1e-4:
            return "infrastructure"
        self._count(kind, doc, tags, weight)
        return "counted"

    def _end(self, before: int) -> None:
        """Apply what ended since."""
        for account, known in self.known.items():
            for who in (None, *known.members()):
                if known.answers(before, who) != known.answers(self.now, who):
                    self._act(account, who)

    def _may_be_held(self, known: Known, doc: Doc) -> bool:
        """Whether the account's device and person may be held at an event's time."""
        member, device = doc.get("member_id"), doc.get("device_id")
        if known.is_childs(device) or doc["ts"] >= known.doubted_from():
            return False
        owners = set() if member else known.owners(device, doc["ts"])  # "" is nobody that is known
        spans = [known.span(name, self.now) for name in (member, *owners) if name]
        spans += [known.uses(owner) for owner in owners if owner]
        return "" not in owners and all(start <= doc["ts"] < until for start, until in spans)

    def _seen_before(self, event_id: tuple[int, str, str]) -> bool:
        width = max(1, self.config.dedup_horizon_ms // 16)
        seen = self.seen.get(event_id)
        oldest = (self.max_ts - self.config.dedup_horizon_ms) // width
        if seen is not None and seen // width >= oldest:
            return True
        self.seen[event_id] = self.max_ts
        return False

    def tags(self, kind: int, doc: Doc) -> list[tuple[int, float]] | None:
        """Interests and weights of an event's content: none for machinery, None if unknown."""
        found = [resolve(key, self.table) for key in content_keys(kind, doc)]
        known = [entry for entry in found if entry is not None]
        if any(entry.audience == "children" for entry in known):
            return []
        return expand(known[0].told, self.tree) if known else None

    def _count(self, kind: int, doc: Doc, tags: list[tuple[int, float]], weight: float) -> None:
        member, account = doc.get("member_id"), doc["account_id"]
        key = f"{account}/{member}" if member else account
        if member and key not in self.subjects and account in self.known:
            self.since[key] = self.known[account].span(member, self.now)[0]  # he may be held again
        subject = self.subjects.setdefault(key, Subject())
        offset = self.config.day_offset_ms
        zone = doc["tz_offset_min"] * 60_000 if "tz_offset_min" in doc else offset
        day = local_day(doc["ts"], offset)
        country = doc.get("country")
        abroad = bool(country and self.config.home_country) and country != self.config.home_country
        subject.events.append(Seen(doc["ts"], kind, country, doc.get("tz_offset_min"), abroad))
        born = False
        for interest, share in tags:
            born |= interest not in subject.rows
            row = subject.rows.setdefault(interest, Row(interest, day))
            row.given.append(Given(doc["ts"], weight * share, kind, zone))
            subject.engaged |= {day} & row.days(offset)
        if born:
            self._flag(key)

    # -- days ----------------------------------------------------------------------------

    def _close(self, target: int) -> None:
        first, self.open_day = self.open_day, target
        for day in range(first, min(target, first + 64)) if first >= 0 else ():
            self._learn(day)
            remember(self, day + 1)
            self.open_day = day + 1
            self._sweep(day + 1)
        self.open_day = target
        self.contacts.close(first, target)

    def rate(self, interest: int) -> float:
        """Share of subjects that engage with an interest on a day, from closed days."""
        return (self.hits[interest] + 0.02 * 20.0) / (self.alive + 20.0)

    def training_rows(self, day: int) -> tuple[list[tuple[str, int, list[float]]], list[int]]:
        """Rows as (key, interest, signals) and labels of a day, in order of arrival."""
        config, rows, labels, offset = self.config, [], [], self.config.day_offset_ms
        for key, subject in self.subjects.items():
            for row in subject.rows.values():
                told = row.flags or min(row.days(offset), default=day) < day
                if row.first_day(offset) < day and told:
                    rate = self.rate(row.interest)
                    values = signals(subject, row, day, offset, config.half_lives, rate)
                    rows.append((key, row.interest, values))
                    labels.append(int(day in row.days(offset)))
        return rows, labels

    def _learn(self, day: int) -> None:
        rows, labels = self.training_rows(day)
        self.closed.append((day, rows, labels))
        learn_shares(self, rows, labels)
        fade, offset, asked = 2.0 ** (-1.0 / 14.0), self.config.day_offset_ms, set[str]()
        for (key, _, values), label in zip(rows, labels, strict=True):
            named = dict(zip(SIGNALS, values, strict=True))
            came = day in self.subjects[key].engaged
            if key not in asked:
                asked.add(key)
                self.here.learn_one({n: named[n] for n in PRESENCE}, came)
            if came:
                self.habit.learn_one({n: named[n] for n in HABIT}, bool(label))
        self.learned += len(rows)
        every = [row for s in self.subjects.values() for row in s.rows.values()]
        active = [row.interest for row in every if day in row.days(offset)]
        self.hits = [h * fade + active.count(i) for i, h in enumerate(self.hits)]
        self.alive = self.alive * fade + len(
            [s for s in self.subjects.values() if s.rows and min(s.known_days(offset)) <= day]
        )

    def _sweep(self, day: int) -> None:
        config, offset = self.config, self.config.day_offset_ms
        for key, subject in list(self.subjects.items()):
            if not self.swept(key, day):
                continue
            if not subject.rows:
                if "/" not in key:
                    self._drop(key)
                continue
            silent = day - max(subject.known_days(offset)) > config.retention_days
            start = day * DAY_MS - offset
            for interest, row in list(subject.rows.items()):
                left = level(row.before(day + 1, offset), start, config.half_lives[2]) + level(
                    [g for g in row.given if local_day(g.ts, offset) > day],
                    start + DAY_MS,
                    config.half_lives[2],
                )
                away = row.gathered(subject.abroad(day, offset), day, offset, config.half_lives[2])
                left -= (1.0 - subject.left_of_trips(day, offset)) * away
                if left < config.row_epsilon and not row.flags:
                    del subject.rows[interest]
            if silent or not subject.rows:
                self._drop(key)

    def _drop(self, key: str) -> None:
        known = "/" not in key and key in self.known and self.known[key].in_force()
        if known or self._household(key) not in ([], [key]):
            self.subjects[key] = Subject()
        else:
            del self.subjects[key]

    def swept(self, key: str, day: int) -> bool:
        """Whether it is a subject's turn: one day in seven, by its hash."""
        return text_hash(key.encode()) % 7 == day % 7
