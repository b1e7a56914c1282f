"""The keyed hash against what its authors published and what CPython computes."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.records.sip_kernel import event_key_of, hash_key, siphash, witness_of, words_of

_KEY = bytes(range(16))
# Aumasson and Bernstein, reference implementation, vectors.h: SipHash-2-4 of 00, 00 01, ...
_PUBLISHED = [
    "310e0edd47db6f72", "fd67dc93c539f874", "5a4fa9d909806c0d", "2d7efbd796666785",
    "b7877127e09427cf", "8da699cd64557618", "cee3fe586e46c9cb", "37d1018bf50002ab",
    "6224939a79f5f593", "b0e4a90bdf82009e", "f3b9dd94c5bb5d7a", "a7ad6b22462fb3f4",
    "fbe50e86bc8f1e75", "903d84c02756ea14", "eef27a8e90ca23f7", "e545be4961ca29a1",
]  # fmt: skip


def _sip(text: bytes, key: bytes, rounds: int, last: int) -> int:
    first, second = (np.uint64(int.from_bytes(key[i : i + 8], "little")) for i in (0, 8))
    return int(siphash(words_of(text), len(text), first, second, rounds, last))


@pytest.mark.parametrize("n", range(len(_PUBLISHED)))
def test_the_published_vectors(n: int) -> None:
    assert _sip(bytes(range(n)), _KEY, 2, 4).to_bytes(8, "little").hex() == _PUBLISHED[n]


@pytest.mark.skipif(sys.hash_info.algorithm != "siphash13", reason="another hash in CPython")
def test_with_one_and_three_rounds_it_is_what_cpython_uses() -> None:
    texts = ["e" * n for n in range(1, 40)]
    code = "import json,sys; print(json.dumps([hash(t.encode()) for t in json.load(sys.stdin)]))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(texts),
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    ours = [_sip(text.encode(), bytes(16), 1, 3) for text in texts]
    assert [h % 2**64 for h in json.loads(done.stdout)] == ours


_ID = st.text("ab-1", min_size=1, max_size=20).map(str.encode)


@given(_ID, _ID, st.integers(1, 3), _ID, _ID, st.integers(1, 3))
def test_an_id_is_one_in_its_account_and_input(
    account: bytes, event_id: bytes, kind: int, account2: bytes, id2: bytes, kind2: int
) -> None:
    same = (account, event_id, kind) == (account2, id2, kind2)
    assert (event_key_of(account, event_id, kind) == event_key_of(account2, id2, kind2)) is same


@pytest.mark.parametrize("n", range(1, 18))
def test_where_the_account_ends_counts(n: int) -> None:
    """The texts behind each other are the same bytes in each case."""
    text = b"abcdefgh-1234567-abcdefgh"
    others = {event_key_of(text[:cut], text[cut:], 1) for cut in range(1, 18) if cut != n}
    assert event_key_of(text[:n], text[n:], 1) not in others


def test_another_secret_is_another_hash() -> None:
    found = {event_key_of(b"acc-1", b"e-1", 1, secret) for secret in (b"", b"a", b"b")}
    assert len(found) == 3
    assert len({hash_key(secret) for secret in (b"", b"a", b"b")}) == 3


# Pairs that meet under unkeyed FNV-1a, 64 bit, as published.
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"8yn0iYCKYHlIj4-BwPqk", b"GReLUrM4wMqfg9yzV3KQ"),
        (b"gMPflVXtwGDXbIhP73TX", b"LtHf1prlU1bCeYZEdqWf"),
        (b"7mohtcOFVz", b"c1E51sSEyx"),
        (b"6a5x-VbtXk", b"f_2k8GG-4v"),
    ],
)
def test_texts_made_to_meet_do_not(one: bytes, other: bytes) -> None:
    assert event_key_of(b"acc", one, 1) != event_key_of(b"acc", other, 1)
    assert event_key_of(one, b"e-1", 1) != event_key_of(other, b"e-1", 1)


def test_a_witness_says_little_of_an_account() -> None:
    found = {witness_of(b"acc-%d" % n, b"secret") for n in range(1_000)}
    assert max(found) < 2**16
    assert len(found) > 950
