"""Ends a process that has held clients of Kafka.

A client's threads are librdkafka's, and some live as long as the process: what is asked of a
broker may be answered, and a connection opened again, while the interpreter and OpenSSL are
already being taken down. A thread that finds either gone ends the process with SIGSEGV, and with
it the exit code that a supervisor goes by. So nothing is taken down.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End this process with an exit code, its output written; handlers of exit do not run."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass  # nobody reads it any more
    os._exit(code)
