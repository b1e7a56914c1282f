"""Says what must not be said to the people of an account, and until when."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from features.vocabulary import SuppressionReason


class Forbidden(NamedTuple):
    """Silence about an interest (None: any), by a channel (None: any), until a time in ms.

    Without a time it does not end.
    """

    rule: SuppressionReason
    interest: str | None
    channel: str | None
    until: int


class Silence:
    """Silence towards the subjects of an account; not to be changed.

    Attributes
    ----------
    of : dict of str to list of Forbidden
        By member with contacts of his own; "" is the household, and every other member.
    next_end : int or None
        Time at which the first of it ends, ms; None where there is none.
    kept : dict
        What others made of it, by what it is and of whom: it stays true as long as the silence.
    """

    __slots__ = ("_of_others", "_whole", "kept", "next_end", "of")

    def __init__(self, of: dict[str, list[Forbidden]]) -> None:
        self.of = of
        self.next_end = min([item.until for found in of.values() for item in found], default=None)
        self.kept: dict[tuple[str, str], Any] = {}
        # What must not be spoken of by any channel; None is everything.
        self._whole: dict[str, set[str | None]] = {
            name: {item.interest for item in found if item.channel is None}
            for name, found in of.items()
        }
        self._of_others = self._whole.get("", set())

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Silence) and self.of == other.of)

    def to(self, member: str) -> list[Forbidden]:
        """List what must not be said to a member, or, with "", to the household."""
        return self.of.get(member, self.of.get("", []))

    def at(self, now: int) -> Silence:
        """Keep what is left of it at a later time, ms: by time alone silence ends, never begins."""
        return Silence(
            {name: [item for item in found if item.until > now] for name, found in self.of.items()}
        )

    def holds(self, member: str) -> bool:
        """Whether nothing at all may be said, by no channel."""
        return None in self._whole.get(member, self._of_others)

    def interests(self, member: str) -> set[str]:
        """Interests about which nothing may be said, by no channel."""
        unspoken = self._whole.get(member, self._of_others)
        return {interest for interest in unspoken if interest is not None}


#: Nothing is forbidden.
NOT_SPOKEN_TO: Final = Silence({})
