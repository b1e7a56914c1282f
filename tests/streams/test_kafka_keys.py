"""Settings as people see them: nothing secret in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer

from streams.__main__ import main
from streams.kafka_keys import SHOWN_KAFKA_KEYS
from streams.settings import Settings, redacted

_SECRET = "hush-hush"  # noqa: S105  # of nobody
_ANY_TEXT = ("sasl.username", "sasl.password", "sasl.mechanism", "security.protocol", "linger.ms")
_SECRETS = (
    "sasl.password sasl.username sasl.jaas.config ssl.key.password ssl.key.pem ssl.ca.pem "
    "ssl.certificate.pem ssl.keystore.password sasl.oauthbearer.client.secret "
    "sasl.oauthbearer.config sasl.oauthbearer.assertion.private.key.pem "
    "sasl.oauthbearer.assertion.private.key.passphrase sasl.kerberos.kinit.cmd "
    "ssl.engine.location no.such.key"
).split()


def test_no_secret_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kafka = dict.fromkeys(_SECRETS, _SECRET) | {
        "security.protocol": "sasl_ssl",
        "linger.ms": "7",
        "sasl.mechanism": "PLAIN",
    }
    settings = Settings(kafka=kafka, erasure_key=_SECRET)
    assert _SECRET not in repr(settings)
    shown = redacted(settings)
    assert _SECRET not in str(shown)
    assert shown["kafka"] == dict.fromkeys(_SECRETS, "***") | {
        "security.protocol": "sasl_ssl",
        "linger.ms": "7",
        "sasl.mechanism": "PLAIN",
    }
    assert shown["erasure_key"] == "***"
    assert redacted(Settings())["erasure_key"] == ""  # that there is none is no secret
    lines = [f"erasure_key = {_SECRET!r}", "[kafka]"]
    # Of the secrets those that may be any text: `config check` has the client try them all out.
    taken = {key: value for key, value in kafka.items() if key in _ANY_TEXT}
    shown["kafka"] = {key: value for key, value in shown["kafka"].items() if key in taken}
    lines += [f"{key!r} = {value!r}" for key, value in taken.items()]
    path = tmp_path / "settings.toml"
    path.write_text("\n".join(lines))
    assert main(["config", "check", "--config", str(path)]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == json.loads(json.dumps(shown))
    assert _SECRET not in printed.err


@pytest.mark.parametrize("key", sorted(SHOWN_KAFKA_KEYS))
def test_what_is_shown_is_a_key_of_the_client(key: str) -> None:
    try:
        Producer({key: "x"})
    except KafkaException as error:
        assert "No such configuration property" not in error.args[0].str()
