"""Makes rows of records that were decoded slowly, and keeps their bytes behind a batch's blob."""

from __future__ import annotations

from itertools import accumulate

from features.records.columns_kernel import NO_TZ
from features.records.concealed import Secret, concealed, keys_of
from features.records.decoder import PREFIXES, Event
from features.records.facts import Fact
from features.records.hash_kernel import hash_text
from features.records.sip_kernel import event_key_of, witness_by_hash, witness_of
from features.records.tolerated import to_bytes

#: What a fact has none of, in the places of EVENT: hashes of device and contents, and the offset;
#: bytes, durations and arrival; places of contents, and the partition; their lengths; country and
#: mode; prefixes.
_NO_HASHES, _NO_NUMBERS, _NO_CONTENT = (0,) * 4, (0,) * 4, (0,) * 3
_NO_LENGTHS = _NO_PLACE = _NO_PREFIXES = (0,) * 2


class Tail:
    """Rows of slowly decoded records, and their bytes, which go behind the blob.

    A text that held escapes stands nowhere in the record as received, so each record is copied
    with its texts right behind.
    """

    def __init__(self, size: int, secret: Secret) -> None:
        self.parts: list[bytes] = []
        self._size = size
        self._secret, self._key = secret, keys_of(secret)[-1]

    def fact(self, fact: Fact, kind: int) -> tuple[int, ...]:
        """Keep what may be kept of a fact that came by an input of a kind; give its row."""
        kept = concealed(fact, self._secret)
        raw, account = to_bytes(kept), kept.account_id.encode()
        member = (kept.member_id or "").encode()
        start, size, known = self._size, len(raw), hash_text(account)
        self.parts += (raw, account, member)
        self._size += size + len(account) + len(member)
        return (
            kept.ts,
            event_key_of(account, kept.event_id.encode(), kind, self._key),
            known,
            hash_text(account + b"/" + member) if member else known,
            *_NO_HASHES,
            start,
            *_NO_NUMBERS,
            witness_by_hash(known, self._key),
            size,
            size if account else 0,
            size + len(account) if member else 0,
            *_NO_CONTENT,
            len(account),
            len(member),
            *_NO_LENGTHS,
            NO_TZ,
            *_NO_PLACE,
            kind,
            *_NO_PREFIXES,
        )

    def row(self, raw: bytes, event: Event) -> tuple[int, ...]:
        """Keep the bytes; give the record in the order of EVENT, place and arrival 0."""
        account, member = event.account_id.encode(), (event.member_id or "").encode()
        parts = (account, member, event.content.encode(), event.content2.encode())
        lengths = [len(part) for part in parts]
        ends = accumulate(lengths, initial=len(raw))
        at = [end if length else 0 for end, length in zip(ends, lengths, strict=False)]
        raw_at = self._size
        self.parts += (raw, *parts)
        self._size += len(raw) + sum(lengths)
        country = event.country
        return (
            event.ts,
            event_key_of(account, event.event_id.encode(), event.kind, self._key),
            hash_text(account),
            hash_text(account + b"/" + member if member else account),
            hash_text(event.device_id.encode()) if event.device_id else 0,
            _key_hash(event.prefix, event.content),
            _key_hash(event.prefix2, event.content2),
            0,
            raw_at,
            event.bytes,
            event.duration_ms,
            event.content_ms,
            0,
            witness_of(account, self._key),
            len(raw),
            *at,
            0,
            *lengths,
            NO_TZ if event.tz_offset_min is None else event.tz_offset_min,
            ord(country[0]) * 256 + ord(country[1]) if country else 0,
            event.mode,
            event.kind,
            event.prefix,
            event.prefix2,
        )


def _key_hash(prefix: int, text: str) -> int:
    return hash_text((PREFIXES[prefix] + text).encode().lower()) if prefix else 0
