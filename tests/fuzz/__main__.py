"""Coverage-guided fuzzing of every decoder: ``python -m tests.fuzz --seconds 60``.

Mutates inputs and keeps those that reach lines no input reached before (`sys.settrace` over
``features`` and ``streams``; compiled kernels can't be traced, so the slow reference leads the
way and the fast parser is compared with it). Pure Python, for it must run wherever the tests do.
A finding is printed as Python bytes, with the seed that leads to it; the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from types import FrameType
from typing import Any

from tests.fuzz.targets import TARGETS, Target

#: Processor time that a decoder call on at most 8 KiB may take; the median is below 0.1 ms.
SLOWEST_S = 0.5
_LONGEST = 8_192
_WORDS = (
    b'"',
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"[",
    b"}",
    b"null",
    b"true",
    b"1e999",
    b"-0",
    b"1.0",
    b"9" * 20,
    b"\x00",
    b"\xff\xfe",
    b"\xc3\x28",
    b'{"a":',
    b"@",
    b"+4912345678",
    b" ",
    b"\n",
    b",",
    b":",
    b"NaN",
    b"[" * 64,
)


@dataclass
class Findings:
    """What fuzzing a target came to.

    Attributes
    ----------
    reached : set of (str, int)
        File and line.
    bad : list of (bytes, str)
        Input, and what it did.
    """

    runs: int = 0
    corpus: list[bytes] = field(default_factory=list)
    reached: set[tuple[str, int]] = field(default_factory=set)
    slowest_s: float = 0.0
    bad: list[tuple[bytes, str]] = field(default_factory=list)


def fuzz(target: Target, seconds: float, seed: int, most_runs: int = 10**9) -> Findings:
    """Fuzz one decoder for so long."""
    rng, found = Random(seed), Findings()
    for data in target.seeds:
        _try(target, data, found)
    until = time.monotonic() + seconds
    while time.monotonic() < until and found.runs < most_runs and not found.bad:
        _try(target, mutate(rng, found.corpus or [b""]), found)
    return found


def mutate(rng: Random, corpus: Sequence[bytes]) -> bytes:
    """A neighbour of an input, by one to four changes."""
    data = bytearray(rng.choice(corpus))
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(data))
        kind = rng.randrange(6)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at:at] = rng.choice(_WORDS)
        elif kind == 2:
            del data[at : at + rng.randint(1, 16)]
        elif kind == 3:
            other = rng.choice(corpus)
            start = rng.randint(0, len(other))
            data[at:] = other[start:]
        elif kind == 4 and data:
            data[at % len(data)] = rng.randrange(256)
        else:
            data[at:at] = data[at : at + rng.randint(1, 64)]
    return bytes(data[:_LONGEST])


def _spent(target: Target, data: bytes, found: Findings) -> float:
    """Run a target once; returns the seconds of this thread, for others work on this machine."""
    started = time.thread_time()
    try:
        _traced(target, data, found.reached)
    except Exception as error:
        found.bad.append((data, repr(error)))
    return time.thread_time() - started


def _try(target: Target, data: bytes, found: Findings) -> None:
    before = len(found.reached)
    spent = _spent(target, data, found)
    if spent > SLOWEST_S:  # something may have been compiled on the way: it is slow twice or not
        spent = min(spent, _spent(target, data, found))
    found.runs += 1
    found.slowest_s = max(found.slowest_s, spent)
    if spent > SLOWEST_S and found.runs > len(target.seeds):  # kernels load with the first ones
        found.bad.append((data, f"took {spent:.2f} s"))
    if len(found.reached) > before or found.runs <= len(target.seeds):
        found.corpus.append(data)


def _traced(target: Target, data: bytes, reached: set[tuple[str, int]]) -> None:
    def lines(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            reached.add((frame.f_code.co_filename, frame.f_lineno))
        return lines

    def calls(frame: FrameType, event: str, _: Any) -> Any:
        name = frame.f_code.co_filename
        return lines if "/features/" in name or "/streams/" in name else None

    former = sys.gettrace()
    sys.settrace(calls)
    try:
        target.run(data)
    finally:
        sys.settrace(former)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where a decoder did what it must not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--target", action="append", help="only these")
    args = parser.parse_args(argv)
    seed = Random().randrange(2**32) if args.seed is None else args.seed
    print(f"seed: {seed}")
    chosen = {n: t for n, t in TARGETS.items() if not args.target or n in args.target}
    bad = 0
    for name, target in chosen.items():
        found = fuzz(target, args.seconds / len(chosen), seed)
        print(
            f"{name}: {found.runs:,} inputs, {len(found.reached)} lines reached, "
            f"{len(found.corpus)} kept, slowest {found.slowest_s * 1000:.1f} ms, "
            f"{len(found.bad)} findings",
            flush=True,
        )
        for data, what in found.bad:
            bad += 1
            print(f"  {what}\n  {data!r}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
