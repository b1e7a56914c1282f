"""Hosts of real visits: how much is named, and how often rightly, by a hand-checked sample.

``tests/quality/labelled_hosts.tsv`` says of 200 labelled hosts what they are: the heaviest 100, and
100 drawn from the rest. A host counts as right if every tag of at least `MAIN` weight is
accepted, where a node below or above an accepted one is accepted too.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from features.tags import taxonomy
from features.tags.exact import TagEntry, exact_tags, resolve
from tests.support.paths import TESTS

LABELS = TESTS / "quality" / "labelled_hosts.tsv"
MAIN = 0.5


def goal(path: Path) -> bool:
    """Print shares and precision of a file of visits with a column ``url``; whether both do."""
    visits: Counter[str] = Counter()
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            visits[(urlsplit(row["url"]).hostname or "").lower()] += 1
    table = exact_tags()
    found = {host: resolve("host:" + host, table) for host in visits}
    kinds: Counter[str] = Counter()
    for host, count in visits.items():
        kinds[kind(found[host])] += count
    total = visits.total()
    shares = ", ".join(
        f"{name} {kinds[name] / total:.1%}"
        for name in ("tagged", "infrastructure", "denied", "unknown")
    )
    labelled = 1 - kinds["unknown"] / total
    print(
        f"\nhosts: {total:,} visits of {len(visits):,} hosts: {shares}\n"
        f"  labelled {labelled:.1%} of the visits (at least 75 %)"
    )
    good = _precision({host: n for host, n in visits.items() if found[host] is not None})
    return labelled >= 0.75 and good >= 0.9


def labels() -> list[tuple[str, str, frozenset[str]]]:
    """Host, stratum and what is accepted of the hand-checked sample."""
    lines = LABELS.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")][1:]
    return [(row[0], row[1], frozenset(row[2].split())) for row in rows]


def kind(entry: TagEntry | None) -> str:
    """Whether an entry is tagged, infrastructure, denied or unknown."""
    if entry is None:
        return "unknown"
    return "tagged" if entry.told else "infrastructure" if entry.infrastructure else "denied"


def right(entry: TagEntry | None, accepted: frozenset[str]) -> bool:
    """Whether all that an entry says above a side remark is accepted."""
    if entry is None or not entry.told:
        return kind(entry) in accepted
    tree = taxonomy.load()
    fine = {tree.index(name) for name in accepted if name in tree}
    for interest, weight in entry.told:
        node = tree.index(interest)
        near = {node, *tree.ancestors(node), *tree.descendants(node)}
        if weight >= MAIN and not near & fine:
            return False
    return True


def _precision(visits: dict[str, int]) -> float:
    """Print precision by stratum; returns that of the visits, the light ones weighted up."""
    table = exact_tags()
    sample = labels()
    wrong = [
        host for host, _, accepted in sample if not right(resolve("host:" + host, table), accepted)
    ]
    named = {host for host, _, _ in sample}
    heavy = [host for host, stratum, _ in sample if stratum == "heavy" and host in visits]
    light = [host for host, stratum, _ in sample if stratum == "light"]
    of_heavy = sum(visits[h] for h in heavy if h not in wrong) / max(
        1, sum(visits[h] for h in heavy)
    )
    of_light = sum(h not in wrong for h in light) / len(light)
    share = sum(visits[h] for h in heavy) / max(1, sum(visits.values()))
    precision = share * of_heavy + (1 - share) * of_light
    print(
        f"  precision on {len(named)} hand-checked hosts: {1 - len(wrong) / len(named):.3f} "
        f"by host; by visit {precision:.3f} (at least 0.9; heavy {of_heavy:.3f}, "
        f"light {of_light:.3f})"
    )
    for host in wrong:
        entry = resolve("host:" + host, table)
        said = (
            "unknown"
            if entry is None
            else " ".join(taxonomy.load().names[taxonomy.load().index(i)] for i, _ in entry.told)
            or kind(entry)
        )
        print(f"    judged otherwise: {host}: {said}")
    return precision
