"""The steps in their order, and so the table of which alert is provoked by what."""

from __future__ import annotations

from tests.gameday import cluster_steps, record_steps
from tests.gameday.step import Step

STEPS = (
    Step(
        "hanging transaction",
        cluster_steps.hanging_transaction,
        ("InterestStreamsLagging", "InterestStreamsPartitionStuck"),
    ),
    Step(
        "outage",
        cluster_steps.outage,
        ("InterestStreamsOutage", "InterestStreamsDown", "InterestStreamsNotReady"),
        ("InterestStreamsLagging", "InterestStreamsAppDown", "InterestStreamsAborting"),
    ),
    Step(
        "torn fact",
        record_steps.torn_fact,
        ("InterestStreamsUndecidedFacts",),
        ("InterestStreamsDeadLetters",),
    ),
)
#: By name, in the order of the day.
BY_NAME = {step.name: step for step in STEPS}
