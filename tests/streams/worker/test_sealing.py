"""What a dead letter may not show is sealed for one key, and opens whole, in its own letter."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from features.records.dead_letter import DeadLetter
from features.vocabulary import Refusal
from streams.__main__ import main
from streams.contract.headers import dead_letter_headers, parse_dead_letter
from streams.contract.topics import DEAD_LETTERS
from streams.errors import UsageError
from streams.kafka.limits import size
from streams.settings import Settings, SettingsError
from streams.worker.dead_letters import withheld
from streams.worker.sealing import MOST, PAD, Opener, Seal, SealError, read_private, seal_of
from tests.simulation import inputs
from tests.support.small_worker import NETWORK_TOPIC, event, fed, put, start, steps

PRIVATE, OTHER = X25519PrivateKey.generate(), X25519PrivateKey.generate()
LETTER = DeadLetter(Refusal.IDENTIFIER, "account_id", "said", "network-usage", 3, 1024,
                    b"491701234567", b'{"account_id":"491701234567"}')  # fmt: skip
SECRET = b"a secret"
parts = st.one_of(st.none(), st.binary(max_size=600))


def public_pem(private: X25519PrivateKey | Ed25519PrivateKey) -> str:
    public = private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(
    private: X25519PrivateKey | Ed25519PrivateKey,
    encryption: KeySerializationEncryption | None = None,
) -> bytes:
    how = encryption or NoEncryption()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


def sealed(letter: DeadLetter, most: int = 1_000_000) -> DeadLetter:
    """A letter as a reader of the topic has it."""
    kept = Seal(PRIVATE.public_key()).added(withheld(letter, SECRET), letter, most)
    return parse_dead_letter(dead_letter_headers(kept))


@given(parts, parts)
def test_who_has_the_key_reads_what_came(key: bytes | None, value: bytes | None) -> None:
    letter = replace(LETTER, key=key, value=value)
    read = sealed(letter)
    assert not read.whole and read.value is None
    assert Opener(PRIVATE).opened(read) == letter
    box = b64decode(read.sealed)
    assert not any(part in box for part in (key, value) if part and len(part) > 4)
    same = sealed(replace(letter, key=None if key is None else key[: len(key) // 2]))
    padded = -(-(8 + len(key or b"") + len(value or b"")) // PAD) * PAD
    assert len(box) == 4 + 32 + padded + 16 and len(box) - len(b64decode(same.sealed)) in (
        0,
        PAD,
        2 * PAD,
    )


@given(st.data())
def test_a_box_that_was_cut_changed_or_moved_is_refused(data: st.DataObject) -> None:
    read = sealed(LETTER)
    box = b64decode(read.sealed)
    cut = box[: data.draw(st.integers(0, len(box) - 1))]
    at = data.draw(st.integers(0, len(box) - 1))
    flipped = box[:at] + bytes([box[at] ^ data.draw(st.integers(1, 255))]) + box[at + 1 :]
    junk = data.draw(st.binary(max_size=100))
    for bad in (b64encode(cut), b64encode(flipped), read.sealed[: at + 1], junk, junk + box):
        with pytest.raises(SealError):
            Opener(PRIVATE).opened(replace(read, sealed=bad))
    elsewhere = replace(read, topic="tv-viewing"), replace(read, partition=2)
    for moved in (*elsewhere, replace(read, offset=1025)):
        with pytest.raises(SealError, match="not of this letter"):
            Opener(PRIVATE).opened(moved)


def test_another_key_is_told_by_its_name() -> None:
    read, opener = sealed(LETTER), Opener(OTHER)
    with pytest.raises(SealError, match=f"^sealed for the key {Opener(PRIVATE).name}, and this"):
        opener.opened(read)


def test_boxes_are_bounded_by_the_topic_and_by_commit() -> None:
    kept = withheld(LETTER, SECRET)
    fits = size(kept.key, None, dead_letter_headers(replace(kept, sealed=sealed(LETTER).sealed)))
    assert sealed(LETTER, fits).sealed and not sealed(LETTER, fits - 1).sealed
    cut = replace(kept, value=LETTER.value)  # only a part of the record
    seal = Seal(PRIVATE.public_key())
    assert not seal.added(kept, cut, fits).sealed
    for _ in range(2):
        seal.begin()
        done = [bool(seal.added(kept, LETTER, fits).sealed) for _ in range(MOST + 2)]
        assert done == [True] * MOST + [False] * 2


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("on", [True, False])
def test_a_worker_seals_what_it_withholds_and_nothing_else(
    on: bool, caplog: pytest.LogCaptureFixture
) -> None:
    broker, at = fed(1), inputs.START_MS + 10**6
    number = event("a", at).replace(b'"account_id": "a"', b'"account_id": "491701234567"')
    raws = [number, event("a", at + 1).replace(b"mobile", b"pigeon")]
    stranger = event("stranger", at + 2).replace(b"mobile", b"pigeon")
    for raw in raws:
        put(broker, NETWORK_TOPIC, "a", raw)
    put(broker, NETWORK_TOPIC, "stranger", stranger)
    with caplog.at_level("DEBUG"):
        key = public_pem(PRIVATE) if on else ""
        steps(12, start(broker, dead_letter_key=key))
    found = [e for txn in broker.commits for spot, e in txn.written if spot[0] == DEAD_LETTERS]
    letters = [replace(parse_dead_letter(e.headers), key=e.key, value=e.value) for e in found]
    assert [letter.value for letter in letters] == [None, raws[1], None]
    assert [bool(letter.sealed) for letter in letters] == [on, False, on]
    if on:
        opened = [Opener(PRIVATE).opened(letter) for letter in letters if letter.sealed]
        assert [(o.key, o.value) for o in opened] == [(b"a", number), (b"stranger", stranger)]
    assert "491701234567" not in caplog.text


def test_a_bad_key_is_told_by_its_field_and_never_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    private = private_pem(PRIVATE).decode()
    for bad in ("x", private, public_pem(Ed25519PrivateKey.generate()), public_pem(PRIVATE)[:60]):
        with pytest.raises(
            SettingsError, match="^dead_letter_key: not a public key of X25519"
        ) as e:
            seal_of(Settings(dead_letter_key=bad))
        assert bad.splitlines()[-1] not in str(e.value) or bad == "x"
        (tmp_path / "key.pem").write_text(bad)
        monkeypatch.setenv("INTEREST_STREAMS_DEAD_LETTER_KEY_FILE", str(tmp_path / "key.pem"))
        monkeypatch.setenv("INTEREST_STREAMS_HTTP_PORT", "0")
        assert main(["config", "check"]) == 2
        told = capsys.readouterr()
        assert "settings: dead_letter_key: " in told.err and private.splitlines()[1] not in told.err
    (tmp_path / "key.pem").write_text(public_pem(PRIVATE))
    assert main(["config", "check"]) == 0
    assert seal_of(Settings()) is None


def test_a_private_key_that_is_none_is_refused_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "repair.pem"
    for bad, why in (
        (public_pem(PRIVATE).encode(), "not a private key of X25519"),
        (private_pem(Ed25519PrivateKey.generate()), "not a private key of X25519"),
        (private_pem(PRIVATE, BestAvailableEncryption(b"word")), "under a passphrase"),
        (b"", "not a private key of X25519"),
    ):
        path.write_bytes(bad)
        with pytest.raises(UsageError, match=f"^{path}: .*{why}"):
            read_private(path)
    path.write_bytes(private_pem(PRIVATE))
    assert read_private(path).opened(sealed(LETTER)) == LETTER
