"""Reads files of records as ``simulate`` writes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from streams.contract import topics
from streams.contract.record import Record
from streams.datasets.rows import SourceError
from streams.kafka.producing import merged


def jsonl(path: Path) -> Iterator[Record]:
    """Records of ``simulate``: a file of {"topic","key","value"}, or a folder of <topic>.jsonl.

    The order of a file is kept, late records included; the files of a folder are merged by the
    greatest event time each has reached.

    Raises
    ------
    SourceError
        On the first `next`, naming file and place.
    """
    if not path.is_dir():
        return _lines(path, path.stem if path.stem in topics.JOINABLE else None)
    files = [path / f"{name}.jsonl" for name in topics.JOINABLE]
    present = [file for file in files if file.exists()]
    if not present:
        raise SourceError(f"{path}: none of {', '.join(file.name for file in files)}")
    return merged([_lines(file, file.stem) for file in present])


def _lines(path: Path, topic: str | None) -> Iterator[Record]:
    reached = 0
    try:
        file = path.open("rb")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None
    with file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            record = _record(line, topic, f"{path}: line {number}")
            reached = max(reached, record.at)
            yield record._replace(at=reached)


def _record(line: bytes, topic: str | None, place: str) -> Record:
    try:
        item = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise SourceError(f"{place}: not JSON: {error}") from None
    value = item if topic is not None else item.get("value") if isinstance(item, dict) else None
    name = topic if topic is not None else item.get("topic") if isinstance(item, dict) else None
    if not isinstance(value, dict) or name not in topics.BY_NAME:
        raise SourceError(f'{place}: expected {{"topic", "key", "value"}} with a known topic')
    key = value.get("account_id") if topic is not None else item.get("key")
    ts = value.get("ts", 0)
    if not isinstance(key, str) or not isinstance(ts, int):
        raise SourceError(f"{place}: key (account_id) must be text and ts a whole number")
    return Record(ts, name, key, value)
