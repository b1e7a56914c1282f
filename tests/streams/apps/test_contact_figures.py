"""The report of contacts on the look-up service: who may read it, and its metrics."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams import metrics
from streams.apps.lookup.callers import Budgets, Tokens
from streams.apps.lookup.contact_figures import ContactFigures
from tests.support.lookup_service import Service, token, write_keys
from tests.support.reported_contacts import report, write


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path, rate=3.0)
    yield made
    made.close()


def exported() -> dict[str, str]:
    lines = metrics.exported("lookup").decode().splitlines()
    found = (line.rpartition(" ") for line in lines if line.startswith("interest_streams_contact"))
    return {name.removeprefix("interest_streams_"): value for name, _, value in found}


def test_a_report_is_answered_when_there_is_one_and_when_it_is_new(service: Service) -> None:
    assert service.ask("/v1/outcomes").status == 404
    write(service.report)
    answer = service.ask("/v1/outcomes")
    assert answer.json == report() and answer.headers["cache-control"] == "private, no-store"
    write(service.report, since="2026-06-29")
    assert service.ask("/v1/outcomes").json["since"] == "2026-06-29"


def test_who_may_read_nothing_reads_no_report_and_nobody_reads_it_without_end(
    service: Service,
) -> None:
    write(service.report)
    assert service.ask("/v1/outcomes", bearer=None).status == 401
    assert service.ask("/v1/outcomes", bearer=token("act")).status == 403
    assert service.ask("/v1/outcomes?purpose=privacy").status == 403
    for purpose in ("offers", "privacy"):
        assert service.ask("/v1/outcomes", bearer=token(purpose)).status == 200
    found = {service.ask("/v1/outcomes").status for _ in range(20)}
    assert found == {200, 429}
    assert service.producer.records == [], "nobody was looked up"


def test_what_is_no_report_leaves_the_one_before(service: Service) -> None:
    write(service.report)
    service.figures.renew()
    good = exported()
    for bad in ("{", "[]", "{}", '{"schema": 2}', '{"schema": 1}',
                '{"schema": 1, "effects": [{}]}', '{"schema": 1, "effects": [1]}'):  # fmt: skip
        service.report.write_text(bad)
        service.figures.renew()
        assert exported() == good
    assert service.ask("/v1/outcomes").json == report()
    os.remove(service.report)
    assert service.ask("/v1/outcomes").json == report()


def test_metrics_are_those_of_the_report_and_what_it_no_longer_has_goes(service: Service) -> None:
    write(service.report)
    service.figures.renew()
    found = exported()
    assert found['contact_effect_ratio{bound="low",by="channel",name="mail"}'] == "0.01"
    assert found['contact_annoyed_ratio{bound="value",by="all",name=""}'] == "0.021"
    assert found['contacts_kept_back{rule="contacted"}'] == "230.0"
    assert found['contact_left_alone_households{rule="contact_pause"}'] == "40.0"
    assert found["contact_report_timestamp_seconds"] == "1.78e+09"
    assert not [name for name in found if 'name="call"' in name]
    write(service.report, effects=[], left_alone={}, at=0)
    service.figures.renew()
    left = {'contacts_kept_back{rule="contacted"}', "contact_report_timestamp_seconds"}
    assert exported().keys() == left


def test_without_a_path_there_is_none(tmp_path: Path) -> None:
    tokens = Tokens(write_keys(tmp_path / "keys.json"), "interest-streams", "")
    figures = ContactFigures(None, tokens, Budgets(1.0))
    figures.renew()
    assert figures._body is None
