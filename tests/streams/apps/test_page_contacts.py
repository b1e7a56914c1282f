"""The page's part on what contacts brought, in a real browser, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import reported_contacts
from tests.support.browser import Browser
from tests.support.lookup_service import Service
from tests.support.reported_contacts import LOOK, OPEN, effect, untold
from tests.support.shown_page import faults, shown, text, width_on_a_telephone

_CHOOSE = """(() => { const found = document.getElementById('language'); found.value = %r;
             found.dispatchEvent(new Event('change')); })()"""


@pytest.fixture
def reported(service: Service, page: Browser) -> Iterator[Browser]:
    reported_contacts.write(service.report)
    show(service, page)
    yield page
    service.report.unlink()
    service.figures._body = None


def show(service: Service, page: Browser, **more: Any) -> None:
    reported_contacts.write(service.report, **more)
    page.run("sessionStorage.clear()")
    shown(service, page, "acc-1")
    page.wait("!document.getElementById('outcomes').hidden")


def rows(page: Browser) -> list[str]:
    found: list[str] = page.run("""[...document.querySelectorAll('#outcomes tr')].map((row) =>
      [...row.cells].map((cell) => cell.textContent).join(' | '))""")
    return found


def test_without_a_report_there_is_no_such_part(page: Browser) -> None:
    assert page.run("document.getElementById('outcomes').hidden")


def test_what_contacts_brought_is_a_sentence_and_a_table(reported: Browser) -> None:
    assert text(reported, "#outcomes .lead") == (
        "Contacts bring something: of 100 households spoken to, about 3.2 more said yes than would "
        "have without (between 1 and 5.4)."
    )
    assert rows(reported) == [
        " | More who said yes, of 100 | Annoyed, of 100 | Spoken to | Held out | ",
        "All | +3.2 (1 to 5.4) | 2.1 (0 to 4.3) | 1,900 | 100 | certain",
        "By interest",
        "Sports | +3.2 (1 to 5.4) | 2.1 (0 to 4.3) | 1,900 | 100 | certain",
        "Pets | +1.2 (-3 to 5.4) | 2.1 (0 to 4.3) | 1,900 | 100 | not known yet",
        "By channel",
        "mail | +3.2 (1 to 5.4) | 2.1 (0 to 4.3) | 1,900 | 100 | certain",
        "call |  |  | 1,900 | 100 | shares do not fit",
        "By week",
        "week of 2026-03-30 | +3.2 (1 to 5.4) | 2.1 (0 to 4.3) | 1,900 | 100 | certain",
        "week of 2026-04-06 |  |  | 1,900 | 100 | too few",
    ]
    said = reported.run("[...document.querySelectorAll('#outcomes li')].map(l => l.textContent)")
    assert said == [
        "In 40 households somebody dismissed, complained or unsubscribed.",
        "Sports, by mail: 40 of 2,000 contacts (4 complained, 0 unsubscribed, 36 dismissed); "
        "302 said yes",
        "230 contacts would have been made: spoken to about the same lately",
        "1,500 households are left alone now: spoken to about the same lately",
        "40 households are left alone now: complained, unsubscribed or dismissed too often",
    ]
    assert "since 2026-03-30" in text(reported, "#outcomes .about")
    assert faults(reported) == []


def test_it_is_in_the_language_of_the_words(reported: Browser) -> None:
    english = text(reported, "#outcomes").splitlines()
    reported.run(_CHOOSE % "de")
    reported.wait("document.querySelector('#outcomes h2').textContent.startsWith('Was ')")
    german = text(reported, "#outcomes").splitlines()
    assert not {line for line in english if " " in line.strip()} & set(german)
    assert "Von 100 angesprochenen Haushalten sagten etwa 3,2 mehr Ja" in text(
        reported, "#outcomes .lead"
    )
    keys = "Object.entries(contactWords).map(([, words]) => Object.keys(words).join())"
    assert len(set(reported.run(keys))) == 1, "both have the same words"
    reported.run(_CHOOSE % "en")
    reported.wait("document.querySelector('#outcomes h2').textContent.startsWith('What ')")


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        ([effect("all", effect=OPEN, sure=False)], "not known yet: of 100 households spoken to, "
         "between -3 and 5.4 more"),
        ([effect("all", effect={"value": -0.04, "low": -0.06, "high": -0.02})],
         "Contacts do harm: of 100 households spoken to, about 4 fewer said yes than would have "
         "without (between 2 and 6 fewer)."),
        ([untold("all", "", "unlike")], "Nothing can be said of what contacts bring"),
        ([untold("all", "", "few")], "too few households so far"),
        ([], "too few households so far"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_said_to_be(
    service: Service, reported: Browser, effects: list[Any], said: str
) -> None:
    assert LOOK["low"] > 0.0
    show(service, reported, effects=effects, annoyed=None, contacts=[], held_back={}, left_alone={})
    assert said in text(reported, "#outcomes .lead")
    assert text(reported, "#outcomes li").startswith("In fewer than 20 households")
    assert reported.run("document.querySelectorAll('#outcomes li').length") == 1


def test_names_are_text_and_it_fits_on_a_telephone(service: Service, reported: Browser) -> None:
    hostile = "<img src=x onerror=window.hit=1>"
    show(service, reported, effects=[effect("all"), effect("channel", hostile)],
         held_back={hostile: 30})  # fmt: skip
    assert hostile in text(reported, "#outcomes table")
    assert reported.run("typeof window.hit") == "undefined"
    assert reported.run("document.querySelectorAll('#outcomes img').length") == 0
    assert width_on_a_telephone(reported) <= 360


def test_it_is_not_of_the_customer(reported: Browser) -> None:
    reported.run("document.getElementById('plain').click()")
    assert reported.run("document.getElementById('outcomes').offsetParent") is None
    reported.run("document.getElementById('plain').click()")
    assert reported.run("document.getElementById('outcomes').offsetParent") is not None
