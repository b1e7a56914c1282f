"""Parses whole batches of JSON records into columns, without Python objects.

It takes what is ordinary and leaves everything else to `features.records.decoder.decode`: a
record it fills, the reference accepts with the same values. It never refuses a record itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.jit import bare, inlined
from features.records import scan_tables
from features.records.automaton import Automaton
from features.records.columns_kernel import fill_body, fill_common
from features.records.scan_kernel import read_fields
from features.records.scan_tables import Tables


@bare
def parse_records(
    blob: NDArray[np.uint8],
    words: NDArray[np.uint64],
    starts: NDArray[np.int64],
    keys: NDArray[np.uint8],
    key_starts: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    t: Tables,
    max_bytes: int,
    ends: NDArray[np.int64],
    key: tuple[np.uint64, np.uint64],
    ids: Automaton,
    everybody: Automaton,
    personal: tuple[Automaton, Automaton, Automaton, Automaton],
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
    t
        What the inputs are.
    max_bytes
        Longer records are left to the reference.
    ends
        And so are event times from these on, int64[n].
    key
        Of event ids, two words.
    ids, everybody, personal
        Tables of `features.records.pseudonyms`.
    scratch
        Room to work in, int64[3, t.fields].
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
        good = end - start <= max_bytes and 1 <= kind < t.texts.size
        if good:
            good, texts, numbers = read_fields(blob, words, start, end, at, size, number, t)
        if good:
            row = records[i]
            row.kind = kind
            row.raw_at = start
            row.raw_len = end - start
            good = (
                _typed(kind, texts, numbers, t)
                and number[scan_tables.TS] < ends[i]
                and _same(
                    blob,
                    at[scan_tables.ACCOUNT_ID],
                    size[scan_tables.ACCOUNT_ID],
                    keys,
                    key_starts,
                    i,
                )
                and fill_common(
                    blob, words, key, ids, everybody, at, size, number, texts, numbers, row
                )
                and fill_body(blob, words, personal, at, size, number, texts, numbers, row, t)
            )
        slow[i] = not good
        left += not good
    return left


@inlined
def _typed(kind: int, texts: int, numbers: int, t: Tables) -> bool:
    if texts & t.numbers[kind] or numbers & t.texts[kind] or (texts | numbers) & t.slow[kind]:
        return False
    return bool((texts | numbers) & t.required[kind] == t.required[kind])


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
