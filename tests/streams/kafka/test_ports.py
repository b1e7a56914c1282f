"""A process ends with its exit code, whatever answers are still to come."""

from __future__ import annotations

import subprocess
import sys

_CODE = """
import ctypes, sys, threading, time
from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec
from streams.kafka.ports import REAL

def ask(how):
    admin = how({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    spots = {TopicPartition("t", 0): OffsetSpec.latest()}
    asked.extend(admin.list_offsets(spots, request_timeout=0.5).values())
    threading.Event().wait()

# Behind the interpreter's end the process lives for as many seconds as its exit code says.
libc, asked = ctypes.CDLL(None), []
libc.on_exit(ctypes.cast(libc.sleep, ctypes.c_void_p), None)
threading.Thread(target=ask, args=(REAL.admin,), daemon=True).start()
while not asked:
    time.sleep(0.01)
sys.exit(1)
"""


def test_an_answer_that_comes_after_the_end_does_no_harm() -> None:
    """librdkafka's thread would look for an interpreter that is gone: SIGSEGV."""
    ended = subprocess.run([sys.executable, "-c", _CODE], timeout=60, capture_output=True)
    assert ended.returncode == 1, ended.stderr
