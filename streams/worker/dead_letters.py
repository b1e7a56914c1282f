"""Limits the share of refused records, and what of a refused record may be kept.

Beyond the limits a deploy or a producer is broken: the input partition halts (`streams.worker.
inlet`). Where one key alone is at fault, that key is quarantined instead, and the others go on.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from features.records.dead_letter import DeadLetter
from features.vocabulary import Refusal
from streams.contract.headers import dead_letter_headers
from streams.kafka.limits import size

_ALONE = 0.8  # of a run, from which on a key is at fault
_QUARANTINE_S = 3_600.0
_MOST_KEY = 1_024  # bytes of a key that is cut
#: What these are refused for is, as a rule, who somebody is.
_TELLING = frozenset({Refusal.IDENTIFIER, Refusal.KEY_MISMATCH})
_TELLING_OF_IDS = frozenset({Refusal.CHARSET, Refusal.LENGTH})


@dataclass(frozen=True)
class DeadLetterLimit:
    """The share and run of refused records that halt an input partition.

    With `quarantine` a key that alone is at fault does not halt it.
    """

    max_ratio: float
    window: int
    max_run: int
    quarantine: bool = True


@dataclass(frozen=True)
class Passed:
    """A limit that was passed: at which record of the batch, and a sentence about it."""

    at: int
    why: str


class DeadLetterCount:
    """Counts the latest refused records of one input partition.

    Attributes
    ----------
    place : str
        The input partition, for people.
    quarantined : dict of bytes to float
        Keys that are not counted, and the end of their quarantine in seconds.
    """

    def __init__(self, limit: DeadLetterLimit, place: str) -> None:
        self._limit = limit
        self.place = place
        self.quarantined: dict[bytes, float] = {}
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what was counted."""
        self._run: list[bytes] = []  # keys of the latest refused records in a row
        self._recent: deque[tuple[int, Counter[bytes]]] = deque()
        self._seen = 0
        self._refused: Counter[bytes] = Counter()

    def add(
        self, total: int, refused: Sequence[int], keys: Sequence[bytes], now: float
    ) -> Passed | None:
        """Count a batch.

        Parameters
        ----------
        total : int
            Records in it.
        refused : sequence of int
            Indices of the refused, ascending.
        keys : sequence of bytes
            Theirs.
        now : float
            Monotonic seconds.

        Returns
        -------
        Passed or None
            A run of refused records that is too long, where it got so; or, once a window is
            full, too great a share, behind the batch.
        """
        for key in [key for key, until in self.quarantined.items() if until <= now]:
            del self.quarantined[key]
        last, found = -1, Counter[bytes]()
        for index, key in zip(refused, keys, strict=True):
            if key in self.quarantined:
                last += last == index - 1  # as if it was not there
                continue
            if index != last + 1:
                self._run.clear()
            last = index
            self._run.append(key)
            found[key] += 1
            if (run := len(self._run)) > self._limit.max_run:
                worst, most = Counter(self._run).most_common(1)[0]
                if not self._quarantine(worst, most >= _ALONE * run, now):
                    return Passed(index, f"{self.place}: {run} records in a row were refused")
                found.clear()
        if total and last != total - 1:
            self._run.clear()
        self._count(total, found)
        while self._seen - self._recent[0][0] >= self._limit.window:
            old, less = self._recent.popleft()
            self._seen -= old
            self._refused -= less
        seen, count, ratio = self._seen, self._refused.total(), self._limit.max_ratio
        if seen < self._limit.window or count <= ratio * seen:
            return None
        worst, most = self._refused.most_common(1)[0]
        if self._quarantine(worst, count - most <= ratio * (seen - most), now):
            return None
        return Passed(total, f"{self.place}: {count} of the last {seen} records were refused")

    def _count(self, total: int, found: Counter[bytes]) -> None:
        self._recent.append((total, found))
        self._seen += total
        self._refused += found

    def _quarantine(self, key: bytes, alone: bool, now: float) -> bool:
        """Quarantine a key that alone is at fault, and begin anew; whether it is."""
        if key and alone and self._limit.quarantine:
            self.quarantined[key] = now + _QUARANTINE_S
            self.begin_anew()
        return key in self.quarantined


def cut_to_fit(letter: DeadLetter, most: int, secret: bytes) -> DeadLetter:
    """The letter, its value and an outsize key cut where they take more than `most` bytes.

    The cut value is a beginning of the bytes received; their length and keyed hash go along.
    """
    if size(letter.key, letter.value, dead_letter_headers(letter)) <= most:
        return letter
    value = letter.value or b""
    marked = _marked(letter, secret)
    key = None if letter.key is None else letter.key[:_MOST_KEY]
    room = most - size(key, b"", dead_letter_headers(marked))
    return replace(marked, key=key, value=value[: max(0, room)])


def withheld(letter: DeadLetter, secret: bytes) -> DeadLetter:
    """The letter without the bytes received, but for their length and keyed hash."""
    if not letter.whole and letter.value is None:
        return letter
    key = None if letter.key is None else keyed_digest(letter.key, secret).encode()
    marked = letter if not letter.whole else _marked(letter, secret)
    return replace(marked, key=key, value=None)


def tells_who(letter: DeadLetter) -> bool:
    """Whether it was refused for what may be somebody's name, number or address."""
    return letter.reason in _TELLING or (
        letter.reason in _TELLING_OF_IDS and letter.field.endswith("_id")
    )


def keyed_digest(raw: bytes, secret: bytes) -> str:
    """Keyed hash of bytes that are not kept: HMAC-SHA-256, cut to 128 bits, in hex."""
    return hmac.new(secret, raw, hashlib.sha256).hexdigest()[:32]


def _marked(letter: DeadLetter, secret: bytes) -> DeadLetter:
    value = letter.value or b""
    return replace(letter, length=len(value), digest=keyed_digest(value, secret))
