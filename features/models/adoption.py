"""Collects the parts of merged models, and says at which place in the log each model is taken.

Parts come as records among the facts. Between which events of other inputs they come, and with
which commit each, hangs on who reads when: no log tells it. So none is taken as it comes. Once all
parts of a merged model are here it gets a *place*, the next full minute of the partition's running
time, and is taken whole when the running time gets there. Places stand in the changelog beside
what was taken: whoever folds the logs anew takes the same models at the same places, whatever came
first (I5, I11). What waits for its place is not kept through a restart: it is told once more.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from typing import Final, NamedTuple

from features.models import exchange
from features.models.lessons import PARTS
from features.models.pooled import Pool
from features.records.facts import SharedPart

#: Of running time, ms: a merged model is taken at a multiple of it.
STEP_MS: Final = 60_000
NEVER: Final = 2**62
_MOST_WAITING: Final = 4  # merged models, whole or in parts


class Adoption(NamedTuple):
    """A merged model that is taken whole.

    Attributes
    ----------
    place : int
        Running time at which it is taken, ms.
    of : str
        Its name, of `features.models.exchange.merged_name`.
    day : int
        Local day since 1970 up to which it goes.
    until : int
        Day up to which it has what this partition gave; -1 for nothing.
    parts : dict of str to bytes
        By names of `features.models.lessons.PARTS`, as `features.models.exchange.part_bytes`.
    """

    place: int
    of: str
    day: int
    until: int
    parts: dict[str, bytes]

    def happen(self, pool: Pool) -> bool:
        """Have it taken; False where one as new was taken, or where it is of another form."""
        held = {part: exchange.read_part(pool, part, self.parts[part]) for part in PARTS}
        return pool.adopt(self.place, self.of, self.day, self.until, held)


class Adoptions:
    """The merged models of a partition that wait for their parts, or for their place.

    Parameters
    ----------
    pool : Pool or None
        What takes them; None where models are not shared.
    """

    def __init__(self, pool: Pool | None) -> None:
        self._pool = pool
        self._parts: dict[tuple[str, int, int], dict[str, bytes]] = {}
        self.waiting: list[Adoption] = []

    @property
    def place(self) -> int:
        """Running time at which the next one is taken, ms; `NEVER` for none."""
        return self.waiting[0].place if self.waiting else NEVER

    def knows(self, of: str) -> bool:
        """Whether a merged model is here whole."""
        return any(item.of == of for item in self.waiting)

    def offer(self, said: SharedPart, running_ms: int) -> None:
        """Keep a part; with the last one its model gets a place behind the running time, ms."""
        if self._pool is None or said.day <= self._pool.base or self.knows(said.of):
            return
        try:
            data = b64decode(said.data, validate=True)
            exchange.read_part(self._pool, said.part, data)
        except ValueError:
            return  # of another form: a release beside this one has other models
        which = said.of, said.day, said.until
        parts = self._parts.setdefault(which, {})
        parts[said.part] = data
        if parts.keys() >= {*PARTS}:
            place = (running_ms // STEP_MS + 1) * STEP_MS
            self.waiting.append(Adoption(place, *which, self._parts.pop(which)))
        if len(self._parts) > _MOST_WAITING:
            del self._parts[next(iter(self._parts))]
        del self.waiting[:-_MOST_WAITING]

    def passed(self, running_ms: int) -> Iterator[Adoption]:
        """Take out those whose place was reached, in their order."""
        while self.place <= running_ms:
            yield self.waiting.pop(0)
