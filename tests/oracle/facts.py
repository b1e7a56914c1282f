"""The slow twin of what is known about an account: everything said, asked anew every time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from features.privacy.rules import Rules
from tests.oracle.arithmetic import DAY_MS

Doc = Mapping[str, Any]
FOREVER = float("inf")
ABOUT_INTERESTS = ("declaration", "purchase", "decision_against")


@dataclass
class Known:
    """What was said about an account and may be kept."""

    rules: Rules
    said: list[Doc] = field(default_factory=list)

    @property
    def erased_at(self) -> int:
        """Latest erasure, -1 for none."""
        return max((d["ts"] for d in self.said if d["kind"] == "erasure"), default=-1)

    def latest(self, kind: str, *names: str) -> list[Doc]:
        """The last word per combination of `names`, of what no erasure covers."""
        found: dict[tuple[object, ...], Doc] = {}
        for doc in sorted(self.said, key=_place):
            if doc["kind"] == kind and doc["ts"] > self.erased_at:
                found[tuple(doc.get(name) for name in names)] = doc
        return list(found.values())

    def in_force(self) -> list[Doc]:
        """All that still counts, besides erasures."""
        return [
            doc
            for doc in self.said
            if doc["ts"] > self.erased_at
            and (
                doc["kind"] == "consent"
                and self.rules.purpose(doc.get("purpose", "profiling"))
                or doc
                in [
                    *self.latest("care_case", "case_id"),
                    *self.latest("registry", "device_id"),
                    *self._about(),
                ]
            )
        ]

    def _about(self) -> list[Doc]:
        return [
            doc for kind in ABOUT_INTERESTS for doc in self.latest(kind, "member_id", "interest")
        ]

    def consents(self, purpose: str) -> list[Doc]:
        """All words about a purpose, in event time."""
        words = [
            d
            for d in self.said
            if d["kind"] == "consent"
            and d["ts"] > self.erased_at
            and self.rules.purpose(d.get("purpose", "profiling")) == purpose
        ]
        return sorted(words, key=_place)

    def consent(self, by_default: bool) -> tuple[int, float]:
        """Event times from which on, and until which, profiling is allowed without a gap."""
        words, by_default = self.consents("profiling"), by_default and self.erased_at < 0
        if not words:
            return self.erased_at + 1, FOREVER if by_default else 0
        if words[-1]["status"] != "granted":
            return self.erased_at + 1, 0
        since = len(words) - 1
        while (
            since
            and words[since - 1]["status"] == "granted"
            and (words[since - 1].get("expires_at", FOREVER) >= words[since]["ts"])
        ):
            since -= 1
        start = words[since]["ts"] if since or not by_default else 0
        return max(self.erased_at + 1, start), words[-1].get("expires_at", FOREVER)

    def offers_refused(self, now: int) -> bool:
        """Whether the last word on offers is no, or was a yes for a time that is over."""
        words = self.consents("offers")
        return bool(words) and not (
            words[-1]["status"] == "granted" and words[-1].get("expires_at", FOREVER) > now
        )

    @property
    def case_open(self) -> bool:
        """Whether a care case is open."""
        return any(d["status"] == "opened" for d in self.latest("care_case", "case_id"))

    def opinions(self, now: int) -> list[tuple[str | None, str, str, int]]:
        """Member, interest and stance declared, and until when it holds."""
        days = {"like": self.rules.like_days, "dislike": self.rules.dislike_days}
        found = [
            (d.get("member_id"), d["interest"], d["stance"], d["ts"] + days[d["stance"]] * DAY_MS)
            for d in self.latest("declaration", "member_id", "interest")
            if d["stance"] != "neutral"
        ]
        return sorted(
            [item for item in found if item[3] > now], key=lambda item: (item[0] or "", item[1])
        )

    def quiet(self, now: int) -> list[tuple[str | None, str, str, int]]:
        """Member, interest, reason and end of what to be quiet about."""
        found = []
        for kind in ("purchase", "decision_against"):
            for d in self.latest(kind, "member_id", "interest"):
                days = self.rules.kind(d["interest"]).days[kind]
                end = d["ts"] + d.get("quiet_days", days) * DAY_MS
                if not d.get("returned") and end > now:
                    found.append((d.get("member_id"), d["interest"], kind, end))
        return sorted(found, key=lambda item: (item[0] or "", item[1], item[2]))

    def answers(self, now: int, by_default: bool) -> tuple[object, ...]:
        """Everything that time alone may change."""
        return (
            self.consent(by_default)[1] > now,
            self.offers_refused(now),
            self.opinions(now),
            self.quiet(now),
        )

    def forget_outside(self, start: float, until: float) -> None:
        """Drop what was said about interests outside a span of consent."""
        self.said = [
            d for d in self.said if d["kind"] not in ABOUT_INTERESTS or start <= d["ts"] < until
        ]


def _place(doc: Doc) -> tuple[Any, ...]:
    """Event time; of one time what forbids more comes later and so wins."""
    forbids = (
        (doc["kind"] == "consent" and doc["status"] != "granted")
        or doc.get("stance") == "dislike"
        or doc.get("status") == "opened"
        or doc.get("adult") is False
        or (doc["kind"] == "purchase" and not doc.get("returned"))
    )
    return doc["ts"], forbids, -doc.get("expires_at", FOREVER), doc["event_id"]
