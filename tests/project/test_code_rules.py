"""The repository obeys the rules of `tests.project.code_rules`, and each rule can fail."""

from __future__ import annotations

import pytest

from tests.project.architecture import repository
from tests.project.code_rules import (
    FUNCTION_LINES,
    MODULE_LINES,
    MODULE_LINES_HARD,
    REPEATED,
    check,
)

LAW = '"""Does it.\n\nLaw of the folder: none.\n"""\n'
ENGINE = "features.engine"


def test_the_repository_obeys() -> None:
    found = check(repository())
    assert not found, "\n" + "\n".join(map(str, found))


FAILING = {
    "a file opened in features": (ENGINE, "text = open('x').read()\n", "pure"),
    "today's date in features": (ENGINE, "import datetime\nday = datetime.date.today()\n", "pure"),
    "an unseeded generator": (
        ENGINE,
        "import numpy as np\nrng = np.random.default_rng()\n",
        "pure",
    ),
    "the shared generator": (ENGINE, "import random\nx = random.random()\n", "pure"),
    "a long line": (ENGINE, "x = 1  # " + "x" * 100 + "\n", "size"),
    "a long function": (ENGINE, "def f():\n" + "    pass\n" * FUNCTION_LINES, "size"),
    "a long module": (ENGINE, "x = 1\n" * (MODULE_LINES_HARD + 1), "size"),
    "a bare type-ignore": (ENGINE, "x = 1  # type: ignore\n", "type-ignore"),
    "an unexplained type-ignore": (ENGINE, "x = 1  # type: ignore[misc]\n", "type-ignore"),
    "a client built in the worker": (
        "streams.worker.outlet",
        "from confluent_kafka import Producer\np = Producer({})\n",
        "clients",
    ),
    "a client built by its module": (
        "streams.commands.state",
        "import confluent_kafka.admin as k\na = k.AdminClient({})\n",
        "clients",
    ),
    "a folder without a law": ("features.__init__", '"""Does it."""\n', "law"),
    "a room without a law": ("streams.kafka.__init__", '"""Does it."""\n', "law"),
    "a folder without a docstring": ("features.records.__init__", "", "law"),
    "a module that asks": (ENGINE, '"""Is it better? Judged by day."""\n', "first-line"),
    "a module of a clause": (ENGINE, '"""What a row holds: a level."""\n', "first-line"),
    "a module of half a sentence": (ENGINE, '"""Counts all that\ncame."""\n', "first-line"),
    "a class that asks": (ENGINE, 'class A:\n    """Who plays."""\n', "first-line"),
    "a method that asks": (
        "streams.errors",
        'class A:\n    def f(self):\n        """How many."""\n',
        "first-line",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_each_rule_can_fail(case: str) -> None:
    module, source, rule = FAILING[case]
    assert {violation.rule for violation in check({module: source})} == {rule}


OBEYING = {
    "a seeded generator": (ENGINE, "import random\nx = random.Random(7).random()\n"),
    "a date from an argument": (ENGINE, "import datetime\nday = datetime.date.fromordinal(7)\n"),
    "a long docstring": (
        ENGINE,
        'def f():\n    """Say.\n' + "\n" * FUNCTION_LINES + '    """\n    return 1\n',
    ),
    "an explained type-ignore": (
        ENGINE,
        "x = 1  # type: ignore[misc]  # stub says int, it is float\n",
    ),
    "a client built where all are": (
        "streams.kafka.clients",
        "from confluent_kafka import Producer\np = Producer({})\n",
    ),
    "a client by its role, and its type": (
        "streams.worker.inlet",
        "def f(one: Consumer):\n    return clients.consumer('worker', one)\n",
    ),
    "a folder's law": ("features.records.__init__", LAW),
    "a folder of tests without a law": ("tests.oracle.__init__", '"""What comes out."""\n'),
    "a module that does": (ENGINE, '"""Counts rows: all of them."""\n'),
    "a word that begins like a question": (ENGINE, '"""Whole numbers, areas and hasty wills."""\n'),
    "a private function that asks": (ENGINE, 'def _f():\n    """How many."""\n'),
    "a test that asks": ("tests.quality.related", '"""Is it better?"""\n'),
}


@pytest.mark.parametrize("case", OBEYING)
def test_what_is_allowed_passes(case: str) -> None:
    module, source = OBEYING[case]
    assert check({module: source}) == []


def test_few_modules_may_be_longer_than_the_rest() -> None:
    sources = {f"tests.m{i}": "x = 1\n" for i in range(20)}
    for i in range(2):
        sources[f"tests.m{i}"] *= MODULE_LINES + 1
    assert check(sources) == []
    sources["tests.m2"] *= MODULE_LINES + 1
    named = {violation.module for violation in check(sources)}
    assert named == {"tests.m0", "tests.m1", "tests.m2"}


def test_a_public_name_stands_in_one_module() -> None:
    one, other = "class Writer:\n    pass\n", "def Writer():\n    pass\n"
    assert check({"features.engine": one, "features.config": "from a import Writer\n"}) == []
    assert check({"features.engine": one, "tests.oracle.writer": other}) == []
    (found,) = check({"features.engine": one, "streams.errors": other})
    assert (found.rule, found.module) == ("unique", "streams.errors")
    verb = "def load():\n    pass\n"
    assert check({"features.engine": verb, "streams.errors": verb}) == []


def test_every_name_that_may_stand_twice_does() -> None:
    sources = {name: text for name, text in repository().items() if not name.startswith("tests")}
    for name in REPEATED:
        owners = [module for module, text in sources.items() if f"\ndef {name}(" in text]
        assert len(owners) > 1, f"{name} needs no exception any more"
