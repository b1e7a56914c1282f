"""Reads Kafka records into a batch: columns of checked values beside the bytes received.

:func:`parse` turns what a consumer handed over into a :class:`Batch` and the list of what was
refused. Text stays where it is, in one blob; the columns hold hashes and spans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.records.arrivals import known
from features.records.compact_kernel import compact, extents
from features.records.concealed import keys_of
from features.records.dead_letter import DeadLetter
from features.records.decoder import FACTS, PREFIXES, Limits, decode, decode_fact
from features.records.everybody import everybody_words
from features.records.facts import Fact, is_doubted
from features.records.fields import Malformed
from features.records.guarded import guarded
from features.records.inputs import INPUTS, TS_END, Inputs
from features.records.joined import joined
from features.records.parse_kernel import parse_records
from features.records.pseudonyms import personal_texts
from features.records.readings import Undecided
from features.records.scan_tables import tables
from features.records.sip_kernel import hash_key
from features.records.tail import Tail
from features.records.tolerated import Tolerance, take_up
from features.vocabulary import Refusal

#: One accepted record, 152 bytes, naturally aligned. Positions ``*_at`` count from ``raw_at``
#: and may lie behind the record's own ``raw_len`` bytes; a length of 0 means absent. Hashes are
#: those of `features.records.hash_kernel`, 0 for absent; ``event_hash`` and ``witness`` are keyed
#: (`features.records.sip_kernel`). ``arrival`` is the record's own time stamp in the log, ms, -1
#: where that is unknown.
#: ``tz_min`` is ``NO_TZ`` where unknown,
#: ``country`` two letters as ``256 * first + second`` or 0, ``content_ms`` 0 where unknown.
#: ``mode`` indexes `inputs.Input.words`, one more for other words; ``prefix`` indexes
#: `decoder.PREFIXES`.
#: Facts have no content, bytes, duration or mode; :meth:`Batch.fact` decodes them.
EVENT: Final = np.dtype([
    ("ts", "i8"), ("event_hash", "u8"), ("account_hash", "u8"), ("subject_hash", "u8"),
    ("device_hash", "u8"), ("content_hash", "u8"), ("content2_hash", "u8"), ("offset", "i8"),
    ("raw_at", "i8"), ("bytes", "i8"), ("duration_ms", "i8"), ("content_ms", "i8"),
    ("arrival", "i8"), ("witness", "u8"),
    ("raw_len", "i4"), ("account_at", "i4"), ("member_at", "i4"), ("content_at", "i4"),
    ("content2_at", "i4"), ("partition", "i4"),
    ("account_len", "u2"), ("member_len", "u2"), ("content_len", "u2"), ("content2_len", "u2"),
    ("tz_min", "i2"), ("country", "u2"),
    ("mode", "u1"), ("kind", "u1"), ("prefix", "u1"), ("prefix2", "u1"),
])  # fmt: skip

#: Of a fact in form that says more beside its form than can be kept or told.
_BESIDE: Final = DeadLetter(Refusal.ENUM, "", "may protect somebody by what is no field of it")
#: Names that :meth:`Batch.text` knows.
TEXTS: Final = ("account", "member", "content", "content2")


@dataclass(frozen=True)
class Batch:
    """Accepted records, in the order they were received.

    Attributes
    ----------
    records : ndarray of EVENT, shape (n,)
    blob : ndarray of uint8, read-only
        Raw records and their texts; may hold bytes that no record refers to.
    """

    records: NDArray[Any]
    blob: NDArray[np.uint8]

    def __len__(self) -> int:
        return int(self.records.size)

    @cached_property
    def kinds(self) -> bytes:
        """Kind of input of each record."""
        return self.records["kind"].tobytes()

    def raw(self, i: int) -> bytes:
        """The record's bytes as received; of a fact, what may be kept of it, written anew."""
        row = self.records[i]
        return self._span(int(row["raw_at"]), int(row["raw_len"]))

    def text(self, i: int, name: str) -> bytes:
        """One of :data:`TEXTS` of a record, in original case; empty where absent."""
        row = self.records[i]
        return self._span(int(row["raw_at"]) + int(row[name + "_at"]), int(row[name + "_len"]))

    def content_key(self, i: int, name: str = "content") -> str:
        """Key under which the content is tagged, such as ``host:bbc.co.uk``; empty if none.

        ``name`` is ``content`` or, for the fallback, ``content2``.
        """
        return self.content_keys(np.array([i]), np.array([name == "content2"]))[0]

    def content_keys(self, index: NDArray[np.integer], second: NDArray[np.bool_]) -> list[str]:
        """Keys of the contents of some records, where `second` of the fallbacks."""
        rows = self.records[index]
        names = ("prefix", "content_at", "content_len"), ("prefix2", "content2_at", "content2_len")
        prefix, at, size = (np.where(second, rows[b], rows[a]) for a, b in zip(*names, strict=True))
        starts = rows["raw_at"] + at
        return [
            PREFIXES[kind] + self._span(start, length).lower().decode()
            for kind, start, length in zip(
                prefix.tolist(), starts.tolist(), size.tolist(), strict=True
            )
        ]

    def fact(self, i: int) -> Fact:
        """The fact or outcome that record ``i``, of no kind of event, states."""
        return decode_fact(self.raw(i))

    def take(self, index: ArrayLike) -> Batch:
        """The records of an index or a mask, in its order, with no more bytes than they need."""
        chosen = np.asarray(index)
        records = self.records[chosen if chosen.size else chosen.astype(np.int64)]
        return _gathered(records, [(len(records), self.blob)])

    @staticmethod
    def concat(batches: Sequence[Batch]) -> Batch:
        """The records of several batches behind each other."""
        if not batches:
            return Batch(np.empty(0, EVENT), _sealed(np.empty(0, np.uint8)))
        records = np.concatenate([batch.records for batch in batches])
        if all(batch.blob is batches[0].blob for batch in batches):
            return Batch(records, batches[0].blob)
        return _gathered(records, [(len(batch), batch.blob) for batch in batches])

    def _span(self, start: int, length: int) -> bytes:
        return self.blob[start : start + length].tobytes()


def parse_log(
    raws: Sequence[bytes], keys: Sequence[bytes], kinds: Sequence[int], first: int = 0
) -> tuple[Batch, dict[int, DeadLetter]]:
    """Read what stands in one partition from offset `first` on; as `parse`, with its own limits."""
    n = len(raws)
    offsets = np.arange(first, first + n, dtype=np.int64)
    return parse(raws, keys, np.array(kinds, np.uint8), np.zeros(n, np.int32), offsets, Limits())


def parse(
    raws: Sequence[bytes | None],
    keys: Sequence[bytes | None],
    kinds: NDArray[np.uint8],
    partitions: NDArray[np.int32],
    offsets: NDArray[np.int64],
    limits: Limits,
    arrivals: ArrayLike | None = None,
    inputs: Inputs = INPUTS,
    *,
    fast: bool = True,
    tolerance: Tolerance | None = None,
) -> tuple[Batch, dict[int, DeadLetter]]:
    """Read a batch of Kafka records.

    Parameters
    ----------
    raws, keys
        Values and keys, n each. A missing value is ``empty``, a missing key ``key_mismatch``.
    kinds, partitions, offsets
        uint8[n] as in `features.records.decoder`, int32[n], int64[n].
    limits
        What the deployment allows.
    arrivals
        When the log says that they came, ms; one for all, or int64[n]. What is stamped more than
        ``limits.future_tolerance_ms`` later is refused, so that the log alone decides, whenever
        it is read. Unknown where it is no time that can be.
    inputs
        What the sources are.
    fast
        False has every record decided by the slow reference; the outcome is the same.
    tolerance
        When given, refusals and erasures that are not in form are taken up all the same, and
        what may be one is refused as `undecided`, and stands among the accepted too where it puts
        an account on hold.

    Returns
    -------
    The accepted records, and the refused ones by their index; both in the order received.
    """
    n = len(raws)
    came = known(arrivals, n)
    ends = np.where(came < 0, TS_END, np.minimum(TS_END, came + limits.future_tolerance_ms + 1))
    key = hash_key(keys_of(limits.hash_secret)[-1])
    values, names = joined(raws, b"\n", bytes(16)), joined(keys, b"", b"")
    data = values.data
    records = np.empty(n, EVENT)
    slow = np.ones(n, np.bool_)
    if fast:
        table = tables(inputs)
        scratch = np.zeros((3, table.fields), np.int64)
        parse_records(data, _words(data), values.starts, names.data, names.starts, kinds, table,
                      limits.max_message_bytes, ends, key, limits.ids.table, everybody_words(),
                      personal_texts(), scratch, records, slow)  # fmt: skip
    tail, refused = Tail(data.size, limits.hash_secret), dict[int, DeadLetter]()
    for i in np.flatnonzero(slow).tolist():
        raw = raws[i] or b""
        try:
            item = decode(int(kinds[i]), raw, keys[i], limits, inputs)
            if item.ts >= ends[i]:
                raise Malformed(Refusal.FUTURE, "ts", "lies further ahead than is tolerated")
            if isinstance(item, Fact) and tolerance is not None:
                item = guarded(item, raw, keys[i], tolerance, limits.ids.accepts)
        except Malformed as error:
            found = None
            if tolerance is not None and kinds[i] in (FACTS, inputs.outcomes):
                name, told = f"{partitions[i]}-{offsets[i]}", kinds[i] != FACTS
                found = take_up(raws[i], keys[i], tolerance, name, i, limits.ids.accepts,
                                of_outcomes=bool(told))  # fmt: skip
            if isinstance(found, Fact):
                records[i] = tail.fact(found, int(kinds[i]))
                if not is_doubted(found.said):
                    continue
            at = int(partitions[i]), int(offsets[i])
            refused[i] = _letter(error.letter, at, keys[i], raws[i], found)
        else:
            if isinstance(item, Fact):
                records[i] = tail.fact(item, int(kinds[i]))
                if is_doubted(item.said):
                    at = int(partitions[i]), int(offsets[i])
                    refused[i] = _letter(_BESIDE, at, keys[i], raws[i], item)
            else:
                records[i] = tail.row(raw, item)
    records["partition"] = partitions
    records["offset"] = offsets
    records["arrival"] = came
    return _accepted(records, refused, data, tail), refused


def _accepted(
    records: NDArray[Any], refused: dict[int, DeadLetter], data: NDArray[np.uint8], tail: Tail
) -> Batch:
    if refused:
        gone = [i for i, letter in refused.items() if not letter.holds]
        records = np.delete(records, np.array(gone, np.intp))
    if tail.parts:
        data = np.concatenate([data, np.frombuffer(b"".join(tail.parts), np.uint8)])
    return Batch(records, _sealed(data))


def _letter(
    why: DeadLetter,
    at: tuple[int, int],
    key: bytes | None,
    value: bytes | None,
    found: Fact | Undecided | None,
) -> DeadLetter:
    """What is written of a refused record, and whether it may have been a refusal itself."""
    doubt = replace(why, undecided=found is not None, holds=isinstance(found, Fact))
    return replace(doubt, partition=at[0], offset=at[1], key=key, value=value)


def warm_up() -> None:
    """Compile, or load from disk, every kernel used here; seconds the first time."""
    one = np.zeros(1, np.int64)
    raw = b'{"event_id":"e","account_id":"a","ts":1500000000000,"app_id":"a","action":"open"}'
    for value in (raw, raw.replace(b"open", b"\\u006fpen")):
        batch, _ = parse([value], [b"a"], np.full(1, 3, np.uint8), one.astype(np.int32), one,
                         Limits())  # fmt: skip
        batch.take([0])


def _gathered(records: NDArray[Any], parts: Sequence[tuple[int, NDArray[np.uint8]]]) -> Batch:
    """A batch of these records, so many of them from each blob in turn."""
    lengths = np.empty(len(records), np.int64)
    blob = np.empty(int(extents(records, lengths)), np.uint8)
    first = at = 0
    for count, source in parts:
        mine = slice(first, first + count)
        at = compact(records[mine], lengths[mine], source, blob, at)
        first += count
    return Batch(records, _sealed(blob))


def _sealed(blob: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # Blobs are read-only everywhere: they are shared, and numba compiles once per kind of array.
    blob.flags.writeable = False
    return blob


def _words(blob: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """From each position the eight bytes that start there, without a copy."""
    return np.ndarray((max(blob.size - 7, 0),), np.uint64, blob.data, strides=(1,))
