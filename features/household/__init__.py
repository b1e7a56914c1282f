"""Tells who of a home was at its shared screen, and gives each member what was probably his.

A member's *own line* is what he does on a device of his own; it alone says what he is like. Each
event on the shared screen gets a posterior over the home's own lines, and over a slot for who has
none: a child, or a person who refused. What falls to a slot is dropped.

Law of the folder: evidence comes from own lines only, and as it stood when the day began; a
posterior, presence or absence is never published and never logged. Public face: `Attribution`."""

from features.household.panel import Attribution, Posteriors
from features.household.panel_tables import EVENT, SHARED
from features.household.tables import CHILD, SOMEBODY_ELSE, AttributionRules, childrens_contents

__all__ = [
    "CHILD",
    "EVENT",
    "SHARED",
    "SOMEBODY_ELSE",
    "Attribution",
    "AttributionRules",
    "Posteriors",
    "childrens_contents",
]
