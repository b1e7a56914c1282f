"""The page of the look-up service, shown in a browser over made-up profiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.browser import Browser
from tests.support.lookup_service import Service, settled, token
from tests.support.needs import need_commands

USES = {
    "offers": {"value": False, "why": "care_case", "until": None},
    "audiences": {"value": True, "why": "consent", "until": 1_772_366_400_000},
}
NAMES = ("Sports", "Pets", "Travel", "Gardening", "Cars", "Chess", "Opera", "Cooking")

#: Of two partitions, as a worker says it.
METRICS = """\
# TYPE interest_streams_input_records_total counter
interest_streams_input_records_total{topic="a"} 7.0
interest_streams_input_records_total{topic="b"} 5.0
# TYPE interest_streams_lag_seconds gauge
interest_streams_lag_seconds{topic="a",partition="0"} 0.25
interest_streams_lag_seconds{topic="a",partition="1"} 1.5
# TYPE interest_streams_prequential_log_loss gauge
interest_streams_prequential_log_loss 0.312
# TYPE interest_streams_dead_letters_total counter
interest_streams_dead_letters_total{reason="late"} 2.0
interest_streams_dead_letters_total{reason="empty"} 3.0
"""


def interest(name: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "name": name, "score": 0.5, "confidence": 0.7, "trend": "steady",
            "stance": "hold", "reasons": [{"code": "active_days_28", "value": 12}],
            **more}  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    need_commands("chromium")
    made = Service(tmp_path_factory.mktemp("page"), acting=True)
    yield made
    made.close()


@pytest.fixture(scope="module")
def chromium(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser("chromium", tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def page(service: Service, chromium: Browser) -> Browser:
    fill(service)
    chromium.said.clear()
    service.facts.records.clear()
    shown(service, chromium, "acc-1")
    return chromium


def fill(service: Service) -> None:
    likes = [interest(name, number) for number, name in enumerate(NAMES)]
    likes[0] |= {"stance": "engage", "trend": "rising"}
    likes[1]["reasons"].insert(0, {"code": "too_new", "value": {"days": 2, "needs": 4}})
    service.reader.put(
        "acc-1", interests=likes, evidence={"events": 9, "days": 3}, contactable=USES
    )
    bought = [{"scope": "1", "reason": "purchase", "until": 1_700_000_000_000}]
    service.reader.put("acc-1/m-1", interests=likes[1:3], suppressions=bought)
    service.truths["acc-1/m-1"] = [
        {"id": "1", "name": "Pets", "days": 0.42}, {"id": "6", "name": "Opera", "days": 0.07},
    ]  # fmt: skip
    service.metrics = METRICS
    settled(service)


def shown(service: Service, page: Browser, account: str, scope: str = "profiling act") -> None:
    base = f"http://127.0.0.1:{service.server.port}/"
    page.open(f"{base}#token={token(scope)}&account={account}")
    page.wait("document.querySelector('article') || document.querySelector('#status.bad')")


def click(page: Browser, name: str) -> None:
    page.run(
        "[...document.querySelectorAll('button')].find(b => (b.getAttribute('aria-label') "
        f"|| b.textContent) === {name!r}).click()"
    )


def text(page: Browser, selector: str = "body") -> str:
    return str(page.run(f"document.querySelector({selector!r}).innerText"))


def faults(page: Browser) -> list[Any]:
    kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Page.javascriptDialogOpening")
    return [
        event
        for event in page.said
        if event["method"] in kinds or event["params"].get("entry", {}).get("source") == "security"
    ]


def width_on_a_telephone(page: Browser) -> int:
    """Pixels that the page takes where a telephone has 360 of them."""
    size = {"width": 360, "height": 700, "deviceScaleFactor": 2, "mobile": True}
    page.call("Emulation.setDeviceMetricsOverride", **size)
    try:
        return int(page.run("document.documentElement.scrollWidth"))
    finally:
        size |= {"width": 1280, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        page.call("Emulation.setDeviceMetricsOverride", **size)
