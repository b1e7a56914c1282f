"""Holds what is not worth a contact, but for a share of it that is tried to learn of it."""

from __future__ import annotations

from typing import Any

from features.jit import inlined
from features.models.stance_kernel import ENGAGE, HOLD, RULE_TRIED, RULE_UNWORTHY
from features.models.worth_kernel import UNKNOWN, ContactWorth, gain, is_tried


@inlined
def worth_it(
    worth: ContactWorth, subject: Any, interest: int, day: int, vector: Any, stance: int, rule: int
) -> Any:
    """Decide stance and rule where a contact has to be worth it, and say what one brings."""
    brings = gain(worth, interest, vector) if stance == ENGAGE else UNKNOWN
    if brings > 0.0:
        return stance, rule, brings
    if is_tried(worth, subject, interest, day):
        return ENGAGE, RULE_TRIED, worth.exploring
    return HOLD, RULE_UNWORTHY, brings
