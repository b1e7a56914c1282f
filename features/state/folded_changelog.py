"""Folds a changelog into the latest value of each key, divided by who reads it.

Whoever takes a partition over waits for its state: what a warm copy has divided record by record
need not be divided then, of which there are as many as there are persons.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from features.state.changelog_keys import Kind

_SUBJECT, _ASIDE = Kind.SUBJECT.value, Kind.ASIDE.value


@dataclass
class FoldedChangelog:
    """The latest value of every key that was not deleted.

    Attributes
    ----------
    subjects, aside : dict of bytes to bytes
        Of subjects, and of what is kept aside of them; names are keys without their kind.
    others : dict of bytes to bytes
        All others by their keys.

    Examples
    --------
    >>> records = [(b"s/a", b"1"), (b"h/a", b"2"), (b"p/meta", b"3"), (b"s/b", b"4")]
    >>> found = FoldedChangelog.of(records)
    >>> found.put(b"s/b", None)
    >>> found
    FoldedChangelog(subjects={b'a': b'1'}, aside={b'a': b'2'}, others={b'p/meta': b'3'})
    """

    subjects: dict[bytes, bytes] = field(default_factory=dict)
    aside: dict[bytes, bytes] = field(default_factory=dict)
    others: dict[bytes, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[tuple[bytes, bytes | None]]) -> FoldedChangelog:
        """Fold records in their order; None deletes."""
        found = cls()
        for key, value in records:
            found.put(key, value)
        return found

    def put(self, key: bytes, value: bytes | None) -> None:
        """Take a record that comes after all that were taken."""
        kind = key[:2]
        if kind == _SUBJECT:
            table, key = self.subjects, key[2:]
        elif kind == _ASIDE:
            table, key = self.aside, key[2:]
        else:
            table = self.others
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value
