"""What tests of the audiences share: profiles, a reader of the topic, a plain count, a clock."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from itertools import combinations
from typing import Any

import orjson

from features.audiences.budget import Noise
from features.audiences.cells import Audiences
from features.audiences.segments import RELEASE, Segment
from features.tags import taxonomy
from streams.contract.topics import AUDIENCES
from streams.kafka.compacted import CompactedTopic, ReaderError
from streams.settings import Settings

TREE = taxonomy.load()
K = 20
DAY = 86_400_000
START = 1_700_006_400_000  # a midnight
#: Root interests, none within another: Sports, Travel, Pets, Video Gaming, Books, Science.
PLAIN = ("483", "653", "422", "680", "42", "464")


def profile(
    version: int,
    interests: Sequence[str],
    *,
    audiences: bool = True,
    parts: tuple[str, ...] = ("weekend-evening",),
    valid_until: int | None = None,
    counted: bool = True,
    counted_until: int | None = None,
) -> dict[str, Any]:
    """A profile as far as it is counted."""
    held = (
        []
        if audiences
        else [{"scope": "audiences", "reason": "no_consent_audiences", "until": None}]
    )
    return {
        "version": version,
        "as_of": START + version,
        "valid_until": valid_until,
        "suppressions": held,
        "contactable": {"audiences": {"value": counted, "until": counted_until}},
        "interests": [
            {"id": i, "score": 0.5, "dayparts": dict.fromkeys(parts, 0.5)} for i in interests
        ],
    }


def records(settings: Settings) -> list[tuple[str, dict[str, Any] | None]]:
    """Return everything that was ever published, as a reader of the topic sees it."""
    reader = CompactedTopic(settings.bootstrap_servers, settings.topic(AUDIENCES))
    with suppress(ReaderError), closing(reader):  # a new topic may have no leader yet
        return [
            ((m.key() or b"").decode(), orjson.loads(m.value() or b"null")) for m in reader.past(30)
        ]
    return []


def said(topic: dict[str, int], segments: Iterable[Segment]) -> dict[str, int]:
    """Take publications up into what a reader of the topic holds of cells."""
    for segment in segments:
        if segment.key == RELEASE:
            continue
        if segment.value is None:
            topic.pop(segment.key, None)
        else:
            topic[segment.key] = segment.value["accounts"]
    return topic


def fill(
    audiences: Audiences,
    count: int,
    interests: Sequence[str],
    first: int = 0,
    parts: tuple[str, ...] = ("weekend-evening",),
) -> None:
    """Accounts ``a<n>`` with the same interests."""
    for number in range(first, first + count):
        audiences.apply(f"a{number}", profile(1, interests, parts=parts))


def plain_cells(interests: Iterable[str]) -> set[str]:
    """Cells of a household whose root interests are equally strong, groups aside."""
    four = sorted(set(interests))[:4]
    pairs = [f"pair/{one}+{other}" for one, other in combinations(four, 2)][:3]
    parts = {f"daypart/weekend-evening/{one}" for one in four}
    return {f"interest/{one}" for one in four} | parts | set(pairs)


def seeded(seed: int, epsilon: float = 4.0) -> Noise:
    """Noise that a test can have again: rounded Gaussian."""
    rng = random.Random(seed)
    return Noise(epsilon, lambda counts, sigma: [n + round(rng.gauss(0, sigma)) for n in counts])
