"""The steps in their order, and so the table of which alert is provoked by what."""

from __future__ import annotations

from tests.gameday import app_steps, cluster_steps, move_steps, record_steps, worker_steps
from tests.gameday.step import Step

#: What comes where records waited for long, after the end of what kept them, too.
WAITED = ("InterestStreamsLagging", "InterestStreamsProfilesLate")
#: What comes where workers start: on a busy machine for longer than hastened rules wait.
STARTS = ("InterestStreamsNotReady", "InterestStreamsNotCommitting", *WAITED)

STEPS = (
    Step("back-fill", record_steps.back_fill, ("InterestStreamsWatermarkStalled",)),
    Step("scale", worker_steps.scale, (), STARTS),
    Step("roll", worker_steps.roll, (), STARTS),
    Step("kill -9", worker_steps.kill, (), STARTS),
    Step("zombie", worker_steps.zombie, (), STARTS),
    Step(
        "crash loop",
        worker_steps.crash_loop,
        ("InterestStreamsCrashing",),
        ("InterestStreamsDown", *STARTS),
    ),
    Step("leader changes", cluster_steps.leader_changes, (), STARTS),
    Step("full disk", cluster_steps.disk_full, (), STARTS),
    Step(
        "outage",
        cluster_steps.outage,
        ("InterestStreamsOutage", "InterestStreamsDown", "InterestStreamsNotReady"),
        ("InterestStreamsAppDown", "InterestStreamsAborting", *WAITED),
    ),
    Step(
        "hanging transaction",
        cluster_steps.hanging_transaction,
        ("InterestStreamsLagging", "InterestStreamsPartitionStuck"),
        WAITED,
    ),
    Step(
        "hanging everywhere",
        cluster_steps.hanging_everywhere,
        ("InterestStreamsNotCommitting", "InterestStreamsLagging"),
        WAITED,
    ),
    Step("quota", cluster_steps.quota, WAITED, ("InterestStreamsNotCommitting",)),
    Step("wrong ACL", worker_steps.wrong_acl, ("InterestStreamsCrashing",), STARTS),
    Step("fenced", worker_steps.fenced, ("InterestStreamsAborting",), WAITED),
    Step(
        "offsets by hand",
        worker_steps.offsets_by_hand,
        ("InterestStreamsPartitionGivenUp",),
        ("InterestStreamsDown", *STARTS),
    ),
    Step("poison", record_steps.poisoned, ("InterestStreamsDeadLetters",)),
    Step("bad account", record_steps.one_bad_account, (), ("InterestStreamsDeadLetters",)),
    Step(
        "bad deploy",
        record_steps.bad_deploy,
        ("InterestStreamsInputHalted",),
        ("InterestStreamsDeadLetters", *WAITED),
    ),
    Step(
        "bad facts",
        record_steps.bad_facts,
        (
            "InterestStreamsUndecidedFacts",
            "InterestStreamsFactsOutOfForm",
            "InterestStreamsFactsEvicted",
            "InterestStreamsErasureSlow",
        ),
        ("InterestStreamsDeadLetters",),
    ),
    Step(
        "strange inputs",
        record_steps.strange_inputs,
        (
            "InterestStreamsNoConsentShare",
            "InterestStreamsDuplicateShare",
            "InterestStreamsLateShare",
        ),
        ("InterestStreamsDeadLetters",),
    ),
    Step(
        "misplaced keys",
        record_steps.misplaced,
        ("InterestStreamsMisplacedKeys",),
        ("InterestStreamsNoConsentShare",),
    ),
    Step("app down", app_steps.app_down, ("InterestStreamsAppDown",)),
    Step("budget lowered", app_steps.budget_lowered, ("InterestStreamsAudienceBudgetSpent",)),
    Step("replay", move_steps.replay),
    Step("redrive", move_steps.redrive, (), ("InterestStreamsDeadLetters",)),
    Step(
        "repartition",
        move_steps.repartition,
        ("InterestStreamsDown",),
        # Three workers stop by name; then the traffic begins anew, with the same ids.
        (
            "InterestStreamsCrashing",
            "InterestStreamsDuplicateShare",
            "InterestStreamsAppDown",
            "InterestStreamsOutage",
            *STARTS,
        ),
        moves=True,
    ),
)
#: By name, in the order of the day.
BY_NAME = {step.name: step for step in STEPS}

#: Alerts that no step provokes, and why.
UNPROVOKED = {
    "InterestStreamsModelDrift": "takes days of event time that contradict the days before them; "
    "the detector is tested with such days, the expression in rules_test.yml"
}
