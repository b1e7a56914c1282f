"""Finds transactions that are neither committed nor aborted: readers stop in front of them."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import IsolationLevel
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.errors import KafkaFailed
from streams.kafka.offsets import Spot, list_offsets

_ANSWER_S = 60.0


def open_transactions(admin: AdminClient, spots: Iterable[Spot]) -> dict[Spot, int]:
    """Offset of the first open transaction in each partition that has one.

    Raises
    ------
    KafkaFailed
        Where the cluster does not answer.
    """
    spots = list(spots)
    stable, ends = (
        list_offsets(
            admin, spots, OffsetSpec.latest(), _ANSWER_S, "ends", KafkaFailed, isolation=level
        )
        for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
    )
    return {spot: stable[spot] for spot in spots if stable[spot] != ends[spot]}
