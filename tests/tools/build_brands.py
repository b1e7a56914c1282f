"""Build ``features/data/brand_hosts.tsv``: sites of brands, newspapers and recipes.

    python -m tests.tools.build_brands FOLDER [--check]

``FOLDER`` holds four packages, unpacked: name-suggestion-index (npm, BSD-3-Clause; its sites are
Wikidata's, CC0) by that name, and newscatcher, fundus and recipe-scrapers (PyPI, MIT)
as ``newscatcher``, ``fundus`` and ``recipe_scrapers``. ``brand_kinds.tsv`` and
``news_topics.tsv`` beside this script say what a kind or a topic stands for. ``--check`` only
compares. A run is deterministic.

How a site gets its row
-----------------------
1. It is a registrable domain, and a brand's home page: a page of somebody else's site (two steps
   below its root and more) is none.
2. What more than half of a brand's places are counts, of what it is before what it operates; where
   a third are of a denied kind, the site is denied, unless half are stores of all sorts.
3. Brands overrule newspapers, which overrule recipes: a supermarket's recipes are beside its trade.
4. A site whose own words tell that it is sensitive is denied whatever its list says.
5. Sites of ``host_tags.tsv`` are left out: lists made of hosts know better than lists of places.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from features.tags import taxonomy
from features.tags.keys import registrable
from features.tags.sensitive_words import sensitive_class
from tests.tools.table import write_or_check

HERE = Path(__file__).resolve().parent
HEADER = (
    "# Built by tests/tools/build_brands.py; don't edit. Sites: name-suggestion-index\n"
    "# (BSD-3-Clause), newscatcher, fundus and recipe-scrapers (MIT); tags: ours. See README.md.\n"
    "host\ttags\tsource\n"
)
DENIED = "denied"
#: Stores that have a pharmacy among their shelves are stores.
_STORES = frozenset({"473:1", "477:1"})
_RECIPES, _NEWS = "216:1", "1020:0.8"
#: Tag of the brand's entity by the part of the index that lists it.
_ENTITY = {"brands": "brand:wikidata", "operators": "operator:wikidata"}
#: Authorities are no interest, whatever they list.
_AUTHORITY = re.compile(r"\.(gov|mil)(\.|$)|(^|\.)gou?v\.")
_HOST = re.compile(r"def host\(.*?return \(?\s*f?[\"']([a-z0-9.-]+)[\"']", re.DOTALL)
_DOMAIN = re.compile(r"domain=[\"'](https?://[^\"']+)[\"']")


def main() -> int:
    """Write or check the table; 1 if the check finds another text."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    return write_or_check(parser, "brand_hosts.tsv", lambda args: build(args.folder))


def build(folder: Path) -> str:
    """Text of the table."""
    found = {site: (_RECIPES, "recipes") for site in _sites(folder / "recipe_scrapers", _HOST)}
    found |= {site: (_NEWS, "fundus") for site in _sites(folder / "fundus", _DOMAIN)}
    found |= dict(_news(folder / "newscatcher" / "data" / "package_rss.db"))
    found |= dict(_brands(folder / "name-suggestion-index" / "dist"))
    known = {row[0] for _, row in taxonomy.read_rows("host_tags.tsv")}
    rows = []
    for site, (tags, source) in sorted(found.items()):
        if site not in known and site.isascii() and not _AUTHORITY.search(site):
            told = DENIED if sensitive_class(site) is not None else tags
            rows.append(f"{site}\t{told}\t{source}\n")
    return HEADER + "".join(rows)


def _brands(dist: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """Sites of brands and operators by what their places are."""
    meaning = _mapping("brand_kinds.tsv")
    entities = json.loads((dist / "wikidata" / "wikidata.json").read_bytes())["wikidata"]
    index = json.loads((dist / "json" / "nsi.json").read_bytes())["nsi"]
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for tree, tag in _ENTITY.items():
        listed: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for path, category in index.items():
            kind = path.removeprefix(tree + "/")
            for item in category["items"] if kind != path and kind in meaning else ():
                entity = entities.get(item["tags"].get(tag, ""), {})
                for site in {_home(url) for url in entity.get("officialWebsites", ())} - {""}:
                    listed[site][kind] += 1
        kinds = listed | kinds  # what a brand is says more than what it has beside it
    for site, counts in kinds.items():
        told: Counter[str] = Counter()
        for kind, count in counts.items():
            told[meaning[kind]] += count
        tags, most = max(told.items(), key=lambda item: (item[0] in _STORES, item[1], item[0]))
        if 2 * most < told.total() or (2 * most == told.total() and tags not in _STORES):
            tags = DENIED if 3 * told[DENIED] >= told.total() else ""
        elif tags not in _STORES and 3 * told[DENIED] >= told.total():
            tags = DENIED
        if tags:
            kind = max((k for k in counts if meaning[k] == tags), key=lambda k: (counts[k], k))
            yield site, (tags, f"nsi:{kind}")


def _news(path: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """News sites by their main topic."""
    meaning = _mapping("news_topics.tsv")
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as base:
        rows = base.execute("SELECT DISTINCT clean_url, topic_unified FROM rss_main WHERE main = 1")
        topics = sorted(rows)
    for host, topic in topics:
        site = registrable(host.strip().lower())
        if site and topic in meaning:
            yield site, (meaning[topic], f"newscatcher:{topic}")


def _sites(folder: Path, pattern: re.Pattern[str]) -> set[str]:
    """Sites that a package's modules name."""
    found = set()
    for module in sorted(folder.rglob("*.py")):
        for text in pattern.findall(module.read_text(encoding="utf-8")):
            found.add(registrable((urlsplit(text).hostname or "") if "/" in text else text))
    return found - {""}


def _home(url: str) -> str:
    """Registrable domain of a home page, empty for a page on somebody's site."""
    parts = urlsplit(url)
    steps = [step for step in parts.path.split("/") if step]
    return registrable(parts.hostname.lower()) if parts.hostname and len(steps) < 2 else ""


def _mapping(name: str) -> dict[str, str]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")][1:]
    return {row[0]: row[1] for row in rows}


if __name__ == "__main__":
    sys.exit(main())
