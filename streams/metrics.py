"""Defines every metric by name, type and meaning; the only module that creates one.

No label carries a subject, account or device id. Times are exported as timestamps, not ages,
so that a stuck worker shows as growing age instead of a frozen number. A program exports its own
alone: a gauge of another's would stand at 0 there, and be averaged in or raise an alert.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Metric,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.registry import Collector

from features.vocabulary import ContactNews, FactKind, Opinion, Refusal, Reply, Tolerated

#: All of ours; what a program exports is in `exported`.
REGISTRY = CollectorRegistry()
#: By program; each has the process's own, too.
REGISTRIES = {name: CollectorRegistry() for name in ("worker", "catalogue", "audiences", "lookup")}


class BatchHistogram(Histogram):
    """A histogram that takes a batch of observations at once, without a call for each."""

    def observe_all(self, values: NDArray[np.float64]) -> None:
        """Observe every value of an array."""
        places = np.searchsorted(np.asarray(self._upper_bounds), values)  # the first bound >= value
        counts = np.bincount(places, minlength=len(self._buckets)).tolist()
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        self._sum.inc(float(values.sum()))


_WORKER = ("worker",)
_ALL = tuple(REGISTRIES)
_P = "interest_streams_"
_M = TypeVar("_M", bound=Counter | Gauge | Histogram)

for _registry in REGISTRIES.values():
    ProcessCollector(registry=_registry)
    GCCollector(registry=_registry)


def exported(program: str, tenant: str = "") -> bytes:
    """Write a program's metrics in Prometheus's text format, labelled with whose they are."""
    registry = REGISTRIES[program]
    return generate_latest(_Labelled(registry, {"tenant": tenant}) if tenant else registry)


class _Labelled(Collector):
    """What another collector has, with more labels on every sample."""

    def __init__(self, inner: Collector, labels: Mapping[str, str]) -> None:
        self._inner, self._labels = inner, labels

    def collect(self) -> Iterator[Metric]:
        for family in self._inner.collect():
            family.samples = [
                sample._replace(labels={**sample.labels, **self._labels})
                for sample in family.samples
            ]
            yield family


def programs_of(metric: Counter | Gauge | Histogram) -> list[str]:
    """List the programs that export a metric."""
    [name] = [family.name for family in metric.describe()]
    return [program for program, registry in REGISTRIES.items()
            if any(family.name == name for family in registry.collect())]  # fmt: skip


def _counter(name: str, about: str, *labels: str, of: tuple[str, ...] = _WORKER) -> Counter:
    return _exported(Counter(_P + name, about, labels, registry=REGISTRY), of)


def _gauge(name: str, about: str, *labels: str, of: tuple[str, ...] = _WORKER) -> Gauge:
    return _exported(Gauge(_P + name, about, labels, registry=REGISTRY), of)


def _histogram(
    name: str, about: str, buckets: tuple[float, ...], *labels: str, of: tuple[str, ...] = _WORKER
) -> Histogram:
    return _exported(Histogram(_P + name, about, labels, buckets=buckets, registry=REGISTRY), of)


def _exported(metric: _M, programs: tuple[str, ...]) -> _M:
    for name in programs:
        REGISTRIES[name].register(metric)
    return metric


_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

INPUT = _counter("input_records_total", "Input records in committed transactions", "topic")
OUTCOME = _counter(
    "outcomes_total",
    "What became of committed input records: counted, untagged, fact, duplicate, no_consent, "
    "suppressed, late, malformed, over_limit (its account has members_per_account already)",
    "outcome",
)
INPUT_OUTCOMES = _counter(
    "input_outcomes_total", "What became of committed records, by input", "topic", "outcome"
)
SAMPLED_KEYS = _counter(
    "sampled_keys_total", "Keys of input records whose partition was looked at", "topic"
)
MISPLACED_KEYS = _counter(
    "misplaced_keys_total", "Sampled keys that another partition is the place of", "topic"
)
FACTS_SENT_ON = _counter(
    "facts_sent_on_total",
    "Misplaced facts that forbid, written once more to the partition of their account",
)
DEAD_LETTERS = _counter(
    "dead_letters_total", "Records sent to dead-letters", "reason", of=("worker", "catalogue")
)
for _reason in Refusal:  # 0 too: a counter's first increase is not seen
    DEAD_LETTERS.labels(_reason)
TOLERATED_FACTS = _counter(
    "facts_read_tolerantly_total",
    "Facts that protect and were not in form, by how they were read: refusal, erasure, child, "
    "care_case, dislike, answer, refused_purpose, granted_purpose (without effect)",
    "reading",
)
for _reading in Tolerated:
    TOLERATED_FACTS.labels(_reading)
UNDECIDED_FACTS = _counter(
    "facts_undecided_total", "Dead letters that may have been a refusal or an erasure"
)
EVICTED_FACTS = _counter(
    "facts_evicted_total",
    "Facts let go of because a person has facts_per_person, or an account cases_per_account, "
    "already; never what protects",
    "kind",
)
for _kind in FactKind:
    EVICTED_FACTS.labels(_kind)
CONTACTS = _counter(
    "contacts_total",
    "What is new of contacts: made, held_out, late_answer (after answer_days), evicted (a person "
    "has contacts_per_person already)",
    "news",
)
for _news in ContactNews:
    CONTACTS.labels(_news)
ANSWERS = _counter("contact_answers_total", "Answers to contacts, each counted once", "answer")
for _reply in Reply:
    ANSWERS.labels(_reply)
DECLARED = _counter(
    "declared_opinions_total",
    "Opinions on interests by whether they were asked for, and whether behaviour would have had "
    "the interest engaged; each counted once (`policy declared` reckons from them)",
    "asked",
    "opinion",
    "engaged",
)
for _opinion in Opinion:
    for _asked in ("no", "yes"):
        for _engaged in ("no", "yes"):
            DECLARED.labels(_asked, _opinion, _engaged)
CLOCKS_OFF = _gauge(
    "device_clocks_off", "Devices whose clock is off by about the same in all events", "side"
)
for _side in ("ahead", "behind"):
    CLOCKS_OFF.labels(_side)
TICKS = _counter(
    "ticks_total", "Ticks written to silent partitions in which something ended, or is to be said"
)
SHARED_DAY = _gauge(
    "shared_model_day",
    "Local day since 1970 of the last merged model, where it was merged; 0 elsewhere",
)
SHARED_PARTITIONS = _gauge(
    "shared_model_partitions", "Partitions whose lessons were new in the last merged model"
)
STRAYS = _counter(
    "stray_profiles_total", "Profiles taken back that stood published and no state knew"
)
PROFILES = _counter("profiles_published_total", "Profiles committed to the profile topic")
TOMBSTONES = _counter("tombstones_total", "Tombstones committed", "topic")
STATE_ROWS = _counter("state_records_total", "Records committed to the changelog")
COMMITS = _counter("commits_total", "Transactions committed")
ABORTS = _counter("aborts_total", "Transactions abandoned", "reason")
for _why in ("abandoned", "revoke"):
    ABORTS.labels(_why)
RESTORED = _counter("restored_records_total", "Changelog records read in restores")
REBALANCES = _counter("rebalances_total", "Rebalance callbacks", "kind")
DAYS_CLOSED = _counter("days_closed_total", "Event-time days closed, summed over partitions")
LEARNED = _counter("learned_rows_total", "Rows the models learned from")
LOG_LOSS = _gauge("prequential_log_loss", "Log-loss of the champion, scored before learned")
MODEL_LOG_LOSS = _gauge(
    "model_log_loss", "Log-loss of each model, scored before learned, half-life 28 days", "model"
)
MODEL_CALIBRATION = _gauge(
    "model_calibration_error", "Expected calibration error of each model", "model"
)
ATTRIBUTION_LOG_LOSS = _gauge(
    "attribution_log_loss", "Log-loss of who was at a screen, on events whose person is known"
)
ATTRIBUTION_ENTROPY = _gauge("attribution_entropy", "Mean entropy of who was at a screen, nats")
ATTRIBUTION_SHARE = _gauge(
    "attribution_share",
    "Share of shared events by the posterior of the likeliest member: below 0.2, from 0.2, ...",
    "posterior",
)
ATTRIBUTION_HOMES = _gauge(
    "attribution_homes", "Accounts by the number of own lines that are told apart", "lines"
)
CHAMPIONS = _gauge("champion_partitions", "Partitions whose profiles a model answers for", "model")
MODEL_NEWS = _counter(
    "model_news_total", "What happened to models: promoted, demoted, drift", "what", "model"
)
CATALOGUE_ENTRIES = _counter(
    "catalogue_entries_total",
    "Catalogue entries by what became of them: tagged, unknown, editor, malformed",
    "outcome",
    of=("catalogue",),
)
AUDIENCE_PROFILES = _counter(
    "audience_profiles_total",
    "Profiles and tombstones that changed an audience's counts",
    of=("audiences",),
)
AUDIENCE_SEGMENTS = _counter(
    "audience_segments_total", "Cells published or withdrawn", "action", of=("audiences",)
)
AUDIENCE_BUDGET = _gauge(
    "audience_budget_ratio",
    "Privacy budget of 30 days that audience releases take with the one that stands or is due; "
    "above 1 that one waits",
    of=("audiences",),
)
CATALOGUE_MALFORMED = _counter(
    "catalogue_malformed_total",
    "Catalogue entries sent to dead-letters",
    "reason",
    of=("catalogue",),
)

LOOKUPS = _counter(
    "lookups_total", "Requests to the look-up service", "route", "code", of=("lookup",)
)
LOOKUP_SECONDS = _histogram(
    "lookup_duration_seconds", "One request to the look-up service", _SECONDS, of=("lookup",)
)
LOOKUP_CHANGES = _counter(
    "lookup_changes_total", "Changes of profiles that look-ups have seen", of=("lookup",)
)
LOOKUP_AUDIT_FAILED = _counter(
    "lookup_audit_failures_total", "Records of look-ups that Kafka did not take", of=("lookup",)
)
CONTACT_EFFECT = _gauge(
    "contact_effect_ratio",
    "More good answers of a household, by its first contact: value, low and high at every look, by "
    "interest, channel, week or of all, as the report of contacts has it (`lookup_report`)",
    "by",
    "name",
    "bound",
    of=("lookup",),
)
CONTACT_ANNOYED = _gauge(
    "contact_annoyed_ratio",
    "Share of the households spoken to that a first contact annoyed, likewise",
    "by",
    "name",
    "bound",
    of=("lookup",),
)
CONTACTS_KEPT_BACK = _gauge(
    "contacts_kept_back",
    "Contacts that hold-outs were told for and the rules would have prevented, likewise",
    "rule",
    of=("lookup",),
)
LEFT_ALONE = _gauge(
    "contact_left_alone_households",
    "Households in which somebody is left alone, likewise",
    "rule",
    of=("lookup",),
)
CONTACT_REPORT = _gauge(
    "contact_report_timestamp_seconds",
    "Event time of the report of contacts; 0: there is none",
    of=("lookup",),
)

EVENT_TO_PROFILE = _exported(
    BatchHistogram(
        _P + "event_to_profile_seconds",
        "From a record's own time stamp in Kafka to the commit of the profile that has it; of what "
        "a profile can have: counted events and facts",
        buckets=(
            0.1,
            0.25,
            0.5,
            1.0,
            2.5,
            5.0,
            10.0,
            30.0,
            60.0,
            300.0,
            1_800.0,
            21_600.0,
            86_400.0,
        ),
        registry=REGISTRY,
    ),
    _WORKER,
)
COMMIT_SECONDS = _histogram("commit_duration_seconds", "One transaction's commit", _SECONDS)
LOOP_SECONDS = _histogram("batch_duration_seconds", "One batch through the engine", _SECONDS)
RESTORE_LEFT = _gauge(
    "restore_remaining_records", "Changelog offsets the running restore has yet to read, 0: none"
)
STANDBY_RECORDS = _counter(
    "standby_records_total", "Changelog records followed for partitions of other workers"
)
RESTORE_SECONDS = _gauge("restore_duration_seconds", "Duration of the latest restore")

INPUT_HALTED = _gauge(
    "input_halted",
    "1 while an input partition waits because too much of it was refused",
    "topic",
    "partition",
)
PARTITION_GIVEN_UP = _gauge(
    "partition_given_up", "1 while a worker owns a partition that can not go on", "partition"
)
BROKER_REACHABLE = _gauge("broker_reachable", "1 while a broker answers the worker")
PARTITIONS = _gauge("assigned_partitions", "Partitions this worker owns now")
SUBJECTS = _gauge("subjects", "Subjects in live state")
ROWS = _gauge("interest_rows", "Interest rows in live state")
STATE_BYTES = _gauge("state_bytes", "Bytes of live state")
UNTAGGED_SECONDS = _counter(
    "untagged_attention_seconds_total", "Attention given to content without tags", "source"
)
UNTAGGED_HEAVIEST = _gauge(
    "untagged_heaviest_seconds",
    "Attention of late to the heaviest contents without tags, of audience_k households at least; "
    "ten of them, halved every day",
    "content",
    "source",
)
LAG_SECONDS = _gauge(
    "lag_seconds",
    "Age of the oldest record not yet committed, by its own time stamp and against the high "
    "watermark, 0 at the end",
    "topic",
    "partition",
)
LAG_RECORDS = _gauge(
    "lag_records", "Offsets between the committed one and the high watermark", "topic", "partition"
)
WATERMARK = _gauge("watermark_timestamp_seconds", "Event-time watermark", "partition")
LAST_COMMIT = _gauge("last_commit_timestamp_seconds", "When the latest transaction committed")
LAST_POLL = _gauge("last_poll_timestamp_seconds", "When the loop last polled")
READY = _gauge("ready", "1 when assigned, restored and polling", "program", of=_ALL)
BUILD = _gauge(
    "build_info",
    "1, with the versions at work",
    "program",
    "version",
    "python",
    "river",
    "numba",
    "librdkafka",
    of=_ALL,
)
EXITS = _counter(
    "exits_total",
    "Ends of the program that were before, by reason; killed: without having had the time to say",
    "program",
    "reason",
    of=_ALL,
)
ERASURE_SECONDS = _histogram(
    "erasure_duration_seconds",
    "From when an erasure was asked for, by its own time stamp, to its commit",
    (1.0, 5.0, 30.0, 60.0, 300.0, 1_800.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0),
)
