"""An export is read as it was written, or refused: any byte that differs, any end that lacks."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.errors import UsageError
from streams.worker import state_file
from streams.worker.state_file import (
    StateFileError,
    StatePart,
    StoredRecord,
    opened_state,
    read_key,
    write_state,
)

METAS = {0: b'{"format":2}', 3: b"\xff"}
RECORDS = [
    StoredRecord(b"s/acc-%d" % n, bytes(range(n)), n, [("h", b"\x00")] * n) for n in range(3)
]
PARTS = [StatePart("interest-state", 0, RECORDS), StatePart("offers", 3, RECORDS[:1])]
KEYS = [None, bytes(range(32))]


def _written(path: Path, key: bytes | None) -> bytes:
    assert write_state(path, METAS, PARTS, key) == 4
    return path.read_bytes()


def _read(path: Path, key: bytes | None) -> tuple[dict[int, bytes], list[StatePart]]:
    with opened_state(path, key) as state:
        return state.metas, list(state.parts())


@pytest.mark.parametrize("key", KEYS, ids=["plain", "encrypted"])
def test_it_comes_back_as_it_was(
    key: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_file, "_PER_FRAME", 2)
    path = tmp_path / "state"
    content = _written(path, key)
    metas, parts = _read(path, key)
    assert metas == METAS
    assert [record for part in parts for record in part.records] == [*RECORDS, RECORDS[0]]
    assert [(part.topic, part.partition) for part in parts] == [
        ("interest-state", 0),
        ("interest-state", 0),
        ("offers", 3),
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    assert content.count(b"acc-") == 0  # compressed, at least
    with pytest.raises(UsageError, match="exists already"):
        write_state(path, METAS, PARTS, key)


@pytest.mark.parametrize("key", KEYS, ids=["plain", "encrypted"])
def test_what_differs_in_any_byte_is_refused_or_means_the_same(
    key: bytes | None, tmp_path: Path
) -> None:
    """The same: where the last frame, of which no other tells, has another bit of no meaning."""
    content = _written(tmp_path / "state", key)
    right, wrong = _read(tmp_path / "state", key), tmp_path / "wrong"
    for at in range(0, len(content), 3):
        for other in (content[:at], content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]):
            wrong.write_bytes(other)
            try:
                assert _read(wrong, key) == right and len(other) == len(content)
            except (StateFileError, UsageError) as error:
                assert str(wrong) in str(error)
    wrong.write_bytes(content + b"\0")
    with pytest.raises(StateFileError, match="not what was written"):
        _read(wrong, key)


def test_a_key_is_asked_for_and_must_be_that_one(tmp_path: Path) -> None:
    plain, sealed, name = tmp_path / "plain", tmp_path / "sealed", tmp_path / "key"
    name.write_text(secrets.token_hex(32) + "\n")
    key = read_key(name)
    _written(plain, None)
    _written(sealed, key)
    with pytest.raises(UsageError, match="is encrypted: give its --key"):
        _read(sealed, None)
    with pytest.raises(UsageError, match="is not encrypted"):
        _read(plain, key)
    with pytest.raises(StateFileError, match="another key"):
        _read(sealed, bytes(32))
    name.write_text("ab" * 31)
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        read_key(name)


def test_what_failed_leaves_no_file(tmp_path: Path) -> None:
    def parts() -> Iterator[StatePart]:
        yield PARTS[0]
        raise UsageError("a worker wrote")

    with pytest.raises(UsageError, match="a worker wrote"):
        write_state(tmp_path / "state", METAS, parts())
    assert not list(tmp_path.iterdir())
