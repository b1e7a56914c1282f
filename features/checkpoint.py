"""State to changelog records and back.

==========  ======================================================================
key         value
==========  ======================================================================
``s/`` key  a subject: header and rows (`features.state.packing_kernel`)
``f/`` acc  what is known about an account (`features.privacy.facts`)
``e/`` mark keyed hash of an erased account: event time of the erasure
``d/`` n    event ids remembered in one commit
``m/`` name a model, the population, the contest of models (`features.models.learner`), the
            graph of related interests (`features.related.graph`)
``p/meta``  the partition: offsets, watermark, counters, and what the state is bound to
==========  ======================================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from features.config import Config
from features.models import Learner
from features.privacy.accounts import Accounts
from features.privacy.consent import FOREVER
from features.privacy.facts import mark
from features.related.graph import Related
from features.state import layout as lay
from features.state import snapshots
from features.state.store import IncompatibleState, Store
from features.tags.taxonomy import Taxonomy

SUBJECT, FACTS, ERASED, IDS = b"s/", b"f/", b"e/", b"d/"
META = b"p/meta"
FORMAT = 1
_IDS_PER_RECORD = 50_000  # 600 kB, below Kafka's default record limit


class Checkpoint:
    """Writes and reads the changelog of one partition."""

    def __init__(self, config: Config, taxonomy: Taxonomy) -> None:
        self._bound = {
            "format": FORMAT,
            "half_lives": list(config.half_lives),
            "day_offset_ms": config.day_offset_ms,
            "taxonomy": taxonomy.fingerprint,
            "erasure_key": mark(config.erasure_key, "", "key")[:8],
        }
        self._default_grant = config.consent_default_grant
        self._rules = config.rules.fingerprint
        self._ids: list[tuple[int, int]] = []  # record number, newest bucket in it
        self._next = 0

    def write(
        self,
        state: dict[bytes, bytes | None],
        store: Store,
        accounts: Accounts,
        offsets: Mapping[str, tuple[int, int]],
    ) -> None:
        """Add the records of everything that changed."""
        sids = store.dirty(lay.D_STATE)
        sids = sids[(store.subjects.status[sids] & (lay.S_GONE | lay.S_BARRED)) == 0]
        blob, ends = store.pack(sids)
        view, start = blob.data, 0
        for key, end in zip(store.keys(sids), ends.tolist(), strict=True):
            state[SUBJECT + key] = bytes(view[start:end])
            start = end
        for account in sorted(accounts.changed):
            state[FACTS + account] = accounts.raw(account)
        for name in sorted(accounts.changed_marks):
            state[ERASED + name.encode()] = b"%d" % accounts.marks[name]
        accounts.changed.clear()
        accounts.changed_marks.clear()
        self._write_ids(state, store)
        meta = {
            **self._bound,
            "offsets": dict(offsets),
            "next": self._next,
            "max_ts": int(store.c[lay.C_MAX_TS]),
            "open_day": int(store.c[lay.C_OPEN_DAY]),
            "seq": int(store.c[lay.C_SEQ]),
            "outcomes": store.o.tolist(),
            "rules": self._rules,
        }
        state[META] = json.dumps(meta, sort_keys=True).encode()

    def _write_ids(self, state: dict[bytes, bytes | None], store: Store) -> None:
        hashes, buckets = store.new_ids()
        for at in range(0, len(hashes), _IDS_PER_RECORD):
            part = slice(at, at + _IDS_PER_RECORD)
            state[b"%s%d" % (IDS, self._next)] = snapshots.pack(
                {}, {"hash": hashes[part], "bucket": buckets[part]}
            )
            self._ids.append((self._next, int(buckets[part].max())))
            self._next += 1
        oldest = store.oldest_bucket()
        for number, _ in [item for item in self._ids if item[1] < oldest]:
            state[b"%s%d" % (IDS, number)] = None
        self._ids = [item for item in self._ids if item[1] >= oldest]

    def load(
        self,
        records: Iterable[tuple[bytes, bytes]],
        store: Store,
        accounts: Accounts,
        learner: Learner,
        related: Related,
    ) -> dict[str, tuple[int, int]]:
        """Take up a folded changelog; see `features.engine.Engine.load`."""
        keys: list[bytes] = []
        values: list[bytes] = []
        other: dict[bytes, bytes] = {}
        for key, value in records:
            if key.startswith(SUBJECT):
                keys.append(key[2:])
                values.append(value)
            else:
                other[key] = value
        if META not in other:
            if keys or other:
                raise IncompatibleState("the changelog has records but no p/meta")
            return {}
        meta = json.loads(other[META])
        self._check(meta)
        store.load(keys, values)
        store.c[lay.C_SEQ] = meta["seq"]
        store.c[lay.C_MAX_TS], store.c[lay.C_OPEN_DAY] = meta["max_ts"], meta["open_day"]
        store.o[:] = meta["outcomes"]
        self._next = meta["next"]
        count = int(store.c[lay.C_SUBJECTS])
        if self._default_grant:
            store.subjects.consent_until[:count] = FOREVER
        self._load_other(other, store, accounts, meta["rules"] != self._rules)
        learner.restore(other)
        related.restore(other)
        store.clear(lay.D_STATE)
        store.c[lay.C_SEQ] = meta["seq"]
        return {name: (int(at[0]), int(at[1])) for name, at in meta["offsets"].items()}

    def _load_other(
        self, other: Mapping[bytes, bytes], store: Store, accounts: Accounts, new_rules: bool
    ) -> None:
        watermark = int(store.c[lay.C_MAX_TS]) - store.clock.lateness
        for key, value in sorted(other.items()):
            if key.startswith(ERASED):  # sorts before the facts, which want to know
                accounts.restore_mark(key[2:].decode(), int(value))
            elif key.startswith(FACTS):
                accounts.restore(key[2:], value, watermark, new_rules)
            elif key.startswith(IDS):
                _, arrays = snapshots.unpack(value)
                store.remember_ids(arrays["hash"], arrays["bucket"])
                self._ids.append((int(key[2:]), int(arrays["bucket"].max())))
        self._ids.sort()

    def _check(self, meta: Mapping[str, Any]) -> None:
        for name, ours in self._bound.items():
            if meta.get(name) != ours:
                raise IncompatibleState(
                    f"the changelog was written with {name} = {meta.get(name)!r}, this worker has "
                    f"{ours!r}: set it back, or drop the state with `interest-streams state reset`"
                )
