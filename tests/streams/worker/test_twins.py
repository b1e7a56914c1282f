"""Two workers with one name: one says so and leaves, the other goes on."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from confluent_kafka import ConsumerGroupState

from streams.errors import ExitCode, KafkaFailed, Twin
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings
from streams.worker import binding, twins
from streams.worker.twins import Twins
from tests.conftest import Names
from tests.support.live_worker import live, running, settled, step_until

SETTINGS = Settings(instance_id="w1")
_LONGEST = twins._GRACE_S + SETTINGS.session_timeout_ms / 1000


class World:
    """A group's members, and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.members: list[tuple[str, str]] = []
        self.state, self.away = ConsumerGroupState.STABLE, False
        monkeypatch.setattr(binding, "group_now", self._group)
        self.ports = replace(REAL, monotonic=lambda: self.now, sleep=self._sleep)

    def _group(self, settings: Settings, ports: Ports) -> SimpleNamespace:
        if self.away:
            raise KafkaFailed("group")
        members = [
            SimpleNamespace(member_id=name, client_id=client, host="/10.0.0.7")
            for name, client in self.members
        ]
        return SimpleNamespace(members=members, state=self.state)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now > 108:
            self.members = [item for item in self.members if item[0] != "ghost"]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_dead_process_is_waited_for_and_a_living_one_is_named(world: World) -> None:
    world.members = [("a", "interest-streams/w2"), ("b", "other")]
    Twins(SETTINGS, world.ports).wait(lambda: False)
    assert world.now == 100.0
    world.members.append(("ghost", "interest-streams/w1"))
    Twins(SETTINGS, world.ports).wait(lambda: False)
    assert world.now < 110
    world.members.append(("alive", "interest-streams/w1"))
    with pytest.raises(Twin, match=r"at /10\.0\.0\.7 has the name 'w1' in group") as left:
        Twins(SETTINGS, world.ports).wait(lambda: False)
    assert left.value.code == ExitCode.TWIN
    Twins(SETTINGS, world.ports).wait(lambda: True)  # asked to stop meanwhile


def test_of_two_that_started_together_exactly_one_leaves(world: World) -> None:
    world.members = [("m-1", "interest-streams/w1"), ("m-2", "interest-streams/w1")]
    one, other = Twins(SETTINGS, world.ports), Twins(SETTINGS, world.ports)
    for _ in range(40):
        one.look("m-1")
        if world.now - 100 <= _LONGEST:
            other.look("m-2")
        world.now += 1.0
    with pytest.raises(Twin):
        other.look("m-2")


def test_a_broker_that_does_not_tell_stops_nobody(world: World) -> None:
    world.away = True
    Twins(SETTINGS, world.ports).wait(lambda: False)


@pytest.mark.parametrize("away", [True, False])
def test_only_the_time_of_a_stable_group_counts(world: World, away: bool) -> None:
    """A coordinator that is back gives dead members a session anew, and a rebalance keeps them."""
    world.members = [("m-1", "interest-streams/w1"), ("m-2", "interest-streams/w1")]
    twin = Twins(SETTINGS, world.ports)
    twin.look("m-2")
    for _ in range(10):
        world.now += _LONGEST
        world.away, world.state = away, ConsumerGroupState.PREPARING_REBALANCING
        twin.look("m-2")
    world.now += _LONGEST
    world.away, world.state = False, ConsumerGroupState.STABLE
    twin.look("m-2")
    world.now += _LONGEST
    twin.look("m-2")
    world.now += twins._EVERY_S
    with pytest.raises(Twin):
        twin.look("m-2")


@pytest.mark.kafka
@pytest.mark.usefixtures("calm")
def test_on_a_real_broker_the_second_leaves_and_the_first_goes_on(kafka: str, names: Names) -> None:
    settings = live(kafka, names.prefix)
    worker = running(settings)
    said: list[str] = []

    def second() -> None:
        try:
            Twins(settings).wait(lambda: False)
        except Twin as error:
            said.append(str(error))

    thread = threading.Thread(target=second)
    thread.start()
    step_until(worker, lambda: not thread.is_alive())
    assert said and "'w1'" in said[0] and "127.0.0.1" in said[0]
    Twins(settings).look(worker._membership.consumer.memberid() or "")
    settled(worker, settings)
    Twins(settings).wait(lambda: False)
