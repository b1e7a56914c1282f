"""What a million content tags cost a worker: memory and load time, as the topic would bring them.

Three quarters are of a few hundred kinds (genres, categories), a quarter is tagged by text, each
with chances of its own.
"""

from __future__ import annotations

import time
from random import Random

from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import TagEntry, decode, encode, exact_tags
from tests.support.processes import resident_memory

COUNT = 1_000_000
_BATCH = 50_000


def show(count: int = COUNT) -> None:
    """Print them."""
    tree, rng = taxonomy.load(), Random(1)
    told = [i for i in tree.ids if not tree.is_sensitive(i)]
    kinds = [
        tuple((i, rng.choice((0.5, 0.7, 0.9, 1.0))) for i in rng.sample(told, 1 + n % 3))
        for n in range(800)
    ]
    exact_tags()
    contents = Contents(tree, exact_tags())
    before, seconds = resident_memory(), 0.0
    for start in range(0, count, _BATCH):
        values = []
        for number in range(start, min(count, start + _BATCH)):
            tags = (
                rng.choice(kinds)
                if number % 4
                else tuple(
                    (i, round(rng.uniform(0.35, 1), 3)) for i in rng.sample(told, 1 + number % 3)
                )
            )
            values.append(encode(f"programme:{number:012}", TagEntry(tags, "genre:test", 0.9)))
        started = time.process_time()
        contents.update(dict(map(decode, values)))
        seconds += time.process_time() - started
    print(
        f"\ncontents: {count:,} content tags: {(resident_memory() - before) / 2**20:.0f} MB "
        f"in a worker, decoded and held in {seconds:.1f} s of one core"
    )
