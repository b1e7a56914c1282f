"""Merges a partition's inputs into one sequence, the same however they were fetched.

Each input's records keep their log order. Across inputs, a record's place is its *running
time* (greatest event time in its input so far), then the input's number, then its offset: a
total order that depends on the logs alone. A record is released once no input can still deliver
an earlier one: every input has either been read to its end or has already shown a later record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.records.batch import Batch
from features.records.position import Position

_Place = tuple[int, int, int]
_NEVER: _Place = (2**63 - 1, 0, 0)


@dataclass
class InputBuffer:
    """Buffers the records of one input of a partition until their turn in the sequence.

    Attributes
    ----------
    number : int
        Breaks ties of equal running time.
    running : int
        Greatest event time so far, ms; -1 before the first record.
    next_offset : int
        Offset behind the last record taken.
    drained : bool
        Whether the end of the log was reached behind it.
    count : int
        Records that wait in the buffer.
    came : int
        When the released record of the greatest event time came, ms; -1 where that is unknown.
    """

    number: int
    running: int = -1
    next_offset: int = 0
    drained: bool = False
    count: int = 0
    waiting: list[tuple[Batch, NDArray[np.int64]]] = field(default_factory=list)
    released_running: int = -1
    came: int = -1

    def take(self, batch: Batch, next_offset: int) -> None:
        """Add records in log order; `next_offset` is behind the last one, refused ones too."""
        self.next_offset = max(self.next_offset, next_offset)
        self.drained = False
        if len(batch):
            running = np.maximum.accumulate(np.maximum(batch.records["ts"], self.running))
            self.running = int(running[-1])
            self.waiting.append((batch, running))
            self.count += len(batch)

    def bound(self) -> _Place:
        """Place before which this input delivers nothing any more."""
        return _NEVER if self.drained else (self.running, self.number, self.next_offset)

    def position(self) -> Position:
        """Offset to go on from after the released records, and the running time there."""
        waits = self.waiting[0][0].records["offset"][0] if self.waiting else self.next_offset
        return Position(int(waits), self.released_running, self.came)

    def release(self, batch: Batch, running: NDArray[np.int64]) -> None:
        """Note that records at the front were released."""
        self.count -= len(batch)
        if running[-1] > self.released_running:
            first = np.searchsorted(running, running[-1])
            self.released_running = int(running[-1])
            self.came = int(batch.records["arrival"][first])


class Merge:
    """The inputs of one partition.

    Parameters
    ----------
    names : sequence of str
        Inputs in the order that breaks ties.
    start : mapping of str to Position
        Per input the offset to start from and the running time there.
    """

    def __init__(self, names: Sequence[str], start: Mapping[str, Position]) -> None:
        self.inputs = {
            name: InputBuffer(
                number,
                running=start[name].running,
                next_offset=start[name].offset,
                released_running=start[name].running,
                came=start[name].came,
            )
            for number, name in enumerate(names)
        }

    def release(self) -> Batch:
        """The records whose turn has come, in sequence."""
        bound = min(item.bound() for item in self.inputs.values())
        parts = [part for item in self.inputs.values() for part in _split(item, bound)]
        if not parts:
            return Batch.concat([])
        batch = Batch.concat([part[0] for part in parts])
        if len(parts) == 1:
            return batch
        # The parts stand by input, each in log order: a stable sort keeps that among equals.
        running = np.concatenate([part[1] for part in parts])
        return Batch(batch.records[np.argsort(running, kind="stable")], batch.blob)

    def position(self) -> dict[str, Position]:
        """Per input, where to go on after everything that was released."""
        return {name: item.position() for name, item in self.inputs.items()}


def _split(item: InputBuffer, bound: _Place) -> list[tuple[Batch, NDArray[np.int64]]]:
    """Take what lies before `bound` out of an input."""
    ready: list[tuple[Batch, NDArray[np.int64]]] = []
    while item.waiting:
        batch, running = item.waiting[0]
        n = _before(batch, running, item.number, bound)
        if n == 0:
            break
        ready.append((Batch(batch.records[:n], batch.blob), running[:n]))
        item.release(*ready[-1])
        if n == len(batch):
            item.waiting.pop(0)
            continue
        item.waiting[0] = Batch(batch.records[n:], batch.blob), running[n:]
        break
    return ready


def _before(batch: Batch, running: NDArray[np.int64], number: int, bound: _Place) -> int:
    if number < bound[1]:
        return int(np.searchsorted(running, bound[0], side="right"))
    first = int(np.searchsorted(running, bound[0], side="left"))
    if number > bound[1]:
        return first
    last = int(np.searchsorted(running, bound[0], side="right"))
    return first + int(np.searchsorted(batch.records["offset"][first:last], bound[2]))
