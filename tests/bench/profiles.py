"""What profiles are like for who reads them: their size and number, and some to be judged.

The same simulated households always, so that figures before and after a change can be compared.
"""

from __future__ import annotations

import io
import random
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from rich.console import Console

from features.profiles.offers import OFFERS_BYTES
from streams.client import Profiles
from streams.client.words import LANGUAGES, wording
from streams.commands.profile import print_profile
from streams.sandbox.simulator import Simulation
from tests.support.simulated_profiles import commits

_LIMITS = {"profile_bytes": 2_000.0, "offers_largest": OFFERS_BYTES, "records_per_event": 0.08}
#: Of the profiles that are written to be judged, so many have no interest.
_EMPTY = 3
_WIDTH = 170  # of a terminal, characters


@dataclass(frozen=True)
class Published:
    """What one partition published of simulated households, each subject's last record.

    Attributes
    ----------
    profiles, empty : int
        All of them, and those without an interest.
    profile_bytes, profile_largest, offers_bytes, offers_largest : float
        Values before compression: mean and largest.
    interests : float
        Mean per profile.
    records_per_event : float
        Profile records, all versions, over input records.
    """

    profiles: int
    empty: int
    profile_bytes: float
    profile_largest: float
    offers_bytes: float
    offers_largest: float
    interests: float
    records_per_event: float


def measure(
    households: int = 60, days: int = 28, seed: int = 7
) -> tuple[Published, dict[str, bytes]]:
    """Publish the profiles of simulated households: what they are like, and the profiles.

    Returns
    -------
    Published
    dict of str to bytes
        The last profile of each subject that has one.
    """
    profiles: dict[str, bytes] = {}
    offers: dict[str, bytes] = {}
    records = 0
    for changes in commits(households, days, seed):
        records += len(changes.profiles)
        for held, news in ((profiles, changes.profiles), (offers, changes.offers)):
            for record in news:
                held.pop(record.key.decode(), None)
                if record.value is not None:
                    held[record.key.decode()] = record.value
    events = sum(1 for _ in Simulation(seed, households=households, days=days))
    counts = [len(orjson.loads(value)["interests"]) for value in profiles.values()]
    sizes, acted = list(map(len, profiles.values())), list(map(len, offers.values()))
    found = Published(
        profiles=len(sizes),
        empty=counts.count(0),
        profile_bytes=statistics.mean(sizes),
        profile_largest=max(sizes),
        offers_bytes=statistics.mean(acted),
        offers_largest=max(acted),
        interests=statistics.mean(counts),
        records_per_event=records / events,
    )
    return found, profiles


def show(found: Published) -> str:
    """Format for people, beside what profiles are allowed."""
    lines = []
    for name, value in asdict(found).items():
        limit = _LIMITS.get(name)
        met = "      " if limit is None else "met   " if value < limit else "MISSED"
        lines.append(f"{met} {name} {value:,.3f}" + (f" < {limit:g}" if limit else ""))
    return "\n".join(lines)


def write_sample(profiles: dict[str, bytes], folder: Path, count: int = 20, seed: int = 3) -> None:
    """Write some profiles as JSON, and as the command shows them, in each language.

    Parameters
    ----------
    profiles : dict of str to bytes
        By subject.
    folder : Path
        Files ``01.json``, ``01.en.txt`` and so on go there.
    count : int
        Of them some have no interest.
    """
    chance = random.Random(seed)
    full = {s: bool(orjson.loads(profiles[s])["interests"]) for s in sorted(profiles)}
    known, empty = ([s for s in full if full[s] is wanted] for wanted in (True, False))
    few = min(_EMPTY, len(empty))
    chosen = chance.sample(known, min(count - few, len(known))) + chance.sample(empty, few)
    folder.mkdir(parents=True, exist_ok=True)
    for number, subject in enumerate(chosen, 1):
        raw = orjson.loads(profiles[subject])
        held = Profiles(now=lambda: 0)
        held.put(subject, held.parse(subject, profiles[subject], 0, 1, 1))
        file = folder / f"{number:02}"
        file.with_suffix(".json").write_bytes(orjson.dumps(raw, option=orjson.OPT_INDENT_2))
        for language in LANGUAGES:
            text = io.StringIO()
            console = Console(file=text, width=_WIDTH, markup=False, highlight=False)
            print_profile(console, held[subject], raw, wording(language))
            file.with_suffix(f".{language}.txt").write_text(text.getvalue())
