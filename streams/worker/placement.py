"""Looks whether an input's keys lie where the partitioner puts them.

Where two producers partition differently, an account's consent is in one worker's hands and its
events in another's: events go uncounted as `no_consent` and, worse, a withdrawal reaches nothing.
No record is wrong by itself, so keys are sampled and an input is judged by many of them. A few
keys in wrong places are counted only. Of the facts and of what came of offers every key is looked
at, however many came before: no sample meets a tool that sends a few withdrawals a day
(`streams.worker.astray`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from streams import metrics
from streams.errors import BadTopics
from streams.kafka.partitioners import PARTITIONERS

_ALL_UNTIL: Final = 256  # records of an input that are all looked at
_ONE_IN: Final = 256  # of later ones; a look takes 3 us, so an event pays about 10 ns
_WINDOW: Final = 256  # latest looks that an input is judged by
_MOST_KEYS, _MOST_SHARE = 16, 0.25  # misplaced in the window: different keys, and share of looks


def placements(
    topics: Sequence[str], partitioner: str, partitions: int, whole: Collection[str] = ()
) -> dict[str, Placement]:
    """A check for each topic, none where any partition is right; those of `whole` unsampled."""
    if partitioner == "any" or partitions == 1:
        return {}
    return {
        topic: Placement(topic, partitioner, partitions, every=topic in whole) for topic in topics
    }


class Placement:
    """Checks a sample of one input's keys, over all partitions of this worker.

    Parameters
    ----------
    topic : str
    partitioner : str
        One of `PARTITIONERS`.
    partitions : int
        Of the topic.
    every : bool
        Whether every record is looked at.
    """

    def __init__(
        self, topic: str, partitioner: str, partitions: int, *, every: bool = False
    ) -> None:
        self._topic = topic
        self._partitioner = partitioner
        self._partition_of = PARTITIONERS[partitioner]
        self._partitions = partitions
        self._every = every
        self._seen = 0
        self._looks: deque[bytes | None] = deque(maxlen=_WINDOW)  # the key where misplaced
        self._sampled = metrics.SAMPLED_KEYS.labels(topic)
        self._misplaced = metrics.MISPLACED_KEYS.labels(topic)

    def sample(self, count: int) -> range:
        """Choose which of the next `count` records to look at."""
        if self._every:
            return range(count)
        seen = self._seen
        self._seen += count
        if seen < _ALL_UNTIL:
            return range(min(count, _ALL_UNTIL - seen))
        return range(-seen % _ONE_IN, count, _ONE_IN)

    def home(self, key: bytes) -> int:
        """The partition that a key belongs to."""
        return self._partition_of(key, self._partitions)

    def look(self, partition: int, keys: Iterable[bytes], handled: Collection[bytes] = ()) -> None:
        """Check the keys of records of a partition; those that were handled are only counted.

        Raises
        ------
        BadTopics
            Where too many of the latest keys belong elsewhere.
        """
        for key in keys:
            home = self.home(key)
            self._sampled.inc()
            astray = home != partition
            self._misplaced.inc(astray)
            if not (astray and key in handled):
                self._looks.append(key if astray else None)
                if astray:
                    self._judge(partition, home)

    def _judge(self, partition: int, home: int) -> None:
        wrong = [key for key in self._looks if key is not None]
        if len(set(wrong)) >= _MOST_KEYS and len(wrong) > _MOST_SHARE * len(self._looks):
            raise BadTopics(
                f"{self._topic}: {len(wrong)} of the last {len(self._looks)} keys looked at lie "
                f"elsewhere than the partitioner {self._partitioner} puts them among "
                f"{self._partitions} partitions (the latest in {partition} instead of {home}), so "
                "consent and withdrawals would not meet the events of their accounts. Mend that "
                "input's producer; or set partitioner to what the producers of all inputs use: "
                "murmur2 (Java's default), consistent (librdkafka's), any (unchecked). Nothing "
                "was committed of what was looked at last"
            )
