"""A halt of all offers is said of the customer, and the interest by itself, with its figures."""

from __future__ import annotations

from typing import Any

import pytest

from streams.client.words import wording

_UNCLEAR = {"code": "lift_unclear", "value": {"low": 0.4, "needs": 1.2}}
_MARCH_12 = 1_773_270_000_000
_PROFILE = {
    "as_of": 1_772_722_800_000,  # 2026-03-05, a Thursday
    "computed_at": 1_772_726_400_000,
    "context": {"roaming": False, "country": "DE", "tz_offset_min": 60},
}
_HALTS = {
    "care_case": "No offers to this customer while a fault or complaint is open.",
    "on_hold": "No offers to this customer at present.",
}


def _held(scope: str, reason: str, until: int | None = None) -> dict[str, Any]:
    return {"scope": scope, "reason": reason, "until": until}


def _said(stance: str, *codes: Any, held: tuple[dict[str, Any], ...] = (), **fields: Any) -> str:
    reasons = [code if isinstance(code, dict) else {"code": code, "value": 1} for code in codes]
    raw = {"id": "483", "name": "Sports", "stance": stance, "reasons": reasons, **fields}
    return wording("en").interest(raw, {**_PROFILE, "suppressions": list(held)})


@pytest.mark.parametrize("code", list(_HALTS))
@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            [_UNCLEAR],
            "The interest itself is not enough for an offer yet: the chance tomorrow is about 45%, "
            "about 5 times the average customer's (about 9%); at worst it is 4%, and an offer",
        ),
        (
            [{"code": "declared_like", "value": 1}],
            "The interest itself is strong enough for an offer: the customer says that it is liked",
        ),
        (
            [{"code": "learned_abroad", "value": 0.7}],
            "The interest itself is not enough for an offer yet: 70% of what counts for it is",
        ),
    ],
)
def test_a_halt_is_of_the_customer_and_the_interest_is_said_apart(
    code: str, more: list[Any], said: str
) -> None:
    words = _said("hold", *more, code, score=0.45, lift=5.0)
    assert words.startswith(f"{_HALTS[code]} {said}")
    assert "Wait, make no offer" not in words, "it is no matter of being sure"


@pytest.mark.parametrize(
    ("score", "lift", "confidence", "said"),
    [
        (
            0.65,
            9.5,
            0.8,
            "at worst the chance is 23%, the average customer has about 7%; an offer takes at "
            "least 8% at worst. Chance of it tomorrow: about 65%, 9.5 times",
        ),
        (
            0.6,
            3.0,
            0.7,
            "a chance of about 60%, about 3 times the average customer's; an offer takes at least "
            "50% that is at least twice the average customer's.",
        ),
        (
            0.5,
            2.5,
            0.6,
            "it became a clear interest earlier, and is given up only when even the best case, now "
            "100%, falls below 40%.",
        ),
        (
            0.1,
            1.5,
            0.7,
            "it became a clear interest less than a week ago and stays one for a week at least.",
        ),
        (0.45, None, 0.7, ""),
    ],
)
def test_what_would_be_talked_about_is_said_with_the_figures_that_decide(
    score: float, lift: float | None, confidence: float, said: str
) -> None:
    words = _said("hold", "care_case", score=score, lift=lift, confidence=confidence)
    strong = "The interest itself is strong enough for an offer"
    assert f"{strong}: {said}" in words if said else f"{strong}, by figures that are" in words
    assert words.count("Chance of it") == (score != 0.6), "once"


def test_that_it_was_not_seen_for_long_is_said_where_it_would_be_talked_about() -> None:
    fields: dict[str, Any] = {
        "score": 0.3,
        "lift": 4.8,
        "confidence": 0.6,
        "first_seen": "2026-01-01",
    }
    words = _said("hold", "on_hold", last_active="2026-02-20", **fields)
    assert "earlier, though it was last seen 13 days ago, and is given up only when" in words


def test_each_halt_is_said_with_its_end() -> None:
    cap = _held("all", "contact_cap", _MARCH_12)
    until = "No offers to this customer until 2026-03-11: the customer was spoken to as often as"
    assert _said("hold", "on_hold", held=(cap,)).startswith(until)
    both = _said("hold", "on_hold", "care_case", held=(cap, _held("all", "care_case")))
    assert both.startswith(f"{_HALTS['care_case']} {until}")
    none = _said("hold", "on_hold", held=(_held("all", "no_consent_offers"),))
    assert none.startswith("No offers to this customer: there is no consent to offers. The")
    offers = {"offers": {"value": False, "why": "member_no_offers", "until": None}}
    raw = {"stance": "hold", "reasons": [{"code": "on_hold", "value": 1}]}
    words = wording("de").interest(raw, {"contactable": offers})
    assert words.startswith("Keine Angebote an diesen Kunden: dieses Mitglied bekommt keine")


def test_beside_a_draw_a_missing_consent_is_said_and_neither_twice() -> None:
    lot = "Do not bring it up: this customer is kept out of it by lot, to compare with."
    consent = "No offers to this customer: there is no consent to offers."
    of_all = (_held("all", "holdout"), _held("all", "no_consent_offers"))
    words = _said("avoid", "suppressed", "on_hold", held=of_all)
    assert words.startswith(f"{lot} {consent}") and words.count("No offers") == 1
    assert words.endswith("No end date: leave it out of every offer until this is gone.")
    alone = _said("avoid", "suppressed", held=(_held("483", "holdout"),))
    assert alone.startswith(lot) and "No offers" not in alone
    whole = _said("avoid", "suppressed", "on_hold", held=of_all[:1])
    assert whole.startswith(lot) and "No offers" not in whole


def test_what_is_not_wanted_is_said_before_a_halt() -> None:
    small = {"code": "lift_small", "value": {"high": 0.3, "needs": 0.5}}
    words = _said("avoid", small, "care_case", score=0.02, lift=0.2)
    less = "Do not bring it up: clearly less interested than the average customer."
    assert words.startswith(f"{less} {_HALTS['care_case']}")
    paused = (_held("483", "contacted", _MARCH_12), _held("483", "purchase"))
    words = _said("avoid", "suppressed", "care_case", held=paused)
    assert words.startswith(
        "Do not bring it up: paused until 2026-03-11: the customer was spoken to about it lately; "
        f"the customer bought something in it, or something related. {_HALTS['care_case']}"
    )


def test_advice_on_a_part_and_on_its_whole_is_said_together() -> None:
    part = {"id": "30", "name": "Auto Buying", "parent": "1", "stance": "hold", "reasons": []}
    whole = {"id": "1", "name": "Automotive", "stance": "engage", "reasons": []}

    def said(raw: dict[str, Any], other: dict[str, Any], *held: dict[str, Any]) -> str:
        profile = {**_PROFILE, "interests": [raw, other], "suppressions": list(held)}
        return wording("en").interest(raw, profile)

    yet = "Not yet about Auto Buying by itself, which is a part of it."
    assert yet in said(whole, part)
    talks = {**part, "stance": "engage"}
    assert "Auto Buying" not in said(whole, talks) and "Only about this" not in said(talks, whole)
    keep = "Only about this: do not bring up Automotive as a whole, of which it is a part."
    assert keep in said(talks, {**whole, "stance": "avoid"})
    assert "Only about this: no offer yet about Automotive as a" in said(
        talks, {**whole, "stance": "hold"}
    )
    quiet = {**_held("1", "holdout"), "name": "Automotive"}
    assert keep in said(talks, {**whole, "id": "2"}, quiet), "it is in no row"
    assert "Only about this" not in said(part, {**whole, "stance": "avoid"}), "nobody acts on it"


def test_it_is_said_when_that_happened_which_a_pause_is_for() -> None:
    bought = {**_held("483", "purchase"), "since": 1_772_722_800_000, "until": 1_777_000_000_000}
    words = _said("avoid", "suppressed", id="483", held=(bought,))
    assert "or something related, on 2026-03-05." in words
    fault = {**_held("all", "care_case"), "since": 1_772_722_800_000}
    words = _said("hold", "care_case", held=(fault,))
    assert words.startswith("No offers to this customer while a fault or complaint is open, since ")
    no = {"value": False, "why": "care_case", "until": None}
    assert (
        wording("de").permission("offers", no, [fault]).endswith("ist noch offen, seit 2026-03-05.")
    )
