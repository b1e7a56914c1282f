"""State that was exported comes back where there is none, once, whatever interrupts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from features.state.changelog_keys import META, Meta
from streams.__main__ import main
from streams.commands import accounting
from streams.contract.topics import BY_NAME, NETWORK, OFFERS, PROFILES, STATE
from streams.kafka.compacted import CompactedTopic
from streams.settings import Settings
from tests.conftest import Names
from tests.support.failing import Killed, killed
from tests.support.live_worker import consented, live, running, settled
from tests.support.new_topics import create, delete
from tests.support.open_transactions import await_markers

pytestmark = [pytest.mark.usefixtures("calm"), pytest.mark.kafka]

Command = Callable[..., int]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command under settings."""

    def run(settings: Settings, *words: str) -> int:
        for name in ("topic_prefix", "group_id", "replication", "instance_id"):
            monkeypatch.setenv(f"INTEREST_STREAMS_{name.upper()}", str(getattr(settings, name)))
        return main([*words, "--bootstrap", settings.bootstrap_servers])

    return run


def _latest(settings: Settings, name: str) -> dict[tuple[bytes, int], bytes]:
    await_markers(settings, [name])  # of a command's last commit
    topic = CompactedTopic(settings.bootstrap_servers, settings.topic(name))
    found = topic.latest(lambda key: True)
    topic.close()
    return found


def _all(settings: Settings) -> list[dict[tuple[bytes, int], bytes]]:
    return [_latest(settings, name) for name in (STATE, PROFILES, OFFERS)]


def _remade(settings: Settings, name: str) -> None:
    """Delete a topic and create it again, empty."""
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    full = settings.topic(name)
    delete(admin, full)
    create(admin, NewTopic(full, 2, 1, config=dict(BY_NAME[name].config)))


def test_killed_around_every_commit_an_import_brings_all_back_once(
    kafka: str,
    names: Names,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = live(kafka, names.prefix)
    worker = running(settings)
    (tmp_path / "key").write_text("5e" * 32)
    file = ["--file", str(tmp_path / "state"), "--key", str(tmp_path / "key")]
    assert command(settings, "state", "export", *file) == 2
    assert "has 1 members: stop every worker first" in capsys.readouterr().err
    settled(worker, settings)
    before = _all(settings)
    assert all(before)
    assert command(settings, "state", "export", *file) == 0
    consented(settings, events=2)  # nobody has read these, nor will a reset forget them
    assert command(settings, "state", "import", *file) == 2
    assert "has records: an import is for a group without state" in capsys.readouterr().err
    assert command(settings, "state", "reset", "--yes") == 0
    assert not any(_all(settings))

    kills = 0
    for strike in range(20):
        try:
            with killed(monkeypatch, strike % 2, before=strike % 3 == 0):
                assert command(settings, "state", "import", *file, "--profiles") == 0
            break
        except Killed:
            kills += 1
    assert kills >= 2
    after = _all(settings)
    for was, now in zip(before, after, strict=True):
        assert now.keys() == was.keys()
        assert all(now[spot] == was[spot] for spot in was if spot[0] != META)
    for spot, value in before[0].items():
        if spot[0] == META:
            meta, then = Meta.from_bytes(after[0][spot]), Meta.from_bytes(value)
            assert then.owner is not None
            assert meta == replace(then, owner=replace(then.owner, swept=False))

    settled(running(settings), settings)
    account = accounting.read(settings)
    assert account.balanced and sum(account.behind.values()) == 0
    assert command(settings, "state", "import", *file, "--profiles") == 0, "and again: nothing"
    assert "0 records in 0 partitions" in capsys.readouterr().out


def test_what_it_is_not_for_is_refused_by_name(
    kafka: str,
    names: Names,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = live(kafka, names.prefix)
    assert command(settings, "state", "export", "--file", str(tmp_path / "none")) == 2
    assert "has no state" in capsys.readouterr().err
    settled(running(settings), settings)
    words = ["state", "import", "--file", str(tmp_path / "state")]
    assert command(settings, "state", "export", *words[2:]) == 0
    assert command(settings, "state", "reset", "--yes") == 0

    other = replace(settings, group_id=settings.topic_prefix + "green")
    assert command(other, *words) == 2
    assert f"group {settings.group}, and these settings are of group" in capsys.readouterr().err
    monkeypatch.setenv("INTEREST_STREAMS_HALF_LIVES_DAYS", "1,7,30")
    assert command(settings, *words) == 2
    assert "was written with half_lives = [1.0, 7.0, 60.0]" in capsys.readouterr().err
    monkeypatch.delenv("INTEREST_STREAMS_HALF_LIVES_DAYS")

    _remade(settings, NETWORK)
    assert command(settings, *words) == 2
    assert f"{settings.topic(NETWORK)}: not the topics of the export" in capsys.readouterr().err
    assert command(settings, *words, "--anew") == 0
    consented(settings, events=2)
    settled(running(settings), settings)
    assert accounting.read(settings).balanced
    published, offered = (_latest(settings, name).keys() for name in (PROFILES, OFFERS))
    assert published == offered and len(offered) == 8, "nothing stood, so all was written"
