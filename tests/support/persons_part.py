"""A partition of the persons model: an engine and its twin, and all that may happen to a worker.

A worker stops, or another takes its partition over before it committed; an operator resets the
state, with more or less of the inputs left to read again. What became of each record, and who is
held, has to be the same as if nothing had happened.
"""

from __future__ import annotations

import json
from typing import Any

from features.config import Config
from features.records.concealed import keys_of
from features.records.decoder import FACTS
from features.tags import taxonomy
from features.tags.exact import TagEntry
from tests.oracle.facts import DOUBT
from tests.oracle.partition import Partition
from tests.support.feeding import Record, Stream
from tests.support.held import whole
from tests.support.persons_hold import hold

TREE = taxonomy.load()


class Part:
    """One partition.

    Attributes
    ----------
    sent : list of (Record, dict, list of str, int or None)
        What came: the record, what the twin was told, what became of it, and when it came.
    agrees : bool
        Whether the last record became what the twin said.
    """

    def __init__(self, config: Config, table: dict[str, TagEntry], sensitive: str) -> None:
        self._config, self._table, self._sensitive = config, table, sensitive
        self.stream = Stream(config, table)
        self.twin = Partition(config, TREE, table)
        self.sent: list[tuple[Record, dict[str, Any], list[str], int | None]] = []
        self._committed = 0
        self.agrees = True

    def send(
        self, record: Record, said: dict[str, Any] | None = None, now: int | None = None
    ) -> None:
        """Feed a record, and tell the twin what it says: by itself, or `said` where not in form."""
        told = said or _told(json.loads(record[1]))
        expected = self.twin.apply([(record[0], told)])
        if told.get("status") == "pending":  # a dead letter that is held in mind
            expected = ["malformed"]
        found = self.stream.feed(record, now=now)
        self.agrees = found == expected
        assert self.agrees, f"I12: {record} was {found}, not {expected}"
        self.sent.append((record, told, expected, now))

    def commit(self) -> None:
        """Commit, and look at what is held and was written."""
        self.stream.commit()
        self._committed = len(self.sent)
        hold(self.stream, self.twin, keys_of(self._config.erasure_key)[0], self._sensitive)

    def restart(self) -> None:
        """Stop after a commit, and go on from it."""
        self.commit()
        before = whole(self.stream.engine)
        self.stream.restart()
        differs = set(whole(self.stream.engine)) ^ set(before)
        assert not differs, f"I5: {sorted(differs)}"

    def move(self) -> None:
        """Another worker takes over from the last commit: what came since comes to it as well."""
        before = whole(self.stream.engine)
        self.stream.restart()
        self._again(self.sent[self._committed :])
        differs = set(whole(self.stream.engine)) ^ set(before)
        assert not differs, f"I5, I11: {sorted(differs)}"

    def reset(self, *, forgotten: bool, published: bool) -> None:
        """Begin without state.

        Parameters
        ----------
        forgotten : bool
            Whether retention has taken the older half of what is no fact.
        published : bool
            Whether profiles are left where they are until somebody has looked at them.
        """
        self.commit()
        fresh = Stream(self._config, self._table)
        if published:
            fresh.profiles, fresh.offers = self.stream.profiles, self.stream.offers
        self.stream, half = fresh, len(self.sent) // 2
        if forgotten:
            kept = [s for n, s in enumerate(self.sent) if s[0][0] == FACTS or n >= half]
            self.twin, self.sent = Partition(self._config, TREE, self._table), []
            for record, told, _, now in kept:
                self.send(record, told, now)
        else:
            self._again(self.sent)
        accounts = self.stream.engine.accounts
        accounts.swept([*fresh.profiles], {*accounts.strays.unswept}, ["profiles"], [])
        self.commit()

    def once_more(self) -> None:
        """Other cuts and no restarts end in the same state (I11)."""
        if not self.agrees:
            return  # the last record was folded, and is not among those that were sent
        again = Stream(self._config, self._table)
        for record, _, _, now in self.sent:
            again.feed(record, now=now)
        differs = set(whole(self.stream.engine)) ^ set(whole(again.engine))
        assert not differs, f"I11: {sorted(differs)}"

    def _again(self, sent: list[tuple[Record, dict[str, Any], list[str], int | None]]) -> None:
        for record, _, expected, now in sent:
            found = self.stream.feed(record, now=now)
            assert found == expected, (record, found, expected)


def _told(said: dict[str, Any]) -> dict[str, Any]:
    """What a record says, in the words of the twin."""
    if said.get("status") == "maybe":  # whoever is meant and whatever for
        uses = said["purpose"] != "profiling"
        said |= {"status": "pending", "purpose": said["purpose"] if uses else DOUBT}
        said.pop("member_id", None)
    elif said.get("kind") == "consent" and said["status"] not in ("granted", "withdrawn"):
        said["status"] = "withdrawn"
    if said.get("adult") == "no":
        said["adult"] = False
    return said
