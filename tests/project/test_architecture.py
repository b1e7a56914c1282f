"""The repository obeys the rules of `tests.project.architecture`, and each rule can fail."""

from __future__ import annotations

import pytest

from tests.project.architecture import ROOMS, check, check_house, repository

STORE, ENGINE, INLET = "features.state.store", "features.engine", "streams.worker.inlet"
TEST = "tests.system.test_a"


def test_every_module_of_the_repository_obeys() -> None:
    found = check(repository())
    assert not found, "\n" + "\n".join(map(str, found))


def test_the_house_as_a_whole_is_sound() -> None:
    found = check_house(repository())
    assert not found, "\n" + "\n".join(map(str, found))


def test_the_order_of_rooms_can_be_read_at_a_glance() -> None:
    assert len([row for row in ROOMS if row[0].startswith("features")]) <= 11
    assert len([row for row in ROOMS if row[0].startswith("streams")]) <= 11


FAILING = {
    "a feature imports from its right": (STORE, "from features.engine import Engine\n", "order"),
    "relatively": (STORE, "from ..profiles import writer\n", "order"),
    "a kernel imports a room to its right": (
        "features.records.scan_kernel",
        "import features.tags.entry\n",
        "order",
    ),
    "a feature imports the shell": (ENGINE, "from streams.contract import topics\n", "order"),
    "an import hidden in a function": (
        STORE,
        "def f():\n    from features import engine\n",
        "order",
    ),
    "the worker uses what stands beside it": (INLET, "import streams.sandbox.simulator\n", "order"),
    "a command uses the command line": (
        "streams.commands.demo",
        "from streams.__main__ import main\n",
        "order",
    ),
    "a command imports a command": (
        "streams.commands.offsets",
        "from streams.commands.accounting import read\n",
        "commands",
    ),
    "the command line loads a command that nobody asked for": (
        "streams.__main__",
        "from streams.commands import worker\n",
        "commands",
    ),
    "the product imports its tests": (STORE, "from tests.oracle import facts\n", "order"),
    "a module in no room": ("features.helpers", "", "order"),
    "a package's face imports": ("features.__init__", "from . import engine\n", "order"),
    "numba outside the kernels": (STORE, "from numba import njit\n", "kernels"),
    "the compiler's door outside the kernels": (
        STORE,
        "from features.jit import njit\n",
        "kernels",
    ),
    "river outside the models": (ENGINE, "import river.linear_model\n", "reserved"),
    "a Kafka client in features": (ENGINE, "from confluent_kafka import Producer\n", "reserved"),
    "Faust in the worker": (INLET, "import faust\n", "reserved"),
    "a clock in features": (ENGINE, "import time\n", "reserved"),
    "a clock only for types": (
        ENGINE,
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import time\n",
        "reserved",
    ),
    "the environment in features": (ENGINE, "from os import environ\n", "reserved"),
    "files in features": (ENGINE, "from pathlib import Path\n", "reserved"),
    "package data outside tags and rules": (
        ENGINE,
        "from importlib.resources import files\n",
        "reserved",
    ),
    "the shell reads the layout of state": (
        "streams.worker.reporting",
        "from features.state import layout as lay\n",
        "memory",
    ),
    "a command reads a column": (
        "streams.commands.size",
        "def f():\n    from features.state.layout import ROW\n",
        "memory",
    ),
    "the shell calls a kernel": (
        "streams.evaluation.stances",
        "from features.models.stance_kernel import decide_rows\n",
        "memory",
    ),
    "a pickle": ("streams.contract.headers", "import pickle\n", "reserved"),
    "a metric made elsewhere": (INLET, "from prometheus_client import Counter\n", "metrics"),
    "a heavy client": ("streams.client.reader", "import numpy\n", "light"),
    "a client that loads the worker's settings": (
        "streams.client.reader",
        "from streams.settings import load\n",
        "light",
    ),
    "a test imports from another": (TEST, "from tests.features.test_b import profile\n", "support"),
    "a whole test": (TEST, "from tests.features import test_b\n", "support"),
    "a helper imports a test": ("tests.support.held", "import tests.system.test_b\n", "support"),
    "a helper among the tests": ("tests.streams.worker.helpers", "", "support"),
}


@pytest.mark.parametrize("case", FAILING)
def test_each_rule_of_a_module_can_fail(case: str) -> None:
    module, source, rule = FAILING[case]
    assert {violation.rule for violation in check({module: source})} == {rule}


OBEYING = {
    "from the left": (STORE, "from features.records.batch import Batch\n"),
    "inside a room": ("features.records.parse_kernel", "from . import hash_kernel\n"),
    "the shell reads what state says in words": (
        "streams.worker.restore",
        "from features.state.changelog_keys import Meta\n",
    ),
    "the shell uses features": (INLET, "from features.engine import Engine\n"),
    "a command uses all": ("streams.commands.demo", "from streams.worker import inlet\n"),
    "an app uses Faust": ("streams.apps.catalogue", "import faust\nimport streams.contract\n"),
    "numba in a kernel": ("features.records.parse_kernel", "from numba import njit\n"),
    "river in the models": ("features.models.ftrl", "from river import optim\n"),
    "a client's parts": ("streams.client.reader", "from streams.client.profile import Profile\n"),
    "package data": ("features.tags.taxonomy", "from importlib.resources import files\n"),
    "a test imports anything": (TEST, "import time\nimport streams.commands\n"),
    "a test imports what tests share": (TEST, "from tests.support.feeding import Feed\n"),
    "a room of tests and what they run": ("tests.chaos.proxy", "import socket\n"),
}


@pytest.mark.parametrize("case", OBEYING)
def test_what_is_allowed_passes(case: str) -> None:
    module, source = OBEYING[case]
    assert check({module: source}) == []


def house() -> dict[str, str]:
    """The smallest house with every room."""
    rooms = [room for row in ROOMS for room in row]
    return {f"{room}.__init__" if "__main__" not in room else room: "" for room in rooms}


def test_a_sound_house_passes() -> None:
    assert check_house(house()) == []


def test_a_room_that_does_not_exist_is_found() -> None:
    sources = house()
    del sources["features.tags.__init__"]
    assert [(v.module, v.rule) for v in check_house(sources)] == [("features.tags", "rooms")]


def test_a_circle_is_found_and_those_who_only_use_it_are_not() -> None:
    sources = house() | {
        "features.state.a": "from features.state import b\n",
        "features.state.b": "def f():\n    from features.state.c import x\n",
        "features.state.c": "from . import a, leaf\n",
        "features.state.leaf": "",
        "features.state.user": "from features.state import a\n",
        "features.engine": "from features.state.user import y\n",
        "streams.__main__": "import features.engine\n",
    }
    found = {v.module for v in check_house(sources) if v.rule == "circle"}
    assert found == {"features.state.a", "features.state.b", "features.state.c"}


def test_a_module_that_nobody_imports_is_found() -> None:
    sources = house() | {"features.state.old": "", "streams.commands.new": ""}
    assert [(v.module, v.rule) for v in check_house(sources)] == [("features.state.old", "dead")]
