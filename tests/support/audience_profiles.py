"""Profiles as far as audiences count them."""

from __future__ import annotations

from typing import Any


def profile(
    version: int,
    interests: list[str],
    *,
    audiences: bool = True,
    parts: tuple[str, ...] = ("weekend-evening",),
) -> dict[str, Any]:
    """A profile as far as it is counted."""
    held = (
        []
        if audiences
        else [{"scope": "audiences", "reason": "no_consent_audiences", "until": None}]
    )
    return {
        "version": version,
        "as_of": 1_700_000_000_000 + version,
        "suppressions": held,
        "interests": [
            {"id": i, "score": 0.5, "dayparts": dict.fromkeys(parts, 0.5)} for i in interests
        ],
    }
