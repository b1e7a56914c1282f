"""A member is one person however he is spelled: what forbids holds for all spellings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.config import Config
from features.privacy import ledger, namesakes, standing
from features.privacy.kin import Kin
from features.privacy.marks import Mark
from features.privacy.spelling import are_one, letters
from features.records.concealed import keyed_mark
from features.records.names import plain
from features.state import layout as lay
from features.tags.exact import TagEntry
from tests.support.feeding import DAY, START, Feed, Record, Stream
from tests.support.held import events, held, traces, whole

HOST = "sport.example"
TABLE = {f"host:{HOST}": TagEntry((("483", 1.0),), "test", 1.0)}
#: How one and the same member is written by one producer and by another.
SPELLINGS = {
    "capitals": "M-1",
    "underscore": "m_1",
    "nothing between": "m1",
    "a point, and a capital": "M.1",
    "the account in front": "acc:m-1",
    "the account in front, otherwise spelled": "ACC-M.1",
}
#: What a form or a keyboard makes of it; the contract has no such characters.
SLIPS = {
    "blanks": " m-1\t",
    "a blank that does not break": "m-1\u00a0",
    "an invisible character": "m\u200b-1",
    "a mark of the byte order": "\ufeffm-1",
    "full width": "\uff4d\uff0d\uff11",
    "a digit of another script": "m-\u0661",
    "an accent": "m\u0301-1",
    "the accent composed": "\u1e3f-1",
    "a dash": "m\u20131",
    "a hyphen that does not break": "M\u20111",
    "a minus": "m\u22121",
    "a soft hyphen": "m-\u00ad1",
    "mathematical letters": "\U0001d426-1",
    "quotation marks": '"m-1"',
    "braces": "{M-1}",
    "the account in front": "acc/m-1",
}
LOOK_ALIKE = "\u043c-1"  # of the Cyrillic alphabet

Say = Callable[[Feed, float, str], Record]
#: What forbids, said of a member under one spelling.
FORBIDDING: dict[str, Say] = {
    "refusal": lambda feed, day, who: feed.consent("acc", day, "withdrawn", member_id=who),
    "erasure": lambda feed, day, who: feed.fact("acc", day, "erasure", member_id=who),
    "child": lambda feed, day, who: feed.fact(
        "acc", day, "registry", device_id="d", owner_member_id=who, adult=False
    ),
    "a child by his birth": lambda feed, day, who: feed.fact(
        "acc", day, "registry", device_id="d", owner_member_id=who, birth_date="2020-01-01"
    ),
}


def _stream() -> tuple[Stream, Feed]:
    stream, feed = Stream(Config(erasure_key=b"k", lateness_ms=DAY), TABLE), Feed()
    stream.feed(feed.consent("acc", 0))
    return stream, feed


def _visit(stream: Stream, feed: Feed, day: float, who: str) -> str:
    return stream.feed(feed.visit("acc", day, HOST, member_id=who))[0]


@pytest.mark.parametrize("who", [*SPELLINGS.values(), *SLIPS.values()])
@pytest.mark.parametrize("what", FORBIDDING)
def test_what_forbids_holds_for_every_spelling(what: str, who: str) -> None:
    stream, feed = _stream()
    assert _visit(stream, feed, 1, "m-1") == "counted"
    assert _visit(stream, feed, 1, "other") == "counted"
    stream.commit()
    assert stream.feed(FORBIDDING[what](feed, 2, who)) == ["fact"]
    stream.commit()
    assert stream.state.keys() & {b"s/acc/m-1", b"s/acc/other"} == {b"s/acc/other"}
    for again in range(2):
        assert [_visit(stream, feed, 1.5, name) for name in ("m-1", "M1")] == ["suppressed"] * 2
        assert _visit(stream, feed, 2 + again, "other") == "counted"
        stream.commit()
        stream.restart()
    assert not held(stream, "acc/m-1") and events(stream, "acc") == 3


@pytest.mark.parametrize("what", FORBIDDING)
def test_it_holds_for_a_spelling_that_comes_later(what: str) -> None:
    stream, feed = _stream()
    stream.feed(FORBIDDING[what](feed, 2, "m-1"))
    assert {_visit(stream, feed, 1.5, name) for name in SPELLINGS.values()} == {"suppressed"}
    assert not [key for key in traces(stream, "acc") if b"M" in key]


@pytest.mark.parametrize("what", FORBIDDING)
@pytest.mark.parametrize("who", ["acc:m-1", "Acc_m.1", "acc.M1"])
def test_a_member_who_is_named_like_a_whole_account_is_that_member(what: str, who: str) -> None:
    """Behaviour under the one name, a word that forbids under the other."""
    for said, done in ((who, "m-1"), ("m-1", who)):
        stream, feed = _stream()
        assert [_visit(stream, feed, 1, name) for name in (done, "other")] == ["counted"] * 2
        assert stream.feed(FORBIDDING[what](feed, 2, said)) == ["fact"]
        assert _visit(stream, feed, 1.5, done) == "suppressed"
        assert _visit(stream, feed, 2, "other") == "counted"
        stream.commit()
        assert not held(stream, f"acc/{done}")


def test_a_mark_of_before_the_account_was_left_out_still_marks() -> None:
    """An earlier release made the mark of the whole name."""
    stream, feed = _stream()
    known = stream.engine.accounts.ledger
    name = f"acc/{letters('acc:m-1')}"
    known.set_mark(keyed_mark(b"k", name, "erasure"), Mark(START + 2 * DAY))
    stream.commit()
    stream.restart()
    assert _visit(stream, feed, 1, "acc:m-1") == "suppressed"


@pytest.mark.parametrize("what", ["refusal", "erasure", "a child by his birth"])
def test_of_a_letter_that_only_looks_alike_a_person_decides(what: str) -> None:
    """Nobody can be told from it, so the whole account waits."""
    stream, feed = _stream()
    assert stream.feed(FORBIDDING[what](feed, 2, LOOK_ALIKE)) == ["malformed"]
    assert [_visit(stream, feed, 3, name) for name in ("m-1", "other")] == ["no_consent"] * 2


def test_a_child_s_device_is_known_by_every_spelling() -> None:
    for name in ("TAB-1", "tab_1", "\uff34ab\u20111"):
        stream, feed = _stream()
        stream.feed(feed.fact("acc", 0, "registry", device_id=name, adult=False))
        assert stream.feed(feed.visit("acc", 1, HOST, device_id="tab-1")) == ["suppressed"]


@pytest.mark.parametrize("refused_first", [False, True])
@pytest.mark.parametrize("use", ["offers", "audiences"])
def test_a_use_that_one_spelling_refused_is_refused_for_all(use: str, refused_first: bool) -> None:
    stream, feed = _stream()
    came = feed.visit("acc", 1, HOST, member_id="m-1")
    refuses = feed.consent("acc", 1, "withdrawn", member_id="M1", purpose=use)
    stream.feed(*((refuses, came) if refused_first else (came, refuses)))
    for again in range(2):
        stream.feed(feed.visit("acc", 2 + again, HOST, member_id="m-1"))
        stream.commit()
        assert stream.profile("acc/m-1")["contactable"][use]["value"] is False
        sid = stream.engine.store.find(b"acc", b"m-1")
        held = stream.engine.store.subjects["status"][sid] & lay.S_HOLD
        assert bool(held) is (use == "offers"), "what may be offered at all"
        stream.restart()


def test_who_refused_for_a_while_is_counted_again_under_every_spelling() -> None:
    """Also one who is not held any more and has no word of his own (found by the model)."""
    stream, feed = _stream()
    _visit(stream, feed, 1, "M-1")
    stream.feed(feed.consent("acc", 2, "withdrawn", member_id="m-1"))
    stream.feed(feed.consent("acc", 3, "granted", member_id="m-1"))
    assert [_visit(stream, feed, day, "M-1") for day in (2.5, 3.5)] == ["suppressed", "counted"]


@pytest.mark.parametrize("held", [False, True])
def test_an_erasure_by_another_spelling_covers_what_is_stamped_ahead(held: bool) -> None:
    """Of a device that names him, too, whether or not he was ever seen (found by the model)."""
    stream, feed = _stream()
    if held:
        _visit(stream, feed, 1, "m-1")
    entry = feed.fact("acc", 3, "registry", device_id="tab", owner_member_id="m-1", adult=True)
    stream.feed(entry, feed.fact("acc", 2, "erasure", member_id="M1"))
    kin = stream.engine.accounts.ledger
    assert kin.person(b"acc", "m-1").erased_at == START + 3 * DAY


@pytest.mark.parametrize("restarts", [False, True])
def test_who_was_a_child_for_a_while_is_counted_again_under_every_spelling(restarts: bool) -> None:
    """Also one who is not held any more, has no word, and of whom no child is known (the model)."""
    stream, feed = _stream()

    def owned(name: str, day: float, owner: str, **adult: bool) -> Record:
        return feed.fact("acc", day, "registry", device_id=name, owner_member_id=owner, **adult)

    _visit(stream, feed, 1, "M-1")
    stream.feed(owned("tab", 2, "m-1", adult=False))
    assert _visit(stream, feed, 2.5, "M-1") == "suppressed"
    stream.feed(owned("tab", 3, "kid"), owned("phone", 3, "m-1", adult=True))
    if restarts:  # what is held of answers must not tell
        stream.commit()
        stream.restart()
    assert [_visit(stream, feed, 3.5, who) for who in ("M-1", "m-1")] == ["counted"] * 2


def test_a_grant_is_for_its_own_spelling_alone() -> None:
    stream, feed = _stream()
    stream.feed(feed.consent("acc", 1, "withdrawn", member_id="M-1"))
    stream.feed(feed.consent("acc", 2, "granted", member_id="m-1"))
    assert _visit(stream, feed, 3, "m-1") == "suppressed", "who refused has to take it back"
    stream.feed(feed.consent("acc", 4, "granted", member_id="M-1"))
    assert [_visit(stream, feed, day, "m-1") for day in (3.5, 5)] == ["suppressed", "counted"]
    assert _visit(stream, feed, 5, "M_1") == "counted", "who never said anything for himself"


def test_an_end_of_one_spelling_is_the_end_of_all() -> None:
    stream, feed = _stream()
    end = Feed().record(0, "acc", 2)  # a record of that time
    until = int(end[1].split(b'"ts": ')[1].split(b"}")[0])
    stream.feed(feed.consent("acc", 0, member_id="M-1", expires_at=until))
    assert _visit(stream, feed, 1, "m-1") == "counted"
    assert _visit(stream, feed, 2.5, "m-1") == "suppressed"
    stream.feed(feed.visit("else", 4, HOST), feed.visit("acc", 4, HOST))
    stream.commit()
    assert b"s/acc/m-1" not in stream.state


_NAMES = st.text(st.sampled_from("aAbB1-_.:"), min_size=1, max_size=4)


@settings(max_examples=30, deadline=None)
@given(_NAMES, _NAMES)
def test_the_kernel_and_the_facts_agree_on_spellings(name: str, other: str) -> None:
    stream, _ = _stream()
    stream.engine.store.ensure(b"acc", name.encode())
    alike = namesakes.namesakes(stream.engine.store, stream.engine.accounts.ledger, b"acc", other)
    assert alike == [name] * (are_one(name, other, "acc") and name != other)


@given(st.text(max_size=300))
def test_any_text_has_a_plain_name(text: str) -> None:
    told = plain(text)
    assert plain(told) in (told, plain(plain(told)))
    assert text.strip().isascii() <= told.isascii()


def _nobody(*_: Any) -> list[Any]:
    return []


#: Planted bugs, and a promise that each breaks.
PLANTED: dict[str, tuple[Any, str, Any, str]] = {
    "those who are held are not looked for": (standing, "namesakes", _nobody, "refusal"),
    "words of another spelling are not asked": (ledger.Ledger, "alike", _nobody, "refusal"),
    "a mark is of one spelling": (ledger, "earlier_ways", lambda name, account: (name,), "erasure"),
    "a child is of one spelling": (Kin, "are_one", lambda kin, name, other: name == other, "child"),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, replacement, what = PLANTED[bug]
    monkeypatch.setattr(where, name, replacement)
    with pytest.raises(AssertionError):
        test_what_forbids_holds_for_every_spelling(what, "M-1")


def test_names_are_found_again_by_their_spelling() -> None:
    kin = Kin()
    for name in ("m-1", "M-1", "m2"):
        kin.put_member(name, speaks=True)
    assert kin.alike("m1") == {"m-1", "M-1"} and kin.alike("m-1") == {"M-1"}
    assert kin.alike("acc1:m-1") == set() and kin.alike("acc:m1") == {"m-1", "M-1"}
    kin.put_member("M-1", speaks=False)
    assert not kin.alike("m-1") and kin.members == {"m-1", "m2"}


def test_the_end_of_a_namesakes_permission_is_told_of_whoever_is_spelled_so() -> None:
    feed, stream = Feed(), Stream(Config(), TABLE)
    until = START + 3 * DAY
    stream.feed(
        feed.consent("acc", 0.0),
        feed.consent("acc", 0.1, purpose="offers", member_id="M-1", expires_at=until),
        feed.fact("acc", 0.2, "purchase", interest="483", member_id="m-1", quiet_days=400),
        feed.visit("acc", 1.0, HOST, member_id="m-1"),
    )
    stream.commit()
    assert stream.profile("acc/m-1")["contactable"]["offers"]["value"]
    stream.feed(feed.visit("acc", 5.0, HOST, member_id="m-1"))
    stream.commit()
    assert not stream.profile("acc/m-1")["contactable"]["offers"]["value"]


def test_an_erasure_reaches_a_child_whom_a_device_alone_names() -> None:
    feed, stream = Feed(), Stream(Config(consent_default_grant=True), TABLE)
    stream.feed(
        feed.fact("acc", 0.1, "registry", device_id="d", owner_member_id="m1", adult=False),
        feed.fact("acc", 0.2, "erasure", member_id="M-1"),
        feed.fact("acc", 0.3, "care_case", case_id="c", status="opened"),
    )
    stream.commit()
    before = whole(stream.engine)
    stream.restart()
    assert whole(stream.engine) == before
