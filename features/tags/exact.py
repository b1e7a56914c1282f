"""Tags hosts, apps and programmes by exact knowledge, with confidence and source.

Exact knowledge only: bundled tables of hosts, apps, channels, genres and store categories
(origin and licence in ``features/data/README.md``). No sensitive interest leaves this module:
tables lose them at load, `expand` drops them again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

from features.tags import taxonomy
from features.tags.entry import (
    ALL,
    CHILDREN,
    MAX_SOURCE_CHARS,
    MAX_TAGS,
    Tag,
    TagEntry,
    admissible,
    audience_of,
    checked_weight,
    decode,
    encode,
    join,
)
from features.tags.keys import TagError, checked_key, registrable
from features.tags.naming import RULE, resolve

__all__ = [
    "ANCESTOR_SHARE",
    "MAX_EXPANDED",
    "MAX_TAGS",
    "NEIGHBOUR_SHARE",
    "Tag",
    "TagEntry",
    "TagError",
    "admissible",
    "app_category_tags",
    "checked_key",
    "checked_weight",
    "decode",
    "encode",
    "exact_tags",
    "expand",
    "genre_tags",
    "registrable",
    "resolve",
    "tag_catalogue",
]

#: An ancestor gets this share of its child's weight, per level.
ANCESTOR_SHARE = 0.5
#: A related interest of another branch gets this share of a tag's weight.
NEIGHBOUR_SHARE = 0.15
#: Most interests one content item may raise, ancestors included.
MAX_EXPANDED = 8
#: Most genres of a catalogue record that are looked up.
MAX_WORDS = 64
#: Nodes that group others without being an interest: nobody likes "Genres".
STRUCTURAL = frozenset({"SPSHQ5"})

# Our judgement of how often a row of the kind is right; not measured.
_CONFIDENCE = {"own": 0.95, "genre": 0.9, "v2fly": 0.85, "store": 0.7, "wtm": 0.7, "rule": RULE}
# Of sites of brands 77 of 83 that were told by hand are right.
_CONFIDENCE |= {"nsi": 0.9, "newscatcher": 0.85, "fundus": 0.85, "recipes": 0.85}


@cache
def exact_tags(own: bool = True) -> Mapping[str, TagEntry]:
    """Bundled exact knowledge: content key to entry; read once, read-only.

    Parameters
    ----------
    own : bool
        With the lists of hosts, apps and channels written for this project; without them only
        the compiled public lists, to measure those.
    """
    table: dict[str, TagEntry] = {}
    # later files win: what was written by hand for this project overrules compiled lists
    for name, prefix, kind in (
        ("brand_hosts.tsv", "host:", ""),
        ("host_tags.tsv", "host:", ""),
        ("app_categories.tsv", "category:", "store"),
        ("genres.tsv", "genre:", "genre"),
        ("hosts.tsv", "host:", "own"),
        ("apps.tsv", "app:", "own"),
        ("channels.tsv", "channel:", "own"),
    ):
        if own or kind != "own":
            _load(table, name, prefix, kind)
    return MappingProxyType(table)


def expand(tags: Iterable[Tag], tree: taxonomy.Taxonomy) -> list[tuple[int, float]]:
    """Interests that tags raise: themselves, halved per level ancestors, weakly `neighbours`.

    Returns
    -------
    list of (int, float)
        Dense index and weight, strongest first, ties by index; at most `MAX_EXPANDED`. An
        interest reached twice has its greatest weight, not the sum. A sensitive tag raises
        nothing, its ancestors neither; ids that this taxonomy doesn't have are left out.

    Examples
    --------
    >>> tree = taxonomy.load()
    >>> [(tree.names[index], weight) for index, weight in expand([("529", 1.0)], tree)]
    [('Rugby Union', 1.0), ('Rugby', 0.5), ('Sports', 0.25)]
    """
    found: dict[int, float] = {}
    for interest, weight in tags:
        if tree.is_sensitive(interest):
            continue
        index = tree.index(interest)
        near = neighbours(tree).get(index)
        if near is not None:
            found[near] = max(found.get(near, 0.0), weight * NEIGHBOUR_SHARE)
        for node in (index, *tree.ancestors(index)):
            if tree.ids[node] not in STRUCTURAL and not tree.sensitive[node]:
                found[node] = max(found.get(node, 0.0), weight)
            weight *= ANCESTOR_SHARE
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MAX_EXPANDED]


@lru_cache(maxsize=4)
def neighbours(tree: taxonomy.Taxonomy) -> Mapping[int, int]:
    """Interests that mean nearly the same in different branches: dense index to dense index.

    Theatre as an art and as a place to go. Built by ``tests/tools/build_neighbours.py``.
    """
    found = {}
    for _, row in taxonomy.read_rows("neighbours.tsv"):
        if row[0] in tree and not tree.is_sensitive(row[0]) and not tree.is_sensitive(row[1]):
            found[tree.index(row[0])] = tree.index(row[1])
    return MappingProxyType(found)


def genre_tags(genre: str) -> tuple[Tag, ...]:
    """Tags of a programme genre as EPGs and catalogues write it; empty if unknown or denied.

    Known whole (``Series Kids``, ``dvb:4.3``), else by its parts (``Crime / Drama``).

    Examples
    --------
    >>> genre_tags("Crime / Drama")
    (('647', 1.0), ('KHPC5A', 1.0))
    """
    return join(entry.told for entry in _genre_entries(genre))


def app_category_tags(category: str) -> tuple[Tag, ...]:
    """Tags of a store category of Google Play or the App Store; empty if unknown or denied."""
    entry = _category(category)
    return entry.told if entry is not None else ()


def tag_catalogue(entry: Mapping[str, Any]) -> TagEntry | None:
    """Tag a catalogue record by exact knowledge; None if nothing in it is known.

    Parameters
    ----------
    entry : mapping
        ``key`` and, where present, ``genres`` (list of str; categories, for a host or an app),
        ``category`` and ``rating`` (str). ``title``, ``text``, ``language`` are for a learned
        tagger.

    Raises
    ------
    TagError
        If ``key`` is missing or no content key.

    Examples
    --------
    >>> tag_catalogue({"key": "programme:p-1", "genres": ["Comedies"]}).tags
    (('646', 1.0),)
    """
    key = checked_key(entry.get("key"))
    by_store = key.startswith(("host:", "app:"))
    # what a programme's own key tells counts only where nothing better is known
    known = resolve(key, exact_tags()) if by_store else exact_tags().get(key)
    if known is not None and (known.source.startswith("own") or not known.told):
        return known
    found = [] if known is None else [known]
    genres = entry.get("genres")
    for word in genres[:MAX_WORDS] if isinstance(genres, (list, tuple)) else ():
        if isinstance(word, str):
            listed = _category(word) if by_store else None
            found += _genre_entries(word) if listed is None else [listed]
    for listed in (_category(entry.get("category")), _rating(entry.get("rating"))):
        found += [] if listed is None else [listed]
    denied = [item for item in found if item.denied]
    if by_store and denied:
        return denied[0]  # a store's category is of the whole app
    # machinery and denied words don't count beside a word with a meaning
    speaking = [item for item in found if item.tags] or denied or found
    if not speaking:
        return None
    sources = "+".join(sorted({item.source for item in speaking}))[:MAX_SOURCE_CHARS]
    return TagEntry(
        join(item.tags for item in speaking),
        sources,
        min(item.confidence for item in speaking),
        speaking[0].infrastructure,
        audience=CHILDREN if any(item.audience == CHILDREN for item in found) else ALL,
    )


def _load(table: dict[str, TagEntry], name: str, prefix: str, kind: str) -> None:
    shared: dict[tuple[str, str], TagEntry] = {}  # thousands of rows share a few hundred entries
    for number, row in taxonomy.read_rows(name):
        mark = (row[1], row[2] if len(row) > 2 else f"{kind}:{name.removesuffix('.tsv')}")
        entry = shared.get(mark)
        if entry is None:
            try:
                entry = shared[mark] = _entry(*mark)
            except (ValueError, IndexError) as error:
                raise TagError("tags", f"{name} line {number}: {error}") from None
        table[prefix + row[0]] = entry


def _entry(tags: str, source: str) -> TagEntry:
    confidence = _CONFIDENCE[source.partition(":")[0]]
    if tags in ("infrastructure", "denied"):
        return TagEntry((), source, confidence, infrastructure=tags == "infrastructure")
    tree = taxonomy.load()
    pairs = []
    for item in tags.split():
        interest, _, weight = item.partition(":")
        if interest not in tree:
            raise ValueError(f"unknown interest {interest!r}")
        pairs.append((interest, checked_weight("weight", float(weight or 1))))
    return TagEntry(admissible(pairs), source, confidence, audience=audience_of(pairs))


def _genre_entries(genre: str) -> list[TagEntry]:
    table = exact_tags()
    whole = genre.strip().lower()
    parts = [whole] if "genre:" + whole in table else re.split(r"\s*[/,;|&]\s*|\s+and\s+", whole)
    found = (table.get("genre:" + part) for part in parts)
    return [entry for entry in found if entry is not None]


def _category(category: object) -> TagEntry | None:
    if not isinstance(category, str):
        return None
    words = category.strip().lower().replace("_", " ").replace("&", "and")
    table = exact_tags()
    return table.get("category:" + words) or table.get("category:" + words.removeprefix("game "))


def _rating(rating: object) -> TagEntry | None:
    if not isinstance(rating, str):
        return None
    return _ratings().get(rating.strip().lower())


@cache
def _ratings() -> Mapping[str, TagEntry]:
    table: dict[str, TagEntry] = {}
    _load(table, "ratings.tsv", "", "genre")
    return table
