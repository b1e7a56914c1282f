"""Words and their numbers are in changelogs and in others' code: they stay as they are."""

from __future__ import annotations

import pytest

from features import vocabulary
from features.vocabulary import Word


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Source", "1 network, 2 tv, 3 app"),
        (
            "DayPart",
            "0 weekday-night, 1 weekday-morning, 2 weekday-afternoon, 3 weekday-evening, "
            "4 weekend-night, 5 weekend-morning, 6 weekend-afternoon, 7 weekend-evening",
        ),
        ("Trend", "0 new, 1 rising, 2 steady, 3 fading, 4 burst"),
        ("Stance", "0 engage, 1 hold, 2 avoid"),
        (
            "Outcome",
            "0 pending, 1 counted, 2 untagged, 3 fact, 4 duplicate, 5 no_consent, "
            "6 suppressed, 7 late, 8 infrastructure, 9 malformed, 10 over_limit",
        ),
        ("KeyPrefix", "1 host, 2 app, 3 programme, 4 channel, 5 section, 6 genre, 7 category"),
    ],
)
def test_numbers_and_words_stay(words: str, said: str) -> None:
    kind: type[Word] = getattr(vocabulary, words)
    assert ", ".join(f"{word.value} {word.word}" for word in kind) == said
