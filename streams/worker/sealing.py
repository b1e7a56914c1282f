"""Seals the bytes of dead letters for whoever has to repair them, and opens them again.

A box, in base64, is 4 bytes that name the public key (the beginning of SHA-256 of its 32 bytes),
and HPKE (RFC 9180, base mode: X25519, HKDF-SHA256, AES-256-GCM) of the record's key and value.
Where the record stood is the ``info`` of HPKE, so that a box opens in its own letter alone:
``interest-streams dead-letter 1``, topic, partition and offset in decimals, with a zero byte
between. Sealed is the key's length (4 bytes, big-endian, 2**32 - 1 for no key), the value's
likewise, key, value, and zeros up to a multiple of `PAD`: how long the key is does not show.
"""

from __future__ import annotations

import hashlib
import struct
from base64 import b64decode, b64encode
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from features.records.dead_letter import DeadLetter
from streams.contract.headers import dead_letter_headers
from streams.errors import UsageError
from streams.kafka.limits import size
from streams.settings import Settings, SettingsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.hpke import Suite

PAD: Final = 256  # bytes
#: Letters of one commit that are sealed, a sixth of a millisecond each; of more the bytes lie at
#: their source alone.
MOST: Final = 500
_NAME_BYTES: Final = 4
_NONE: Final = 2**32 - 1
_LENGTHS: Final = struct.Struct(">II")
_HOW: Final = "openssl genpkey -algorithm X25519, and of that openssl pkey -pubout"


class SealError(ValueError):
    """A box is for another key, is damaged or was cut; the message says which."""


class Seal:
    """Seals the bytes of letters for one public key.

    Parameters
    ----------
    public : X25519PublicKey
    """

    def __init__(self, public: X25519PublicKey) -> None:
        self._public = public
        self._name = _name(public)
        self._suite = _suite()
        self._left = MOST

    def begin(self) -> None:
        """Begin a commit, with room for `MOST` boxes."""
        self._left = MOST

    def added(self, kept: DeadLetter, letter: DeadLetter, most: int) -> DeadLetter:
        """Add a letter's bytes to what is kept of it, where they are the whole record and fit.

        Parameters
        ----------
        kept : DeadLetter
            Without the bytes.
        letter : DeadLetter
            With them.
        most : int
            Bytes of a record that the topic takes.
        """
        if not self._left or not letter.whole:
            return kept
        self._left -= 1
        box = self._suite.encrypt(_padded(letter), self._public, _place(letter))
        sealed = replace(kept, sealed=b64encode(self._name + box))
        fits = size(sealed.key, sealed.value, dead_letter_headers(sealed)) <= most
        return sealed if fits else kept


class Opener:
    """Opens boxes with a private key, of which nothing is ever shown but its public key's name."""

    def __init__(self, private: X25519PrivateKey) -> None:
        self._private = private
        self._name = _name(private.public_key())
        self._suite = _suite()

    @property
    def name(self) -> str:
        """Name of the public key, in hex."""
        return self._name.hex()

    def opened(self, letter: DeadLetter) -> DeadLetter:
        """The letter as it came, with key and value.

        Raises
        ------
        SealError
        """
        from cryptography.exceptions import InvalidTag

        if self.name != sealed_for(letter):
            raise SealError(f"sealed for the key {sealed_for(letter)}, and this one is {self.name}")
        try:
            box = b64decode(letter.sealed, validate=True)[_NAME_BYTES:]
            text = self._suite.decrypt(box, self._private, _place(letter))
        except (ValueError, InvalidTag):
            raise SealError("the box is damaged, or not of this letter") from None
        key, value = _unpadded(text)
        return replace(letter, key=key, value=value, length=-1, digest="", sealed=b"")


def sealed_for(letter: DeadLetter) -> str:
    """Name of the public key that a letter is sealed for, in hex; empty if that can't be read."""
    try:
        return b64decode(letter.sealed, validate=True)[:_NAME_BYTES].hex()
    except ValueError:
        return ""


def seal_of(settings: Settings) -> Seal | None:
    """Make the seal of the setting ``dead_letter_key``; None where it is off.

    Raises
    ------
    SettingsError
        Where it is no public key of X25519 in PEM.
    """
    if not settings.dead_letter_key:
        return None
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        public = load_pem_public_key(settings.dead_letter_key.encode())
    except (ValueError, UnsupportedAlgorithm):
        public = None  # whatever it is, a private key above all, it is not repeated
    if not isinstance(public, X25519PublicKey):
        raise SettingsError(f"dead_letter_key: not a public key of X25519 in PEM ({_HOW})")
    return Seal(public)


def read_private(path: Path) -> Opener:
    """Read a private key.

    Raises
    ------
    OSError
    UsageError
        Where it is no private key of X25519 in PEM, or under a passphrase.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(path.read_bytes(), None)
    except TypeError:
        raise UsageError(f"{path}: the key is under a passphrase (openssl pkey -in it)") from None
    except (ValueError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, X25519PrivateKey):
        raise UsageError(f"{path}: not a private key of X25519 in PEM ({_HOW})")
    return Opener(private)


def _suite() -> Suite:
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def _name(public: X25519PublicKey) -> bytes:
    return hashlib.sha256(public.public_bytes_raw()).digest()[:_NAME_BYTES]


def _place(letter: DeadLetter) -> bytes:
    where = letter.topic, str(letter.partition), str(letter.offset)
    return "\0".join(("interest-streams dead-letter 1", *where)).encode()


def _padded(letter: DeadLetter) -> bytes:
    parts = letter.key, letter.value
    lengths = _LENGTHS.pack(*(_NONE if part is None else len(part) for part in parts))
    text = lengths + (letter.key or b"") + (letter.value or b"")
    return text + bytes(-len(text) % PAD)


def _unpadded(text: bytes) -> tuple[bytes | None, bytes | None]:
    found: list[bytes | None] = []
    at = _LENGTHS.size
    for length in _LENGTHS.unpack_from(text):
        found.append(None if length == _NONE else text[at : at + length])
        at += 0 if length == _NONE else length
    return found[0], found[1]
