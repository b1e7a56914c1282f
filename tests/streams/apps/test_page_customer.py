"""What the customer reads on the page and on paper: the true reason of each interest."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from features.vocabulary import Purpose, ReasonCode, Source, SuppressionReason
from tests.support.browser import Browser
from tests.support.lookup_service import Service, settled
from tests.support.paths import ROOT
from tests.support.shown_page import faults, interest, shown, text

_TABLE = json.loads((ROOT / "streams/data/lookup/page.customer.json").read_text())
_UNTIL = 1_772_366_400_000  # 2026-03-01
_SEEN = {"code": "active_days_28", "value": 15}
_CARE = {"code": "care_case", "value": 1}


@pytest.mark.parametrize("language", sorted(_TABLE))
def test_every_code_has_a_sentence_to_the_customer(language: str) -> None:
    said = _TABLE[language]
    assert set(said["suppression"]) == set(SuppressionReason)
    # A share of attention decides nothing, and is of something that nobody sees.
    told = {code for code in said["reason"] if not code.startswith("_")}
    assert told == set(ReasonCode) - {ReasonCode.SHARE_7D}
    assert set(said["purpose"]) == set(Purpose)
    assert set(said["source"]) == set(Source.words())


def test_languages_say_the_same_with_the_same_values() -> None:
    english, german = (
        {
            (kind, code): (set(re.findall(r"\{\w+\}", sentence)))
            for kind, sentences in _TABLE[language].items()
            for code, sentence in sentences.items()
        }
        for language in ("en", "de")
    )
    assert english == german
    for kind in ("reason", "suppression"):
        for sentence in _TABLE["en"][kind].values():
            assert "customer" not in sentence and sentence.endswith((".", "{seen}.", "{until}."))


def _pause(reason: str, scope: str = "1", **more: Any) -> dict[str, Any]:
    return {"scope": scope, "reason": reason, "until": None, **more}


@pytest.mark.parametrize(
    ("stance", "codes", "pauses", "said"),
    [
        ("avoid", ("declared_dislike",), [_pause("dislike", until=_UNTIL)],
         "You told us that this is not for you, so we do not bring it up until 2026-03-01."),
        ("avoid", ("declared_dislike",), [_pause("dislike", "7", name="Animals")],
         "You told us that Animals is not for you; this is a part of it, so we do not bring "
         "it up."),
        ("avoid", ("suppressed",), [_pause("purchase", until=_UNTIL)],
         "You bought something in it lately, or something related; we leave it alone until "
         "2026-03-01."),
        ("avoid", ("suppressed",), [_pause("decision_against")],
         "You said no to an offer of it, or of something related; we leave it alone."),
        ("avoid", ("suppressed", "declared_like"), [_pause("answered")],
         "You told us that you like this. You took up an offer of it lately, so we leave it "
         "alone."),
        ("hold", ("declared_like", "care_case"), [_pause("care_case", "all")],
         "You told us that you like this. While your fault or complaint is open, we make no "
         "offers."),
        ("engage", ("declared_like",), [], "You told us that you like this."),
        ("hold", ("care_case",), [],
         "We think that you like this: it came up on 15 of the last 28 days. While your fault or "
         "complaint is open, we make no offers."),
        ("hold", ("lift_unclear", "care_case"), [_pause("care_case", "all")],
         "You may like this; we are not sure: it came up on 15 of the last 28 days. While your "
         "fault or complaint is open, we make no offers."),
        ("hold", ("on_hold",), [_pause("contact_pause", "all", until=_UNTIL)],
         "We think that you like this: it came up on 15 of the last 28 days. Our offers were too "
         "much for you, so we make none until 2026-03-01."),
        ("hold", ("lift_unclear", "somebody_else"), [],
         "We do not bring this up, for it was probably somebody else on the screen that your "
         "household shares."),
        ("hold", ("lift_clear", "trip_taken"), [],
         "We wait with this, for you looked for it before a trip that is over."),
        ("avoid", ("lift_small",), [],
         "We do not bring this up, for it seems to interest you less than it does others: it came "
         "up on 15 of the last 28 days."),
        ("engage", ("lift_clear", "weekly_habit"), [_pause("contacted", channel="email")],
         "We think that you like this: it came up on 15 of the last 28 days. It comes back on the "
         "same day of the week."),
    ],
)  # fmt: skip
def test_the_customer_reads_the_true_reason(
    service: Service,
    page: Browser,
    stance: str,
    codes: tuple[str, ...],
    pauses: list[dict[str, Any]],
    said: str,
) -> None:
    reasons = [_SEEN, *({"code": code, "value": 1} for code in codes)]
    pets = interest("Pets", stance=stance, reasons=reasons, parent="7")
    service.reader.put("acc-9", interests=[pets], suppressions=pauses)
    settled(service)
    shown(service, page, "acc-9")
    assert page.run("document.querySelector('.customer').textContent") == said
    assert faults(page) == []


def test_a_day_on_which_nothing_came_up_is_no_reason(service: Service, page: Browser) -> None:
    golf = interest("Golf", reasons=[{"code": "active_days_28", "value": 0}])
    service.reader.put("acc-9", interests=[golf])
    settled(service)
    shown(service, page, "acc-9")
    said = page.run("document.querySelector('.customer').textContent")
    assert said == "You may like this; we are not sure."


def test_an_open_fault_says_what_it_holds_back(service: Service, page: Browser) -> None:
    """Whom nothing is told of by name would be taken for one who likes nothing."""
    waits = [_SEEN, {"code": "lift_unclear", "value": {"low": 0.5, "needs": 1.2}}, _CARE]
    items = [interest("Golf", 1, reasons=[_SEEN, _CARE]), interest("Opera", 2, reasons=waits)]
    service.reader.put("acc-9", interests=items, suppressions=[_pause("care_case", "all")])
    settled(service)
    shown(service, page, "acc-9")
    assert page.run("[...document.querySelectorAll('.todo')].map(n => n.textContent)") == [
        "Strong enough, but no offers while a fault or complaint is open: Golf.", "Wait: Opera."
    ]  # fmt: skip
    signs = page.run("[...document.querySelectorAll('.signs')].map(n => n.innerText)")
    assert [sign.split() for sign in signs] == [
        "wait: a fault is open strong enough".split(), "wait: a fault is open".split()
    ]  # fmt: skip


def test_until_when_stands_beside_what_to_do(service: Service, page: Browser) -> None:
    golf = interest("Golf", stance="engage")
    service.reader.put("acc-9", interests=[golf], valid_until=4_102_444_800_000)
    settled(service)
    shown(service, page, "acc-9")
    assert text(page, ".signs .until") == "until 2100-01-01"


def test_what_is_said_of_all_is_said_once(service: Service, page: Browser) -> None:
    names = [f"Interest {n}" for n in range(9)]
    every = [_pause("care_case", "all"), _pause("dislike", "40", name="Golf")]
    for subject, own in (("acc-9", every), ("acc-9/m-1", every[:1])):
        items = [interest(name, n, stance="engage") for n, name in enumerate(names)]
        service.reader.put(subject, interests=items, suppressions=own)
    settled(service)
    shown(service, page, "acc-9")
    lines = page.run(
        "[...document.querySelectorAll('.sentences li')].filter(n => n.offsetParent)"
        ".map(n => [n.textContent, Boolean(n.closest('.common'))])"
    )
    assert lines == [
        ["No offers at all: a fault or complaint is still open.", True],
        ["Nothing about Golf: the customer says that it is not liked.", False],
    ]
    assert text(page, ".todo") == f"Talk about it: {', '.join(names)}."
    service.reader.erase("acc-9/m-1")


@pytest.mark.parametrize(
    ("language", "start"),
    [("en", "Nothing stands out so far"), ("de", "Bisher ragt nichts heraus")],
)
def test_a_profile_of_nothing_says_so(
    service: Service, page: Browser, language: str, start: str
) -> None:
    service.reader.put("acc-9", interests=[])
    settled(service)
    shown(service, page, "acc-9")
    page.run(
        "(() => { const found = document.getElementById('language'); "
        f"found.value = {language!r}; found.dispatchEvent(new Event('change')); }})()"
    )
    page.wait(f"document.querySelector('.todo').textContent.startsWith({start!r})", 60)
    none = _TABLE[language]["sheet"]["none"]
    assert page.run("document.querySelector('.customer').textContent") == none


def test_details_are_folded_on_a_telephone_and_stay_as_they_were_put(
    service: Service, page: Browser
) -> None:
    folded = "[...document.querySelectorAll('.detail')].map(n => n.open)"
    assert set(page.run(folded)) == {True}
    with _narrow(page):
        shown(service, page, "acc-1")
        assert set(page.run(folded)) == {False}
        assert page.run("scrollY") == 0, "what is typed and said stays in sight"
        page.run("document.querySelector('.detail summary').focus()")
        page.press("Enter", 13)
        page.wait("document.querySelector('.detail').open", 60)
        page.run("document.getElementById('language').dispatchEvent(new Event('change'))")
        page.wait(f"JSON.stringify({folded}).startsWith('[true,false')", 60)
        label = "document.querySelector('label[for=language]').getBoundingClientRect().top"
        box = "document.getElementById('language').getBoundingClientRect()"
        assert page.run(f"{label} >= {box}.top && {label} < {box}.bottom"), "a label by its field"


@contextmanager
def _narrow(page: Browser) -> Iterator[None]:
    size = {"width": 360, "height": 700, "deviceScaleFactor": 1, "mobile": True}
    page.call("Emulation.setDeviceMetricsOverride", **size)
    try:
        yield
    finally:
        size = {"width": 1280, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        page.call("Emulation.setDeviceMetricsOverride", **size)


def test_paper_has_a_sheet_of_each_with_all_of_it_and_its_head(page: Browser) -> None:
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    page.call("Emulation.setEmulatedMedia", media="print", features=dark)
    try:
        page.wait("[...document.querySelectorAll('.detail, .more')].every(n => n.open)", 60)
        style = "getComputedStyle(document.querySelectorAll('article')[%d]).%s"
        assert page.run(style % (1, "breakBefore")) == "page"
        assert page.run(style % (0, "backgroundColor")) == "rgb(255, 255, 255)"
        assert page.run(style % (0, "color")) == "rgb(0, 0, 0)"
        assert page.run("getComputedStyle(document.querySelector('.range span')).borderTopStyle") \
            == "solid", "a background may not be printed"  # fmt: skip
        heads = page.run("[...document.querySelectorAll('article .paper')].map(n => n.innerText)")
    finally:
        page.call("Emulation.setEmulatedMedia", media="", features=[])
    household, member = (re.sub(r"\s+", " ", head) for head in heads)
    assert "Account acc-1 Who it is about your household as a whole" in household
    assert "What it is for to count you among others, without your name until 2026-03-01" \
        in household  # fmt: skip
    assert "What it is not used for to make you offers that fit. While your fault or complaint " \
        "is open, we make no offers. " in household  # fmt: skip
    assert "the member m-1 of your household" in member
    for head in (household, member):
        assert re.search(r"Date \d{4}-\d\d-\d\d; holds what was seen up to 1970-01-01", head)
        assert "Where it comes from" in head and "Tell us “forget me”" in head
    page.wait("!document.querySelector('.more').open", 60)


def test_a_printed_sheet_is_a_page_of_its_own(service: Service, page: Browser) -> None:
    def pages() -> int:
        said = base64.b64decode(page.call("Page.printToPDF", printBackground=False)["data"])
        return len(re.findall(rb"/Type\s*/Page\b", said))

    for subject in ("acc-9", "acc-9/m-1"):
        service.reader.put(subject, interests=[interest("Golf")])
    settled(service)
    shown(service, page, "acc-9")
    page.run("document.getElementById('plain').click()")
    assert pages() == 2
    page.run("document.querySelectorAll('article')[1].remove()")
    assert pages() == 1, "without the member's sheet"
    service.reader.erase("acc-9/m-1")
