"""Fixtures that give a test a real broker, or skip it where none can be had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.jars import KafkaUnavailable, fetch_jars
from tests.broker.kafka_server import KafkaServer, Options, started_kafka


@pytest.fixture(scope="session")
def kafka_jars() -> Path:
    """Folder of Kafka's jars; skips where Java or Maven is missing (CI fails on skips)."""
    try:
        return fetch_jars()
    except KafkaUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def kafka_server(
    kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KafkaServer]:
    """The broker all tests share; a test that stops it must give it back running."""
    with started_kafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="session")
def kafka(kafka_server: KafkaServer) -> str:
    """Bootstrap servers of the shared broker."""
    return kafka_server.bootstrap


@pytest.fixture
def own_kafka(
    request: pytest.FixtureRequest, kafka_jars: Path, tmp_path: Path
) -> Iterator[KafkaServer]:
    """A started broker of this test alone, to kill, pause and restart.

    With other `Options` by ``@pytest.mark.parametrize("own_kafka", [...], indirect=True)``.
    """
    options: Options = getattr(request, "param", Options())
    with started_kafka(tmp_path / "kafka", options) as server:
        yield server
