"""Sends on what forbids and lies in another partition than its account's.

Where a tool puts facts by another partitioner, a withdrawal meets neither the events nor the
profile of its account, and nothing about the record is wrong. So of the facts every key is looked
at, and a misplaced one that forbids (a refusal, an erasure, a child's device, an open care case, a
dislike, or what may be one) is written once more, to the partition that its key belongs to, in the
transaction that accounts for it here. It comes back as a record like any other, so state stays a
function of the logs. Where it was read it is taken, too: a setting that is wrong itself must not
turn a refusal away.

So it is with one whose key is no account (none at all, or one in quotes), where its value names
one: there it is taken as that account's.

Grants, what closes a case and whatever informs are not sent on. Behind a refusal that came to its
place meanwhile, a grant of before would stand as the later word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from features.records import protective
from features.records.fact_words import Vocabulary
from features.records.fields import Accepts

#: Records that are known to have been sent on; a few bytes each.
_MOST_KNOWN: Final = 4_096


@dataclass(frozen=True, slots=True)
class Astray:
    """A fact on its way to its account's partition.

    Attributes
    ----------
    offset : int
        Where it was read.
    home : int
        The partition that its key belongs to.
    key, value : bytes
        As they came; of a value that is larger than a fact may be, the beginning.
    """

    offset: int
    home: int
    key: bytes
    value: bytes


class Homing:
    """Finds the misplaced facts that are to be sent on.

    Parameters
    ----------
    words : Vocabulary
        What the words of facts mean.
    accepts : callable
        Whether a text is a pseudonym.
    most_bytes : int
        Largest value that a fact may have.
    """

    def __init__(self, words: Vocabulary, accepts: Accepts, most_bytes: int) -> None:
        self._words = words
        self._accepts = accepts
        self._most_bytes = most_bytes
        self._known: dict[bytes, tuple[int, int]] = {}

    def found(
        self,
        partition: int,
        misplaced: Iterable[tuple[int, bytes | None, bytes | None]],
        home_of: Callable[[bytes], int],
    ) -> Iterator[Astray]:
        """Of facts (offset, key, value) that are misplaced or have nobody's key, what forbids."""
        for offset, key, value in misplaced:
            account = protective.key_account(key, self._accepts)
            if account is not None and home_of(account.encode()) == partition:
                continue  # a refused one in its place, which was read when it came
            raw = (value or b"")[: self._most_bytes]
            said = protective.read(raw, key, self._words, self._accepts)
            if said is None or len(named := {said.account, *said.others} - {None}) != 1:
                continue  # nobody's, or whose it is can't be told: a dead letter says so
            key = str(*named).encode()
            home = home_of(key)
            if not self._came_back(partition, offset, key, raw):
                yield Astray(offset, home, key, raw)

    def _came_back(self, partition: int, offset: int, key: bytes, raw: bytes) -> bool:
        """Whether the same record was sent on from another place before.

        Two workers whose settings differ for the length of a roll-out would else send it to and
        fro. Read again at the same place it is not: what it was sent on with was not committed.
        """
        name = blake2b(key + b"\n" + raw, digest_size=16).digest()
        first = self._known.setdefault(name, (partition, offset))
        if len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        return first != (partition, offset)
