"""Limits the share of refused records, beyond which a deploy or a producer is broken."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from streams.errors import TooManyDeadLetters


@dataclass(frozen=True)
class DeadLetterLimit:
    """The share and run of refused records that stop a worker."""

    max_ratio: float
    window: int
    max_run: int


class DeadLetterCount:
    """Counts the latest refused records of one input partition."""

    def __init__(self, limit: DeadLetterLimit, place: str) -> None:
        self._limit = limit
        self._place = place
        self._run = 0
        self._recent: deque[tuple[int, int]] = deque()
        self._seen = self._refused = 0

    def add(self, total: int, refused: Sequence[int], example: str) -> None:
        """Count a batch of `total` records whose `refused` indices were refused.

        Raises
        ------
        TooManyDeadLetters
            Past the run length or, once a window is full, past the ratio.
        """
        run = self._run
        last = -1
        for index in refused:
            run = run + 1 if index == last + 1 else 1
            last = index
            if run > self._limit.max_run:
                self._stop(f"{run} records in a row", example)
        self._run = run if last == total - 1 else (0 if total else self._run)
        self._recent.append((total, len(refused)))
        self._seen += total
        self._refused += len(refused)
        while self._seen - self._recent[0][0] >= self._limit.window:
            old = self._recent.popleft()
            self._seen -= old[0]
            self._refused -= old[1]
        ratio = self._refused / max(1, self._seen)
        if self._seen >= self._limit.window and ratio > self._limit.max_ratio:
            self._stop(f"{self._refused} of the last {self._seen} records", example)

    def _stop(self, how_many: str, example: str) -> None:
        raise TooManyDeadLetters(
            f"{self._place}: {how_many} were refused (latest: {example}); stopping instead of "
            "draining the topic into dead-letters. Mend the producer, or raise "
            "dead_letter_max_run / dead_letter_max_ratio, then start again: nothing was lost"
        )
