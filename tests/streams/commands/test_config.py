"""`config check` refuses whatever would end a program at its start."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from streams.__main__ import main
from streams.errors import ExitCode
from streams.settings import PREFIX


@pytest.fixture(autouse=True)
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "HTTP_PORT", "0")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("0.0.0.0", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LOG_LEVEL", "INFOO", "log_level = 'INFOO': one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("HTTP_PORT", "65536", "http_port = 65536: at most 65535"),
        ("KAFKA__SASL_USERNAM", "me", 'kafka: No such configuration property: "sasl.usernam"'),
        ("KAFKA__FETCH_MAX_BYTES", "many", "kafka: Invalid value"),
        ("KAFKA__SECURITY_PROTOCOL", "tls", "kafka: Invalid value"),
        ("KAFKA__HEARTBEAT_INTERVAL_MS", "-1", "kafka: Configuration property"),
        ("KAFKA__SSL_CA_LOCATION", "/no/such", "ssl.ca.location"),
        ("SUPPRESSION_RULES", "/no/such.toml", "suppression_rules: /no/such.toml: "),
    ],
)
def test_what_would_end_a_worker_is_refused(
    name: str,
    value: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    if name == "KAFKA__SSL_CA_LOCATION":
        monkeypatch.setenv(PREFIX + "KAFKA__SECURITY_PROTOCOL", "ssl")
    assert main(["config", "check"]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("config: settings: ") and said in err
    assert len(err.splitlines()) == 1


def test_a_taken_port_is_refused_unless_it_is_the_programs_own(
    taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "HTTP_PORT", str(taken))
    assert main(["config", "check"]) == ExitCode.PORT_TAKEN
    assert f"http_port {taken} is taken" in capsys.readouterr().err
    assert main(["config", "check", "--running"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["http_port"] == taken


def test_connect_says_that_nobody_is_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "BOOTSTRAP_SERVERS", "127.0.0.1:1,no-such-host.invalid:9092")
    assert main(["config", "check", "--connect"]) == ExitCode.UNREACHABLE
    first, second = capsys.readouterr().err.splitlines()
    assert first == "config: 127.0.0.1:1: nobody listens there (Connection refused)"
    assert second.startswith("config: no-such-host.invalid:9092: the name does not resolve")
