"""Writes and reads what is known of lines, shared screens and attributed mass as records.

A record is a header (`ASIDE`); a line (`LINE_RECORD`) or a home (`HOME_RECORD`), of which words of
zeros are left out (a bitmap of its 8-byte words, and those that are not); per row with something
apart its interest and that; then of a line the buckets of its sketch (a bitmap, and
counts), those of its open days, and its hours of presence, and of a home the chain: per member who
may still be there his number of arrival and the last posterior.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from features.household.lines_kernel import count_line
from features.household.tables import BUCKETS, HOME, LINE
from features.jit import as_int, bare, inlined
from features.state.layout import APART, SUBJECT, Live
from features.state.slabs_kernel import find_row

#: Header: ``known`` is 1 for a line, 2 for a home, 0 for neither.
ASIDE: Final = np.dtype([
    ("format", "<u1"), ("known", "<u1"), ("apart", "<u2"), ("buckets", "<u2"), ("cells", "<u1"),
    ("chain", "<u1"),
])  # fmt: skip
FORMAT: Final = 1
A_LINE: Final = 1
A_HOME: Final = 2


def _stored(of: np.dtype[np.void], without: tuple[str, ...]) -> np.dtype[np.void]:
    names = [name for name in of.names or () if name not in without]
    kinds = [(name, of[name].newbyteorder("<")) for name in names]
    size = np.dtype(kinds).itemsize
    return np.dtype([*kinds, ("_", "u1", -size % 8)] if size % 8 else kinds)


def _offset(of: np.dtype[np.void], name: str) -> int:
    assert of.fields is not None
    return int(of.fields[name][1])


_R, _SEQ = _offset(LINE, "r"), _offset(SUBJECT, "seq")
#: What of a line and a home is stored as it is; the rest is a sum, or of the chain.
LINE_RECORD: Final = _stored(LINE, ("r", "touched", "present", "step", "next"))
HOME_RECORD: Final = _stored(HOME, ("step", "next"))

_APART = APART.itemsize
_BITMAP = BUCKETS // 8
#: Most bytes of a record beside those of its rows.
MOST_BYTES: Final = (
    ASIDE.itemsize + LINE_RECORD.itemsize + 2 + _BITMAP + 3 * BUCKETS + 2 * 48 + 16 * 12
)
ROW_ASIDE: Final = 2 + _APART


def apart_of(value: bytes) -> dict[int, float]:
    """Mass kept apart by interest, of one record."""
    head = np.frombuffer(value, ASIDE, 1)[0]
    at = ASIDE.itemsize
    if head["known"]:
        words = (LINE_RECORD if head["known"] == A_LINE else HOME_RECORD).itemsize // 8
        behind = at + (words + 7) // 8
        at = behind + 8 * sum(byte.bit_count() for byte in value[at:behind])
    rows = np.frombuffer(value, np.dtype([("interest", "<u2"), ("apart", APART)]),
                         int(head["apart"]), at)  # fmt: skip
    apart = rows["apart"]
    masses = apart["level"].astype(float) + apart["today"] + apart["tomorrow"]
    return dict(zip(rows["interest"].tolist(), masses.tolist(), strict=True))


class Raw(NamedTuple):
    """Tables as bytes, shape (n, bytes): of what is copied as it lies."""

    heads: Any  # of ASIDE, of the subjects to write
    lines: Any  # of LINE_RECORD, of those
    homes: Any  # of HOME_RECORD, of those
    apart: Any  # of all rows
    known: Any  # of all lines
    subjects: Any


@bare
def pack_aside(live: Live, sids: Any, raw: Raw, out: Any, ends: Any) -> None:
    """Write the records of subjects behind each other, nothing for who has none.

    Parameters
    ----------
    out : ndarray of uint8
        Large enough for all.
    ends : ndarray of int64, shape (n,)
    """
    s, n = live.subjects, 0
    for i in range(sids.shape[0]):
        sid, begin = as_int(sids[i]), n
        n = _copy(raw.heads[i], out, n)
        known = 0
        if s.line[sid] > 0:
            known = A_HOME if s.account[sid] == sid else A_LINE
            n = _put_words(raw.lines[i] if known == A_LINE else raw.homes[i], out, n)
        rows, n = _pack_rows(live, sid, raw, out, n)
        buckets, cells, chain = 0, 0, 0
        if known == A_LINE:
            buckets, cells, n = _pack_line(live, as_int(s.line[sid]) - 1, out, n)
        elif known == A_HOME:
            chain, n = _pack_chain(live, sid, raw, out, n)
        if known == 0 and rows == 0:
            n = begin
        else:
            out[begin + 1] = np.uint8(known)
            out[begin + 2], out[begin + 3] = np.uint8(rows & 255), np.uint8(rows >> 8)
            out[begin + 4], out[begin + 5] = np.uint8(buckets & 255), np.uint8(buckets >> 8)
            out[begin + 6], out[begin + 7] = np.uint8(cells), np.uint8(chain)
        ends[i] = n


@inlined
def _copy(source: Any, out: Any, n: int) -> int:
    for k in range(source.shape[0]):
        out[n + k] = source[k]
    return n + as_int(source.shape[0])


@inlined
def _put_words(source: Any, out: Any, n: int) -> int:
    words = source.shape[0] // 8
    bitmap = n
    n += (words + 7) // 8
    for k in range(bitmap, n):
        out[k] = np.uint8(0)
    for word in range(words):
        some = False
        for k in range(8 * word, 8 * word + 8):
            some = some or source[k] != 0
        if some:
            out[bitmap + (word >> 3)] |= np.uint8(1 << (word & 7))
            for k in range(8):
                out[n + k] = source[8 * word + k]
            n += 8
    return n


@bare
def read_words(blob: Any, at: Any, out: Any, ends: Any) -> None:
    """Read stored fields of lines or homes, at `at`, into rows of bytes, and say where they end."""
    words = out.shape[1] // 8
    for i in range(at.shape[0]):
        bitmap = at[i]
        n = bitmap + (words + 7) // 8
        for word in range(words):
            if n + 8 <= blob.shape[0] and (blob[bitmap + (word >> 3)] >> (word & 7)) & 1:
                for k in range(8):
                    out[i, 8 * word + k] = blob[n + k]
                n += 8
        ends[i] = n


@inlined
def _pack_rows(live: Live, sid: int, raw: Raw, out: Any, n: int) -> Any:
    s, rows = live.subjects, 0
    for j in range(as_int(s.start[sid]), as_int(s.start[sid]) + as_int(s.used[sid])):
        apart = live.rows.apart[j]
        if apart.level != 0.0 or apart.today != 0.0 or apart.tomorrow != 0.0:
            out[n] = np.uint8(live.rows.interest[j] & 255)
            out[n + 1] = np.uint8(live.rows.interest[j] >> 8)
            n = _copy(raw.apart[j], out, n + 2)
            rows += 1
    return rows, n


@inlined
def _pack_line(live: Live, line: int, out: Any, n: int) -> Any:
    t = live.known
    bitmap, buckets, cells = n, 0, 0
    n += _BITMAP
    for k in range(_BITMAP):
        out[bitmap + k] = np.uint8(0)
    for b in range(BUCKETS):
        if t.sketch[line, b] != 0:
            out[bitmap + (b >> 3)] |= np.uint8(1 << (b & 7))
            out[n] = t.sketch[line, b]
            n += 1
            buckets += 1
    if buckets == 0:
        n = bitmap
    for ahead in range(2):
        for b in range(BUCKETS):
            if (t.touched[line, ahead, b >> 3] >> (b & 7)) & 1:
                out[n] = np.uint8(b)
                n += 1
    for cell in range(t.presence.shape[1]):
        if t.presence[line, cell] != 0:
            out[n], out[n + 1] = np.uint8(cell), t.presence[line, cell]
            n += 2
            cells += 1
    return buckets, cells, n


@inlined
def _pack_chain(live: Live, account: int, raw: Raw, out: Any, n: int) -> Any:
    s, t, chain = live.subjects, live.known, 0
    home = as_int(s.line[account]) - 1
    sid = as_int(s.sibling[account])
    while sid >= 0:
        line = as_int(s.line[sid]) - 1
        if line >= 0 and t.lines[line].step == t.homes[home].step and t.lines[line].r > 0.0:
            for k in range(4):
                out[n + k] = raw.subjects[sid, _SEQ + k]
            for k in range(8):
                out[n + 4 + k] = raw.known[line, _R + k]
            n += 12
            chain += 1
        sid = as_int(s.sibling[sid])
    return chain, n


@bare
def read_aside(live: Live, sids: Any, blob: Any, at: Any, heads: Any, begins: Any, raw: Raw) -> int:
    """Load records, whose lines and homes have their places and stored fields already.

    Parameters
    ----------
    at : ndarray of int64, shape (n + 1,)
        Where each record begins.
    heads : ndarray of `ASIDE`, shape (n,)
    begins : ndarray of int64, shape (n,)
        Where what stands behind those fields begins.

    Returns
    -------
    int
        How many are not of the length that their header says.
    """
    wrong = 0
    for i in range(sids.shape[0]):
        sid, head = as_int(sids[i]), heads[i]
        n = _read_rows(live, sid, as_int(head.apart), raw, blob, as_int(begins[i]))
        if head.known == A_LINE:
            n = _read_line(live, as_int(live.subjects.line[sid]) - 1, head, blob, n)
        elif head.known == A_HOME:
            n = _read_chain(live, sid, as_int(head.chain), raw, blob, n)
        wrong += 1 if n != at[i + 1] else 0
    return wrong


@inlined
def _read_rows(live: Live, sid: int, rows: int, raw: Raw, blob: Any, n: int) -> int:
    for _ in range(rows):
        interest = as_int(blob[n]) | (as_int(blob[n + 1]) << 8)
        j = find_row(live.subjects, live.rows, sid, interest)
        if j >= 0:
            for k in range(_APART):
                raw.apart[j, k] = blob[n + 2 + k]
        n += 2 + _APART
    return n


@inlined
def _read_line(live: Live, line: int, head: Any, blob: Any, n: int) -> int:
    t = live.known
    if head.buckets != 0:
        bitmap = n
        n += _BITMAP
        for b in range(BUCKETS):
            if (blob[bitmap + (b >> 3)] >> (b & 7)) & 1:
                t.sketch[line, b] = blob[n]
                n += 1
    for ahead in range(2):
        own = t.lines[line]
        for _ in range(as_int(own.touched_0 if ahead == 0 else own.touched_1)):
            b = as_int(blob[n])
            t.touched[line, ahead, b >> 3] |= np.uint8(1 << (b & 7))
            n += 1
    for _ in range(as_int(head.cells)):
        t.presence[line, blob[n]] = blob[n + 1]
        n += 2
    count_line(t, line)
    return n


@inlined
def _read_chain(live: Live, account: int, chain: int, raw: Raw, blob: Any, n: int) -> int:
    s, t = live.subjects, live.known
    t.homes[as_int(s.line[account]) - 1].step = np.uint32(1)
    for _ in range(chain):
        sid = as_int(s.sibling[account])
        while sid >= 0:
            same = s.line[sid] > 0
            for k in range(4):
                same = same and raw.subjects[sid, _SEQ + k] == blob[n + k]
            if same:
                line = as_int(s.line[sid]) - 1
                for k in range(8):
                    raw.known[line, _R + k] = blob[n + 4 + k]
                t.lines[line].step = np.uint32(1)
            sid = as_int(s.sibling[sid])
        n += 12
    return n
