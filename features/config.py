"""What decides an engine's results, as one frozen type."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from features.privacy import rules
from features.privacy.rules import Rules
from features.state import layout as lay

_ID_BUCKETS = 16  # the dedup horizon is kept in so many steps


@dataclass(frozen=True)
class Config:
    """What decides an engine's results; a changelog is bound to the first group.

    Attributes
    ----------
    half_lives : tuple of float
        Days, ascending.
    day_offset_ms : int
        The operator's local day, milliseconds east of UTC.
    rules : Rules
        What follows from facts.
    erasure_key : bytes
        Of the keyed hashes that erased accounts leave behind.
    """

    half_lives: tuple[float, float, float] = (1.0, 7.0, 60.0)
    day_offset_ms: int = 0

    lateness_ms: int = 6 * 3_600_000
    dedup_horizon_ms: int = 3_600_000
    dedup_max_ids: int = 5_000_000
    consent_default_grant: bool = False
    retention_days: int = 180
    row_epsilon: float = 0.01
    rows_per_subject: int = 64
    learn_rows_per_close: int = 20_000
    profile_interests: int = 20
    publish_score_step: float = 0.05
    publish_max_age_days: int = 7
    home_country: str = ""
    rules: Rules = field(default_factory=rules.load)
    erasure_key: bytes = field(default=b"", repr=False)

    def clock(self) -> lay.Clock:
        """Event-time constants for the kernels."""
        short, middle, long = (1.0 / days for days in self.half_lives)
        days = np.arange(lay.DECAY_DAYS)
        return lay.Clock(
            self.lateness_ms,
            self.day_offset_ms,
            max(1, self.dedup_horizon_ms // _ID_BUCKETS),
            self.dedup_horizon_ms,
            int(self.consent_default_grant),
            self.rows_per_subject,
            short,
            middle,
            long,
            np.array([2.0 ** (-days * rate) for rate in (short, middle, long)]),
        )
