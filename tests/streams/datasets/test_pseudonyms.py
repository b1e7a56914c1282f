"""Pseudonyms: stable under a key, nothing without it; the key's file is looked after."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.records.fields import read
from features.records.inputs import ACCOUNT
from features.records.pseudonyms import pseudonyms
from streams.commands.replay import pseudonymised
from streams.contract.record import Record
from streams.datasets.pseudonyms import KeyFileError, Pseudonymiser

KEY = b"0123456789abcdef0123456789abcdef"
REAL = ("+49 170 1234567", "262011234567890", "anna@example.org", "DE89370400440532013000")


def test_real_identifiers_become_pseudonyms_that_are_taken() -> None:
    one, other = Pseudonymiser(KEY), Pseudonymiser(KEY[::-1])
    for identifier in REAL:
        name = one.of("account", identifier)
        assert read({"account_id": name}, ACCOUNT, pseudonyms().accepts) == name
        assert name == one.of("account", identifier.upper().replace(" ", "  "))
        assert name not in (one.of("device", identifier), other.of("account", identifier))
    assert len({one.of("account", str(n)) for n in range(5_000)}) == 5_000


def test_the_inlet_takes_them_whatever_the_hash() -> None:
    """Shapes of persons' numbers are refused; no pseudonym may look like one by chance."""
    names = Pseudonymiser(KEY)
    for number in range(20_000):
        read({"account_id": names.of("device", str(number))}, ACCOUNT, pseudonyms().accepts)


def test_a_key_file_that_won_t_do_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "pseudonym.key"
    with pytest.raises(KeyFileError, match="pseudonym.key: No such file"):
        Pseudonymiser.from_file(path)
    path.write_bytes(KEY + b"\n")
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="others may read it"):
        Pseudonymiser.from_file(path)
    path.chmod(0o600)
    assert Pseudonymiser.from_file(path).of("account", "x") == Pseudonymiser(KEY).of("account", "x")
    path.write_bytes(b"short")
    with pytest.raises(KeyFileError, match="5 bytes, at least 32"):
        Pseudonymiser.from_file(path)


def test_a_replay_names_nobody() -> None:
    names = Pseudonymiser(KEY)
    value = {
        "account_id": REAL[0],
        "member_id": "7654321",
        "device_id": REAL[1],
        "host": "bbc.co.uk",
    }
    records = [Record(1, "network-usage", REAL[0], value), Record(2, "catalogue", "host:x.y", {})]
    event, catalogue = pseudonymised(records, names)
    assert catalogue == records[1]
    assert isinstance(event.value, dict) and event.key == event.value["account_id"]
    assert event.value["host"] == "bbc.co.uk"
    assert not [real for real in (*REAL, "7654321") if real in repr(event)]
