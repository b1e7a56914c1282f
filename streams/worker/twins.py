"""Lets the second of two workers with one name leave, before they fence each other for ever.

A name is a transactional id, and a new producer under it fences the former one. That is right where
the former process is dead; two that live, by a copied environment, would take turns. A member of
the group that calls itself like this worker and outlives the session's time-out is such a twin.
Only a coordinator that is there, of a group that is stable, counts that time: after a restart it
gives every member a session anew, and in a rebalance it keeps those that asked to join, dead or
not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import MemberDescription

from streams.errors import KafkaFailed, Twin
from streams.kafka import clients
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings
from streams.worker import binding

_LOG = logging.getLogger(__name__)
_LOOK_S = 0.5
_EVERY_S = 5.0
_GRACE_S = 5.0  # beyond the session's time-out, for the coordinator to act


class Twins:
    """Looks for members of the group that call themselves like this worker.

    Parameters
    ----------
    seen : callable
        Called with the client ids of all members at each look.
    """

    def __init__(
        self,
        settings: Settings,
        ports: Ports = REAL,
        seen: Callable[[list[str]], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._ports = ports
        self._name = clients.client_id(settings)
        self._longest = settings.session_timeout_ms / 1000.0 + _GRACE_S
        self._seen = seen
        self._since: dict[str, float] = {}  # when a member was met first, and the group was stable
        self._stable = False
        self._looked = 0.0

    def wait(self, asked: Callable[[], bool]) -> None:
        """Wait at the start until a former process of this name has left the group.

        The group would wait for it as well, so this takes no longer than joining at once.

        Parameters
        ----------
        asked : callable
            Whether to stop.

        Raises
        ------
        Twin
            Where one goes on living.
        """
        while not asked():
            now = self._ports.monotonic()
            others = self._others("", now)
            if not others:
                return
            for member in others:
                self._judge(member, now)
            self._ports.sleep(_LOOK_S)

    def look(self, own_id: str) -> None:
        """Leave, now and then, where one of two has to: the one whose member id is greater.

        Raises
        ------
        Twin
        """
        now = self._ports.monotonic()
        if not own_id or now - self._looked < _EVERY_S:
            return
        self._looked = now
        for member in self._others(own_id, now):
            if own_id > member.member_id:
                self._judge(member, now)

    def _others(self, own_id: str, now: float) -> list[MemberDescription]:
        try:
            group = binding.group_now(self._settings, self._ports)
        except KafkaFailed as error:
            _LOG.debug("%s", error)
            self._stable = False
            return []
        self._seen([member.client_id for member in group.members])
        found = [
            member
            for member in group.members
            if member.client_id == self._name and member.member_id != own_id
        ]
        stable = group.state == ConsumerGroupState.STABLE
        if not (stable and self._stable):
            self._since = {}
        self._stable = stable
        self._since = {m.member_id: self._since.get(m.member_id, now) for m in found}
        return found

    def _judge(self, member: MemberDescription, now: float) -> None:
        if now - self._since[member.member_id] > self._longest:
            raise Twin(
                f"another worker at {member.host} has the name {self._settings.instance!r} in "
                f"group {self._settings.group}, and is alive: they would fence each other for "
                "ever. This one leaves; give it an instance_id of its own"
            )
