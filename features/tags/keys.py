"""Checks content keys, and finds the registered domain of a host and the hosts that are private.

Suffixes are those of the snapshot inside tldextract's wheel, ICANN's alone: below a private suffix
(``myds.me``, ``dyndns.org``) stands a household's own label, so there the suffix is the domain.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

import tldextract

from features.vocabulary import KeyPrefix

MAX_KEY_CHARS = 300  # a host has at most 253, an app or programme 128

_ADDRESS = re.compile(r"[\d.]+|\[?[0-9a-f:.]*:[0-9a-f:.]*\]?")
_LOCAL_SUFFIXES = (".local", ".lan", ".arpa", ".home", ".internal", ".localdomain", ".box")
_LOWER = str.maketrans({chr(c): chr(c + 32) for c in range(ord("A"), ord("Z") + 1)})


class TagError(ValueError):
    """A tag row or record is malformed; `field` names the place."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


def checked_key(value: object) -> str:
    """A content key, lower-cased in ASCII as the parser does it, or `TagError`.

    A host is one below a public suffix, for a tag on ``co.uk`` would speak for a country; an app
    is a name or a package, or all packages below one of two labels at least (``com.android.*``).
    """
    if not isinstance(value, str) or not 0 < len(value) <= MAX_KEY_CHARS:
        raise TagError("key", f"expected 1 to {MAX_KEY_CHARS} characters")
    if not value.isprintable():
        raise TagError("key", f"{value!r}: control characters")
    key = value.lower() if value.isascii() else value.translate(_LOWER)
    prefix, colon, text = key.partition(":")
    prefixes = KeyPrefix.words()
    if not colon or prefix not in prefixes or not text.strip():
        raise TagError("key", f"{value!r}: expected one of {', '.join(prefixes)}, ':' and text")
    if prefix == "host":
        if not _ADDRESS.fullmatch(text) and _NO_HOST.search(text):
            raise TagError("key", f"{text!r}: a host has no scheme, port, path or wildcard")
        if is_suffix(text):
            raise TagError("key", f"{text!r} is a public suffix, not a host")
    elif prefix == "app" and "*" in text and not _PACKAGES.fullmatch(text):
        raise TagError("key", f"{text!r}: a wildcard stands for packages below two labels")
    return key


_NO_HOST = re.compile(r"[/:\s*]")
_PACKAGES = re.compile(r"[^.*]+(\.[^.*]+)+\.\*")


def is_local(host: str) -> bool:
    """Whether a host is an address or a name inside a house."""
    return "." not in host or host.endswith(_LOCAL_SUFFIXES) or _ADDRESS.fullmatch(host) is not None


def is_suffix(host: str) -> bool:
    """Whether anybody may register below a host."""
    suffixes = _suffixes()
    return host in suffixes or (
        f"*.{host.partition('.')[2]}" in suffixes and f"!{host}" not in suffixes
    )


def public_key(key: str) -> str | None:
    """The part of a content key that may be published: a host's registered domain, others whole.

    None for addresses, names inside a house and hosts below no known suffix.
    """
    prefix, _, text = key.partition(":")
    if prefix != "host":
        return None if _ADDRESS.fullmatch(text) else key
    text = text.rstrip(".")  # of the root: a name inside a house stays one
    domain = "" if is_local(text) else registrable(text)
    return f"host:{domain}" if domain else None


@lru_cache(maxsize=65_536)
def registrable(host: str) -> str:
    """The domain of a host that somebody registered; empty for addresses and unknown suffixes."""
    found = _extract()(host)
    return f"{found.domain}.{found.suffix}" if found.domain and found.suffix else ""


@cache
def _suffixes() -> frozenset[str]:
    found = set(_extract().tlds)
    for suffix in [name for name in found if not name.isascii()]:
        try:
            found.add(suffix.encode("idna").decode())
        except UnicodeError:
            continue  # a label that no older rule of encoding knows
    return frozenset(found)


@cache
def _extract() -> tldextract.TLDExtract:
    # the snapshot inside the wheel: no network, no cache on disk
    return tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())
