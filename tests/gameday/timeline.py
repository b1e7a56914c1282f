"""What happened when: steps, and each change of an alert, printed as it comes."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from tests.support.prometheus import Alertmanager, Prometheus

_LOOK_S = 0.5


class Moment(NamedTuple):
    """A line of the timeline: seconds since the beginning, who, and what became of it."""

    at: float
    who: str
    what: str


class Timeline:
    """Looks twice a second at the alerts, and keeps what changed.

    An alert is *pending* where Prometheus sees its condition and waits for its time, *firing* once
    Alertmanager would call somebody, and *resolved* when it would no more. Without an Alertmanager
    it is Prometheus that says what fires.
    """

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self._started = time.monotonic()
        self._states: dict[str, str] = {}
        self._stopped = threading.Event()

    def start(self, prometheus: Prometheus, manager: Alertmanager | None) -> None:
        """Begin to look."""
        words = (prometheus, manager)
        threading.Thread(target=self._look, args=words, name="timeline", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def note(self, who: str, what: str) -> None:
        """Add a line."""
        moment = Moment(time.monotonic() - self._started, who, what)
        self.moments.append(moment)
        print(f"{moment.at:7.1f} s  {who:34} {what}", flush=True)

    def fired(self, since: int) -> set[str]:
        """Alerts that came to fire after so many moments, or fire now."""
        came = {moment.who for moment in self.moments[since:] if moment.what == "firing"}
        return came | {name for name, state in self._states.items() if state == "firing"}

    def unrest(self) -> set[str]:
        """Alerts that fire or are about to."""
        return set(self._states)

    def _look(self, prometheus: Prometheus, manager: Alertmanager | None) -> None:
        while not self._stopped.wait(_LOOK_S):
            try:
                states = prometheus.states()
                if manager is not None:
                    called = manager.active()
                    states = {name: "pending" for name in states if name not in called}
                    states |= dict.fromkeys(called, "firing")
            except OSError:  # it is stopped at the end
                continue
            before, self._states = self._states, states
            for name in sorted(before.keys() | states.keys()):
                now = states.get(name, "resolved" if before.get(name) == "firing" else "")
                if now and now != before.get(name):
                    self.note(name, now)
