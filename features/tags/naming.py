"""Resolves a content key to its tags: by the key, by what it lies below, by its own words.

A host lies below its parent domains, an app below package wildcards and the domain in its package
name, a channel below what its name begins with. Of a name that nobody vouched for the words are
read too: a clinic on no list is denied, not unknown, so that it is never named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from features.tags.entry import ALL, CHILDREN, TagEntry
from features.tags.host_words import by_host_words
from features.tags.keys import is_local, registrable
from features.tags.sensitive_words import normalised, sensitive_class
from features.tags.taxonomy import MINORS

# Our judgement of how often a rule is right; not measured. An app found only by the domain in its
# package name is a guess about a company, not about the app.
RULE, _PACKAGE = 0.95, 0.5
#: Most labels of a host that are looked up, from its end.
MAX_LEVELS = 10

_PROTOCOLS = frozenset({"dns", "dtls", "http", "quic", "rtmp", "rtp", "stun", "tls"})
#: What stands before a channel's name: numbers, qualities, countries of two letters or marked off.
_ADDED = re.compile(
    r"[\W_]*(?:[0-9]{1,4}|[48]k|[uf]?hd|sd|hevc|h26[45]|vip|raw"
    r"|[a-z]{2}|[a-z]{3}(?=\s*[^\w\s]))[\W_]+"
)
_LOCAL = TagEntry((), "rule:local", RULE, infrastructure=True)


def resolve(key: str, table: Mapping[str, TagEntry]) -> TagEntry | None:
    """Entry of a content key, the nearest first; None if unknown.

    A host is looked up itself, then its parent domains down to the registrable one; whatever is
    found first counts, so infrastructure wins only at the level where it stands; of a host that
    nothing is known of its own words tell (`features.tags.host_words`). Of a channel what was added
    to its name is left out where it is denied without (``nick jr. hd``, ``4k | cbeebies +1``). An
    app is looked up itself, then by package wildcards (``app:com.qualcomm.*``), then by the domain
    in its package name. Addresses and local names are infrastructure. A host or an app whose own
    words tell that it is sensitive is denied, but for the part of the name that a person wrote
    down with tags (a list of this project, an editor); so is any other key that nothing is known
    of.

    Parameters
    ----------
    key : str
        Lower-case content key with its prefix.
    table : mapping of str to TagEntry
        `exact_tags`, or the content-tags topic over it.

    Examples
    --------
    >>> from features.tags.exact import exact_tags
    >>> resolve("host:news.bbc.co.uk", exact_tags()).source
    'v2fly:bbc'
    >>> resolve("host:192.168.0.1", exact_tags()).infrastructure
    True
    """
    prefix, _, text = key.partition(":")
    if prefix == "host" and text.endswith("."):
        text = text.rstrip(".")  # of the root, which lies above all
        key = f"host:{text}"
    entry, named = table.get(key), ""
    if prefix == "host":
        entry, named = (_resolve_host(text, table)) if entry is None else (entry, text)
        entry = by_host_words(text) if entry is None else entry
    elif prefix == "app":
        if entry is None and "." in text:
            entry = _resolve_package(text, table)
        named = text
    elif entry is not None:
        return entry
    elif prefix == "channel":
        entry = _resolve_channel(key, table)
    if entry is not None:
        if not entry.told:
            return entry
        if entry.editor or entry.source.startswith("own"):
            text = text.removesuffix(named)
    kind = sensitive_class(text)
    return entry if kind is None else by_words(kind)


@cache
def by_words(kind: str) -> TagEntry:
    """Entry of a content whose name tells that it is of a sensitive class."""
    audience = CHILDREN if kind == MINORS else ALL
    return TagEntry((), f"rule:words:{kind}", RULE, audience=audience)


def _resolve_host(host: str, table: Mapping[str, TagEntry]) -> tuple[TagEntry | None, str]:
    """Entry of the nearest domain above a host, and that domain."""
    if is_local(host):
        return _LOCAL, ""
    labels = host.split(".")
    for count in range(min(len(labels) - 1, MAX_LEVELS), 0, -1):
        above = ".".join(labels[-count:])
        entry = table.get("host:" + above)
        if entry is not None:
            # asked only on a hit, so that unknown hosts stay cheap
            top = registrable(host)
            return (entry, above) if top and len(above) >= len(top) else (None, "")
    return None, ""


def _resolve_channel(key: str, table: Mapping[str, TagEntry]) -> TagEntry | None:
    """Entry of a channel that is denied, by a beginning of its name, the longest first.

    Quality, time shift, country and number are added freely, before and behind, and make no other
    channel of a children's.
    """
    name = key.removeprefix("channel:")
    for bare in (bare for text in dict.fromkeys((name, normalised(name))) for bare in _bare(text)):
        ends = [at for at, char in enumerate(bare) if not char.isalnum()]
        for at in (len(bare), *ends[: -1 - MAX_LEVELS : -1]):
            entry = table.get("channel:" + bare[:at])
            if entry is not None and entry.denied:
                return entry
    return None


def _bare(name: str) -> Iterator[str]:
    """A channel's name, and that less one after the other of the things before it."""
    yield name
    for _ in range(MAX_LEVELS):
        added = _ADDED.match(name)
        if added is None:
            return
        name = name[added.end() :]
        yield name


def _resolve_package(package: str, table: Mapping[str, TagEntry]) -> TagEntry | None:
    labels = package.split(".")
    if labels[0] in _PROTOCOLS:  # a probe's label: tls.netflix; who asks DNS has seen nothing yet
        return table.get("app:dns") if labels[0] == "dns" else table.get("app:" + labels[-1])
    for count in range(len(labels) - 1, 0, -1):
        entry = table.get("app:" + ".".join(labels[:count]) + ".*")
        if entry is not None:
            return entry
    for count in (3, 2):  # uk.co.bbc, com.netflix
        entry = table.get("host:" + ".".join(reversed(labels[:count])))
        if entry is not None and not entry.infrastructure:
            return TagEntry(
                entry.tags, "package:" + entry.source, _PACKAGE, audience=entry.audience
            )
    return None
