"""What a contact changes is applied by the difference, and is what setting all anew would give.

Contacts, answers, words on interests, visits that make rows, time and restarts come at random.
After every commit the flags, the status and the texts are made anew from the records alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from features.config import Config
from features.privacy.notes import Notes
from features.records.inputs import INPUTS
from features.state import layout as lay
from features.tags import taxonomy
from features.tags.exact import TagEntry
from features.vocabulary import Reply
from tests.support.contact_rules import RULES
from tests.support.feeding import DAY, START, Feed, Record, Stream

#: Some of them are of one kind for the fold (`features.state.layout.FLAGGED`).
INTERESTS = [i for i, bad in zip(taxonomy.load().ids, taxonomy.load().sensitive, strict=True)
             if not bad][:40]  # fmt: skip
TABLE = {f"host:h{i}.example": TagEntry(((i, 1.0),), "test", 1.0) for i in INTERESTS}
ACCOUNTS, MEMBERS = ("a", "b"), ("", "m1", "M-1", "m2")


def _anything(chance: random.Random, feed: Feed, day: float, words: bool) -> Record:
    account, member = chance.choice(ACCOUNTS), chance.choice(MEMBERS)
    who = {"member_id": member} if member else {}
    interest, name = chance.choice(INTERESTS), {"contact_id": f"c{chance.randrange(12)}"}
    match chance.choices(["visit", "contact", "answer", "tick", "like", "bought", "offers"],
                         [50, 20, 8, 6, 2 * words, 2 * words, 4 * words])[0]:  # fmt: skip
        case "visit":
            return feed.visit(account, day, f"h{interest}.example", **who)
        case "contact":
            told = {"channel": chance.choice(["mail", "screen"]), "interest": interest}
            return feed.record(INPUTS.outcomes, account, day, kind="contact", **told, **name, **who)
        case "answer":
            told = {"answer": chance.choice([*Reply])}
            return feed.record(INPUTS.outcomes, account, day, kind="answer", **told, **name, **who)
        case "like":
            said = {"interest": interest, "stance": chance.choice(["like", "dislike"])}
            return feed.fact(account, day, "declaration", **said, **who)
        case "bought":
            return feed.fact(account, day, "purchase", interest=interest, quiet_days=3, **who)
        case "offers":
            until = START + int((day + chance.choice([0.5, 3.0])) * DAY)
            return feed.consent(account, day, purpose="offers", expires_at=until, **who)
    return feed.tick(day)


def _said(stream: Stream) -> Iterator[tuple[Any, list[Notes]]]:
    """What rows, status and texts are; then what they are when they were all set anew."""
    store, standing = stream.engine.store, stream.engine.accounts.standing
    found = [sid for sid in range(int(store.counters["subjects"])) if store.subjects["used"][sid]]
    for anew in (False, True):
        for account in map(str.encode, ACCOUNTS if anew else ()):
            sid = store.find(account)
            standing.restate(account, store.now)
            standing.rows.all(account, sid, store.now, 0)
            for subject in store.members(sid):
                standing.rows.fresh(subject, store.now)
        rows = store.rows.windows["known"][: int(store.counters["rows_end"])].copy()
        status, account = store.subjects["status"], store.subjects["account"]
        held = status | status[account] & lay.S_HOLD  # what the household's hold says is said
        known = rows, held, store.subjects["flagged"].copy()
        yield known, standing.notes(np.array(found, np.int32))


@pytest.mark.parametrize("words", [False, True], ids=["contacts alone", "among words"])
@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_left_to_be_set_anew(seed: int, words: bool) -> None:
    chance, feed, day = random.Random(seed), Feed(), 1.0
    stream = Stream(Config(rules=RULES), TABLE)
    for account in ACCOUNTS:
        stream.feed(feed.consent(account, 0.0), feed.visit(account, 0.5, "h1.example"))
    for _ in range(60):
        records = []
        for _ in range(chance.randrange(1, 12)):
            day += chance.choice([0.0, 0.02, 0.2])
            records.append(_anything(chance, feed, day, words))
        stream.feed(*records)
        stream.commit()
        (flags, texts), (all_flags, all_texts) = _said(stream)
        assert texts == all_texts
        for now, anew in zip(flags, all_flags, strict=True):
            assert np.array_equal(now, anew)
        if chance.random() < 0.1:
            stream.restart()


def test_texts_are_told_apart_after_subjects_got_other_numbers() -> None:
    feed, stream = Feed(), Stream(Config(rules=RULES), TABLE)
    about = dict(zip("abcd", INTERESTS, strict=False))
    for account, interest in about.items():
        told = {"channel": "mail", "interest": interest, "contact_id": "c"}
        stream.feed(feed.consent(account, 0.0), feed.visit(account, 0.5, "h1.example"))
        stream.feed(feed.record(INPUTS.outcomes, account, 1.0, kind="contact", **told))
    stream.commit()
    before = _numbers(stream, "bcd")
    stream.feed(feed.consent("a", 1.1, "withdrawn"))
    stream.commit()
    after = _numbers(stream, "bcd")
    assert set(before) & set(after) and before != after, "a number is another account's now"
    texts = stream.engine.accounts.standing.notes(np.array(after, np.int32))
    for account, text in zip("bcd", texts, strict=True):
        assert f'"scope":"{about[account]}"'.encode() in text.interests


def _numbers(stream: Stream, accounts: str) -> list[int]:
    return [stream.engine.store.find(account.encode()) for account in accounts]
