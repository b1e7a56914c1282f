"""Who is held out by the draws is never advised to be engaged, and his profile says so (I15)."""

from __future__ import annotations

import pytest

from features.config import Config
from features.outcomes.holdouts import Holdout, Holdouts
from features.privacy import rules
from features.tags.exact import TagEntry
from features.vocabulary import SuppressionReason
from tests.support.feeding import Feed, Stream, stance

INTERESTS = ("483", "653", "1020")
DRAWS = Holdouts(b"a key of the draws, 32 bytes long", 0.2, 0.3)
TABLE = {f"host:h{i}.example": TagEntry(((i, 1.0),), "test", 1.0) for i in INTERESTS}
ACCOUNTS = [f"a{n}" for n in range(24)]
#: Of these nothing is known but visits.
UNKNOWN = [f"z{n}" for n in range(12)]


def _checked(stream: Stream, *unknown: str) -> set[Holdout | None]:
    """Compare every profile with the draws; returns the groups that were met."""
    met = set()
    for account in (*ACCOUNTS, *unknown):
        for subject in (account,) if account in unknown else (account, f"{account}/m"):
            profile = stream.profile(subject)
            said = {
                item["scope"]: item
                for item in profile["suppressions"]
                if item["reason"] == SuppressionReason.HOLDOUT
            }
            out = DRAWS.is_out(account)
            assert (profile["contactable"]["offers"]["value"] is False) == out
            for interest in INTERESTS:
                group = DRAWS.group(account, interest)
                met.add(group)
                scope = "all" if out else interest
                assert (scope in said) == (group is not None), (subject, interest, said)
                if account in unknown:  # liked by nobody, perhaps not engaged for another reason
                    assert group is None or stance(profile, interest) != "engage"
                else:
                    assert (stance(profile, interest) == "engage") == (group is None)
                assert scope not in said or said[scope]["until"] is None
    return met


def _likes(feed: Feed, stream: Stream, interest: str, day: float) -> None:
    for account in UNKNOWN:
        stream.feed(feed.visit(account, day, f"h{interest}.example"))
    for account in ACCOUNTS:
        for who in ({}, {"member_id": "m"}):
            like = {"interest": interest, "stance": "like"}
            stream.feed(
                feed.visit(account, day, f"h{interest}.example", **who),
                feed.fact(account, day, "declaration", **like, **who),
            )


@pytest.mark.parametrize("stops", [False, True], ids=["at a stretch", "restored"])
@pytest.mark.parametrize("granted", [False, True], ids=["by consent", "by default"])
def test_who_is_held_out_is_never_advised(granted: bool, stops: bool) -> None:
    config = Config(rules=rules.load().holding_out(DRAWS), consent_default_grant=granted)
    feed, stream = Feed(), Stream(config, TABLE)
    for account in ACCOUNTS if not granted else ():
        stream.feed(feed.consent(account, 0.0))
    for day, interest in enumerate(INTERESTS[:2], 1):
        _likes(feed, stream, interest, day)
    stream.commit()
    if stops:  # what comes after it is drawn as before
        stream.restart()
    _likes(feed, stream, INTERESTS[2], 3.0)
    stream.commit()
    met = _checked(stream, *(UNKNOWN if granted else ()))
    assert met == {None, Holdout.GLOBAL, Holdout.INTEREST}


def test_draws_begin_with_a_restart_under_them() -> None:
    feed, stream = Feed(), Stream(Config(consent_default_grant=True), TABLE)
    for day, interest in enumerate(INTERESTS, 1):
        _likes(feed, stream, interest, day)
    stream.commit()
    assert all(stance(stream.profile(a), i) == "engage" for a in ACCOUNTS for i in INTERESTS)
    stream.config = Config(rules=rules.load().holding_out(DRAWS), consent_default_grant=True)
    stream.restart()
    stream.commit()
    assert _checked(stream, *UNKNOWN) == {None, Holdout.GLOBAL, Holdout.INTEREST}
