"""A process ends with its exit code, whatever its clients of Kafka are still doing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from streams.errors import ExitCode

# Whatever a library has set to run at exit, OpenSSL's end among it, runs beside librdkafka's
# threads; here it ends the process, which those threads only do now and then.
_PREPARED = """
import ctypes, sys
libc = ctypes.CDLL(None)
libc.on_exit(ctypes.cast(libc.abort, ctypes.c_void_p), None)
print("said")
"""
_COMMAND = """
from streams import __main__ as program
program.main = lambda argv: 7
program.run_and_leave()
"""
_APP = """
import faust
from streams.apps.driver import LeavingWorker
class Failing(faust.App):
    async def start(self):
        raise SystemExit(7)
app = Failing("a", broker="kafka://127.0.0.1:1", Worker=LeavingWorker)
sys.argv = ["faust", "--quiet", "worker", "--without-web"]
app.main()
"""
#: A client in a thread that waits, asked for what is answered when the interpreter is gone.
_ASKED = """
import threading, time
from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec
from streams.kafka.ports import REAL

def work():
    admin = REAL.admin({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    asked = admin.list_offsets({TopicPartition("t", 0): OffsetSpec.latest()}, request_timeout=0.5)
    threading.Event().wait()

threading.Thread(target=work, daemon=True).start()
libc.on_exit(ctypes.cast(libc.sleep, ctypes.c_void_p), None)
time.sleep(0.2)
"""


@pytest.mark.parametrize("more", ["", _ASKED], ids=["nothing", "asked"])
@pytest.mark.parametrize("program", [_COMMAND, _APP], ids=["command", "app"])
def test_nothing_is_taken_down_around_a_client(program: str, more: str) -> None:
    """librdkafka's threads would look for an interpreter, or for OpenSSL, that is gone: SIGSEGV."""
    code = _PREPARED + more + program
    ended = subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True)
    assert ended.returncode == ExitCode.PORT_TAKEN, ended.stderr
    assert b"said" in ended.stdout
