"""Writes an engine's state as changelog records, and reads it back.

==========  ======================================================================
key         value
==========  ======================================================================
``s/`` key  a subject: header and rows (`features.state.packing_kernel`)
``h/`` key  its own line or shared screen, and its attributed mass (`features.state.aside_kernel`)
``c/`` key  words of an account or a member on permissions (`features.privacy.ledger`)
``i/`` key  facts about interests of an account or a member
``t/`` key  contacts with an account or a member, and their answers (`features.outcomes.contacts`)
``v/`` acc  a device of an account, after a null byte
``k/`` acc  a care case of an account, likewise
``e/`` mark keyed hash of an erased account or member: when, the request, known children
``o/`` mark an erasure after which nobody has looked yet for what stands published
``d/`` n    event ids remembered in one commit
``m/`` name a model, the population, the contest of models (`features.models.learner`), the
            graph of related interests (`features.related.graph`), what was learned of shared
            screens (`features.state.shared_screens`) and of contacts (`features.models.worth`)
``p/meta``  the partition: offsets, watermark, counters, and what the state is bound to
==========  ======================================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.config import Config
from features.privacy.accounts import Accounts
from features.privacy.consent import FOREVER
from features.records.concealed import Secret, keyed_mark, keys_of
from features.records.position import Position
from features.state import changelog_keys as keys
from features.state import layout as lay
from features.state import packing_kernel, snapshots
from features.state.changelog_keys import Bound, IncompatibleState, Kind, Meta, Owner
from features.state.event_ids import ids_between
from features.state.folded_changelog import FoldedChangelog
from features.state.store import Store
from features.tags.taxonomy import Taxonomy

_NEWEST = 2**31 - 1  # time bucket
_IDS_PER_RECORD = 5_000  # 60 kB, below the record limit of a broker that takes little


class Restored(Protocol):
    """Goes on from what was learned, of which it finds the records by key."""

    def restore(self, records: Mapping[bytes, bytes], /) -> None: ...


class Checkpoint:
    """Writes and reads the changelog of one partition."""

    def __init__(self, config: Config, taxonomy: Taxonomy) -> None:
        self._bound = Bound(
            config.half_lives,
            config.day_offset_ms,
            taxonomy.fingerprint,
            _fingerprint(config.erasure_key),
        )
        self._default_grant = config.consent_default_grant
        self._rules = f"{config.rules.fingerprint}-{_denied(taxonomy)}"
        # Of each record: number, oldest and newest bucket in it, ids.
        self._ids: list[tuple[int, int, int, int]] = []
        self._secret = config.erasure_key
        self._ids_key = keyed_mark(keys_of(config.erasure_key)[-1], "", "event ids")[:8]
        self._held = 0  # ids in those
        self._next = 0
        self._unused: list[bytes] = []  # records of a setting that is off now
        #: Whose the changelog is, for the partition record; as found there after `load`.
        self.owner: Owner | None = None

    def write(
        self,
        state: dict[bytes, bytes | None],
        store: Store,
        accounts: Accounts,
        offsets: Mapping[str, Position],
    ) -> None:
        """Add the records of everything that changed."""
        sids = store.dirty(lay.D_STATE)
        sids = sids[(store.subjects["status"][sids] & lay.S_GONE) == 0]
        blob, ends = store.pack(sids)
        view, start, names = blob.data, 0, store.keys(sids)
        for key, end in zip(names, ends.tolist(), strict=True):
            state[keys.subject(key)] = bytes(view[start:end])
            start = end
        state.update(store.screens.records(sids, names))
        state.update(store.screens.learned())
        state.update(dict.fromkeys(self._unused))
        self._unused.clear()
        state.update(accounts.ledger.take_changed())
        state.update(accounts.strays.take_changed())
        self._write_ids(state, store)
        state[keys.META] = Meta(
            self._bound,
            offsets,
            self._next,
            int(store.counters["max_ts"]),
            int(store.counters["open_day"]),
            int(store.counters["seq"]),
            tuple(store.totals.tolist()),
            self._rules,
            self.owner,
            store.leaders,
            store.ticked,
        ).to_bytes()

    def _write_ids(self, state: dict[bytes, bytes | None], store: Store) -> None:
        """Write new event ids, and delete the records of what is forgotten."""
        hashes, buckets = store.new_ids()  # in the order of their buckets
        forgotten = store.ids.forgotten
        at = int(np.searchsorted(buckets, forgotten))
        self._put_ids(state, store, hashes[at:], buckets[at:])
        # A restore must bring back none of what went: what such records have beside it is written
        # once more.
        if mixed := [item for item in self._ids if item[1] < forgotten <= item[2]]:
            kept = ids_between(store.live.dedup, forgotten, max(item[2] for item in mixed))
            self._delete_ids(state, mixed)
            self._put_ids(state, store, *kept)
        oldest = max(store.oldest_bucket(), forgotten)
        self._delete_ids(state, [item for item in self._ids if item[2] < oldest])
        most = 2 * store.ids.most
        if self._held > most and len(ids_between(store.live.dedup, oldest, _NEWEST)[0]) > most:
            store.forget_ids()  # and not for ids that stand in two records
            self._delete_ids(state, list(self._ids))

    def _put_ids(
        self,
        state: dict[bytes, bytes | None],
        store: Store,
        hashes: NDArray[np.uint64],
        buckets: NDArray[np.int32],
    ) -> None:
        """Write ids; a bucket a record where some are likely to be forgotten."""
        ends = (np.flatnonzero(np.diff(buckets)) + 1).tolist() if store.ids.near else []
        at = 0
        for end in [*ends, len(buckets)]:
            for first in range(at, end, _IDS_PER_RECORD):
                part = slice(first, min(first + _IDS_PER_RECORD, end))
                state[keys.event_ids(self._next)] = snapshots.pack(
                    {"key": self._ids_key, "width": store.clock.bucket},
                    {"hash": hashes[part], "bucket": buckets[part]},
                )
                self._note_ids(self._next, buckets[part])
                self._next += 1
            at = end

    def _note_ids(self, number: int, buckets: NDArray[np.int32]) -> None:
        self._ids.append((number, int(buckets.min()), int(buckets.max()), len(buckets)))
        self._held += len(buckets)

    def _delete_ids(
        self, state: dict[bytes, bytes | None], gone: Sequence[tuple[int, int, int, int]]
    ) -> None:
        if gone:
            state.update((keys.event_ids(number), None) for number, *_ in gone)
            self._held -= sum(count for *_, count in gone)
            numbers = {number for number, *_ in gone}
            self._ids = [item for item in self._ids if item[0] not in numbers]

    def refuse_other(self, meta: Meta) -> tuple[bytes, ...]:
        """Refuse a changelog that is bound to other settings; returns the keys since its own.

        Raises
        ------
        IncompatibleState
            Naming the setting that differs.
        """
        later = _later_keys(self._secret, meta.bound.erasure_key)
        self._bound.refuse_other(replace(meta.bound, erasure_key=self._bound.erasure_key))
        return later

    def load(
        self, folded: FoldedChangelog, store: Store, accounts: Accounts, learned: Iterable[Restored]
    ) -> dict[str, Position]:
        """Load a folded changelog; see `features.engine.Engine.load`."""
        subjects, aside, other = folded.subjects, folded.aside, folded.others
        if keys.META not in other:
            if subjects or other or aside:
                raise IncompatibleState("the changelog has records but no p/meta")
            return {}
        meta = Meta.from_bytes(other[keys.META])
        later = self.refuse_other(meta)
        self.owner = meta.owner
        store.load(list(subjects), list(subjects.values()))
        store.counters["seq"] = meta.seq
        store.counters["max_ts"], store.counters["open_day"] = meta.max_ts, meta.open_day
        store.leaders, store.ticked = meta.leaders, meta.ticked
        store.totals[:] = meta.outcomes
        self._next = meta.next
        if store.clock.attribution:
            store.screens.load(aside.items())
        else:
            self._unused = [keys.kept_aside(name) for name in aside]
            self._unused += [key for key in (keys.SCREENS,) if key in other]
        count = int(store.counters["subjects"])
        if self._default_grant:
            store.subjects["consent_until"][:count] = FOREVER
        self._load_other(other, store, accounts, meta.rules != self._rules, later)
        store.screens.restore(other)
        for part in learned:
            part.restore(other)
        return dict(meta.offsets)

    def _load_other(
        self,
        other: Mapping[bytes, bytes],
        store: Store,
        accounts: Accounts,
        new_rules: bool,
        later: Sequence[bytes],
    ) -> None:
        accounts.restore(sorted(other.items()), store.now, new_rules, later)
        for key, value in sorted(other.items()):
            match keys.parse(key):
                case (Kind.EVENT_IDS, name):
                    self._load_ids(int(name), value, store)
        self._ids.sort()

    def _load_ids(self, number: int, value: bytes, store: Store) -> None:
        """Remember the ids of one record by when they came, whatever the horizon was then.

        Those hashed under another key, or as ids of all accounts together (up to release 0.1),
        would answer to nothing: their record goes with the next commit.
        """
        head, arrays = snapshots.unpack(value)
        if head.get("key") != self._ids_key:
            self._ids.append((number, -1, -1, 0))
            return
        width, buckets = int(head["width"]), arrays["bucket"]
        if width != store.clock.bucket:  # a bucket's end: none is forgotten too early
            ends = (buckets.astype(np.int64) + 1) * width - 1
            buckets = (ends // store.clock.bucket).astype(np.int32)
        store.remember_ids(arrays["hash"], buckets)
        self._note_ids(number, buckets)


def unpublished(key: bytes, value: bytes) -> bytes:
    """A record of a changelog as if nothing were known of what was published last."""
    found = keys.parse(key)
    of_subject = found is not None and found.kind is Kind.SUBJECT
    return packing_kernel.without_digest(value) if of_subject else value


def _denied(taxonomy: Taxonomy) -> str:
    """Fingerprint of the interests that must not be held: another release may have others."""
    return hashlib.sha256(np.packbits(taxonomy.sensitive).tobytes()).hexdigest()[:8]


def _fingerprint(secret: Secret) -> str:
    """A few bits that tell keys apart, and tell nothing of them."""
    return keyed_mark(secret, "", "key")[:8]


def _later_keys(secret: Secret, theirs: str) -> tuple[bytes, ...]:
    """The keys that came after those that a changelog was written under.

    Raises
    ------
    IncompatibleState
        Where it was written under others.
    """
    known = keys_of(secret)
    for count in range(len(known), 0, -1):
        if _fingerprint(known[:count]) == theirs:
            return known[count:]
    raise IncompatibleState(
        f"the changelog was written under another erasure_key (its fingerprint is {theirs!r}, ours "
        f"{_fingerprint(secret)!r}): put that one into erasure_keys_before, or `none` where there "
        "was none, and the marks are put under the new one; or set it back; or drop the state with "
        "`interest-streams state reset`"
    )
