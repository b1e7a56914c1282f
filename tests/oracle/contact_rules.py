"""Reads the rules on contacts one by one, counting at each moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from features.outcomes.contact_policy import ContactPolicy
from features.outcomes.contacts import DAY_MS, GLAD, Made
from features.vocabulary import Reply

#: A contact as far as it is known, when it was answered how, and whose it is.
Known: TypeAlias = tuple[Made | None, Mapping[Reply, int], str | None]


def refused(
    policy: ContactPolicy,
    contacts: Iterable[Known],
    member: str | None,
    now: int,
    about: tuple[str, str],
) -> bool:
    """Whether the rules forbid to speak to a member about an interest, by a channel."""
    interest, channel = about
    contacts = list(contacts)
    known = [(made, answers) for made, answers, _ in contacts if made]
    for cap in policy.caps:
        counted = 0
        for made in [made for made, _ in known if not made.held_out]:
            mine = cap.household or made.member in (None, member)
            mine &= made.channel == channel or not cap.by_channel
            mine &= made.interest == interest or not cap.by_interest
            counted += mine and made.ts > now - cap.days * DAY_MS
        if counted >= cap.most:
            return True
    if _paused(policy, contacts, member, now, about):
        return True
    for made, answers in known:
        if made.interest == interest:
            glad = [ts for word, ts in answers.items() if word in GLAD]
            if any(now < ts + policy.answered_days * DAY_MS for ts in glad):
                return True
            if made.member in (None, member) and not made.held_out:
                if now < made.ts + policy.repeat_days * DAY_MS:
                    return True
    return False


def _paused(
    policy: ContactPolicy,
    contacts: list[Known],
    member: str | None,
    now: int,
    about: tuple[str, str],
) -> bool:
    interest, channel = about
    for pause in policy.pauses:
        times = []
        for made, answers, whose in contacts:
            said = [ts for word, ts in answers.items() if word in pause.answers]
            mine = (made.member if made else whose) in (None, member)
            if made is None:
                mine &= pause.about == "all"
            else:
                mine &= pause.about != "channel" or made.channel == channel
                mine &= pause.about != "interest" or made.interest == interest
            if mine and said:
                times.append(min(said))
        for last in times:
            window = [ts for ts in times if last - pause.within_days * DAY_MS < ts <= last]
            if len(window) >= pause.after and now < last + pause.days * DAY_MS:
                return True
    return False
