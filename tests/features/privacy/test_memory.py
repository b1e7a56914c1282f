"""Nothing in a worker's memory names who was erased, once that is committed."""

from __future__ import annotations

from features.config import Config
from features.records.inputs import INPUTS
from features.tags.exact import TagEntry
from tests.support.feeding import Feed, Record, Stream
from tests.support.held import remembered

INTEREST = "483"
NAME = "acc-to-be-erased"
TABLE = {"host:h.example": TagEntry(((INTEREST, 1.0),), "test", 1.0)}


def _life(feed: Feed) -> list[Record]:
    """A record of every kind."""
    said = {"interest": INTEREST, "member_id": "m-1"}
    told = {"channel": "mail", "interest": INTEREST}
    return [
        feed.consent(NAME, 0.0),
        feed.consent(NAME, 0.0, purpose="offers"),
        feed.consent(NAME, 0.0, member_id="m-1"),
        feed.fact(NAME, 0.1, "registry", device_id="d-1", member_id="m-1", adult=True),
        feed.fact(NAME, 0.1, "declaration", stance="like", **said),
        feed.fact(NAME, 0.1, "purchase", **said),
        feed.fact(NAME, 0.1, "care_case", case_id="case-1", status="opened"),
        feed.record(INPUTS.outcomes, NAME, 0.2, kind="contact", contact_id="k-1", **told),
        feed.record(INPUTS.outcomes, NAME, 0.2, kind="answer", contact_id="k-1", answer="accepted"),
        feed.visit(NAME, 0.3, "h.example", member_id="m-1"),
        feed.visit(NAME, 0.3, "h.example"),
    ]


def test_memory_names_nobody_who_was_erased() -> None:
    feed = Feed()
    stream = Stream(Config(), TABLE)
    taken = stream.feed(feed.consent("acc-other", 0.0), *_life(feed))
    assert set(taken) == {"fact", "counted"}
    stream.commit()
    accounts = stream.engine.accounts
    assert remembered(accounts, NAME)
    stream.feed(feed.fact(NAME, 0.4, "erasure"))
    stream.commit()
    assert not remembered(accounts, NAME)
    assert remembered(accounts, "acc-other")
