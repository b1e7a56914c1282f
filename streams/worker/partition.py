"""Holds what was taken of one partition's inputs and is not committed yet."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from features.records.dead_letter import DeadLetter
from features.records.position import Position
from features.records.sequence import Merge
from streams.worker.dead_letters import DeadLetterCount


@dataclass
class Partition:
    """One partition of every input; what is not committed yet lives and goes with it.

    Attributes
    ----------
    merge : Merge
    refused : dict of str to deque of DeadLetter
        Per input, in log order.
    late : list of DeadLetter
        Refused only when their turn had come.
    outcomes : Counter of (str, str)
        Records by input topic and what became of them.
    cut_at : dict of str to Position
        Where the latest cut was; at first, where the partition began.
    halted : dict of str to (float, str)
        Inputs that passed a dead-letter limit: monotonic seconds of the next try, and why.
    bytes_refused : Counter of str
        Of what waits in `refused`, by input.
    broken : Exception or None
        What its engine failed with; nothing is applied or collected any more.
    """

    merge: Merge
    refused: dict[str, deque[DeadLetter]] = field(default_factory=dict)
    late: list[DeadLetter] = field(default_factory=list)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    cut_at: dict[str, Position] = field(default_factory=dict)
    counts: dict[str, DeadLetterCount] = field(default_factory=dict)
    arrival_ms: dict[str, int] = field(default_factory=dict)
    heard: dict[str, float] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    halted: dict[str, tuple[float, str]] = field(default_factory=dict)
    bytes_refused: Counter[str] = field(default_factory=Counter)
    broken: Exception | None = None

    def refuse(self, name: str, letters: Iterable[DeadLetter]) -> None:
        """Add refused records of an input, in log order."""
        for letter in letters:
            self.refused[name].append(letter)
            self.bytes_refused[name] += len(letter.value or b"")

    def take_refused(self, positions: Mapping[str, Position]) -> list[DeadLetter]:
        """Take out the refused records that lie before the released ones' end."""
        found = []
        for name, (offset, _) in positions.items():
            queue = self.refused[name]
            while queue and queue[0].offset < offset:
                found.append(queue.popleft())
                self.bytes_refused[name] -= len(found[-1].value or b"")
        return found

    @property
    def caught_up(self) -> bool:
        """Whether all there is was taken, released and given to a commit."""
        inputs = self.merge.inputs.values()
        return (
            all(item.drained and not item.waiting for item in inputs)
            and self.merge.position() == self.cut_at
        )

    def behind(self, name: str) -> bool:
        """Whether an input has, or may have, records that are not taken yet."""
        return name in self.halted or not self.merge.inputs[name].drained


@dataclass(frozen=True)
class Cut:
    """The offsets of one partition up to which a commit accounts for its inputs.

    Attributes
    ----------
    positions : dict of str to Position
        Per input topic the next offset and the running time there.
    refused : list of DeadLetter
        Before those offsets.
    taken : dict of str to int
        Records per input topic since the former cut.
    """

    partition: int
    part: Partition
    positions: dict[str, Position]
    refused: list[DeadLetter]
    taken: dict[str, int]
