"""Replaces real identifiers by keyed hashes, for those who replay raw files.

A plain hash of a telephone number is no pseudonym: there are so few of them that all can be
tried. With HMAC-SHA-256 and a key that stays with the operator there is nothing to try.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_MIN_KEY_BYTES = 32
_BYTES = 15  # 120 bits: no collision among a billion, and 24 characters without padding
#: Fields that name a person or a device, and what they name: an owner is a member.
_IDENTIFIERS: Final = {
    "account_id": "account",
    "member_id": "member",
    "device_id": "device",
    "owner_member_id": "member",
}


class KeyFileError(ValueError):
    """The key file cannot be used; the message tells why."""


class Pseudonymiser:
    """Stable pseudonyms under one key.

    Parameters
    ----------
    key : bytes
        At least 32 bytes, kept secret and kept at all: without it old and new pseudonyms differ.

    Examples
    --------
    >>> one = Pseudonymiser(b"k" * 32)
    >>> one.of("account", "+49 170 1234567") == one.of("account", "+49 170 1234567")
    True
    >>> one.of("account", "+49 170 1234567") == one.of("device", "+49 170 1234567")
    False
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < _MIN_KEY_BYTES:
            raise KeyFileError(f"{len(key)} bytes, at least {_MIN_KEY_BYTES} are needed")
        self._key = key

    @classmethod
    def from_file(cls, path: str | Path) -> Pseudonymiser:
        """Read the key, all bytes of the file but white space around them.

        Raises
        ------
        KeyFileError
            Naming the file: it can't be read, is too short, or others may read it.
        """
        path = Path(path)
        try:
            mode, key = path.stat().st_mode, path.read_bytes().strip()
        except OSError as error:
            raise KeyFileError(f"{path}: {error.strerror}") from None
        if mode & (stat.S_IRGRP | stat.S_IROTH):
            raise KeyFileError(f"{path}: others may read it; chmod 600")
        try:
            return cls(key)
        except KeyFileError as error:
            raise KeyFileError(f"{path}: {error}") from None

    def fields(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """A record's fields with every identifier of a person replaced."""
        return {
            name: self.of(_IDENTIFIERS[name], item)
            if name in _IDENTIFIERS and isinstance(item, str)
            else item
            for name, item in value.items()
        }

    def of(self, what: str, identifier: str) -> str:
        """Pseudonym of an identifier: ``p`` and 24 characters of base 32.

        Parameters
        ----------
        what : str
            Kind of identifier; the same text as account and as device gives two pseudonyms.
        identifier : str
            Taken as it is, but for white space and letter case.
        """
        text = f"{what}\0{''.join(identifier.split()).lower()}"
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).digest()[:_BYTES]
        return "p" + base64.b32encode(digest).decode().lower()
