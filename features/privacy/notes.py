"""Writes what a profile says of suppressions and permissions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from features.outcomes.silence import Forbidden
from features.privacy.consent import FOREVER
from features.privacy.flags import expiries
from features.privacy.person import Person
from features.privacy.rules import Rules
from features.tags.taxonomy import Taxonomy
from features.vocabulary import Opinion, PermissionBasis, Purpose, SuppressionReason

_MAX_NOTES = 50
#: Each use of profiles, and the scope of what bars it.
USES: Final = ((Purpose.OFFERS, "all"), (Purpose.AUDIENCES, "audiences"))
_PROFILING: Final = frozenset({Purpose.PROFILING})
#: Scope, reason, end and beginning of a suppression of everything.
Hold: TypeAlias = tuple[str, SuppressionReason, int | None, int | None]


class Notes(NamedTuple):
    """Statements of a profile on a subject's rights: objects of JSON, joined by commas.

    Attributes
    ----------
    general, interests : bytes
        Suppressions: of everything, and of single interests.
    unnamed : bytes
        The same of single interests, without their names.
    offers, audiences : bytes
        Permission of the use; empty where nothing but the consent to profiling bounds it.
    ends : mapping of int to int
        Event time, ms, at which what was said of an interest ends, by dense index.
    """

    general: bytes = b""
    interests: bytes = b""
    offers: bytes = b""
    audiences: bytes = b""
    unnamed: bytes = b""
    ends: Mapping[int, int] = MappingProxyType({})


class Situation(NamedTuple):
    """The facts that decide the suppressions of a subject.

    Attributes
    ----------
    account : Person
    member : Person or None
        None for the household.
    namesakes : tuple of Person
        Members who are spelled as the member is: what they refuse, he refuses.
    child, child_device : bool
        Whether the member is a child, or the account shares a child's device.
    care : int or None
        Event time, ms, from which on the account has an open care case; None where it has none.
    silence : tuple of Forbidden
        What must not be said, for it was spoken to.
    """

    account: Person
    member: Person | None
    namesakes: tuple[Person, ...]
    child: bool
    care: int | None
    child_device: bool
    silence: tuple[Forbidden, ...] = ()

    @property
    def persons(self) -> tuple[Person, ...]:
        """Those whose facts about interests apply."""
        own = () if self.member is None else (self.member, *self.namesakes)
        return self.account, *own

    @property
    def is_plain(self) -> bool:
        """Whether there is no word on what profiles are used for, and no reason to be silent."""
        if self.child or self.care is not None or self.child_device or self.silence:
            return False
        persons = self.persons
        return all(not who.by_name and who.consents.keys() <= _PROFILING for who in persons)

    def refuses(self, use: Purpose, now: int) -> bool:
        """Whether the member refuses a use of profiles."""
        return any(person.refuses(use, now) for person in self.persons[1:])


def notes(
    it: Situation, now: int, until: int, rules: Rules, held: Mapping[str, int], tree: Taxonomy
) -> Notes:
    """Suppressions and permissions of a subject.

    Parameters
    ----------
    now : int
        Event time, ms.
    until : int
        When the consent to profiling ends, ms.
    held : mapping of str to int
        Dense index by id of the interests that the subject has: of what goes quiet as a
        relative, only these are named.
    tree : Taxonomy
    """
    rights, said = rights_of(it._replace(silence=()), now, rules), said_of(it.silence, tree)
    if any(person.about for person in it.persons):
        found = [
            {"scope": scope, "name": tree.names[tree.index(scope)], "reason": why, **times}
            for scope, why, times in _quiet(it, now, rules, held)
        ]
        unnamed = [{key: item[key] for key in ("scope", "reason", "until")} for item in found]
        ends = expiries(it.persons, now, tree, rules, said.ends)
        said = said._replace(
            interests=(*said.interests, *map(orjson.dumps, found)),
            unnamed=(*said.unnamed, *map(orjson.dumps, unnamed)),
            ends={index: ends[index] for index in held.values() if index in ends},
            alone=None,
        )
    return notes_beside(rights, said, until)


def _silence(silence: Iterable[Forbidden], tree: Taxonomy) -> Iterator[dict[str, Any]]:
    """What must not be said about an interest, or by a channel."""
    for item in silence:
        if item.interest is not None or item.channel is not None:
            said: dict[str, Any] = {"scope": item.interest or "all"}
            if item.interest is not None:
                said["name"] = tree.names[tree.index(item.interest)]
            if item.channel is not None:
                said["channel"] = item.channel
            said |= {"reason": item.rule, "until": _or_open(item.until)}
            yield said


def _silent_until(silence: Iterable[Forbidden], tree: Taxonomy) -> dict[int, int]:
    """Date the end of the silence about interests by whatever channel, by dense interest, ms."""
    ends: dict[int, int] = {}
    for item in silence:
        if item.interest is not None and item.channel is None:
            index = tree.index(item.interest)
            ends[index] = max(item.until, ends.get(index, 0))
    return ends


def _or_open(until: int) -> int | None:
    return until if until < FOREVER else None


def _quiet(
    it: Situation, now: int, rules: Rules, held: Mapping[str, int]
) -> Iterator[tuple[str, str, dict[str, int]]]:
    for person in it.persons:
        for interest, stance, until, since in person.opinions(now, rules):
            if stance == Opinion.DISLIKE:
                yield interest, SuppressionReason.DISLIKE, {"since": since, "until": until}
    for person in it.persons:
        for interest, why, until, since in person.quiet(now, rules):
            times = {"since": since, "until": until}
            silent = set(rules.quieted(interest))
            near = sorted(
                name for name, index in held.items() if index in silent and name != interest
            )
            yield from ((name, why, times) for name in (interest, *near))


def _permission(barred: Hold | None, end: int, until: int) -> bytes:
    if barred is not None:
        return _joined([{"value": False, "why": barred[1], "until": barred[2]}])
    if end < until:
        return _joined([{"value": True, "why": PermissionBasis.CONSENT, "until": end}])
    return b""


class RightsText(NamedTuple):
    """Holds what facts alone say of a subject, nobody of whose account says anything of interests.

    Attributes
    ----------
    holds : tuple of Hold
    general : bytes
        The same as objects of JSON, joined by commas.
    ends : tuple of int
        When the word on each use ends that may be made of profiles, ms.
    """

    holds: tuple[Hold, ...]
    general: bytes
    ends: tuple[int, ...]


#: What facts say of most.
_NOTHING: Final = RightsText((), b"", (FOREVER,) * len(USES))


class SilenceText(NamedTuple):
    """Holds what a silence says in a profile: of everything, and of single interests or channels.

    Attributes
    ----------
    holds : tuple of Hold
    general : bytes
        The same as objects of JSON, joined by commas.
    interests, unnamed : tuple of bytes
        An object of JSON for each, with and without names.
    ends : mapping of int to int
        When the silence about an interest ends, ms, by dense index.
    alone : Notes or None
        All that a profile says where facts say nothing, as they do of most; None: not made yet.
    """

    holds: tuple[Hold, ...]
    general: bytes
    interests: tuple[bytes, ...]
    unnamed: tuple[bytes, ...]
    ends: Mapping[int, int]
    alone: Notes | None = None


def rights_of(it: Situation, now: int, rules: Rules) -> RightsText:
    """Work out what facts alone say of a subject, `it` being without silence."""
    if it.is_plain and rules.unsaid_is_granted:
        return _NOTHING
    held = tuple(holds(it, now, rules))
    ends = tuple(min(person.use_until(use) for person in it.persons) for use, _ in USES)
    return RightsText(held, _general(held), ends)


def said_of(silence: Sequence[Forbidden], tree: Taxonomy) -> SilenceText:
    """Write what a silence says of a subject."""
    held = tuple(_spoken_holds(silence))
    named, unnamed = [], []
    for item in silence:
        if item.interest is not None or item.channel is not None:
            until = b"%d}" % item.until if item.until < FOREVER else b"null}"
            begin, begin_unnamed = _begun(item.rule, item.interest, item.channel, tree)
            named.append(begin + until)
            unnamed.append(begin_unnamed + until)
    ends = _silent_until(silence, tree)
    said = SilenceText(held, _general(held), tuple(named), tuple(unnamed), ends)
    return said._replace(alone=notes_beside(_NOTHING, said, FOREVER))


def notes_beside(rights: RightsText, said: SilenceText, until: int) -> Notes:
    """Make of both what a profile says; all of it, where nobody says anything of interests."""
    if said.alone is not None and rights == _NOTHING:
        return said.alone
    held = (*rights.holds, *said.holds)
    room = max(0, _MAX_NOTES - len(held))
    general = rights.general + said.general
    if rights.general and said.general:
        general = rights.general + b"," + said.general
    offers, audiences = (
        _permission(next((item for item in held if item[0] == scope), None), end, until)
        for (_, scope), end in zip(USES, rights.ends, strict=True)
    )
    interests, unnamed = (b",".join(texts[:room]) for texts in (said.interests, said.unnamed))
    return Notes(general, interests, offers, audiences, unnamed, said.ends)


@lru_cache(maxsize=4_096)
def _begun(
    rule: SuppressionReason, interest: str | None, channel: str | None, tree: Taxonomy
) -> tuple[bytes, bytes]:
    """Begin what is said of an interest or a channel, up to its end; and without its name."""
    (said,) = _silence((Forbidden(rule, interest, channel, 0),), tree)
    unnamed = {key: value for key, value in said.items() if key != "name"}
    begun, begun_unnamed = (orjson.dumps(it).removesuffix(b"0}") for it in (said, unnamed))
    return begun, begun_unnamed


def _general(held: Iterable[Hold]) -> bytes:
    return _joined(
        [
            {"scope": scope, "reason": why}
            | ({} if since is None else {"since": since})
            | {"until": end}
            for scope, why, end, since in held
        ]
    )


def _joined(found: list[dict[str, Any]]) -> bytes:
    """Write JSON without the brackets."""
    if not found:
        return b""
    return orjson.dumps(found)[1:-1]


def holds(it: Situation, now: int, rules: Rules) -> Iterator[Hold]:
    """Suppressions that apply to every interest of a subject."""
    if it.care is not None:
        yield "all", SuppressionReason.CARE_CASE, None, it.care
    if not it.account.allows(Purpose.OFFERS, now, rules):
        yield "all", SuppressionReason.NO_CONSENT_OFFERS, None, None
    elif it.child or it.refuses(Purpose.OFFERS, now):
        yield "all", SuppressionReason.MEMBER_NO_OFFERS, None, None
    if it.child_device and rules.shared_device_holds:
        yield "all", SuppressionReason.CHILD_DEVICE, None, None
    if not it.account.allows(Purpose.AUDIENCES, now, rules) or it.refuses(Purpose.AUDIENCES, now):
        yield "audiences", SuppressionReason.NO_CONSENT_AUDIENCES, None, None
    yield from _spoken_holds(it.silence)


def _spoken_holds(silence: Iterable[Forbidden]) -> Iterator[Hold]:
    found = [item for item in silence if item.interest is None and item.channel is None]
    for item in sorted(found, key=lambda item: -item.until):  # the last end first
        yield "all", item.rule, _or_open(item.until), None
