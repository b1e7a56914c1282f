"""Hashes texts of a blob under a key: SipHash, so that nobody without the key makes two meet.

SipHash-c-d (Aumasson and Bernstein, 2012) with its rounds as parameters; event ids use 1-3, which
CPython and Rust chose against flooding as well. A message is absorbed in words of eight bytes;
the last word has what is left of it and, in its highest byte, its length.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from features.jit import bare, inlined
from features.records.hash_kernel import finish, hash_text

#: Rounds for each word, and at the end, of the hashes of event ids.
WORD_ROUNDS, LAST_ROUNDS = 1, 3
_WORD: Final = 8
_ALL: Final = np.uint64(2**64 - 1)
_BITS: Final = np.uint64(8)
_TOP: Final = np.uint64(56)
_48: Final = np.uint64(48)
_FULL: Final = np.uint64(64)
_LAST: Final = np.uint64(0xFF)
_INIT_0, _INIT_1 = np.uint64(0x736F6D6570736575), np.uint64(0x646F72616E646F6D)
_INIT_2, _INIT_3 = np.uint64(0x6C7967656E657261), np.uint64(0x7465646279746573)
_13, _16, _17, _21, _32 = (np.uint64(n) for n in (13, 16, 17, 21, 32))

#: The four words of a hash under way.
State: TypeAlias = tuple[np.uint64, np.uint64, np.uint64, np.uint64]


@lru_cache(maxsize=16)
def hash_key(secret: bytes) -> tuple[np.uint64, np.uint64]:
    """The two words of a deployment's key; of no secret, those that everybody knows."""
    first = hmac.digest(secret, b"event ids\0", hashlib.sha256)
    return np.uint64(int.from_bytes(first[:8], "little")), np.uint64(
        int.from_bytes(first[8:16], "little")
    )


@inlined
def _turned(word: np.uint64, by: np.uint64) -> np.uint64:
    return (word << by) | (word >> (_FULL - by))


@inlined
def _rounds(state: State, count: int) -> State:
    a, b, c, d = state
    for _ in range(count):
        a = a + b
        c = c + d
        b = _turned(b, _13) ^ a
        d = _turned(d, _16) ^ c
        a = _turned(a, _32) + d
        c = c + b
        d = _turned(d, _21) ^ a
        b = _turned(b, _17) ^ c
        c = _turned(c, _32)
    return a, b, c, d


@inlined
def begin(key0: np.uint64, key1: np.uint64) -> State:
    """The state before the first word."""
    return key0 ^ _INIT_0, key1 ^ _INIT_1, key0 ^ _INIT_2, key1 ^ _INIT_3


@inlined
def absorb(state: State, word: np.uint64, rounds: int) -> State:
    """The state after one more word."""
    a, b, c, d = state
    a, b, c, d = _rounds((a, b, c, d ^ word), rounds)
    return a ^ word, b, c, d


@inlined
def absorb_words(
    state: State, words: NDArray[np.uint64], start: int, length: int, rounds: int
) -> State:
    """The state after the whole words of a text.

    Parameters
    ----------
    words
        From each position of the blob the eight bytes that start there, uint64.
    start, length
        The text; seven bytes behind it are the blob's.
    """
    for p in range(start, start + length - _WORD + 1, _WORD):
        state = absorb(state, words[p], rounds)
    return state


@inlined
def rest(words: NDArray[np.uint64], start: int, length: int) -> np.uint64:
    """The bytes of a text behind its whole words, 0 to 7 of them."""
    left = np.uint64(length % _WORD)
    if left == np.uint64(0):
        return left
    word: np.uint64 = words[start + length - length % _WORD]
    return word & ~(_ALL << (left * _BITS))


@inlined
def finished(state: State, last: np.uint64, rounds: int, last_rounds: int) -> np.uint64:
    """The hash, after the last word."""
    a, b, c, d = absorb(state, last, rounds)
    a, b, c, d = _rounds((a, b, c ^ _LAST, d), last_rounds)
    return a ^ b ^ c ^ d


@inlined
def event_key(
    words: NDArray[np.uint64],
    account_at: int,
    account_len: int,
    at: int,
    length: int,
    kind: int,
    key: tuple[np.uint64, np.uint64],
) -> np.uint64:
    """Hash of an event id in its account and input, never 0.

    The first word is input and length of the account, so no two triples are one message.
    """
    state = begin(key[0], key[1])
    head = (np.uint64(account_len) << _BITS) | np.uint64(kind)
    state = absorb(state, head, WORD_ROUNDS)
    state = absorb_words(state, words, account_at, account_len, WORD_ROUNDS)
    state = absorb(state, rest(words, account_at, account_len), WORD_ROUNDS)
    state = absorb_words(state, words, at, length, WORD_ROUNDS)
    last = rest(words, at, length) | (np.uint64(length) << _TOP)
    found = finished(state, last, WORD_ROUNDS, LAST_ROUNDS)
    return found if found != np.uint64(0) else np.uint64(1)


@inlined
def witness(account_hash: np.uint64, key: np.uint64) -> np.uint64:
    """Sixteen keyed bits of an account: enough to tell few accounts apart, too few to name one."""
    return finish(account_hash ^ key) >> _48


@bare
def _event_key_of(
    words: NDArray[np.uint64], cut: int, length: int, kind: int, key0: np.uint64, key1: np.uint64
) -> np.uint64:
    return event_key(words, 0, cut, cut, length, kind, (key0, key1))


@bare
def siphash(
    words: NDArray[np.uint64],
    length: int,
    key0: np.uint64,
    key1: np.uint64,
    rounds: int,
    last_rounds: int,
) -> np.uint64:
    """SipHash of a text at the start of a blob, as it is published."""
    state = absorb_words(begin(key0, key1), words, 0, length, rounds)
    last = rest(words, 0, length) | (np.uint64(length) << _TOP)
    return finished(state, last, rounds, last_rounds)


def words_of(text: bytes) -> NDArray[np.uint64]:
    """From each position of a text the eight bytes that start there, zeros behind it."""
    blob = np.frombuffer(text + bytes(_WORD), np.uint8)
    return np.ndarray((len(text) + 1,), np.uint64, blob.data, strides=(1,))


def event_key_of(account: bytes, event_id: bytes, kind: int, secret: bytes = b"") -> int:
    """Hash of an event id in its account and input, equal to what the parser computes.

    Examples
    --------
    >>> event_key_of(b"acc-1", b"7", 1) == event_key_of(b"acc-2", b"7", 1)
    False
    """
    first, second = hash_key(secret)
    text = words_of(account + event_id)
    return int(_event_key_of(text, len(account), len(event_id), kind, first, second))


def witness_of(account: bytes, secret: bytes = b"") -> int:
    """Keyed bits of an account, equal to what the parser computes."""
    return witness_by_hash(hash_text(account), secret)


def witness_by_hash(account_hash: int, secret: bytes = b"") -> int:
    """Keyed bits of an account whose hash is known."""
    return int(_witness_of(np.uint64(account_hash), hash_key(secret)[1]))


@bare
def _witness_of(account_hash: np.uint64, key: np.uint64) -> np.uint64:
    return witness(account_hash, key)
