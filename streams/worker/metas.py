"""Reads the partition record of each partition from the changelog, outside the group."""

from __future__ import annotations

from features.state.changelog_keys import META, Meta
from streams.contract.topics import STATE
from streams.kafka.latest import read_latest
from streams.settings import Settings


def read_metas(settings: Settings) -> dict[int, Meta]:
    """The partition record of each partition of the changelog that has one.

    Raises
    ------
    ReaderError
        Where the broker does not answer or the topic is absent.
    IncompatibleState
        Where the changelog is of another format.
    """
    return {
        partition: Meta.from_bytes(value) for partition, value in stored_metas(settings).items()
    }


def stored_metas(settings: Settings) -> dict[int, bytes]:
    """The same records as they are stored, of whatever format.

    Raises
    ------
    ReaderError
        As `read_metas`.
    """
    records = read_latest(settings, STATE, lambda key: key == META)
    return {partition: value for (_, partition), value in records.items()}
