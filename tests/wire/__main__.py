"""Everything that goes out, pinned byte for byte: ``python -m tests.wire`` compares with the file.

One run (`tests.wire.run`) over one input (`tests.wire.input`), and the command line
(`tests.wire.commands`), reduced to ``tests/golden/wire.json``. Of every topic and partition the
file has the number of records, a digest over them all, four hex digits of each record's own
digest, and the first and last records in full; so a difference is named by its first record.

``--write`` makes the file anew, after a change of what goes out that is meant. ``--show
interest-profiles[1] 17`` prints record 17 of a partition, on any commit that has this module: the
two sides of a difference. The last digits of floating point are those of the processor and the
libraries that the file says it was made with; numpy does without AVX-512 here, for its logarithm
rounds otherwise with it, and the kernels are compiled for this run alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.metadata import version
from itertools import zip_longest
from os.path import commonprefix
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streams.contract.topics import CATALOGUE, INPUTS
from streams.metrics import REGISTRY
from tests.broker.memory_broker import Entry, MemoryBroker
from tests.support.paths import GOLDEN
from tests.wire import commands, input
from tests.wire import run as wire_run

PATH = GOLDEN / "wire.json"
Golden = dict[str, Any]
_DIGITS = 4  # of a record's digest
_PER_LINE = 22  # records
_SAMPLE = 3  # records at either end
_MOST_SHOWN = 40  # lines of differences
_LINE, _AROUND = 1_000, 80  # characters of a record, and of a text that differs
#: Values of metrics that follow the real clock; histograms keep their counts.
_CLOCK = (
    "_created",
    "last_commit_timestamp_seconds",
    "last_poll_timestamp_seconds",
    "_duration_seconds_sum",
    "event_to_profile_seconds_sum",
    "_duration_seconds_bucket",
)


#: Labels that say what it ran with.
_VERSIONS = ("python", "numba", "river", "librdkafka")
#: Read by numpy when it is imported, so the run has a process of its own.
_ENVIRON = {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR"}


def golden(broker: MemoryBroker) -> Golden:
    """The run and the commands, reduced."""
    metrics, about = _metrics(generate_latest(REGISTRY).decode())
    said, files = commands.commands(broker)
    return {
        "made with": _made_with(),
        "input": _input(),
        "topics": {spot: _reduced(entries) for spot, entries in written(broker).items()},
        "commits": _commits(broker),
        "metrics": metrics,
        "commands": said,
        "files": files,
        "options": commands.options(),
        "help of metrics": about,
    }


# -- records -----------------------------------------------------------------------------


def written(broker: MemoryBroker) -> dict[str, list[Entry]]:
    """What stands in each output partition, in order, with what compaction took since."""
    found: dict[str, list[Entry]] = {
        f"{topic}[{p}]": [e for e in log.entries if e is not None and e.txn is None]
        for topic, logs in broker.topics.items()
        if topic not in (*INPUTS, CATALOGUE)
        for p, log in enumerate(logs)
    }
    for txn in broker.commits:
        for (topic, partition), entry in txn.written:
            found[f"{topic}[{partition}]"].append(entry)
    return found


def _packed(entry: Entry) -> bytes:
    """A record as bytes that tell its parts, and None from empty, apart."""
    headers = [part for name, value in entry.headers or () for part in (name.encode(), value)]
    return b"".join(
        b"-" if part is None else b"%d:%b" % (len(part), part)
        for part in (entry.key, entry.value, *headers)
    )


def _digits(entry: Entry) -> str:
    return hashlib.sha256(_packed(entry)).hexdigest()[:_DIGITS]


def _reduced(entries: Sequence[Entry]) -> dict[str, Any]:
    digits = [_digits(entry) for entry in entries]
    ends = sorted({*range(len(entries))[:_SAMPLE], *range(len(entries))[-_SAMPLE:]})
    return {
        "records": len(entries),
        "sha256": hashlib.sha256(b"\n".join(map(_packed, entries))).hexdigest(),
        "digests": [
            "".join(digits[at : at + _PER_LINE]) for at in range(0, len(digits), _PER_LINE)
        ],
        "sample": {str(n): shown(entries[n]) for n in ends},
    }


def shown(entry: Entry) -> dict[str, Any]:
    """A record for people."""
    return {
        "key": _text(entry.key),
        "value": _text(entry.value),
        "headers": {name: _text(value) for name, value in entry.headers or ()},
    }


def _text(raw: bytes | None) -> str | None:
    if raw is None:
        return None
    text = raw.decode(errors="replace")
    if text.isprintable() and text.encode() == raw:
        return text
    return f"{len(raw)} bytes {hashlib.sha256(raw).hexdigest()[:16]} {raw[:24]!r}"


def _input() -> dict[str, Any]:
    whole, count = hashlib.sha256(), 0
    for day in input.days():
        for record in (record for part in day for record in part):
            whole.update(repr(record).encode())
            count += 1
    whole.update(repr(list(input.entries())).encode())
    return {"records": count, "sha256": whole.hexdigest()}


def _commits(broker: MemoryBroker) -> dict[str, Any]:
    steps = [
        json.dumps(
            {
                f"{topic}[{p}]": at
                for group in txn.offsets.values()
                for (topic, p), at in sorted(group.items())
            }
        )
        for txn in broker.commits
    ]
    offsets = broker.group(wire_run.GROUP).offsets
    return {
        "count": len(steps),
        "sha256": hashlib.sha256("\n".join(steps).encode()).hexdigest(),
        "offsets": {f"{topic}[{p}]": at for (topic, p), at in sorted(offsets.items())},
    }


# -- metrics -----------------------------------------------------------------------------


def _metrics(text: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Type, and value by sample, of each metric; null where it follows the clock. Help texts."""
    found, about = {}, {}
    for family in text_string_to_metric_families(text):
        values = {}
        for sample in family.samples:
            labels = ",".join(
                f"{name}={'*' if name in _VERSIONS else value}"
                for name, value in sorted(sample.labels.items())
            )
            values[f"{sample.name}{{{labels}}}"] = (
                None if sample.name.endswith(_CLOCK) else sample.value
            )
        found[family.name] = {"type": family.type, "values": dict(sorted(values.items()))}
        about[family.name] = family.documentation
    for name, collector in REGISTRY._names_to_collectors.items():
        if name in found:  # the text shows no label that was never given
            found[name]["labels"] = list(getattr(collector, "_labelnames", ()))
    return found, about


def _made_with() -> dict[str, str]:
    core: Any = import_module("numpy._core._multiarray_umath")  # it has no stubs
    libraries = {name: version(name) for name in ("numpy", "numba", "river", "orjson", "rich")}
    features = " ".join(sorted(name for name, there in core.__cpu_features__.items() if there))
    return {
        "python": platform.python_version(),
        **libraries,
        "libc": " ".join(platform.libc_ver()),
        "processor": features,
    }


# -- comparing ---------------------------------------------------------------------------


def differences(old: Golden, new: Golden, entries: dict[str, list[Entry]]) -> list[str]:
    """What differs, by section, records first named by partition and number."""
    found = [
        line
        for spot in sorted(old["topics"].keys() | new["topics"].keys())
        for line in _records(
            spot, old["topics"].get(spot), new["topics"].get(spot), entries.get(spot, [])
        )
    ]
    for section in new:
        if section not in ("made with", "topics"):
            found += _values(section, old.get(section), new[section])
    if found and old["made with"] != new["made with"]:
        found += [
            "",
            "The file was made elsewhere, where floating point may round otherwise:",
            *_values("made with", old["made with"], new["made with"]),
        ]
    return found


def _records(
    spot: str, old: dict[str, Any] | None, new: dict[str, Any] | None, entries: Sequence[Entry]
) -> Iterator[str]:
    if old == new:
        return
    if old is None or new is None:
        yield f"topics: {spot}: {'new' if old is None else 'gone'}"
        return
    pairs = zip_longest(_split(old["digests"]), _split(new["digests"]))
    differing = [n for n, (was, now) in enumerate(pairs) if was != now]
    yield (
        f"topics: {spot}: {len(differing)} records differ or moved; "
        f"{old['records']} before, {new['records']} now"
    )
    if not differing:
        yield "    each record's digits are the same, the digest over all is not"
        return
    first = differing[0]
    before = old["sample"].get(str(first))
    now = shown(entries[first]) if first < len(entries) else None
    yield f"    the first is record {first}: {_line(now)}"
    if before is not None and now is not None:
        yield from _values("    before -> now", before, now)
    yield f'    (either side in full: python -m tests.wire --show "{spot}" {first})'


def _line(record: dict[str, Any] | None) -> str:
    text = "none any more" if record is None else json.dumps(record, ensure_ascii=False)
    return text if len(text) <= _LINE else f"{text[:_LINE]}..."


def _split(lines: Sequence[str]) -> list[str]:
    text = "".join(lines)
    return [text[at : at + _DIGITS] for at in range(0, len(text), _DIGITS)]


def _values(path: str, old: Any, new: Any) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            if name not in old or name not in new:
                yield f"{path}: {name}: {'new' if name in new else 'gone'}"
            else:
                yield from _values(f"{path}: {name}", old[name], new[name])
    elif isinstance(old, list) and isinstance(new, list):
        for number, (was, now) in enumerate(zip_longest(old, new), 1):
            if was != now:
                yield from _values(f"{path}: line {number}", was, now)
                return
    else:
        yield f"{path}: {_around(old, new)} -> {_around(new, old)}"


def _around(text: Any, other: Any) -> str:
    """The first side, of long texts only what lies about the first character that differs."""
    if not isinstance(text, str) or not isinstance(other, str) or len(text) <= _AROUND:
        return repr(text)
    at = max(0, len(commonprefix([text, other])) - _AROUND // 2)
    return f"...{text[at : at + _AROUND]!r}..."


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where something differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="make the file anew")
    parser.add_argument("--show", nargs=2, metavar=("TOPIC[P]", "N"), help="print a record")
    args = parser.parse_args(argv)
    if any(os.environ.get(name) != text for name, text in _ENVIRON.items()):
        words = sys.argv[1:] if argv is None else argv
        environ = {
            name: text
            for name, text in os.environ.items()
            if not name.startswith("INTEREST_STREAMS_")
        } | _ENVIRON
        return subprocess.run([sys.executable, "-m", "tests.wire", *words], env=environ).returncode
    logging.getLogger("streams").setLevel(logging.CRITICAL)
    broker = wire_run.run()
    entries = written(broker)
    if args.show:
        print(
            json.dumps(
                shown(entries[args.show[0]][int(args.show[1])]), indent=1, ensure_ascii=False
            )
        )
        return 0
    # As it is after a trip through the file.
    new = json.loads(json.dumps(golden(broker)))
    if args.write:
        PATH.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n")
        return 0
    found = differences(json.loads(PATH.read_text()), new, entries)
    print("\n".join(found[:_MOST_SHOWN]))
    if len(found) > _MOST_SHOWN:
        print(f"and {len(found) - _MOST_SHOWN} lines more")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
