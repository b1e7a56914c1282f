"""What protects beside refusals (cases, dislikes, answers) acts out of form, and of everybody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from features.config import Config
from features.records.inputs import INPUTS
from features.tags.exact import TagEntry
from features.vocabulary import Reply, Tolerated
from tests.support.feeding import DAY, HOUR, START, Feed, Record, Stream

HOST = "sport.example"
TABLE = {f"host:{HOST}": TagEntry((("483", 1.0),), "test", 1.0)}
NOW = START + 2 * DAY
CASE = {"kind": "care_case", "case_id": "c-1", "status": "opened"}
DISLIKE: dict[str, Any] = {"kind": "declaration", "interest": "483", "stance": "dislike"}
UNSUBSCRIBED = {"kind": "answer", "contact_id": "c-1", "answer": "unsubscribed"}


def settled(**more: Any) -> tuple[Stream, Feed]:
    run, feed = Stream(Config(erasure_key=b"k" * 32, lateness_ms=DAY, **more), TABLE), Feed()
    run.feed(feed.consent("acc", 0), feed.visit("acc", 1, HOST))
    run.commit()
    return run, feed


def changed(record: Record, **fields: Any) -> Record:
    body = {n: v for n, v in (json.loads(record[1]) | fields).items() if v != "absent"}
    return record[0], json.dumps(body).encode(), record[2]


def told(run: Stream, subject: str = "acc") -> set[tuple[str, str]]:
    run.commit()
    profile = run.profile(subject)
    return {(item["scope"], item["reason"]) for item in profile["suppressions"]}


def after(run: Stream, feed: Feed, *members: str) -> list[str]:
    who = [{"member_id": name} if name else {} for name in members]
    return [run.feed(feed.visit("acc", 2.5, HOST, **of))[0] for of in who]


OPEN: tuple[dict[str, Any], ...] = (
    *({"status": word} for word in ("OPEN", "Opened ", "new", "escalated", "not closed", "absent")),
    *({"status": word} for word in ("perhaps", 7, ["opened"], True)),
    *({"ts": ts} for ts in (NOW + DAY, NOW // 1000, "yesterday", "absent")),
    {"event_id": 5},
    {"kind": "CareCase"},
    {"kind": "case"},
    {"case_id": 4711},
    {"case_id": "absent", "caseNumber": "4711"},
)


@pytest.mark.parametrize("more", OPEN, ids=str)
def test_a_case_that_may_be_open_suppresses_every_offer(more: dict[str, Any]) -> None:
    run, feed = settled()
    assert run.feed(changed(feed.fact("acc", 1.5, **CASE), **more), now=NOW) == ["fact"]
    assert told(run) == {("all", "care_case")}
    run.restart()
    assert after(run, feed, "") == ["counted"]
    name = "4711" if "4711" in str(more) else "c-1"
    run.feed(feed.fact("acc", 2.6, **CASE | {"status": "closed", "case_id": name}))
    assert told(run) == set(), "what was opened is closed by its name"


@pytest.mark.parametrize("word", ["Closed", "resolved", "erledigt", "done"])
def test_a_case_that_is_closed_by_another_word_opens_nothing(word: str) -> None:
    run, feed = settled()
    with pytest.raises(AssertionError, match="enum"):  # a dead letter that holds nobody
        run.feed(feed.fact("acc", 1.5, **CASE | {"status": word}), now=NOW)
    assert told(run) == set()


@pytest.mark.parametrize(
    "more", [{"stance": "Dislike"}, {"stance": "hates it"}, {"stance": -1}, {"interest": 483},
             {"ts": NOW + DAY}, {"event_id": 5}, {"kind": "Declaration"}, {"stance": ["dislike"]},
             {"stance": "absent", "dislike": True}, {"kind": "feedback"}], ids=str
)  # fmt: skip
def test_an_opinion_that_may_be_a_dislike_is_one(more: dict[str, Any]) -> None:
    run, feed = settled()
    assert run.feed(changed(feed.fact("acc", 1.5, **DISLIKE), **more), now=NOW) == ["fact"]
    assert run.commit().tolerated == {Tolerated.DISLIKE: 1}
    assert told(run) == {("483", "dislike")}


def test_several_dislikes_in_one_record_are_each_one() -> None:
    run, feed = settled()
    record = feed.fact("acc", 1.5, **DISLIKE | {"interest": ["483", "635"]})
    assert run.feed(record, now=NOW) == ["fact"]
    assert told(run) == {("483", "dislike"), ("635", "dislike")}


@pytest.mark.parametrize("word", ["Like", "Neutral", "love"])
def test_an_opinion_that_is_none_out_of_form_dislikes_nothing(word: str) -> None:
    run, feed = settled()
    with pytest.raises(AssertionError, match="enum"):
        run.feed(feed.fact("acc", 1.5, **DISLIKE | {"stance": word}), now=NOW)
    assert told(run) == set()


@pytest.mark.parametrize(
    "fact", [CASE | {"case_id": "+49 170 1234567"}, CASE | {"case_id": ["a", "b"]},
             DISLIKE | {"interest": "Football!"}, DISLIKE | {"interest": None},
             CASE | {"member_id": "+49 170 1234567"}], ids=str
)  # fmt: skip
def test_of_what_it_forbids_and_cannot_be_told_a_person_decides(fact: dict[str, Any]) -> None:
    run, feed = settled()
    assert run.feed(feed.fact("acc", 1.5, **fact), now=NOW) == ["malformed"]
    assert after(run, feed, "") == ["no_consent"]


# -- answers


@pytest.mark.parametrize(
    "more", [{"answer": "Unsubscribed"}, {"answer": "opt-out"}, {"answer": ["unsubscribe"]},
             {"ts": NOW + DAY}, {"event_id": 5}, {"kind": "Reply"}, {"answer": "Abmeldung"},
             {"answer": "absent", "reply": "do not contact"}], ids=str
)  # fmt: skip
def test_who_wants_to_be_left_alone_is_heard_in_any_form(more: dict[str, Any]) -> None:
    run, feed = settled()
    made = {"kind": "contact", "contact_id": "c-1", "channel": "mail", "interest": "483"}
    run.feed(feed.record(INPUTS.outcomes, "acc", 1.4, **made))
    answer = changed(feed.record(INPUTS.outcomes, "acc", 1.5, **UNSUBSCRIBED), **more)
    assert run.feed(answer, now=NOW) == ["fact"]
    assert run.commit().tolerated == {Tolerated.ANSWER: 1}
    (contact,) = run.engine.accounts.ledger.household_contacts(b"acc")
    assert [*contact.answers] == [Reply.UNSUBSCRIBED]


@pytest.mark.parametrize("word", ["clicked", "Bought", "", None, 3])
def test_any_other_answer_out_of_form_holds_nobody(word: Any) -> None:
    run, feed = settled()
    with pytest.raises(AssertionError):
        run.feed(feed.record(INPUTS.outcomes, "acc", 1.5, **UNSUBSCRIBED | {"answer": word}))
    assert after(run, feed, "") == ["counted"]


def test_a_withdrawal_in_the_topic_of_outcomes_withdraws() -> None:
    run, feed = settled()
    record = feed.record(INPUTS.outcomes, "acc", 1.5, kind="consent", status="withdrawn")
    assert run.feed(record, now=NOW) == ["fact"]
    assert after(run, feed, "") == ["no_consent"]


# -- a fact about something else that refuses as well

REGISTRY = {"kind": "registry", "device_id": "tab", "owner_member_id": "m-1", "adult": True}
PURCHASE = {"kind": "purchase", "interest": "483"}
AGAINST = {"kind": "decision_against", "interest": "483"}
REFUSES: tuple[dict[str, Any], ...] = (
    {"consent": "revoked"}, {"consent": False}, {"do_not_profile": True}, {"do_not_profile": 1},
    {"optOut": "yes"}, {"profiling": False}, {"consent": {"status": "withdrawn"}},
    {"consents": {"profiling": "denied"}}, {"opted_out_at": START}, {"allow_profiling": "no"},
)  # fmt: skip


@pytest.mark.parametrize("more", REFUSES, ids=str)
@pytest.mark.parametrize("fact", [REGISTRY, PURCHASE, DISLIKE, CASE, AGAINST], ids=str)
def test_a_fact_that_also_refuses_does_both(fact: dict[str, Any], more: dict[str, Any]) -> None:
    run, feed = settled()
    if fact["kind"] != "registry":
        fact = fact | {"member_id": "m-1"}
    assert after(run, feed, "m-1", "m-2") == ["counted"] * 2
    assert run.feed(feed.fact("acc", 2.6, **fact, **more)) == ["fact"]
    assert run.commit().tolerated == {Tolerated.REFUSAL: 1}
    run.restart()
    late = [feed.visit("acc", 2.7, HOST, member_id=name) for name in ("m-1", "m-2")]
    assert run.feed(*late) == ["suppressed", "counted"]
    if fact is REGISTRY:  # whose it is counts: on a device of who refuses nobody is told
        assert run.feed(feed.visit("acc", 2.7, HOST, device_id="tab")) != ["counted"]
    if fact["kind"] == "care_case":
        assert run.engine.accounts.ledger.kin(b"acc").open  # type: ignore[union-attr]  # is known


@pytest.mark.parametrize(
    "more", [{"revoked": True}, {"blocked": True}, {"deleted_at": START}, {"status": "inactive"},
             {"consent": "granted"}, {"consent": True}, {"opt_in": True}, {"opt_out": False},
             {"active": False}, {"cancelled": True}, {"device_age": 2}, {"location_consent": False},
             {"os": "none", "model": "Kindle", "plan": "Family"}, {"reason": "erasure"}], ids=str
)  # fmt: skip
@pytest.mark.parametrize("fact", [REGISTRY, PURCHASE, CASE])
def test_what_says_nothing_of_permission_refuses_nothing(fact: Any, more: dict[str, Any]) -> None:
    run, feed = settled()
    if fact["kind"] == "care_case" and "status" in more:
        return
    assert run.feed(feed.fact("acc", 1.5, **fact, **more), now=NOW) == ["fact"]
    assert after(run, feed, "", "m-1") == ["counted"] * 2


# -- everybody


@pytest.mark.parametrize(
    "name", ["all", "ALL", "*", "everyone", "household", "acc", "Acc", "a-c-c"]
)
@pytest.mark.parametrize("kind", [{"kind": "consent", "status": "withdrawn"}, {"kind": "erasure"}])
def test_a_refusal_of_everybody_is_the_accounts(name: str, kind: dict[str, Any]) -> None:
    run, feed = settled()
    assert run.feed(feed.fact("acc", 2, member_id=name, **kind), now=NOW) == ["fact"]
    assert after(run, feed, "", "m-1") == ["no_consent"] * 2


@pytest.mark.parametrize("name", ["all", "everyone", "household", "acc"])
@pytest.mark.parametrize("kind", [{"kind": "consent", "status": "granted"},
                                  {"kind": "purchase", "interest": "483"}])  # fmt: skip
def test_whatever_else_is_of_everybody_is_refused(name: str, kind: dict[str, Any]) -> None:
    run, feed = settled()
    with pytest.raises(AssertionError, match="means everybody"):
        run.feed(feed.fact("acc", 2, member_id=name, **kind), now=NOW)
    assert after(run, feed, "m-1") == ["counted"]


def test_a_refusal_is_of_all_members_whom_it_lists() -> None:
    run, feed = settled()
    listed = feed.consent("acc", 2, "withdrawn", member_id="m-1", members=["m-1", "m-2"])
    assert run.feed(listed, now=NOW) == ["fact"]
    assert after(run, feed, "m-1", "m-2", "m-3") == ["suppressed", "suppressed", "counted"]


@pytest.mark.parametrize("status", ["withdrawn", "revoked"])
@pytest.mark.parametrize("name", ["members", "member_ids", "persons", "Mitglieder"])
@pytest.mark.parametrize("listed", [["m-1", "M-2"], "m-1, m-2", [{"id": "m-1"}, {"id": "m-2"}]])
def test_whom_a_refusal_lists_is_not_freed_by_a_grant_of_the_account(
    status: str, name: str, listed: Any
) -> None:
    """Whatever the list is called, and whether or not a member is named beside it."""
    for beside in ({}, {"member_id": "m-1"}):
        run, feed = settled()
        run.feed(changed(feed.consent("acc", 2, status, **beside), **{name: listed}), now=NOW)
        run.feed(feed.consent("acc", 2.1))
        assert after(run, feed, "m-1", "m-2", "m-3") == ["suppressed", "suppressed", "counted"]


# -- ids that are used again, and who was erased


@pytest.mark.parametrize("kind", [{"kind": "consent", "status": "withdrawn"}, {"kind": "erasure"},
                                  {"kind": "consent", "status": "perhaps"}], ids=str)  # fmt: skip
def test_an_id_that_is_used_again_hides_no_refusal(kind: dict[str, Any]) -> None:
    run, feed = settled()
    first, again = (changed(feed.fact("acc", at, **kind), event_id="C") for at in (1.5, 2.2))
    run.feed(first)
    assert run.feed(feed.consent("acc", 2), feed.visit("acc", 2.1, HOST)) == ["fact", "counted"]
    assert run.feed(first, feed.visit("acc", 2.15, HOST))[1] == "counted", "it came again"
    run.feed(again)
    assert run.feed(feed.visit("acc", 2.3, HOST)) == ["no_consent"]


def test_a_case_of_who_was_erased_does_not_keep_his_name() -> None:
    run, feed = settled()
    run.feed(feed.fact("acc", 2, "erasure", member_id="m-secret"))
    run.feed(feed.fact("acc", 2 + HOUR / DAY, **CASE, member_id="m-secret"))
    assert told(run) == {("all", "care_case")}
    assert not [1 for key, value in run.state.items() if b"secret" in key + value]
