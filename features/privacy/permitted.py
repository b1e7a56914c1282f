"""Describes how consent stands: per person and purpose what holds now, why, and until when.

Words alone do not tell: an account refuses for all in it, a child is not profiled whatever was
granted, a word in doubt puts on hold, and who was erased has to grant by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from features.privacy.admission import Admission
from features.privacy.consent import FOREVER
from features.privacy.ledger import Ledger
from features.privacy.notes import USES, Situation, holds
from features.privacy.rules import Rules
from features.privacy.spelling import are_one
from features.privacy.statements import situation_of
from features.records.concealed import Secret
from features.state.spans import SpanTable
from features.vocabulary import PermissionBasis, Purpose


def describe_permissions(
    records: Mapping[bytes, bytes],
    account: str,
    members: Collection[str],
    *,
    rules: Rules,
    now: int,
    key: Secret = b"",
    default_grant: bool = False,
) -> list[dict[str, Any]]:
    """State for an account and some of its members what each purpose may be used for at `now`.

    Parameters
    ----------
    records : mapping of bytes to bytes
        All that the changelog has of facts of the account, and of erasures.
    members : collection of str
        As they are spelled; those who are spelled alike are one as far as they refuse.
    now : int
        Event time, ms.

    Returns
    -------
    list of dict
        ``purpose``, ``member_id`` (None: the household), ``value``, ``why`` and ``until`` (ms or
        None), as ``contactable`` of a profile has them.
    """
    ledger = Ledger(key, default_grant)
    for name, value in sorted(records.items()):
        ledger.restore(name, value)
    admission = Admission(SpanTable(), ledger, rules)
    found = []
    for member in (None, *sorted(members)):
        who = account.encode(), member or ""
        it = situation_of(ledger, admission, *who, ledger.person(who[0]))
        profiling = _profiling(it, admission, rules, *who, now)
        told = {Purpose.PROFILING: profiling}
        barred = {scope: why for scope, why, *_ in reversed([*holds(it, now, rules)])}
        for use, scope in USES:
            end = min(profiling[1], *(person.use_until(use) for person in it.persons))
            told[use] = (profiling[0] or barred.get(scope, ""), end)
        for use, (why, end) in told.items():
            found.append(
                {
                    "purpose": use,
                    "member_id": member,
                    "value": not why,
                    "why": why or PermissionBasis.CONSENT,
                    "until": None if why or end >= FOREVER else end,
                }
            )
    return found


def alike(account: str, member: str, names: Collection[str]) -> list[str]:
    """List those of some names who are a member."""
    return sorted({name for name in names if name and are_one(name, member, account)})


def _profiling(
    it: Situation, admission: Admission, rules: Rules, account: bytes, member: str, now: int
) -> tuple[str, int]:
    """Why profiling is not allowed, empty where it is; and its end, ms."""
    until, now = it.account.span_in_use()[1], max(now, 0)
    if until <= now:
        return ("undecided" if it.account.is_doubted else "no_consent_profiling"), until
    if not member:
        return "", until
    if it.child and not rules.children_profiled:
        return "child", until
    until = min(until, admission.span(account, member, it.persons[1], now)[1])
    return ("" if until > now else "member_no_profiling"), until
