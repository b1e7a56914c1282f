"""An event of a member who is everybody is the household's, as parser and decoder agree."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.config import Config
from features.records.batch import parse
from features.records.decoder import NETWORK, Limits
from features.records.everybody import everybody_words, means_everybody
from features.records.identifiers import EVERYBODY
from features.tags.exact import TagEntry
from tests.support.feeding import DAY, Feed, Stream

ACCOUNT = "acc-1b"
#: Words that a pseudonym can spell.
SAID = [*(word for word in EVERYBODY.split() if word.isascii() and word.isalpha()), "acc1b"]
TABLE = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}


def _read(member: str | None, *, fast: bool, account: str = ACCOUNT) -> tuple[int, ...] | None:
    """Whose an event is: the hash of the subject, and how long the member's name is."""
    event = {"event_id": "e", "account_id": account, "member_id": member,
             "ts": 1_704_067_200_000, "line": "mobile", "host": "sport.example"}  # fmt: skip
    raw, one = json.dumps(event).encode(), np.zeros(1, np.int64)
    batch, refused = parse([raw], [account.encode()], np.array([NETWORK], np.uint8),
                           one.astype(np.int32), one, Limits(), fast=fast)  # fmt: skip
    if refused:
        return None
    return tuple(int(batch.records[name][0]) for name in ("subject_hash", "member_len"))


spelled = st.builds(
    lambda word, marks, capitals: "".join(
        mark + (char.upper() if capital else char)
        for char, mark, capital in zip(word, marks, capitals, strict=False)
    ),
    st.sampled_from(SAID),
    st.lists(st.sampled_from(["", "", "-", "_", ".", "-_"]), min_size=16, max_size=16),
    st.lists(st.booleans(), min_size=16, max_size=16),
)


@given(spelled, st.booleans())
def test_a_name_for_everybody_is_no_members_however_it_is_spelled(name: str, fast: bool) -> None:
    assert means_everybody(name, ACCOUNT)
    assert _read(name, fast=fast) == _read(None, fast=fast)


@given(spelled, st.sampled_from(["x:", "urn:member:", "dpv::", "m-1:", "-:"]), st.booleans())
def test_a_prefix_does_not_make_everybody_somebody(name: str, prefix: str, fast: bool) -> None:
    name = prefix + name
    if "".join(filter(str.isalnum, name[len(prefix) :])).casefold() == "acc1b":
        name = f"account:{ACCOUNT}"  # a prefix before the account may be a member's own name
    assert means_everybody(name, ACCOUNT)
    assert _read(name, fast=fast) == _read(None, fast=fast)


names = st.one_of(
    spelled,
    st.sampled_from(SAID).flatmap(lambda w: st.sampled_from([w[:-1], w + "x", "x" + w, w * 2])),
    st.text("acl1b-_.:ACL", min_size=1, max_size=9),
    st.lists(st.sampled_from(["all", "acc-1b", ":", "m", "-", "any", "one"]), max_size=6).map(
        "".join
    ),
    st.sampled_from(
        ["m:-", "-:-", ":", "x:", "m-1", "acc-1", "acc-1b-m1", "member-2", "alla-2", "a", "---"]
    ),
)


@given(names)
def test_the_parser_and_the_decoder_agree_on_who_is_somebody(name: str) -> None:
    assert _read(name, fast=True) == _read(name, fast=False)
    alone = _read(None, fast=True)
    found = _read(name, fast=True)
    if found is not None:  # it may be no pseudonym
        assert (found == alone) == means_everybody(name, ACCOUNT)


@pytest.mark.parametrize(
    "name",
    ["m-1", "ball", "allan", "acc-1", "acc-1b-2", "householder", "m-1:acc-1b", "all:m-1", "x:ball"],
)
def test_any_other_name_is_somebody(name: str) -> None:
    found = _read(name, fast=True)
    assert found is not None and found[1] == len(name)


@pytest.mark.parametrize(
    "name",
    ["x:all", "https://op.example/members#ALL", "x:*", "*", "\u0432\u0441\u0435",
     "\u0443:\u0412\u0421\u0415", "account:acc", "Toute l'\u00e9quipe:tous",
     "null", "N/A", "unknown", "x:undefined", "-", "__", "self"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["consent", "objection"])
def test_who_refuses_for_everybody_refuses_for_the_account(name: str, kind: str) -> None:
    run, feed = Stream(Config(erasure_key=b"k" * 32, lateness_ms=DAY), TABLE), Feed()
    no = feed.fact("acc", 1, kind, status="withdrawn", member_id=name)
    assert run.feed(feed.consent("acc", 0), no, now=1_704_240_000_000) == ["fact", "fact"]
    assert run.feed(feed.visit("acc", 2, "sport.example", member_id="m-1")) == ["no_consent"]


def test_an_account_of_such_a_name_is_one() -> None:
    found = _read("m-1", fast=True, account="household")
    assert found is not None and found[1] == 3


def test_most_names_end_the_search_at_once() -> None:
    table = everybody_words()
    assert table.dead >= 0
    assert table.step[table.dead : table.dead + table.kinds].tolist() == [table.dead] * table.kinds
