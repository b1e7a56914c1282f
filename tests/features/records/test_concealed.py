"""What a fact names and nobody has to read goes nowhere, and still means the same."""

from __future__ import annotations

import json

import pytest

from features.config import Config
from features.records.concealed import concealed, keyed_mark
from features.records.facts import CareCase, Erasure, Fact, Purchase
from features.tags.exact import TagEntry
from tests.support.feeding import START, Feed, Record, Stream

SECRETS = ("Grindr-XTRA", "depression-hotline", "request-of-anna", "order-4711", "visit-0815")
TABLE = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}


def _fed() -> tuple[Stream, Feed, list[str]]:
    """A stream that was told every secret, in form and out of form."""
    stream, feed = Stream(Config(erasure_key=b"k" * 32), TABLE), Feed()
    told: list[Record] = [
        feed.consent("acc", 0, event_id="request-of-anna"),
        feed.consent("gone", 0, event_id="request-of-anna-2"),
        feed.fact("acc", 1, "purchase", interest="635", product="Grindr-XTRA 12 months",
                  event_id="order-4711"),
        feed.fact("acc", 1, "care_case", case_id="depression-hotline", status="opened"),
        feed.fact("acc", 1, "declaration", interest="483", stance="like", event_id="order-4711"),
        feed.fact("acc", 1, "consent", status="revoked", purpose="offers",
                  event_id="request-of-anna-3"),
        feed.visit("acc", 1.1, "sport.example", event_id="visit-0815"),
        feed.visit("gone", 1.1, "sport.example", event_id="visit-0815"),
        feed.fact("gone", 1.2, "erasure", event_id="request-of-anna-4"),
        feed.fact("gone", 1.3, "Erase", event_id="request-of-anna-5"),
    ]  # fmt: skip
    outcomes = stream.feed(*told, now=START + 86_400_000 * 2)
    stream.commit()
    stream.restart()
    stream.feed(feed.visit("acc", 2, "sport.example"))
    stream.commit()
    return stream, feed, outcomes


def test_no_byte_that_goes_out_says_it() -> None:
    stream, _, outcomes = _fed()
    assert outcomes[:3] == ["fact"] * 3
    assert stream.written
    for value in stream.written:
        for secret in SECRETS:
            assert secret.encode() not in value


def test_a_closed_case_still_answers_the_opened_one() -> None:
    stream, feed, _ = _fed()
    opened = stream.profile("acc")["suppressions"]
    stream.feed(feed.fact("acc", 2.1, "care_case", case_id="depression-hotline", status="closed"))
    stream.commit()
    closed = stream.profile("acc")["suppressions"]
    assert "care_case" in {item["reason"] for item in opened}
    assert "care_case" not in {item["reason"] for item in closed}


def test_a_receipt_names_the_request_by_a_hash_that_its_sender_can_make() -> None:
    """Who has the key finds the receipt of a request."""
    stream, _ = Stream(Config(erasure_key=b"key"), TABLE), Feed()
    fact = concealed(Fact("req-1", "acc", None, START, Erasure()), b"key")
    stream.engine.accounts.apply(fact, 0)
    (_, receipt), *_ = stream.commit().receipts
    assert json.loads(receipt)["request"] == keyed_mark(b"key", "req-1", "request")


@pytest.mark.parametrize("secret", [b"", b"key"])
def test_one_text_has_one_hash_per_use_and_key(secret: bytes) -> None:
    made = [
        concealed(Fact(name, "acc", None, START, said), secret)
        for name in ("same", "same")
        for said in (CareCase("same", "opened"), Purchase("1", "same"))
    ]
    assert made[:2] == made[2:]
    case, purchase = made[:2]
    assert isinstance(case.said, CareCase) and isinstance(purchase.said, Purchase)
    marks = {case.event_id, case.said.case_id, purchase.said.product}
    assert len(marks) == 3
    assert marks.isdisjoint({keyed_mark(b"another", "same", "request"), "same"})
    assert Purchase("1") == concealed(Fact("e", "acc", None, START, Purchase("1")), secret).said
