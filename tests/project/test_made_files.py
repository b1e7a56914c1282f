"""What is made from the code is current: topics, users, dashboards, alerts for the operator."""

from __future__ import annotations

import pytest
import yaml

from streams.__main__ import main
from streams.contract import topics
from streams.kafka import access, strimzi
from streams.settings import Settings
from tests.project.dashboards import DASHBOARDS, Dashboard, path_of, text_of
from tests.project.pages import OPERATOR_RULES, RULES, USERS, operator_rules
from tests.support.manifests import documents

STRIMZI = USERS.parent
DEFAULTS = Settings()


def test_topics_are_the_table() -> None:
    declared = {item["metadata"]["name"]: item for item in documents(STRIMZI / "topics.yaml")}
    assert set(declared) == set(topics.BY_NAME)
    for name, topic in topics.BY_NAME.items():
        spec = declared[name]["spec"]
        assert declared[name]["apiVersion"] == "kafka.strimzi.io/v1"
        assert spec["config"] == topic.config, name
        assert spec["partitions"] == DEFAULTS.partitions, name
        assert spec["replicas"] == DEFAULTS.replication, name


def test_users_are_the_table_of_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    """What the table grants is tried on a broker by tests/system/test_access.py."""
    written = USERS.read_text()
    assert written == strimzi.users(DEFAULTS), "run python -m tests.project.pages"
    declared = documents(USERS)
    assert {item["metadata"]["name"] for item in declared} == {
        principal.user(DEFAULTS) for principal in access.PRINCIPALS
    }
    assert main(["config", "users"]) == 0
    assert capsys.readouterr().out == written


def test_the_operators_alerts_are_the_same() -> None:
    text = OPERATOR_RULES.read_text()
    assert text == operator_rules(), "run python -m tests.project.pages"
    assert yaml.safe_load(text)["spec"] == yaml.safe_load(RULES.read_text())


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda item: item.uid)
def test_dashboards_are_current(dashboard: Dashboard) -> None:
    text = path_of(dashboard).read_text()
    assert text == text_of(dashboard), "run python -m tests.project.dashboards"


def test_only_who_must_may_write_or_read_what_is_told_of_somebody() -> None:
    """The point of having users: written by hand, against a slip in the table."""

    def may(operation: str, *names: str) -> set[str]:
        return {
            who
            for who, principal in access.BY_NAME.items()
            for acl in principal.acls(DEFAULTS)
            if acl.name in names and operation in acl.operations
        }

    assert may("Write", topics.RECEIPTS) == {"worker"}
    # `state reset` takes them back.
    assert may("Write", topics.PROFILES, topics.OFFERS) == {"worker", "admin"}
    assert may("Write", topics.STATE) == {"worker", "admin"}
    assert may("Read", topics.STATE) == {"worker", "admin", "privacy"}
    assert may("Read", *topics.INPUTS) == {"worker", "admin"}
    # The last two look for what stands published of an account that the state has forgotten.
    readers = {"audiences", "lookup", "reader", "privacy", "worker", "admin"}
    assert may("Read", topics.PROFILES) == readers
    assert may("Read", topics.OFFERS) == {"offers", "privacy", "worker", "admin"}
    assert may("Write", topics.LOOKUPS) == {"lookup"}
    assert may("Read", topics.DEAD_LETTERS) == {"admin", "privacy"}
    # A worker's ticks, by which what ends by the clock ends in a silent partition too.
    assert may("Write", topics.FACTS) == {"producer", "admin", "privacy", "worker"}
    assert may("Create", *topics.BY_NAME) == may("AlterConfigs", *topics.BY_NAME) == {"admin"}
    assert may("Delete", DEFAULTS.group_id) == {"admin"}
    assert not any(
        acl.prefixed and DEFAULTS.group_id.startswith(acl.name)
        for principal in access.PRINCIPALS
        for acl in principal.acls(DEFAULTS)
    )
