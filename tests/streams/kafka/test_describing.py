"""A coordinator that comes back too late for who asked about its group ends no process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.broker.kafka_server import KafkaServer
from tests.support.paths import ROOT

# A process of its own: librdkafka ended it by SIGABRT where the request itself ran into a time-out.
_ASK = """
import sys, time
from confluent_kafka.admin import AdminClient
from streams.errors import KafkaFailed
from streams.kafka.consumer_group import describe
admin = AdminClient({"bootstrap.servers": sys.argv[1], "log_level": 0})
try:
    describe(admin, "group", 1.0)
except KafkaFailed as error:
    print(error, flush=True)
sys.stdin.readline()  # the broker is back
time.sleep(2.0)
"""


@pytest.mark.kafka
def test_a_late_coordinator_ends_nobody(own_kafka: KafkaServer) -> None:
    own_kafka.pause()
    asking = subprocess.Popen(
        [sys.executable, "-c", _ASK, own_kafka.bootstrap],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert asking.stdout is not None
    assert asking.stdout.readline() == "group group: no answer in time\n"
    own_kafka.resume()
    asking.communicate("\n", timeout=300)
    assert asking.returncode == 0
