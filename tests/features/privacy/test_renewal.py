"""A key that is changed, or the first one, leaves everything as if it had always been there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.config import Config
from features.privacy.strays import Erased
from features.records.decoder import Limits
from features.state.changelog_keys import IncompatibleState
from features.tags.exact import TagEntry
from tests.support.feeding import DAY, Feed, Record, Stream
from tests.support.reference import canonical

TABLE = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}
FIRST, SECOND, THIRD = b"1" * 32, b"2" * 32, b"3" * 32
SECRETS = [(b"", FIRST), (FIRST, SECOND), (b"", FIRST, SECOND, THIRD)]


def _stream(secret: bytes | tuple[bytes, ...], state: dict[bytes, bytes] | None = None) -> Stream:
    made = Stream(Config(erasure_key=secret, lateness_ms=DAY // 4), TABLE)
    made.limits = Limits(hash_secret=secret)
    if state is not None:
        made.state = dict(state)
        made.restart()
    return made


def _known(stream: Stream) -> dict[bytes, bytes]:
    """What is known of persons; of the rest only the models depend on no key."""
    kinds = (b"c/", b"i/", b"v/", b"k/", b"e/", b"s/")
    return {key: v for key, v in canonical(stream.engine).items() if key.startswith(kinds)}


def _everything(feed: Feed) -> list[Record]:
    child = {"owner_member_id": "kid", "adult": False}
    return [
        feed.consent("acc", 0),
        feed.consent("acc", 0, member_id="m1", purpose="offers"),
        feed.fact("acc", 0.1, "registry", device_id="tab", **child),
        feed.fact("acc", 0.2, "erasure"),
        feed.consent("acc", 0.3),
        feed.fact("acc", 0.4, "purchase", interest="635", product="phone 7"),
        feed.fact("acc", 0.4, "declaration", interest="483", stance="like", member_id="m1"),
        feed.fact("acc", 0.5, "care_case", case_id="case-1", status="opened"),
        feed.fact("acc", 0.6, "registry", device_id="box", owner_member_id="m1", adult=True),
        feed.visit("acc", 0.7, "sport.example"),
        feed.fact("acc", 0.8, "erasure", member_id="m2"),
    ]


@pytest.mark.parametrize("secret", SECRETS)
def test_what_is_known_goes_on_to_be_known(secret: tuple[bytes, ...]) -> None:
    """A request that comes again, an erased child, a case that closes; nothing old is left."""
    feed, before = Feed(), _stream(secret[:1])
    records = _everything(feed)
    before.feed(*records)
    before.commit()
    after = _stream(secret, before.state)
    assert after.engine.unsaid, "the new marks would wait for a record"
    after.commit()
    assert after.feed(records[3]) == ["fact"] and not after.commit().receipts
    closed = feed.fact("acc", 0.9, "care_case", case_id="case-1", status="closed")
    assert after.feed(closed, feed.visit("acc", 0.9, "sport.example", member_id="KID")) == [
        "fact",
        "suppressed",
    ]
    after.commit()
    assert not any(s["reason"] == "care_case" for s in after.profile("acc")["suppressions"])
    old = {key for key in before.state if key[:2] in (b"e/", b"o/", b"k/")}
    assert old and not old & after.state.keys()
    again = _stream(secret, after.state)
    assert _known(again) == _known(after) and not again.engine.unsaid


ids = st.sampled_from(["acc", "bcc"])
who = st.sampled_from([{}, {}, {"member_id": "m1"}, {"member_id": "kid"}])
facts = st.one_of(
    st.tuples(st.just("consent"), st.fixed_dictionaries({"status": st.just("granted")})),
    st.tuples(st.just("consent"), st.fixed_dictionaries({"status": st.just("withdrawn")})),
    st.tuples(st.just("erasure"), st.just({})),
    st.tuples(
        st.just("registry"),
        st.fixed_dictionaries(
            {
                "device_id": st.sampled_from(["tab", "box"]),
                "owner_member_id": st.sampled_from(["m1", "kid"]),
                "adult": st.booleans(),
            }
        ),
    ),
    st.tuples(
        st.just("care_case"),
        st.fixed_dictionaries(
            {
                "case_id": st.sampled_from(["case-1", "case-2"]),
                "status": st.sampled_from(["opened", "closed"]),
            }
        ),
    ),
    st.tuples(
        st.just("purchase"),
        st.fixed_dictionaries({"interest": st.just("635"), "product": st.just("phone 7")}),
    ),
)
some = st.lists(st.tuples(ids, who, facts), max_size=20)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=some, after=some, again=st.integers(0, 5), secret=st.sampled_from(SECRETS))
def test_a_changed_key_is_as_good_as_one_from_the_start(
    before: list[Any], after: list[Any], again: int, secret: tuple[bytes, ...]
) -> None:
    """Whatever came before and comes after, repetitions of what came before included (I11)."""
    feed, records = Feed(), list[Record]()
    begun = feed.consent("acc", 0), feed.visit("acc", 0.1, "sport.example")
    for number, (account, member, (kind, more)) in enumerate([*before, *after]):
        person = {} if kind in ("registry", "care_case") else member
        records.append(feed.fact(account, 0.5 + number / 24, kind, **person, **more))
    parts = records[: len(before)], records[len(before) :] + records[: min(again, len(before))]
    always, changed = _stream(secret), _stream(secret[:-1])
    for stream in (always, changed):
        stream.feed(*begun, *parts[0])
        stream.commit()
    changed = _stream(secret, changed.state)
    assert _known(changed) == _known(always)
    assert always.feed(*parts[1]) == changed.feed(*parts[1])
    assert _known(changed) == _known(always)


def test_an_erasure_that_waits_is_looked_for_under_the_new_key() -> None:
    feed, before = Feed(), _stream(FIRST)
    before.feed(feed.fact("acc", 1, "erasure"))
    before.commit()
    after = _stream((FIRST, SECOND), before.state)
    [(mark, waits)] = after.engine.accounts.strays.unswept.items()
    assert mark == after.engine.accounts.ledger.mark_names(b"acc")[0] and isinstance(waits, Erased)
    after.engine.accounts.swept([b"acc/m1"], frozenset([mark]), [], [])
    [(key, receipt)] = after.commit().receipts
    assert key == mark.encode() and b'"keys_found":1' in receipt
    assert not [key for key in after.state if key[:2] == b"o/"]


@pytest.mark.parametrize("secret", [SECOND, (SECOND, FIRST), (b"", SECOND), (SECOND, THIRD)])
def test_another_key_is_refused_with_what_to_do(secret: Any) -> None:
    """And its name is none of the keys."""
    feed, before = Feed(), _stream(FIRST)
    before.feed(feed.consent("acc", 0))
    before.commit()
    with pytest.raises(IncompatibleState, match="erasure_keys_before") as refused:
        _stream(secret, before.state)
    assert not any(key.decode() in str(refused.value) for key in (FIRST, SECOND, THIRD))
