"""The fast parser: whole batches of JSON records into columns, without Python objects.

It takes what is ordinary and leaves everything else to `features.records.decoder.decode`: a
record it fills, the reference accepts with the same values. It never refuses a record itself.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.jit import bare
from features.records import decoder, scan_tables
from features.records.columns_kernel import fill_body, fill_common
from features.records.scan_kernel import read_fields


def _mask(fields: str) -> int:
    return sum(1 << scan_tables.NAMES.index(name) for name in fields.split())


def _per_kind(common: str, network: str, tv: str, app: str) -> NDArray[np.int64]:
    return np.array([0, *(_mask(f"{common} {own}") for own in (network, tv, app))], np.int64)


# By kind: the fields that must be text, that must be integers, and the required ones of both.
_TEXTS: Final = _per_kind(
    "event_id account_id member_id device_id country",
    "line host app", "content_id channel title mode", "app_id action section",
)  # fmt: skip
_NUMBERS: Final = _per_kind(
    "ts tz_offset_min",
    "bytes_down bytes_up duration_ms", "watched_ms content_ms", "duration_ms",
)  # fmt: skip
_REQUIRED: Final = _per_kind(
    "event_id account_id ts", "line", "content_id watched_ms mode", "app_id action"
)


@bare
def parse_records(
    blob: NDArray[np.uint8],
    words: NDArray[np.uint64],
    starts: NDArray[np.int64],
    keys: NDArray[np.uint8],
    key_starts: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    max_bytes: int,
    ts_end: int,
    scratch: NDArray[np.int64],
    records: NDArray[Any],
    slow: NDArray[np.bool_],
) -> int:
    """Fill the rows of ordinary records.

    Parameters
    ----------
    blob
        Bytes of all records, a newline behind each, then 16 more, uint8.
    words
        The same bytes, from each position the eight that start there, uint64.
    starts
        Where each record starts, int64[n + 1]; record i is ``blob[starts[i]:starts[i+1]-1]``.
    keys, key_starts
        Record keys joined without gaps, uint8, and their starts, int64[n + 1].
    kinds
        uint8[n], as in `features.records.decoder`.
    max_bytes, ts_end
        Longer records and later event times are left to the reference.
    scratch
        Room to work in, int64[3, len(names.NAMES)].
    records
        EVENT[n] to fill, except ``partition`` and ``offset``.
    slow
        bool[n], set to whether the reference must decide; such a row holds nothing of use.

    Returns
    -------
    How many rows are slow.
    """
    at, size, number = scratch[0], scratch[1], scratch[2]
    left = 0
    for i in range(slow.size):
        start, end, kind = starts[i], starts[i + 1] - 1, kinds[i]
        good = end - start <= max_bytes and decoder.NETWORK <= kind <= decoder.APP
        if good:
            good, texts, numbers = read_fields(blob, words, start, end, at, size, number)
        if good:
            row = records[i]
            row.kind = kind
            row.raw_at = start
            row.raw_len = end - start
            good = (
                _typed(kind, texts, numbers)
                and number[scan_tables.TS] < ts_end
                and _same(
                    blob,
                    at[scan_tables.ACCOUNT_ID],
                    size[scan_tables.ACCOUNT_ID],
                    keys,
                    key_starts,
                    i,
                )
                and fill_common(blob, at, size, number, texts, numbers, row)
                and fill_body(blob, at, size, number, texts, numbers, row)
            )
        slow[i] = not good
        left += not good
    return left


@bare
def _typed(kind: int, texts: int, numbers: int) -> bool:
    if texts & _NUMBERS[kind] or numbers & _TEXTS[kind]:
        return False
    return bool((texts | numbers) & _REQUIRED[kind] == _REQUIRED[kind])


@bare
def _same(
    blob: NDArray[np.uint8],
    at: int,
    size: int,
    keys: NDArray[np.uint8],
    key_starts: NDArray[np.int64],
    i: int,
) -> bool:
    begin = key_starts[i]
    if key_starts[i + 1] - begin != size:
        return False
    for p in range(size):
        if blob[at + p] != keys[begin + p]:
            return False
    return True
