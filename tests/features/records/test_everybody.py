"""An event of a member who is everybody is the household's, as parser and decoder agree."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.privacy import rules
from features.records.batch import parse
from features.records.decoder import NETWORK, Limits
from features.records.identifiers import EVERYBODY
from features.records.pseudonyms import everybody_words, means_everybody

ACCOUNT = "acc-1b"
WORDS = rules.load().words
SAID = [*EVERYBODY.split(), "acc1b"]


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
    assert WORDS.is_everybody(name, ACCOUNT)
    assert _read(name, fast=fast) == _read(None, fast=fast)


names = st.one_of(
    spelled,
    st.sampled_from(SAID).flatmap(lambda w: st.sampled_from([w[:-1], w + "x", "x" + w, w * 2])),
    st.text("acl1b-_.:ACL", min_size=1, max_size=9),
    st.sampled_from(["m-1", "acc-1", "acc-1b-m1", "member-2", "alla-2", "a", "---"]),
)


@given(names)
def test_the_parser_and_the_decoder_agree_on_who_is_somebody(name: str) -> None:
    assert _read(name, fast=True) == _read(name, fast=False)
    alone = _read(None, fast=True)
    assert (_read(name, fast=True) == alone) == means_everybody(name, ACCOUNT)


@pytest.mark.parametrize("name", ["m-1", "ball", "allan", "acc-1", "acc-1b-2", "householder"])
def test_any_other_name_is_somebody(name: str) -> None:
    found = _read(name, fast=True)
    assert found is not None and found[1] == len(name)


def test_an_account_of_such_a_name_is_one() -> None:
    found = _read("m-1", fast=True, account="household")
    assert found is not None and found[1] == 3


def test_most_names_end_the_search_at_once() -> None:
    table = everybody_words()
    assert table.dead >= 0
    assert table.step[table.dead : table.dead + table.kinds].tolist() == [table.dead] * table.kinds
