"""Holds the dead letters of a partition against what was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from features.records.dead_letter import DeadLetter
from streams.worker.dead_letters import keyed_digest
from streams.worker.sealing import SealError
from tests.support.evidence import Evidence
from tests.support.reference import Reference
from tests.support.sealed_letters import opened


def dead_letters(found: Evidence, reference: Reference, secret: bytes) -> Iterator[str]:
    """What is wrong with the dead letters of a partition."""
    times = Counter((letter.topic, letter.offset) for letter, _, _ in found.dead)
    yield from (
        f"{topic}@{offset} is there {n} times" for (topic, offset), n in times.items() if n > 1
    )
    yield from (
        f"{topic}@{offset} ({reference.refused[topic, offset]}) is missing"
        for topic, offset in reference.refused
        if (topic, offset) not in times
    )
    for letter, key, value in found.dead:
        place = letter.topic, letter.offset
        if place not in reference.refused:
            yield f"{letter.topic}@{letter.offset} ({letter.reason}) should not be there"
        elif not _same_bytes(letter, key, value, reference.raw[place], secret):
            yield f"{letter.topic}@{letter.offset}: bytes differ"
        elif letter.sealed and not _opens(letter, reference.raw[place]):
            yield f"{letter.topic}@{letter.offset}: the box holds something else"
        elif letter.reason != reference.refused[place]:
            yield f"{letter.topic}@{letter.offset}: {letter.reason}"


def _opens(letter: DeadLetter, came: tuple[bytes | None, bytes | None]) -> bool:
    """Whether a box holds what came."""
    try:
        return opened(letter) == came
    except SealError:
        return False


def _same_bytes(
    letter: DeadLetter,
    key: bytes | None,
    value: bytes | None,
    came: tuple[bytes | None, bytes | None],
    secret: bytes,
) -> bool:
    """Whether a dead letter is what came: all of it, its beginning, or what it says of it."""
    if letter.whole:
        return (key, value) == came
    raw = came[1] or b""
    cut = value is not None and key == came[0] and raw.startswith(value)
    told = None if came[0] is None else keyed_digest(came[0], secret).encode()
    return (letter.length, letter.digest) == (len(raw), keyed_digest(raw, secret)) and (
        cut or (value is None and key == told)
    )
