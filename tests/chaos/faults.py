"""The faults: each strikes, lasts, and is over when its function returns."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

from streams.contract.topics import STATE
from streams.errors import ExitCode
from tests.chaos import leaders, losses, masses, poison
from tests.chaos.cluster import Cluster
from tests.chaos.proxy import Weather

DISK_FULL = "disk full"
_TWIN_S = 90.0  # a start, and the session after which a name's former owner would be gone

Fault = Callable[[Cluster, random.Random], None]


def kill(cluster: Cluster, rng: random.Random) -> None:
    """A worker is killed and started again."""
    slot = rng.choice(cluster.owners())
    cluster.workers[slot].kill()
    time.sleep(rng.uniform(0.0, 2.0))
    cluster.tend()


def terminate(cluster: Cluster, rng: random.Random) -> None:
    """A worker is asked to stop, and another takes its name."""
    slot = rng.choice(cluster.owners())
    cluster.stop(slot)
    cluster.start(slot)


def zombie(cluster: Cluster, rng: random.Random) -> None:
    """A worker stands still until the group has moved on, then goes on as if nothing was."""
    slot = rng.choice(cluster.owners())
    cluster.workers[slot].signal(signal.SIGSTOP)
    _pass(cluster, cluster.settings.session_timeout_ms / 1000.0 + rng.uniform(2.0, 5.0))
    cluster.workers[slot].signal(signal.SIGCONT)


def stall(cluster: Cluster, rng: random.Random) -> None:
    """A worker stands still for less than its session."""
    slot = rng.choice(cluster.owners())
    cluster.workers[slot].signal(signal.SIGSTOP)
    _pass(cluster, rng.uniform(1.0, cluster.settings.session_timeout_ms / 1000.0 - 1.0))
    cluster.workers[slot].signal(signal.SIGCONT)


def join_or_leave(cluster: Cluster, rng: random.Random) -> None:
    """A further worker joins; if it is there, it leaves."""
    last = len(cluster.networks) - 1
    if last in cluster.wanted:
        cluster.stop(last)
    else:
        cluster.start(last)
        _pass(cluster, 5.0)


def cold_start(cluster: Cluster, rng: random.Random) -> None:
    """All workers are killed and start at once."""
    for slot in cluster.up():
        cluster.workers[slot].kill()
    cluster.tend()


def broker_restart(cluster: Cluster, rng: random.Random) -> None:
    """The broker stops in order, stays away and comes back."""
    cluster.broker.stop()
    _pass(cluster, rng.uniform(0.0, 4.0))
    cluster.broker.start()


def broker_kill(cluster: Cluster, rng: random.Random) -> None:
    """The broker is killed and comes back."""
    cluster.broker.kill()
    _pass(cluster, rng.uniform(0.0, 4.0))
    cluster.broker.start()


def unreachable(cluster: Cluster, rng: random.Random) -> None:
    """Nobody reaches the broker for longer than a transaction may take."""
    cluster.weather(Weather(cut=True))
    _pass(cluster, _beyond_transaction(cluster, rng))
    cluster.weather()


def network_held(cluster: Cluster, rng: random.Random) -> None:
    """One worker's packets get stuck for longer than a transaction, then all arrive."""
    slot = rng.choice(cluster.owners())
    cluster.weather(Weather(held=True), slot)
    _pass(cluster, _beyond_transaction(cluster, rng))
    cluster.weather()


def ends_held(cluster: Cluster, rng: random.Random) -> None:
    """A worker's EndTxn requests are held beyond its deadline, then delivered late."""
    slot = rng.choice(cluster.owners())
    cluster.weather(Weather(hold_ends=True), slot)
    _pass(cluster, cluster.settings.call_deadline_ms / 1000.0 + rng.uniform(0.5, 5.0))
    cluster.weather()


def answers_lost(cluster: Cluster, rng: random.Random) -> None:
    """A worker's EndTxn requests arrive, their answers don't: committed, but it can't know."""
    slot = rng.choice(cluster.owners())
    cluster.weather(Weather(hold_answers=True), slot)
    _pass(cluster, cluster.settings.call_deadline_ms / 1000.0 + rng.uniform(0.5, 5.0))
    cluster.weather()


def end_resent(cluster: Cluster, rng: random.Random) -> None:
    """A worker's connection ends amid a commit; its EndTxn arrives all the same, but much later."""
    network = cluster.networks[rng.choice(cluster.owners())]
    network.keep_next_end(hang_up=True)
    _pass(cluster, rng.uniform(2.0, 5.0))
    network.deliver_end()


def slow(cluster: Cluster, rng: random.Random) -> None:
    """What a worker writes trickles, as to a slow disk, until its queue is full."""
    slot = rng.choice(cluster.owners())
    cluster.weather(Weather(bytes_per_s=rng.choice((4_000.0, 20_000.0)), delay_s=0.05), slot)
    _pass(cluster, rng.uniform(5.0, 12.0))
    cluster.weather()


def clock_jump(cluster: Cluster, rng: random.Random) -> None:
    """The workers' wall clocks jump by up to a day."""
    cluster.pace(clock_off_s=rng.uniform(-86_400.0, 86_400.0))
    _pass(cluster, 2.0)


def broker_stalled(cluster: Cluster, rng: random.Random) -> None:
    """The broker stands still for longer than a transaction may take; connections stay."""
    cluster.broker.pause()
    _pass(cluster, _beyond_transaction(cluster, rng))
    cluster.broker.resume()


def far_away(cluster: Cluster, rng: random.Random) -> None:
    """Every packet of every worker takes its time, there and back."""
    cluster.weather(Weather(delay_s=rng.uniform(0.1, 0.4)))
    _pass(cluster, rng.uniform(5.0, 10.0))
    cluster.weather()


def twin(cluster: Cluster, rng: random.Random) -> None:
    """A second process takes a worker's name: it leaves by itself, the first goes on."""
    slot = rng.choice(cluster.owners())
    with cluster.process(slot, cluster.root / f"twin-{slot}.log") as second:
        cluster.wait_for(lambda: not second.running, _TWIN_S)
        if second.exit_code() != ExitCode.TWIN:
            cluster.fatal.append(f"a twin of w{slot} ended with {second.exit_code()}")


def compacted(cluster: Cluster, rng: random.Random) -> None:
    """The changelog is compacted in small segments while it is written, then all restore it."""
    keys = {"segment.ms": "1000", "min.cleanable.dirty.ratio": "0.01"}
    cluster.configure([STATE], keys)
    _pass(cluster, rng.uniform(5.0, 10.0))
    cold_start(cluster, rng)
    cluster.configure([STATE], dict.fromkeys(keys))


def disk_full(cluster: Cluster, rng: random.Random) -> None:
    """The disk of half of a broker takes no more; given room, that broker starts again."""
    cluster.disk.fill()
    _pass(cluster, rng.uniform(5.0, 12.0))
    cluster.disk.empty()
    server = cluster.broker.servers[0]
    server.kill()
    server.start()


#: By name; a recovery is measured from the strike where the fault is a worker's, from the end of
#: the fault where the broker was out of reach.
FAULTS: dict[str, Fault] = {
    "kill -9": kill,
    "SIGTERM": terminate,
    "zombie": zombie,
    "short stall": stall,
    "join or leave": join_or_leave,
    "cold start": cold_start,
    "broker restart": broker_restart,
    "broker kill -9": broker_kill,
    "unreachable": unreachable,
    "network held": network_held,
    "EndTxn held": ends_held,
    "EndTxn answer lost": answers_lost,
    "EndTxn resent": end_resent,
    "slow output": slow,
    "clock jump": clock_jump,
    "poison record": poison.poison,
    "compressed giants": poison.giants,
    "bad account": poison.bad_account,
    "small limit": poison.small_limit,
    "stranger in the group": poison.stranger,
    "broker stalled": broker_stalled,
    "far away": far_away,
    "twin": twin,
    "changelog compacted": compacted,
    "mass expiry": masses.mass_expiry,
    "mass withdrawal": masses.mass_withdrawal,
    "giant account": masses.giant_account,
    "fast clock": masses.fast_clock,
    "aborted input": masses.aborted_input,
    "hanging input": masses.hanging_input,
    DISK_FULL: disk_full,
    **losses.LOSSES,
    **leaders.OF_THREE,
}
FROM_STRIKE = frozenset(
    {
        "kill -9",
        "SIGTERM",
        "zombie",
        "short stall",
        "join or leave",
        "cold start",
        "clock jump",
        "poison record",
        "compressed giants",
        "bad account",
        "twin",
        "mass expiry",
        "mass withdrawal",
        "giant account",
        "fast clock",
        "aborted input",
        "hanging input",
    }
)


def _beyond_transaction(cluster: Cluster, rng: random.Random) -> float:
    return cluster.settings.transaction_timeout_ms / 1000.0 + rng.uniform(1.0, 4.0)


def _pass(cluster: Cluster, seconds: float) -> None:
    """Let time pass; what gives up meanwhile is started again."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        cluster.tend()
        time.sleep(0.1)
