"""Holds what was taken of one partition's inputs and is not committed yet."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from features.records.batch import Batch
from features.records.dead_letter import DeadLetter
from features.records.decoder import FACTS
from features.records.inputs import INPUTS
from features.records.position import Position
from features.records.sequence import Merge
from streams.worker.astray import Astray
from streams.worker.dead_letters import DeadLetterCount


@dataclass
class Turn:
    """Records on their way through an engine.

    Attributes
    ----------
    outcome : ndarray of uint8
        What became of each, up to `at`.
    at : int
        Index of the next one.
    """

    batch: Batch
    outcome: NDArray[np.uint8]
    at: int = 0


@dataclass
class Partition:
    """One partition of every input; what is not committed yet lives and goes with it.

    Attributes
    ----------
    merge : Merge
    refused : dict of str to deque of DeadLetter
        Per input, in log order.
    astray : deque of Astray
        Facts and answers to be sent on to their accounts' partitions, in log order of each topic.
    late : list of DeadLetter
        Refused only when their turn had come.
    outcomes : Counter of (str, str)
        Records by input topic and what became of them.
    arrivals : list of ndarray of int64
        When those came that a profile can have, ms, -1 where that is unknown.
    cut_at : dict of str to Position
        Where the latest cut was; at first, where the partition began.
    halted : dict of str to (float, str)
        Inputs that passed a dead-letter limit: monotonic seconds of the next try, and why.
    bytes_refused : Counter of str
        Of what waits in `refused`, by input.
    broken : Exception or None
        What its engine failed with; nothing is applied or collected any more.
    turns : deque of Turn
        What was released and is not folded to its end yet.
    owed : list of Cut
        Cuts that commits left out, for the engine was in the midst of a turn.
    """

    merge: Merge
    refused: dict[str, deque[DeadLetter]] = field(default_factory=dict)
    astray: deque[Astray] = field(default_factory=deque)
    late: list[DeadLetter] = field(default_factory=list)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    arrivals: list[NDArray[np.int64]] = field(default_factory=list)
    cut_at: dict[str, Position] = field(default_factory=dict)
    counts: dict[str, DeadLetterCount] = field(default_factory=dict)
    arrival_ms: dict[str, int] = field(default_factory=dict)
    heard: dict[str, float] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    halted: dict[str, tuple[float, str]] = field(default_factory=dict)
    bytes_refused: Counter[str] = field(default_factory=Counter)
    broken: Exception | None = None
    turns: deque[Turn] = field(default_factory=deque)
    owed: list[Cut] = field(default_factory=list)

    @property
    def busy(self) -> bool:
        """Whether it has to fold or commit before more is released to it."""
        return bool(self.turns or self.owed)

    def refuse(self, name: str, letters: Iterable[DeadLetter]) -> None:
        """Add refused records of an input, in log order."""
        for letter in letters:
            self.refused[name].append(letter)
            self.bytes_refused[name] += len(letter.value or b"")

    def take_refused(self, positions: Mapping[str, Position]) -> list[DeadLetter]:
        """Take out the refused records that lie before the released ones' end."""
        found = []
        for name, at in positions.items():
            queue = self.refused[name]
            while queue and queue[0].offset < at.offset:
                found.append(queue.popleft())
                self.bytes_refused[name] -= len(found[-1].value or b"")
        return found

    def take_astray(self, positions: Mapping[str, Position]) -> list[Astray]:
        """Take out the records to be sent on that lie before the released ones' end."""
        if not self.astray:
            return []
        found = [item for item in self.astray if item.offset < positions[item.read_in].offset]
        taken = {(item.read_in, item.offset) for item in found}
        self.astray = deque(a for a in self.astray if (a.read_in, a.offset) not in taken)
        return found

    @property
    def caught_up(self) -> bool:
        """Whether all there is was taken, released and given to a commit."""
        inputs = self.merge.inputs.values()
        return (
            all(item.drained and not item.waiting for item in inputs)
            and self.merge.position() == self.cut_at
        )

    @property
    def delay_ms(self) -> int:
        """Time from the latest event time to that event's arrival; 0 where that is unknown.

        Before the first event it is that of the facts: who loads a history begins with them.
        """
        inputs = sorted(self.merge.inputs.values(), key=lambda item: item.number)
        events = max(inputs[FACTS + 1 : INPUTS.outcomes], key=lambda item: item.released_running)
        told = events if events.released_running >= 0 else inputs[FACTS]
        return max(0, told.came - told.released_running) if told.came >= 0 else 0

    @property
    def latest(self) -> int:
        """Latest event time of all inputs, ms."""
        return max(item.running for item in self.merge.inputs.values())

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
    taken : Counter of str
        Records per input topic since the former cut.
    astray : list of Astray
        Facts before those offsets that are to be sent on.
    """

    partition: int
    part: Partition
    positions: dict[str, Position]
    refused: list[DeadLetter]
    taken: Counter[str]
    astray: list[Astray] = field(default_factory=list)

    @classmethod
    def joined(cls, cuts: Sequence[Cut]) -> Cut:
        """One cut in place of several that follow each other."""
        refused, taken, astray = list[DeadLetter](), Counter[str](), list[Astray]()
        for cut in cuts:
            refused += cut.refused
            taken.update(cut.taken)
            astray += cut.astray
        return replace(cuts[-1], refused=refused, taken=taken, astray=astray)
