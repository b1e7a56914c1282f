"""Build ``features/data/host_tags.tsv`` from public host lists and our reviewed mappings.

    python -m tests.tools.build_tags DATA [--check]

``DATA`` holds ``hosts/v2fly/data`` (domain-list-community) and ``hosts/host_categories.tsv``
(of which only the WhoTracks.me rows are read). ``v2fly_lists.tsv`` and ``wtm_categories.tsv``
beside this script say what a list means; hosts of other lists are not taken. ``--check`` only
compares. A run is deterministic.

How a host gets its row
-----------------------
1. A line marked ``@ads`` in a mapped list is infrastructure, whatever the list says.
2. Of several lists the lowest rank counts (0 trackers, 1 a service, 2 a category, 3 a company
   that does many things); of equal ranks the first in the mapping file.
3. ``include:`` is followed with its attribute filter (``@ads``, ``@-ads``) unless the included
   list is mapped itself. ``regexp:`` and ``keyword:`` are skipped.
4. ``full:`` means that host alone. A row speaks for subdomains too, so ``full:`` is taken only
   below a registrable domain.
5. A host whose own words tell that it is sensitive (``sensitive_words.tsv``) is denied whatever
   its list says: services have health, betting and church branches.
6. Top-level and other public suffixes are left out, as are rows that repeat their parent's.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import tldextract

from features.tags import taxonomy
from features.tags.sensitive_words import sensitive_class
from tests.tools.table import write_or_check

HERE = Path(__file__).resolve().parent
HEADER = (
    "# Built by tests/tools/build_tags.py; don't edit. Hosts: domain-list-community (MIT) and\n"
    "# WhoTracks.me (MIT); tags: ours. See README.md.\n"
    "host\ttags\tsource\n"
)
INFRASTRUCTURE = "infrastructure"
DENIED = "denied"
WTM_RANK = 4


@dataclass(frozen=True)
class Meaning:
    """What a list stands for."""

    tags: str
    rank: int
    order: int
    source: str


def main() -> int:
    """Write or check the table; 1 if the check finds another text."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    return write_or_check(parser, "host_tags.tsv", lambda args: build(args.data))


def build(data: Path) -> str:
    """Text of the table."""
    found: dict[str, Meaning] = {}
    lists = Lists(data / "hosts" / "v2fly" / "data")
    mapped = {row[0] for row in _rows(HERE / "v2fly_lists.tsv")}
    for order, row in enumerate(_rows(HERE / "v2fly_lists.tsv")):
        name, tags, rank = row[0], row[1], int(row[2])
        source = f"v2fly:{name}"
        for host, ads in lists.hosts(name, mapped - {name}):
            meaning = (
                Meaning(INFRASTRUCTURE, 0, order, source)
                if ads
                else Meaning(tags, rank, order, source)
            )
            _keep(found, host, meaning)
    categories = {row[0]: row[1] for row in _rows(HERE / "wtm_categories.tsv")}
    with (data / "hosts" / "host_categories.tsv").open(encoding="utf-8", newline="") as lines:
        for record in csv.DictReader(lines, delimiter="\t"):
            tags = categories.get(record["category"], "")
            if record["source"] == "wtm" and tags:
                source = "wtm:" + record["category"].lower().replace(" ", "-")
                _keep(found, record["domain"].lower(), Meaning(tags, WTM_RANK, 0, source))
    for host, meaning in found.items():
        if _says_something(meaning.tags) and sensitive_class(host) is not None:
            found[host] = replace(meaning, tags=DENIED)
    rows = (
        f"{host}\t{meaning.tags}\t{meaning.source}\n"
        for host, meaning in sorted(found.items())
        if not _repeats(host, meaning, found)
    )
    return HEADER + "".join(rows)


class Lists:
    """Reader of domain-list-community's format."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._extract = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())

    def hosts(self, name: str, elsewhere: set[str]) -> Iterator[tuple[str, bool]]:
        """Hosts of a list and whether each is marked as advertising."""
        for rule, attributes in self._rules(name, elsewhere, (name,)):
            kind, _, host = rule.rpartition(":")
            if kind in ("regexp", "keyword"):
                continue
            parts = self._extract(host)
            registrable = f"{parts.domain}.{parts.suffix}"
            if not parts.domain or not parts.suffix or (kind == "full" and host == registrable):
                continue
            yield host, "ads" in attributes

    def _rules(
        self, name: str, elsewhere: set[str], trail: tuple[str, ...]
    ) -> Iterator[tuple[str, set[str]]]:
        for line in (self._folder / name).read_text(encoding="utf-8").splitlines():
            words = line.partition("#")[0].split()
            if not words:
                continue
            attributes = {word[1:] for word in words[1:] if word.startswith("@")}
            if not words[0].startswith("include:"):
                yield words[0].lower(), attributes
                continue
            inner = words[0].removeprefix("include:")
            if inner in trail or (inner in elsewhere and not attributes):
                continue
            wanted = {a for a in attributes if not a.startswith("-")}
            unwanted = {a[1:] for a in attributes if a.startswith("-")}
            for rule, marks in self._rules(inner, elsewhere, (*trail, inner)):
                if wanted <= marks and not unwanted & marks:
                    yield rule, marks


def _says_something(tags: str) -> bool:
    """Whether a row is neither machinery nor denied already by its interests."""
    tree = taxonomy.load()
    return tags != INFRASTRUCTURE and not all(
        tree.is_sensitive(item.partition(":")[0]) for item in tags.split()
    )


def _rows(path: Path) -> list[list[str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")][1:]


def _keep(found: dict[str, Meaning], host: str, meaning: Meaning) -> None:
    held = found.get(host)
    if held is None or (meaning.rank, meaning.order) < (held.rank, held.order):
        found[host] = meaning


def _repeats(host: str, meaning: Meaning, found: dict[str, Meaning]) -> bool:
    above = host
    while "." in above:
        above = above.partition(".")[2]
        if above in found:
            return found[above].tags == meaning.tags
    return False


if __name__ == "__main__":
    sys.exit(main())
