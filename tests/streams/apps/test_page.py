"""The page in a real browser: every button and state, live, and nothing of a profile executed."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from streams.apps.lookup.page import FILES, POLICY
from tests.support.browser import Browser, BrowserError
from tests.support.lookup_service import Service, token
from tests.support.paths import ROOT
from tests.support.shown_page import (
    NAMES,
    click,
    faults,
    interest,
    shown,
    text,
    width_on_a_telephone,
)


def test_household_and_members_stand_side_by_side(page: Browser) -> None:
    assert page.run("[...document.querySelectorAll('h2')].map(h => h.textContent)") == [
        "Household", "m-1", "What changed"]  # fmt: skip
    left = page.run("[...document.querySelectorAll('article')].map(a => a.offsetLeft)")
    assert left[0] != left[1]
    household, member = text(page, "article"), text(page, "article + article")
    assert "Talk about it: seen on 12 of the last 28 days." in household
    assert "Talk about it: Sports.\n" in household, "what to do comes first"
    assert "TALK ABOUT IT" in household.upper() and "9 events on 3 days" in household
    bought = "the customer bought something in it, or something related."
    assert f"Nothing about Pets until 2023-11-14: {bought}" in member
    assert page.run("document.querySelector('progress').value") == 0.5
    assert page.run("document.querySelectorAll('.more li').length") == 2
    assert "token" not in page.run("location.href"), "it stays in no history"
    assert faults(page) == []


def test_whether_it_may_be_used_is_said_first(page: Browser) -> None:
    said = page.run("[...document.querySelectorAll('.sentences li')].map(l => l.textContent)")
    assert said[:2] == [
        "Offers may be made: no, a fault or complaint is still open.",
        "May be counted in audiences: yes, with consent, until 2026-03-01.",
    ]
    assert page.run("document.querySelector('.sentences li').className") == "no"
    assert text(page, "#fresh") == "Up to date."


def test_the_customer_reads_words_alone(page: Browser) -> None:
    figures = "progress, .acts, .about, .words"
    hidden = f"[...document.querySelectorAll({figures!r})].every(n => !n.offsetParent)"
    assert not page.run(hidden)
    click(page, "As the customer reads it")
    assert page.run("document.getElementById('plain').getAttribute('aria-pressed')") == "true"
    assert page.run(hidden)
    said = text(page, "article")
    assert "We think that you like this: it came up on 12 of the last 28 days." in said
    assert "You may like this; we are not sure" in said and "Talk about it" not in said
    click(page, "As the customer reads it")
    assert not page.run(hidden)


def test_the_whole_page_is_in_the_language_of_the_words(page: Browser) -> None:
    choose = """(() => { const found = document.getElementById('language'); found.value = %r;
                found.dispatchEvent(new Event('change')); })()"""
    page.run(choose % "de")
    page.wait("document.querySelector('article h2').textContent === 'Haushalt'")
    headings = page.run("[...document.querySelectorAll('article h3')].map(h => h.textContent)")
    assert {"Darf es genutzt werden?", "Interessen"} <= set(headings)
    said = page.run("[...document.querySelectorAll('[data-say]')].map(n => n.textContent)")
    english = page.run("[...document.querySelectorAll('[data-say]')].map(n => n.dataset.say)")
    assert {word for word, was in zip(said, english, strict=True) if word == was} == {"Token"}
    said = text(page, "article")
    assert "Spanne" in said and "gleich" in said and "Ereignisse an 3 Tagen" in said
    assert "Änderungen kommen von selbst" in text(page, "#status")
    assert "weitere" in text(page, ".more summary")
    page.run(choose % "en")
    page.wait("document.querySelector('article h2').textContent === 'Household'")


def test_print_prints_the_words(page: Browser) -> None:
    page.run("window.print = () => { window.printed = true; }")
    click(page, "Print")
    assert page.run("window.printed") is True
    hides = page.run(
        "[...document.styleSheets[0].cssRules].find(r => r.conditionText === 'print' || "
        "(r.media && r.media.mediaText === 'print')).cssRules[0].selectorText"
    )
    assert {"header", "#views", "#actions", ".acts"} <= set(hides.split(", "))


def test_what_two_versions_differ_in_is_listed(service: Service, page: Browser) -> None:
    page.wait("document.documentElement.dataset.live")
    pets = interest("Pets", 1, stance="engage", score=0.75)
    service.reader.put("acc-1", interests=[interest("Sports", 0), pets, interest("Golf", 9)])
    page.wait("document.querySelectorAll('#changes li').length > 4")
    said = page.run(
        "[...document.querySelectorAll('#changes li')].map(l => l.textContent.slice(9))"
    )
    assert said[:3] == [
        "acc-1, Sports: talk about it, 50 % → wait, 50 %",
        "acc-1, Pets: wait, 50 % → talk about it, 75 %",
        "acc-1, Golf: new, wait, 50 %",
    ]
    assert "acc-1, Travel: no longer there" in said and said[-1] == "acc-1 changed"


def test_why_not_engage_opens_and_closes(page: Browser) -> None:
    click(page, "Why not engage?: Pets")
    page.wait("document.querySelector('.against')")
    assert "Wait, make no offer about it yet: " not in text(page, ".against"), "the row says it"
    assert "Active on 2 of the last 7 days" in text(page, ".against .rule"), "with its numbers"
    click(page, "Why not engage?: Pets")
    page.wait("!document.querySelector('.against')")


def test_a_demonstration_shows_the_truth_beside_what_was_learned(
    service: Service, page: Browser
) -> None:
    said = page.run(
        "[...document.querySelectorAll('article + article .truth li')].map(l => l.textContent)"
    )
    assert said == [
        "Pets: on 42 % of usual days; learned, wait, 50 %",
        "Opera: on 7 % of usual days; not in this profile",
    ]
    assert page.run("document.querySelectorAll('article')[0].querySelector('.truth')") is None
    assert service.ask("/v1/truth/acc-1").status == 403, "it is for a demonstration's token"
    assert service.ask("/v1/truth/acc-9", bearer=token("act")).status == 404
    assert service.ask("/v1/health").status == 403


def test_a_demonstration_shows_how_the_stream_is(service: Service, page: Browser) -> None:
    page.wait("document.getElementById('health').textContent.includes('records a second')")
    assert text(page, "#health").startswith("The stream: 0 records a second, 1.5 s behind, ")
    assert "log-loss of forecasts 0.312 (a coin: 0.693), 5 records refused." in text(
        page, "#health"
    )
    service.metrics = ""
    page.wait("document.getElementById('health').hidden")


def test_a_change_arrives_by_itself_and_leaves_the_focus(service: Service, page: Browser) -> None:
    page.run("document.querySelectorAll('.acts button')[1].focus()")
    focused = page.run("document.activeElement.getAttribute('aria-label')")
    page.wait("document.documentElement.dataset.live")
    service.reader.put("acc-1", interests=[interest(name, n) for n, name in enumerate(NAMES[:3])])
    took = page.wait("document.querySelectorAll('article')[0].querySelectorAll('li').length === 3")
    assert took < 10
    assert page.run("document.activeElement.getAttribute('aria-label')") == focused
    assert "acc-1 changed" in text(page, "#changes")


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("Bought it: Pets", {"kind": "purchase", "interest": "1"}),
        ("Yes: Pets", {"kind": "declaration", "interest": "1", "stance": "like", "asked": True}),
        (
            "Not for me: Pets",
            {"kind": "declaration", "interest": "1", "stance": "dislike", "asked": True},
        ),
        (
            "Not any more: Pets",
            {"kind": "declaration", "interest": "1", "stance": "not_any_more", "asked": True},
        ),
        ("Open a fault", {"kind": "care_case", "case_id": "page", "status": "opened"}),
        ("Close the fault", {"kind": "care_case", "case_id": "page", "status": "closed"}),
    ],
)
def test_buttons_put_facts_on_the_topic(
    service: Service, page: Browser, name: str, fact: dict[str, Any]
) -> None:
    click(page, name)
    page.wait("document.getElementById('status').textContent.startsWith('Said.')")
    ((key, said),) = service.facts.records
    assert key == b"acc-1" and said.pop("event_id").startswith("page-")
    assert said.pop("ts") >= 1_005
    assert said == {"account_id": "acc-1", **fact}


def test_what_is_said_later_has_a_later_time(service: Service, page: Browser) -> None:
    for number, name in enumerate(("Open a fault", "Close the fault"), 1):
        click(page, name)
        deadline = time.monotonic() + 120
        while len(service.facts.records) < number and time.monotonic() < deadline:
            time.sleep(0.01)
    (_, opened), (_, closed) = service.facts.records
    assert opened["status"] == "opened" and closed["status"] == "closed"
    assert opened["ts"] < closed["ts"], "at one time the fault would stay open"


def test_to_be_forgotten_is_asked_twice_and_seen(service: Service, page: Browser) -> None:
    click(page, "Forget me")
    assert service.facts.records == []
    click(page, "Forget me: press again")
    page.wait("document.getElementById('status').textContent.startsWith('Said.')")
    assert service.facts.records[0][1]["kind"] == "erasure"
    page.wait("document.documentElement.dataset.live")
    for subject in ("acc-1", "acc-1/m-1"):
        service.reader.erase(subject)
    assert page.wait("document.getElementById('status').textContent.includes('gone')") < 10
    assert page.run("document.querySelectorAll('article').length") == 0


def test_who_may_not_act_is_told(service: Service, page: Browser) -> None:
    shown(service, page, "acc-1", "profiling")
    click(page, "Bought it: Pets")
    page.wait("document.getElementById('status').textContent === 'This token may not act.'")
    assert service.facts.records == []


def test_refusals_are_said(service: Service, page: Browser) -> None:
    shown(service, page, "nobody")
    assert text(page, "#status") == "There is no profile to show."
    shown(service, page, "acc-1", "offers")
    assert text(page, "#status") == "This token is not for reading for that purpose."


def test_it_is_used_by_keyboard_alone(service: Service, page: Browser) -> None:
    page.open(f"http://127.0.0.1:{service.server.port}/#token={token()}")
    page.wait("document.readyState === 'complete' && document.activeElement === document.body")
    page.press("Tab", 9)
    assert page.run("document.activeElement.className") == "skip"
    page.press("Tab", 9)
    assert page.run("document.activeElement.id") == "account"
    page.call("Input.insertText", text="acc-1")
    page.press("Enter", 13)
    page.wait("document.querySelectorAll('article').length === 2")
    page.wait("document.activeElement.id === 'profiles'")
    for label in ("Why, in detail: Sports", "Bought it: Sports"):
        page.press("Tab", 9)
        assert page.run("document.activeElement.getAttribute('aria-label')") == label
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_everything_that_can_be_used_has_a_name(page: Browser) -> None:
    page.call("Accessibility.enable")
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    wanted = ("button", "textbox", "combobox", "progressbar", "link", "main", "DisclosureTriangle")
    used = [n for n in nodes if n.get("role", {}).get("value") in wanted]
    assert len(used) > 20
    assert [n for n in used if not n.get("ignored") and not n.get("name", {}).get("value")] == []
    roles = {n["role"]["value"] for n in nodes if "role" in n}
    assert {"main", "status", "banner", "list", "listitem"} <= roles
    levels = page.run("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(page: Browser, scheme: str, tmp_path: Path) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.call("Emulation.setEmulatedMedia", features=features)
    click(page, "Why not engage?: Pets")
    page.wait("document.querySelector('.against')")
    ratios = page.run("""(() => {
      const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
      const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const behind = (node) => {
        for (; node; node = node.parentElement) {
          const colour = rgb(getComputedStyle(node).backgroundColor);
          if (colour.length < 4 || colour[3] > 0) return colour;
        }
        return rgb(getComputedStyle(document.documentElement).backgroundColor);
      };
      return [...document.querySelectorAll('h1,h2,h3,p,li,span,button,output,label,summary')]
        .filter((n) => n.textContent && n.offsetParent).map((n) => {
          const [a, b] = [light(rgb(getComputedStyle(n).color)), light(behind(n))];
          return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), n.textContent.slice(0, 30)];
        });
    })()""")
    page.picture(tmp_path / f"{scheme}.png")
    assert len(ratios) > 30
    assert [item for item in ratios if item[0] < 4.5] == []


def test_it_fits_on_a_telephone(page: Browser) -> None:
    assert width_on_a_telephone(page) <= 360


def test_the_policy_would_stop_what_got_in(page: Browser) -> None:
    for script in ("document.body.innerHTML = '<b>x</b>'", "eval('1')"):
        with pytest.raises(BrowserError):
            page.run(script)
    page.run("(() => { const i = document.createElement('img'); i.src = 'https://a.example/x'; "
             "document.body.append(i); })()")  # fmt: skip
    deadline = time.monotonic() + 120
    while not faults(page) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "Content Security Policy" in str(faults(page))


# -- without a browser


def test_nothing_is_inline_and_nothing_from_elsewhere() -> None:
    folder = ROOT / "streams/data/lookup"
    files = {name: (folder / name).read_text() for name, _ in FILES.values()}
    html, script = files["page.html"], files["page.js"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\son\w+=", html)
    sources = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert all(s.startswith(("/page.", "#")) for s in sources)
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                 "Function(", "DOMParser", "setTimeout(\"", "srcdoc"):  # fmt: skip
        assert word not in script, word
    assert not re.search(r"https?://", script + files["page.css"])
    assert "unsafe" not in POLICY and "default-src 'none'" in POLICY


def test_what_to_do_stands_out_of_its_details(page: Browser, service: Service) -> None:
    seen: dict[str, Any] = {"first_seen": "2019-03-04", "last_active": "2019-04-07", "lift": 5.0}
    waits = {"code": "lift_unclear", "value": {"low": 0.56, "needs": 1.2}}
    service.reader.put("acc-5", interests=[interest("Golf", reasons=[waits], **seen)])
    shown(service, page, "acc-5")
    lead = text(page, ".words .lead")
    assert lead.startswith("Wait, make no offer about it yet: ")
    assert lead.endswith("takes a chance of at least 50%.")
    assert "\n" not in text(page, ".words .whole") == "2019-03-04"
    details = text(page, ".words .detail p")
    assert details.startswith("Next 7 days: probably on ") and "\nValid today; " in details
    assert faults(page) == []


def test_the_margin_is_that_of_the_sentences(page: Browser, service: Service) -> None:
    """Of 50 % and 5 times, 0.56 times at worst are 5.6 %."""
    waits = {"code": "lift_unclear", "value": {"low": 0.56, "needs": 1.2}}
    service.reader.put("acc-6", interests=[interest("Golf", reasons=[waits], lift=5.0)])
    shown(service, page, "acc-6")
    assert page.run("document.querySelectorAll('.measures output')[1].textContent") == "6–92 %"
    width = "document.querySelector('.range').clientWidth"
    assert page.run(f"document.querySelector('.range span').offsetLeft / {width}") > 0
    assert faults(page) == []


@pytest.mark.parametrize(
    ("last", "codes", "chip"),
    [
        ("2019-04-07", (), True),
        ("2019-04-07", ("first",), False),  # nor of its first week
        ("2019-03-31", (), False),  # nothing is said of what was not seen for a week
        ("2019-04-07", ("care_case",), False),
        ("2019-04-07", ("on_hold",), False),
    ],
)
def test_a_trend_is_shown_where_the_sentence_says_one(
    page: Browser, service: Service, last: str, codes: tuple[str, ...], chip: bool
) -> None:
    reasons = [{"code": "active_days_28", "value": 12}, *({"code": c, "value": 1} for c in codes)]
    first = "2019-04-01" if "first" in codes else "2019-03-04"
    golf = interest("Golf", reasons=reasons, last_active=last, first_seen=first)
    service.reader.put("acc-7", as_of=1_554_681_600_000, interests=[golf])  # midnight of the 8th
    shown(service, page, "acc-7")
    assert page.run("document.querySelectorAll('.trend').length") == int(chip)
    words = page.run("document.querySelector('.words').textContent")
    assert ("Next 7 days: probably" in words) is chip


@pytest.mark.parametrize(
    ("clock", "said"),
    [(120, "2019-04-08 02:00 (UTC+02:00)"), (-210, "2019-04-07 20:30 (UTC-03:30)"),
     (0, "2019-04-08 00:00 (UTC)"), (99_999, "2019-04-08 00:00 (UTC)")],
)  # fmt: skip
def test_the_time_of_a_profile_is_that_of_its_days(
    page: Browser, service: Service, clock: int, said: str
) -> None:
    """Days in sentences are local: under a heading of UTC they would be of another day."""
    context = {"roaming": False, "tz_offset_min": clock}
    service.reader.put("acc-8", as_of=1_554_681_600_000, interests=[], context=context)
    shown(service, page, "acc-8")
    assert said in text(page, ".about")
