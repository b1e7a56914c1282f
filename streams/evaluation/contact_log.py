"""Reads a log of contacts and of the answers to them, in any order: JSON lines.

================  =========================================================================
``account_id``    whose household
``contact_id``    the contact, unique in the account
``ts``            event time, epoch ms
``member_id``     (contact) the person; absent: the household
``channel``       (contact) such as ``mail``; a text
``interest``      (contact) taxonomy id; a text
``propensity``    (contact) probability with which it was chosen, above 0, at most 1
``held_out``      (contact, optional) true: nobody was spoken to, by a draw
``answer``        (answer) accepted, ignored, dismissed, complained, unsubscribed or bought
================  =========================================================================

A line with ``answer`` is an answer, every other one a contact.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from features.outcomes.contacts import Contacts, Made
from features.records.inputs import TS_END, TS_MIN
from features.vocabulary import Reply
from streams.evaluation.decisions import BadLog, logged_object, logged_propensity, logged_text

#: Contacts that are kept of an account, here where a whole history is read.
_MOST_CONTACTS = 100_000


def read_contacts(lines: Iterable[bytes]) -> dict[str, Contacts]:
    """Read contacts and answers, by account.

    Raises
    ------
    BadLog
        Naming the line and the field that won't do.
    """
    found: dict[str, Contacts] = {}
    for line, text in enumerate(lines, 1):
        if not text.strip():
            continue
        said = logged_object(line, text)
        contacts = found.setdefault(_text(line, said, "account_id"), Contacts(_MOST_CONTACTS))
        name, ts = _text(line, said, "contact_id"), _time(line, said)
        if "answer" in said:
            word = _text(line, said, "answer")
            if word not in set(Reply):
                raise BadLog(f"line {line}: answer: {word!r} is none of {', '.join(Reply)}")
            contacts.answer(name, Reply(word), ts)
        else:
            contacts.tell(name, _made(line, said, ts))
    return found


def _made(line: int, said: dict[str, Any], ts: int) -> Made:
    held_out = said.get("held_out", False)
    if not isinstance(held_out, bool):
        raise BadLog(f"line {line}: held_out: true or false is expected")
    propensity = logged_propensity(line, said)
    member = said.get("member_id")
    return Made(
        ts,
        None if member is None else logged_text(line, "member_id", member),
        _text(line, said, "channel"),
        _text(line, said, "interest"),
        propensity,
        held_out,
    )


def _text(line: int, said: dict[str, Any], name: str) -> str:
    return logged_text(line, name, said.get(name))


def _time(line: int, said: dict[str, Any]) -> int:
    value = said.get("ts")
    if type(value) is not int or not TS_MIN <= value < TS_END:
        raise BadLog(f"line {line}: ts: epoch milliseconds are expected")
    return value
