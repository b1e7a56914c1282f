"""Writes the bytes of profiles from rows, a model's weights and prepared text.

The content of a profile is decided in `features.profiles.writing_kernel`; this module prepares
what that needs and cuts its output into values.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import chain, compress
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from features.models.stance_kernel import Policy
from features.privacy.notes import Notes
from features.profiles.offers import bounded
from features.profiles.ranking_kernel import REST_BITS, Selection
from features.profiles.stances_kernel import END
from features.profiles.writing_kernel import (
    NOTES,
    NOTES_ROOM,
    ROOM,
    Output,
    Rights,
    Template,
    write_profiles,
)
from features.records.inputs import INPUTS, Inputs
from features.state.layout import S_SUPPRESSIONS, Subjects
from features.state.store import Store
from features.tags.taxonomy import Taxonomy

_BUFFER = 128 * ROOM
#: The texts of `Notes` in the order in which the kernel takes them.
_TEXTS: Final = attrgetter("general", "interests", "offers", "audiences", "unnamed")


#: Key, value, version and event time, ms, of a profile or of its offers.
Record: TypeAlias = tuple[bytes, bytes, int, int]


class Written(NamedTuple):
    """The values of a subject: its profile, and its offers, which are what of it is acted on."""

    profile: bytes
    offers: bytes
    as_of: int  # event time, ms
    before: int  # digest of what was written before


class Pending:
    """Values that wait for the next commit: of each subject what was written last."""

    def __init__(self) -> None:
        self._held: dict[int, Written] = {}

    def put(self, written: Mapping[int, Written]) -> None:
        """Put newer values in the place of older ones."""
        for sid, new in written.items():
            held = self._held.get(sid)
            self._held[sid] = new if held is None else new._replace(before=held.before)

    def drop(self, sid: int) -> None:
        """Let the values of a subject go, which is no more."""
        self._held.pop(sid, None)

    def take(self, store: Store) -> tuple[list[Record], list[Record]]:
        """Publish all of them: records of profiles, and of the offers that say something new."""
        if not self._held:
            return [], []
        sids = np.fromiter(self._held, np.int32, len(self._held))
        store.publish(sids)
        names, versions = store.keys(sids), store.subjects["version"][sids].tolist()
        profiles, offers, as_of, before = zip(*self._held.values(), strict=True)
        self._held.clear()
        changed = (store.subjects["digest"][sids] ^ np.array(before, np.uint64)) >> REST_BITS != 0
        every = zip(names, offers, versions, as_of, strict=True)
        return (
            list(zip(names, profiles, versions, as_of, strict=True)),
            list(compress(every, changed.tolist())),
        )


class ProfileWriter:
    """Writes the profiles of changed subjects.

    Parameters
    ----------
    taxonomy : Taxonomy
        Names of interests; the sensitive ones are never written.
    top : int
        Most interests of a profile.
    step : float
        Change of a score that is material.
    max_age : int
        Days after which a profile is published again though nothing changed.
    inputs : Inputs
        The kinds of input that evidence comes from.
    common : bool
        Show interests, too, that tell a subject from nobody.
    ending_with_trip : ndarray of uint8, shape (interests,), optional
        Whether each interest is one that a trip ends; none is by default.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        top: int,
        step: float,
        max_age: int,
        inputs: Inputs = INPUTS,
        common: bool = False,
        ending_with_trip: NDArray[np.uint8] | None = None,
    ) -> None:
        shown = np.where(taxonomy.sensitive[taxonomy.parent], -1, taxonomy.parent)
        heads, ids = _heads(taxonomy.ids, taxonomy.names, tuple(shown.tolist()))
        length = np.array([len(head) for head in heads], np.int32)
        names = [f'"{name}"'.encode() for name in inputs.names]
        self._template = Template(
            text=np.frombuffer(b"".join(heads), np.uint8),
            at=(np.cumsum(length) - length).astype(np.int32),
            length=length,
            ids=np.array(ids, np.int32),
            choice=Selection(
                (~np.asarray(taxonomy.sensitive)).astype(np.uint8),
                taxonomy.parent,
                top,
                int(common),
                np.zeros(len(taxonomy.ids), np.uint8)
                if ending_with_trip is None
                else ending_with_trip,
            ),
            model=np.zeros(0, np.uint8),
            step=max(step, 1e-4),
            max_age=max_age,
            inputs=np.frombuffer(b"".join(names), np.uint8),
            inputs_at=np.cumsum([0, *map(len, names)]).astype(np.int32),
        )
        self._buffer = np.zeros(0, np.uint8)

    def name_model(self, model: str, version: int) -> None:
        """Set the name of the model in the next profiles."""
        text = json.dumps({"id": model, "version": version}, separators=(",", ":"))
        self._template = self._template._replace(model=np.frombuffer(text.encode(), np.uint8))

    def write(
        self,
        store: Store,
        sids: NDArray[np.int32],
        policy: Policy,
        notes: Callable[[NDArray[np.int32]], list[Notes]] | None,
    ) -> dict[int, Written]:
        """Values of the subjects whose profile changed materially.

        Parameters
        ----------
        notes : callable or None
            What is said of the rights of some subjects; None where there is nothing of anybody.

        Returns
        -------
        dict of int to Written
            By subject number; the version in it is the subject's version plus one.
        """
        if not len(sids):
            return {}
        if not self._buffer.size:
            self._buffer = np.empty(_BUFFER, np.uint8)
        rights = _rights(store.subjects, sids, notes)
        out = Output(self._buffer, np.zeros((len(sids), 2), np.int64))
        before = store.subjects["digest"][sids]
        values: list[tuple[bytes, bytes]] = []
        places: list[int] = []
        first = 0
        while first < len(sids):
            after = int(
                write_profiles(store.live, sids, first, policy, self._template, rights, out)
            )
            view, start = out.text.data, 0
            for place, (middle, end) in enumerate(out.ends[first:after].tolist(), first):
                if end > start:
                    values.append((bytes(view[start:middle]), bounded(bytes(view[middle:end]))))
                    places.append(place)
                start = end
            first = after
        of = sids[places]
        known = store.subjects["last_ts"][of].tolist(), before[places].tolist()
        return {
            sid: Written(*both, as_of, digest)
            for sid, both, as_of, digest in zip(of.tolist(), values, *known, strict=True)
        }


def _rights(
    subjects: Subjects,
    sids: NDArray[np.int32],
    notes: Callable[[NDArray[np.int32]], list[Notes]] | None,
) -> Rights:
    """Lay out what is said of rights: most subjects have nothing of it."""
    at, ends_at = np.zeros(NOTES * len(sids) + 1, np.int64), np.zeros(len(sids) + 1, np.int64)
    if notes is None:  # read-only, too: for other types the kernel would be compiled once more
        return Rights(np.frombuffer(b" ", np.uint8), at, np.zeros(0, END), ends_at)
    noted = np.flatnonzero(subjects["status"][subjects["account"][sids]] & S_SUPPRESSIONS)
    said = notes(sids[noted])
    texts = [*chain.from_iterable(map(_TEXTS, said))]
    sizes = at[1:].reshape(-1, NOTES)
    sizes[noted] = np.fromiter(map(len, texts), np.int64, len(texts)).reshape(-1, NOTES)
    assert sizes.sum(axis=1).max() <= NOTES_ROOM  # by `MAX_NOTES`
    np.cumsum(at, out=at)
    ends = np.array([end for of in said for end in of.ends.items()], END)
    ends_at[1:][noted] = [len(of.ends) for of in said]
    np.cumsum(ends_at, out=ends_at)
    return Rights(np.frombuffer(b"".join(texts) or b" ", np.uint8), at, ends, ends_at)


@lru_cache(maxsize=4)  # every partition of a worker writes the same taxonomy
def _heads(
    ids: tuple[str, ...], names: tuple[str, ...], parents: tuple[int, ...]
) -> tuple[tuple[bytes, ...], tuple[int, ...]]:
    """Begin the objects of each interest, up to its score; and the length of its id's part."""
    named = [
        _open({"id": interest, "name": name}) for interest, name in zip(ids, names, strict=True)
    ]
    above = [_open({"parent": ids[parent]})[1:] if parent >= 0 else b"" for parent in parents]
    heads = (
        b",".join(filter(None, (head, parent, b'"score":')))
        for head, parent in zip(named, above, strict=True)
    )
    return tuple(heads), tuple(len(_open({"id": interest})) for interest in ids)


def _open(item: dict[str, str]) -> bytes:
    return json.dumps(item, separators=(",", ":"))[:-1].encode()
