"""Build ``streams/data/profiles.zdict``: what profiles have in common, for compressing them.

    python -m tests.tools.build_dictionary

Trained on what made-up customers are like, and on nobody else. A reader's snapshot names the
dictionary it was written with, so a new one costs each reader one full read of the topic.
"""

from __future__ import annotations

from backports import zstd

from streams.client.held import DICTIONARY
from tests.support.paths import ROOT
from tests.support.simulated_profiles import published

#: Beyond it profiles hardly shrink: those of 4,607 bytes to 425 with 16 KiB, to 418 with 64.
SIZE = 16_384


def main() -> None:
    """Write the dictionary and say what it brings on customers it was not trained on."""
    seen: list[bytes | bytearray | memoryview[int]] = [
        record.value for record in published(60, 28, seed=1) if record.value
    ]
    dictionary = zstd.train_dict(seen[:: max(1, len(seen) // 4_000)], SIZE)
    ROOT.joinpath("streams", DICTIONARY).write_bytes(dictionary.dict_content)
    fresh = [record.value for record in published(30, 28, seed=2) if record.value]
    plain, small = (
        sum(map(len, fresh)),
        sum(len(zstd.compress(value, 3, None, dictionary)) for value in fresh),
    )
    print(f"{plain / len(fresh):.0f} bytes to {small / len(fresh):.0f}, {len(fresh)} profiles")


if __name__ == "__main__":
    main()
