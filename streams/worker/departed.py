"""Ends transactions that workers left open which are gone from the group.

A worker that was killed amid a commit leaves a transaction behind. Until it has an end nobody can
read the group's offsets in it, nor the changelog behind it; and the broker gives it up only after
``transaction_timeout_ms``, at its next look. A producer of the same transactional id ends it at
once. That is as safe as a worker's own restart: whoever had the name is fenced, and was no member
of the group any more; where it lives after all, it begins anew from the last commit.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from confluent_kafka import KafkaException

from streams.errors import KafkaFailed
from streams.kafka import clients
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings
from streams.worker import binding

log = logging.getLogger(__name__)
_AGAIN_S = 1.0  # between two looks at the group
_ANSWER_S = 5.0  # of a coordinator that is asked to end a transaction
_MOST_S = 5.0  # of one call, which several that are gone may take turns in
#: Beyond its time-out the broker has ended a transaction at its next look, every ten seconds.
_ENDED_S = 30.0


class Departed:
    """Remembers who worked in the group, and ends what those left who are gone."""

    def __init__(self, settings: Settings, ports: Ports = REAL) -> None:
        self._settings = settings
        self._ports = ports
        self._prefix = clients.client_id(settings, "")
        self._seen: dict[str, float] = {}  # monotonic seconds by name
        self._longest = settings.transaction_timeout_ms / 1000.0 + _ENDED_S
        self._looked = -_AGAIN_S

    def note(self, client_ids: Iterable[str]) -> None:
        """Remember members of the group by their client ids."""
        now = self._ports.monotonic()
        self._seen = {name: at for name, at in self._seen.items() if now - at < self._longest}
        self._seen |= dict.fromkeys(self._workers(client_ids), now)

    def end(self) -> None:
        """End what members left open that are gone. Never fails: what is left, the broker ends."""
        now = self._ports.monotonic()
        if now - self._looked < _AGAIN_S:
            return
        self._looked = now
        try:
            members = binding.members(self._settings, self._ports)
        except KafkaFailed as error:
            log.debug("%s", error)
            return
        here = [member.client_id for member in members]
        self.note(here)
        for name in sorted(self._seen.keys() - self._workers(here)):
            if self._ports.monotonic() - now > _MOST_S:
                break
            del self._seen[name]
            self._end(name)

    def _end(self, name: str) -> None:
        theirs = replace(self._settings, instance_id=name)
        try:
            clients.producer("worker", theirs, self._ports).init_transactions(_ANSWER_S)
        except KafkaException as error:
            log.warning("what %s left open could not be ended: %s", name, error)
        else:
            log.warning("ended what %s left open when it went", name)

    def _workers(self, client_ids: Iterable[str]) -> set[str]:
        """Names of other workers."""
        prefix = self._prefix
        named = {name.removeprefix(prefix) for name in client_ids if name.startswith(prefix)}
        return named - {self._settings.instance, ""}
