"""Decides what of a refused record is kept, and which inputs wait because too much was refused."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from confluent_kafka import Consumer, TopicPartition

from features.records.dead_letter import DeadLetter
from streams import metrics
from streams.contract.topics import DEAD_LETTERS, FACTS
from streams.errors import TooManyDeadLetters
from streams.kafka.limits import RecordLimits
from streams.kafka.ports import Ports
from streams.settings import Settings
from streams.worker.dead_letters import (
    DeadLetterCount,
    DeadLetterLimit,
    Passed,
    cut_to_fit,
    withheld,
)
from streams.worker.partition import Partition

log = logging.getLogger(__name__)


class Refusals:
    """RecordLimits what is refused, input by input.

    Attributes
    ----------
    sizes : RecordLimits
        Of the output topics; a refused record is kept as far as it can be written.
    """

    def __init__(self, settings: Settings, ports: Ports) -> None:
        self._settings = settings
        self._ports = ports
        self._facts = settings.topic(FACTS)
        self._dead = settings.topic(DEAD_LETTERS)
        self._secret = settings.erasure_key.encode()
        self._most = DeadLetterLimit(
            settings.dead_letter_max_ratio,
            settings.dead_letter_window,
            settings.dead_letter_max_run,
            quarantine=not settings.strict_limits,
        )
        self.sizes = RecordLimits()

    def count(self, name: str, partition: int) -> DeadLetterCount:
        """A new count of an input partition."""
        return DeadLetterCount(self._most, f"{name}[{partition}]")

    def limit(
        self, part: Partition, name: str, total: int, refused: Mapping[int, DeadLetter]
    ) -> Passed | None:
        """Count refused records; a limit that was passed, unless it is of facts."""
        count = part.counts[name]
        keys = [letter.key or b"" for letter in refused.values()]
        before = len(count.quarantined)
        passed = count.add(total, list(refused), keys, self._ports.monotonic())
        if len(count.quarantined) > before:
            log.warning(
                "%s: one key has nearly all of what was refused, at offset %d and before: it is "
                "quarantined for an hour, and its dead letters hold no bytes",
                count.place,
                list(refused.values())[-1].offset,
            )
        if passed is None:
            return None
        example = list(refused.values())[-1]
        why = f"{passed.why} (latest: offset {example.offset}, {example.field}: {example.reason})"
        if self._settings.strict_limits:
            raise TooManyDeadLetters(
                f"{why}; stopping instead of draining the topic into dead-letters. Mend the "
                "producer, or raise dead_letter_max_run / dead_letter_max_ratio, then start "
                "again: nothing was lost"
            )
        if name == self._facts:
            log.error("%s; facts go on: a withdrawal may stand behind them", why)
            count.begin_anew()
            return None
        return Passed(passed.at, why)

    def kept(self, part: Partition, letter: DeadLetter) -> DeadLetter:
        """A refused record as far as it can be written; of a quarantined key, only that it was."""
        if (letter.key or b"") in part.counts[letter.topic].quarantined:
            return withheld(letter, self._secret)
        return cut_to_fit(letter, self.sizes.of(self._dead), self._secret)

    def halt(self, consumer: Consumer, spot: TopicPartition, part: Partition, why: str) -> None:
        """Let an input wait at an offset, and the others go on without it."""
        retry_s = self._settings.input_retry_ms / 1000.0
        consumer.pause([spot])
        consumer.seek(spot)
        part.halted[spot.topic] = self._ports.monotonic() + retry_s, why
        part.merge.inputs[spot.topic].drained = True
        metrics.INPUT_HALTED.labels(spot.topic, str(spot.partition)).set(1)
        log.error(
            "%s; it waits at offset %d, and is tried again in %g s: mend the producer, or "
            "raise dead_letter_max_run / dead_letter_max_ratio",
            why,
            spot.offset,
            retry_s,
        )

    def reopened(self, consumer: Consumer, spot: TopicPartition, part: Partition) -> bool:
        """Try an input again whose halt is over; whether it is."""
        name = spot.topic
        if self._ports.monotonic() < part.halted[name][0]:
            return False
        del part.halted[name]
        part.paused.discard(name)
        part.counts[name].begin_anew()
        part.merge.inputs[name].drained = False
        metrics.INPUT_HALTED.remove(name, str(spot.partition))
        consumer.resume([spot])
        return True

    def forget(self, number: int, part: Partition) -> None:
        """Let no metric tell of a partition that went."""
        for name in part.halted:
            metrics.INPUT_HALTED.remove(name, str(number))
