"""Defines the settings that decide an engine's results, as frozen types.

Loads the standard library alone: the settings of a deployment are made from it, and who reads
those must not wait for arrays and a taxonomy, or have them installed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from features.records.inputs import INPUTS, Inputs

if TYPE_CHECKING:
    from features.household.tables import Attributing
    from features.privacy.rules import Rules
    from features.records.concealed import Secret
    from features.state import layout as lay
    from features.tags.taxonomy import Taxonomy

_ID_BUCKETS = 16  # the dedup horizon is kept in so many steps


@dataclass(frozen=True)
class EngineSettings:
    """The settings of an engine that an operator chooses, named as in `streams.settings`.

    The comment of a field is its meaning in the table of ``deploy/README.md``.
    """

    # -- what is taken
    lateness_ms: int = 6 * 3_600_000  # events older than the watermark are dead-lettered
    watermark_accounts: int = 3  # so many have to agree before a backlog moves event time
    dedup_horizon_ms: int = 3_600_000  # an `event_id` seen again within it counts once
    dedup_max_ids: int = 5_000_000  # event ids remembered, per partition

    # -- windows
    retention_days: int = 180  # subjects silent for longer are forgotten, with tombstones
    row_epsilon: float = 0.01  # rows whose longest level fell below this go
    rows_per_subject: int = 64  # most interests stored of a subject
    # Beyond these a fact or an event is over the limit, or the oldest facts go; what protects
    # somebody (refusals, children, open care cases, dislikes) is always taken and never goes
    members_per_account: int = 10_000  # members with events, and members with words of their own
    devices_per_account: int = 1_024  # devices in the registry that are not a child's
    cases_per_account: int = 256  # care cases; the oldest closed ones go first
    facts_per_person: int = 256  # facts about interests; the oldest go first
    contacts_per_person: int = 64  # contacts with their answers; the oldest go first

    # -- who was it
    attribution: bool = False  # give what a shared screen shows to the members who agreed to it

    # -- models and profiles
    learn_rows_per_close: int = 20_000  # most rows a partition learns of a day, sampled
    shared_model: bool = False  # one model for all partitions; of all workers together
    profile_interests: int = 20  # most interests of a profile
    profile_common: bool = False  # show interests, too, that tell a subject from nobody
    publish_score_step: float = 0.05  # a smaller change of a score is not material
    publish_max_age_days: int = 7  # after so long a profile is written though nothing changed
    home_country: str = ""  # two letters; a subject elsewhere is roaming, and abroad after a day


def _bundled_rules() -> Rules:
    from features.privacy import rules

    return rules.load()


@dataclass(frozen=True)
class Config(EngineSettings):
    """All that decides an engine's results; a changelog is bound to the first two.

    Attributes
    ----------
    half_lives : tuple of float
        Days, ascending.
    day_offset_ms : int
        The operator's local day, milliseconds east of UTC.
    consent_default_grant : bool
        What holds where nothing was said.
    rules : Rules
        What follows from facts.
    erasure_key : bytes or tuple of bytes
        Of the keyed hashes that erased accounts leave behind; of several, the oldest first.
    inputs : Inputs
        What the sources of events are.
    """

    half_lives: tuple[float, float, float] = (1.0, 7.0, 60.0)
    day_offset_ms: int = 0
    consent_default_grant: bool = False
    rules: Rules = field(default_factory=_bundled_rules)
    erasure_key: Secret = field(default=b"", repr=False)
    inputs: Inputs = field(default=INPUTS, repr=False)

    def clock(self) -> lay.Clock:
        """Constants for the kernels."""
        import numpy as np

        from features.state import layout as lay

        short, middle, long = (1.0 / days for days in self.half_lives)
        days = np.arange(lay.DECAY_DAYS)
        events = self.inputs.events
        least = np.zeros((1 + len(events), max(len(item.least) for item in events), 2))
        for kind, item in enumerate(events, 1):
            least[kind, : len(item.least)] = item.least
        return lay.Clock(
            self.lateness_ms,
            self.day_offset_ms,
            max(1, self.dedup_horizon_ms // _ID_BUCKETS),
            self.dedup_horizon_ms,
            int(self.consent_default_grant),
            self.rows_per_subject,
            self.members_per_account,
            self.watermark_accounts,
            short,
            middle,
            long,
            np.array([2.0 ** (-days * rate) for rate in (short, middle, long)]),
            least,
            np.array([0, *(item.source for item in events)], np.int64),
            int(self.attribution),
            int.from_bytes(self.home_country.encode(), "big"),
        )

    def attributing(self, tree: Taxonomy) -> Attributing:
        """Constants that decide the attribution of shared screens; nothing is asked where off."""
        import numpy as np

        from features.household.tables import Attributing, AttributionRules, childrens_contents
        from features.records.concealed import keyed_mark, keys_of

        if not self.attribution:
            return Attributing(AttributionRules(salt=0), np.zeros(0))
        newest = keys_of(self.erasure_key)[-1]
        rules = AttributionRules(
            lateness=self.lateness_ms,
            offset=self.day_offset_ms,
            half_life=self.half_lives[2],
            salt=int(keyed_mark(newest, "", "sketch of contents")[:15], 16),
        )
        return Attributing(rules, childrens_contents(tree))
