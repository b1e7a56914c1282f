"""Holds the spans in which persons and devices may be held, for the kernels to read."""

from __future__ import annotations

import numpy as np

from features.records.hash_kernel import hash_text
from features.state import layout as lay
from features.state import spans_kernel

_FIRST = 1 << 10

#: The spans of who may always be held, and of who never may.
ALWAYS, NEVER = (0, 2**62), (2**62, 0)


class SpanTable:
    """Spans by account, and member or device; without either it is the account's own.

    Attributes
    ----------
    table : layout.Spans
        Another one after it grew.
    """

    def __init__(self) -> None:
        self.table = lay.new_spans(_FIRST)
        self._taken = 0

    @property
    def is_empty(self) -> bool:
        """Whether nobody has a span of his own."""
        return self._taken == 0

    def put(
        self,
        account: bytes,
        span: tuple[int, int],
        *,
        member: bytes = b"",
        device: bytes = b"",
        scope: int = lay.SPAN_ALWAYS,
    ) -> None:
        """Say when a person or a device may be held.

        Parameters
        ----------
        span : (int, int)
            Event times, ms, from which on and until which.
        scope : int
            A `layout` constant ``SPAN_...``.
        """
        if 2 * (self._taken + 1) > self.table.hash.size:
            held = int(np.count_nonzero(self.table.scope))
            fresh = lay.new_spans(1 << (4 * held + _FIRST).bit_length())
            self._taken = int(spans_kernel.move_spans(self.table, fresh))
            self.table = fresh
        key = _key(account, member, device)
        self._taken += int(spans_kernel.set_span(self.table, *key, *span, scope))

    def drop(self, account: bytes, *, member: bytes = b"", device: bytes = b"") -> None:
        """Take a span away."""
        if self.get(account, member=member, device=device) is not None:
            self.put(account, ALWAYS, member=member, device=device, scope=lay.SPAN_VOID)

    def get(
        self, account: bytes, *, member: bytes = b"", device: bytes = b""
    ) -> tuple[int, int] | None:
        """The span of a person or a device, ms; None where it has none of its own."""
        return self.found(*_key(account, member, device))

    def found(self, person: np.uint64, account: np.uint64) -> tuple[int, int] | None:
        """The span of a person by hash, of its key and of the account's; None without one."""
        i = spans_kernel.look_up_span(self.table, person, account)
        return None if i < 0 else (int(self.table.start[i]), int(self.table.until[i]))


def _key(account: bytes, member: bytes, device: bytes) -> tuple[np.uint64, np.uint64]:
    owner = np.uint64(hash_text(account))
    if device:
        return np.uint64(hash_text(device)) ^ np.uint64(lay.DEVICE_SPAN), owner
    return (np.uint64(hash_text(account + b"/" + member)) if member else owner), owner
