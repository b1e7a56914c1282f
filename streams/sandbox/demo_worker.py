"""Starts, watches and stops a worker in a process of its own, for the demo."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import IO
from urllib.error import HTTPError

from streams.settings import PREFIX, Settings

_ASK_S = 5.0
_STOP_S = 30.0  # a commit in flight may take as long as one Kafka call


class WorkerEnded(RuntimeError):
    """The worker ended although nobody asked it to; the message has its last line."""


class WorkerProcess:
    """Context manager around ``interest-streams worker`` with given settings.

    Parameters
    ----------
    settings : Settings
        Handed over as environment variables; no others of ours reach it.
    command : tuple of str
        What to run.

    Attributes
    ----------
    pid : int
    """

    def __init__(
        self,
        settings: Settings,
        command: tuple[str, ...] = (sys.executable, "-m", "streams", "worker"),
    ) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command,
            env=environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # Ctrl-C reaches us only; we ask it to stop in order
        self.pid = self._process.pid

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def check(self) -> None:
        """Raise `WorkerEnded` if it runs no more."""
        code = self._process.poll()
        if code is not None:
            raise WorkerEnded(f"the worker ended with code {code}: {self.last_line()}")

    def state(self, port: int) -> tuple[bool, str]:
        """Whether it is ready, and what it says of itself on its own port.

        Raises
        ------
        WorkerEnded
        """
        self.check()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=_ASK_S) as said:
                return True, said.read().decode()
        except HTTPError as error:
            return False, error.read().decode()
        except OSError:
            return False, "starting"

    def metrics(self, port: int) -> str:
        """The text of its metrics.

        Raises
        ------
        OSError
            It does not answer.
        """
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_ASK_S) as said:
            return str(said.read().decode())

    def stop(self) -> int:
        """Ask it to finish and wait; kill it when it does not. Returns its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        return int(self._process.returncode)

    def last_line(self) -> str:
        """The last line it wrote."""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:500] if lines else "nothing"


def environment(settings: Settings) -> dict[str, str]:
    """Environment variables from which `settings.load` makes the same settings."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        if item.name != "kafka" and value != item.default:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            variables[PREFIX + item.name.upper()] = text
    for key, text in settings.kafka.items():
        variables[f"{PREFIX}KAFKA__{key.upper().replace('.', '_')}"] = text
    # The child finds the package where this process found it, installed or not.
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [variables.get("PYTHONPATH")])]
    variables["PYTHONPATH"] = os.pathsep.join(paths)
    return variables
