"""The slow twin of what is known about an account: everything said, asked anew every time.

What was said is kept in the order in which it came, for two things depend on that: an erasure
takes what came before it, and a refusal answers the grants that came before it, whatever its clock.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from features.privacy.rules import Rules
from features.tags.taxonomy import Taxonomy
from tests.oracle.arithmetic import DAY_MS
from tests.oracle.words import FOREVER, Doc, bounds, place

NEVER = (FOREVER, 0.0)
ABOUT_INTERESTS = ("declaration", "purchase", "decision_against")
SPOKEN = ("consent", *ABOUT_INTERESTS)
#: In place of a purpose: an account's fact that may be a refusal of profiling.
DOUBT = "undecided"
PURPOSES = ("profiling", "offers", "audiences")


@dataclass
class Known:
    """What was said about an account and may be kept; a member of None is the account itself."""

    rules: Rules
    by_default: bool = False
    said: list[Doc] = field(default_factory=list)
    erased: dict[str | None, int] = field(default_factory=dict)
    requests: set[str] = field(default_factory=set)
    children: set[str | None] = field(default_factory=set)  # who was erased and is a child
    child_devices: set[str] = field(default_factory=set)  # of an erased account

    # -- telling -------------------------------------------------------------------------

    def take(self, doc: Doc) -> bool:
        """Add a fact; says whether it changed anything."""
        who = doc.get("member_id")
        if doc["kind"] == "erasure":
            return self._erase(who, doc)
        if doc["kind"] != "consent" and doc["ts"] <= self.erased_at(_owner(doc) or who):
            if doc.get("adult") is False:
                self.children |= {name_of(_owner(doc))} - {None}
                self.child_devices.add(doc["device_id"])
            return False
        if doc["kind"] == "consent":
            purpose = doc.get("purpose", "profiling")
            purpose = purpose if purpose == DOUBT else self.rules.purpose(purpose)
            if purpose is None:
                return False
            doc = self._placed({**doc, "purpose": purpose, "member_id": who})
            if doc["ts"] <= self.erased_at(who):
                return self._forbade_before(doc)
        before = self.in_force()
        if doc in self.said:
            return False
        self.said.append(doc)
        if self.in_force() != before:
            return True
        self.said.pop()
        return False

    def _placed(self, doc: Doc) -> Doc:
        """A refusal at the time of the latest grant that it answers."""
        words = self.consents(doc["purpose"], doc["member_id"])
        for word in words:
            if (word["event_id"], word["status"]) == (doc["event_id"], doc["status"]):
                return word  # it came again
        if doc["status"] == "granted":
            return doc
        words += self.consents("profiling") if doc["purpose"] == DOUBT else []
        return {**doc, "ts": max([doc["ts"], *(d["ts"] for d in words)])}

    def _forbade_before(self, doc: Doc) -> bool:
        """Take what a member says of before an erasure: if he forbids, it was his as well."""
        who, words = doc["member_id"], self.consents(doc["purpose"], doc["member_id"])
        if who is None or name_of(who) in self.erased or words or not bounds(doc):
            return False
        self.erased[name_of(who)] = self.erased_at(who)
        return True

    def _forbidding(self) -> set[str | None]:
        """The members whose last word on something is not a grant without an end."""
        last = [w[-1:] for m in self.members() for p in PURPOSES for w in [self.consents(p, m)]]
        return {name_of(doc["member_id"]) for words in last for doc in words if bounds(doc)}

    def _erase(self, who: str | None, doc: Doc) -> bool:
        if doc["event_id"] in self.requests:
            return False
        self.requests.add(doc["event_id"])
        gone = [d for d in self.said if who is None or is_of(who, d.get("member_id"), _owner(d))]
        last = {d["device_id"]: d for d in self._registry()}
        latest = [
            d["ts"]
            for d in gone
            if who is None or not is_of(who, _owner(d)) or "adult" in d or d in last.values()
        ]
        name = name_of(who)
        at = max([doc["ts"], self.erased.get(name, -1), *latest])
        for each in {name, *(self._forbidding() if who is None else ())}:
            self.erased[each] = max(at, self.erased.get(each, -1))
        self.children |= {name_of(m) for m in self.named_children() if who is None or is_of(who, m)}
        self.child_devices |= set(self.childs_devices()) if who is None else set()
        kept = [d for d in gone if who is not None and is_of(who, _owner(d))]
        self.said = [d for d in self.said if d not in gone]
        self.said += [{**d, "owner_member_id": ""} for d in kept]  # a child's stays a child's
        return True

    def erased_at(self, who: str | None = None) -> int:
        """Latest erasure that covers somebody, -1 for none."""
        return max(self.erased.get(None, -1), self.erased.get(name_of(who), -1))

    def forget_outside(self, start: float, until: float, who: str | None = None) -> None:
        """Drop what was said about interests outside a span: by a member, or by all."""
        self.said = [
            d
            for d in self.said
            if d["kind"] not in ABOUT_INTERESTS
            or (who is not None and d.get("member_id") != who)
            or start <= d["ts"] < until
        ]

    # -- what counts ---------------------------------------------------------------------

    def latest(self, kind: str, *names: str) -> list[Doc]:
        """The last word per combination of `names`."""
        found: dict[tuple[object, ...], Doc] = {}
        for doc in sorted(self.said, key=place):
            if doc["kind"] == kind:
                found[tuple(doc.get(name) for name in names)] = doc
        return list(found.values())

    def bought(self, member: str | None, interest: str) -> list[int]:
        """When somebody bought something last, at most eight times, the latest first."""
        times = {
            d["ts"]
            for d in self.said
            if d["kind"] == "purchase" and not d.get("returned")
            and (d.get("member_id"), d["interest"]) == (member, interest)
        }  # fmt: skip
        return sorted(times, reverse=True)[:8]

    def rhythm(self, member: str | None, interest: str) -> int:
        """Median of the times between purchases more than three days apart, 0 for too few."""
        times: list[int] = []
        for ts in self.bought(member, interest):
            if all(abs(ts - other) >= 3 * DAY_MS for other in times):
                times.append(ts)
        gaps = sorted(a - b for a, b in zip(times, times[1:], strict=False))
        return statistics.median_low(gaps) if len(gaps) > 1 else 0

    def in_force(self) -> list[Doc]:
        """All that still counts."""
        lasting = [
            *self.latest("care_case", "case_id"),
            *self.latest("registry", "device_id", "owner_member_id", "adult"),
            *(d for kind in ABOUT_INTERESTS for d in self.latest(kind, "member_id", "interest")),
        ]
        kept = [doc for doc in self.said if doc["kind"] == "consent" or doc in lasting]
        return kept + [
            {"bought": self.bought(d.get("member_id"), d["interest"])}
            for d in lasting
            if d["kind"] == "purchase"
        ]

    def members(self) -> list[str]:
        """Members of whom anything was said."""
        named = {d.get(n) for d in self.said for n in ("member_id", "owner_member_id")}
        return sorted(name for name in named | set(self.children) if name)

    def consents(self, purpose: str, who: str | None = None) -> list[Doc]:
        """All words about a purpose, in event time."""
        words = [
            d
            for d in self.said
            if d["kind"] == "consent" and d["purpose"] == purpose and d.get("member_id") == who
        ]
        return sorted(words, key=place)

    def alike(self, who: str) -> list[str]:
        """A member, and those who have words of their own and are spelled as he is."""
        speak = {str(d.get("member_id") or "") for d in self.said if d["kind"] in SPOKEN}
        return [who, *sorted(m for m in speak - {who, ""} if is_of(who, m))]

    def consent(self, who: str | None = None) -> tuple[float, float]:
        """Event times when profiling is allowed, under every spelling of a member."""
        spans = [self._consent(name) for name in (self.alike(who) if who else [None])]
        return max(start for start, _ in spans), min(until for _, until in spans)

    def uses(self, who: str) -> tuple[float, float]:
        """Event times when a member refuses no use of what his device tells of the household."""
        names = [(use, name) for use in ("offers", "audiences") for name in self.alike(who)]
        spans = [self._consent(name, use) for use, name in names]
        return max(start for start, _ in spans), min(until for _, until in spans)

    def _consent(self, who: str | None, purpose: str = "profiling") -> tuple[float, float]:
        words = self.consents(purpose, who)
        profiling, by_name = purpose == "profiling", name_of(who) in self.erased
        start: float = self.erased_at(who) + 1 if profiling or by_name else 0
        by_default = not by_name and (not profiling or who is not None or self.by_default)
        if not words:
            return start, FOREVER if by_default else 0
        if words[-1]["status"] != "granted":
            return start, 0
        since = len(words) - 1
        while (
            since
            and words[since - 1]["status"] == "granted"
            and (words[since - 1].get("expires_at", FOREVER) >= words[since]["ts"])
        ):
            since -= 1
        if since or not by_default:
            start = max(start, words[since]["ts"])
        return start, words[-1].get("expires_at", FOREVER)

    def span(self, member: str, now: int) -> tuple[float, float]:
        """When a member may be held beside what the account allows, as of `now`."""
        start, until = self.consent(member)
        return (start, until) if until > max(now, 0) and not self.is_child(member) else NEVER

    def doubted_from(self) -> float:
        """From when on it is in doubt whether the account refused, without a later word of it."""
        doubts, words = self.consents(DOUBT), self.consents("profiling")
        if not doubts or (words and words[-1]["ts"] > doubts[-1]["ts"]):
            return FOREVER
        return float(doubts[-1]["ts"])

    def refuses(self, purpose: str, now: int, who: str | None = None) -> bool:
        """Whether the last word on a purpose, under any spelling, does not allow it now."""
        return any(self._refuses(purpose, now, n) for n in (self.alike(who) if who else [None]))

    def _refuses(self, purpose: str, now: int, who: str | None) -> bool:
        words, now = self.consents(purpose, who), max(now, 0)
        if who is None and self.doubted_from() < FOREVER:
            return True
        if not words:
            return name_of(who) in self.erased  # he has to grant it by name
        return not (words[-1]["status"] == "granted" and words[-1].get("expires_at", FOREVER) > now)

    # -- children ------------------------------------------------------------------------

    def _registry(self) -> list[Doc]:
        return sorted((d for d in self.said if d["kind"] == "registry"), key=place)

    def is_childs(self, device: str | None) -> bool:
        """Whether a device is a child's by a later word, or was when the account was erased."""
        entries = [d for d in self._registry_of(device) if "adult" in d]
        words = {d["device_id"]: (d["ts"], not d["adult"], d["event_id"]) for d in entries}
        own = words.get(device or "")
        if any(word[1] and (own is None or word >= own) for word in words.values()):
            return True
        return device is not None and own is None and is_of(device, *self.child_devices)

    def owners(self, device: str | None, at: int) -> set[str]:
        """The members whose a device is by any spelling; before it changed hands nobody's."""
        if at < self.handed_over(device):
            return {""}
        last = {d["device_id"]: _owner(d) for d in self._registry_of(device)}
        return {owner for owner in last.values() if owner is not None}

    def handed_over(self, device: str | None) -> int:
        """When a device changed hands last, or its child grew up; -1 for never."""
        found = [-1]
        for name in {d["device_id"] for d in self._registry_of(device)}:
            entries = [d for d in self._registry() if d["device_id"] == name]
            last, adult = entries[-1], [d for d in entries if "adult" in d]
            if any(_owner(d) not in (None, _owner(last)) for d in entries):
                found.append(last["ts"])
            if adult and adult[-1]["adult"] and not all(d["adult"] for d in adult):
                found.append(adult[-1]["ts"])
        return max(found)

    def _registry_of(self, device: str | None) -> list[Doc]:
        return [d for d in self._registry() if device is not None and is_of(device, d["device_id"])]

    def childs_devices(self) -> dict[str, str | None]:
        """The devices of children, and whose they are."""
        entries = self._registry()
        said = {d["device_id"]: d["adult"] is False for d in entries if "adult" in d}
        owner = {d["device_id"]: d.get("owner_member_id") for d in entries}
        return {device: owner[device] for device, child in said.items() if child}

    def named_children(self) -> set[str]:
        """Members who are children by what was said and not erased."""
        entries = self._registry()
        owner = {d["device_id"]: d.get("owner_member_id") for d in entries}
        word: dict[tuple[str, str], Doc] = {}
        for doc in entries:
            if doc.get("owner_member_id") and "adult" in doc:
                word[doc["device_id"], doc["owner_member_id"]] = doc
        grown: dict[str, int] = {}
        for (_, name), doc in word.items():
            if doc["adult"]:
                grown[name] = max(grown.get(name, -1), doc["ts"])
        found = {
            name
            for (device, name), doc in word.items()
            if not doc["adult"] and (owner[device] == name or doc["ts"] >= grown.get(name, -1))
        }
        for device, whose in self.childs_devices().items():
            if whose and (device, whose) not in word and whose not in grown:
                found.add(whose)
        return found

    def is_child(self, member: str) -> bool:
        """Whether a member is a child, or was one when he was erased and nobody said otherwise."""
        words = [(d, d.get("owner_member_id")) for d in self._registry() if "adult" in d]
        grown = max((d["ts"] for d, name in words if name == member and d["adult"]), default=-1)
        alike = {name for name in self.named_children() if is_of(member, name)}
        said = max((d["ts"] for d, name in words if name in alike and not d["adult"]), default=-1)
        likewise = bool(alike) or name_of(member) in self.children
        return member in alike or (likewise and (grown < 0 or grown < said))

    @property
    def child_device(self) -> bool:
        """Whether a child's device is shared by the household."""
        return any(owner is None for owner in self.childs_devices().values())

    # -- interests -----------------------------------------------------------------------

    @property
    def case_open(self) -> bool:
        """Whether a care case is open."""
        return self.case_since is not None

    @property
    def case_since(self) -> int | None:
        """Event time of the first word by which a care case is open."""
        words = self.latest("care_case", "case_id")
        return min((d["ts"] for d in words if d["status"] == "opened"), default=None)

    def refusal(self, doc: Doc, tree: Taxonomy, now: int) -> str:
        """Why something about an interest is not kept; empty where it is."""
        if "interest" in doc and tree.is_sensitive(doc["interest"]):
            return "suppressed"
        start, until = self.consent()
        if not start <= doc["ts"] < min(until, self.doubted_from()):
            return "no_consent"
        start, until = self.span(doc["member_id"], now) if doc.get("member_id") else (0, FOREVER)
        return "" if start <= doc["ts"] < until else "suppressed"

    def opinions(self, now: int) -> list[tuple[str | None, str, str, int, int]]:
        """Member, interest and stance declared, until when it holds, and when it was said."""
        days = {"like": self.rules.like_days, "dislike": self.rules.dislike_days}
        found = [
            (
                d.get("member_id"),
                d["interest"],
                d["stance"],
                d["ts"] + days[d["stance"]] * DAY_MS,
                d["ts"],
            )
            for d in self.latest("declaration", "member_id", "interest")
            if d["stance"] != "neutral"
        ]
        return sorted(
            [item for item in found if item[3] > now], key=lambda item: (item[0] or "", item[1])
        )

    def quiet(self, now: int) -> list[tuple[str | None, str, str, int, int]]:
        """Member, interest, reason, end and beginning of what to be quiet about."""
        found = []
        for kind in ("purchase", "decision_against"):
            for d in self.latest(kind, "member_id", "interest"):
                of = self.rules.kind(d["interest"])
                quiet = d.get("quiet_days", of.days[kind]) * DAY_MS
                gap = self.rhythm(d.get("member_id"), d["interest"])
                if kind == "purchase" and of.rhythm and gap and "quiet_days" not in d:
                    quiet = gap * 3 // 4
                end = d["ts"] + quiet
                if not d.get("returned") and end > now:
                    found.append((d.get("member_id"), d["interest"], kind, end, d["ts"]))
        return sorted(found, key=lambda item: (item[0] or "", item[1], item[2]))

    def answers(self, now: int, who: str | None) -> tuple[object, ...]:
        """Everything about somebody that time alone may change."""
        return (
            self.consent(who)[1] > now,
            *(self.refuses(purpose, now, who) for purpose in ("offers", "audiences")),
            [item for item in self.opinions(now) if item[0] == who],
            [item for item in self.quiet(now) if item[0] == who],
        )


def name_of(who: str | None) -> str | None:
    """A name less what varies in spelling."""
    return who and "".join(char for char in who.lower() if char not in "-_.:")


def is_of(who: str, *names: str | None) -> bool:
    """Whether one of some names is another spelling of a member's, or the same."""
    return name_of(who) in [name_of(name) for name in names if name]


def _owner(doc: Doc) -> str | None:
    """The member that an entry of the registry names."""
    return doc.get("owner_member_id")
