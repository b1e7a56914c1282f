"""A pair of keys for dead letters that are sealed, the same in every process."""

from __future__ import annotations

from functools import cache
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from features.records.dead_letter import DeadLetter
from streams.worker.sealing import Opener

_PRIVATE: Final = X25519PrivateKey.from_private_bytes(bytes(range(32)))
#: For the setting ``dead_letter_key``.
PUBLIC: Final = (
    _PRIVATE.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


def opened(letter: DeadLetter) -> tuple[bytes | None, bytes | None]:
    """Key and value as they came.

    Raises
    ------
    SealError
    """
    whole = _opener().opened(letter)
    return whole.key, whole.value


@cache
def _opener() -> Opener:
    return Opener(_PRIVATE)
