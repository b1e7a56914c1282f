"""Sends on what forbids and lies in another partition than its account's.

Where a tool puts facts by another partitioner, a withdrawal meets neither the events nor the
profile of its account, and nothing about the record is wrong. So of the facts every key is looked
at, and a misplaced one that forbids (a refusal, an erasure, a child's device, an open care case, a
dislike, or what may be one) is written once more, to the partition that its key belongs to, in the
transaction that accounts for it here. It comes back as a record like any other, so state stays a
function of the logs. Where it was read it is taken, too: a setting that is wrong itself must not
turn a refusal away.

So it is with one whose key is no account (none at all, or one in quotes), where its value names
one: there it is taken as that account's. And so it is with what came of offers, where somebody
answers that he wants to be left alone: it goes home in its own topic, where his contacts are. A
fact about rights that came among the events is refused there, and goes to the facts.

Grants, what closes a case and whatever informs are not sent on. Behind a refusal that came to its
place meanwhile, a grant of before would stand as the later word.

Two workers whose settings differ for the length of a roll-out would send a record to and fro. So
what is sent on bears a mark behind its value, white space that no reader of JSON looks at, one for
each time; with two of them it was at both workers' idea of its place, and stays. The record says so
and not a worker's memory: who refuses again in the same bytes, after a grant, is sent on again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from features.records import protective
from features.records.fact_words import Vocabulary
from features.records.fields import Accepts

#: Stands behind the value of what is sent on, once for each time. No header: records are taken
#: without theirs, and an earlier release hands on bytes only.
MARK: Final = b" \t\r\n"
_MOST_TIMES: Final = 2
#: Names of the field that says of what kind a fact is; no event has one.
_MAY_BE_A_FACT: Final = re.compile(rb"kind|type", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Astray:
    """A fact or an answer on its way to its account's partition.

    Attributes
    ----------
    read_in : str
        The topic where it was read.
    offset : int
        Where it was read.
    topic : str
        The topic that it goes to.
    home : int
        The partition that its key belongs to.
    key, value : bytes
        The account, and what came, marked; of a value that would be larger than a fact may be
        with its mark, the beginning.
    """

    read_in: str
    offset: int
    topic: str
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
    topics : (str, str)
        Where it looks, and the topic that is written to.
    of_outcomes, of_events : bool
        Whether it looks at what came of offers, or at events.
    """

    def __init__(
        self,
        words: Vocabulary,
        accepts: Accepts,
        most_bytes: int,
        topics: tuple[str, str] = ("", ""),
        *,
        of_outcomes: bool = False,
        of_events: bool = False,
    ) -> None:
        self._words = words
        self._accepts = accepts
        self._most_bytes = most_bytes
        self._read_in, self._topic = topics
        self._of_outcomes = of_outcomes
        self._of_events = of_events

    def found(
        self,
        partition: int,
        misplaced: Iterable[tuple[int, bytes | None, bytes | None]],
        home_of: Callable[[bytes], int],
    ) -> Iterator[Astray]:
        """Of facts (offset, key, value) that are misplaced or have nobody's key, what forbids."""
        for offset, key, value in misplaced:
            account = protective.key_account(key, self._accepts)
            in_place = account is not None and home_of(account.encode()) == partition
            if in_place and not self._of_events:
                continue  # a refused one in its place, which was read when it came
            if not self._of_events and (value or b"").endswith(_MOST_TIMES * MARK):
                continue  # to events nothing is sent
            raw = (value or b"")[: self._most_bytes - len(MARK)]
            if self._of_events and not _MAY_BE_A_FACT.search(raw):
                continue
            said = protective.read(
                raw,
                key,
                self._words,
                self._accepts,
                of_outcomes=self._of_outcomes,
                of_events=self._of_events,
            )
            if said is None or len(named := {said.account, *said.others} - {None}) != 1:
                continue  # nobody's, or whose it is can't be told: a dead letter says so
            key = str(*named).encode()
            yield Astray(self._read_in, offset, self._topic, home_of(key), key, raw + MARK)
