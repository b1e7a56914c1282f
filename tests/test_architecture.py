"""The repository obeys the rules of `tests.architecture`, and each rule can fail."""

from __future__ import annotations

import pytest

from tests.architecture import FUNCTION_LINES, MODULE_LINES, MODULE_LINES_HARD, check, repository

LAW = '"""What comes out.\n\nLaw of the folder: none.\n"""\n'


def test_the_repository_obeys() -> None:
    found = check(repository())
    assert not found, "\n" + "\n".join(map(str, found))


FAILING = {
    "a feature imports from its right": (
        "features.windows", "from features.engine import Engine\n", "order"),
    "a feature imports a right sibling relatively": (
        "features.windows", "from . import profiles\n", "order"),
    "a kernel imports from the right of kernels": (
        "features.kernels.levels", "import features.batches\n", "order"),
    "a feature imports the shell": (
        "features.engine", "from streams.topics import TOPICS\n", "order"),
    "an import hidden in a function": (
        "features.windows", "def f():\n    from features import engine\n", "order"),
    "the shell imports from its right": (
        "streams.inlet", "from streams.worker import Worker\n", "order"),
    "the worker's line uses what stands beside it": (
        "streams.worker", "import streams.simulator\n", "order"),
    "what stands beside uses the command line": (
        "streams.demo", "from streams.__main__ import main\n", "order"),
    "a module without a place": ("features.helpers", "", "order"),
    "a folder's face imports": ("features.__init__", LAW + "from . import engine\n", "order"),
    "numba outside the kernels": ("features.windows", "from numba import njit\n", "reserved"),
    "river outside the models": ("features.engine", "import river.linear_model\n", "reserved"),
    "a Kafka client in features": (
        "features.engine", "from confluent_kafka import Producer\n", "reserved"),
    "Faust in the worker": ("streams.worker", "import faust\n", "reserved"),
    "a clock in features": ("features.engine", "import time\n", "reserved"),
    "a clock only for types": (
        "features.engine",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import time\n", "reserved"),
    "the environment in features": ("features.engine", "from os import environ\n", "reserved"),
    "files in features": ("features.engine", "from pathlib import Path\n", "reserved"),
    "package data outside taxonomy and tagging": (
        "features.engine", "from importlib.resources import files\n", "reserved"),
    "a pickle": ("streams.codecs", "import pickle\n", "reserved"),
    "a metric made elsewhere": (
        "streams.worker", "from prometheus_client import Counter\n", "metrics"),
    "a heavy client": ("streams.client", "import numpy\n", "light"),
    "a client that loads the worker's settings": (
        "streams.client", "from streams.settings import load\n", "light"),
    "a file opened in features": ("features.engine", "text = open('x').read()\n", "pure"),
    "today's date in features": (
        "features.engine", "import datetime\nday = datetime.date.today()\n", "pure"),
    "an unseeded generator": (
        "features.engine", "import numpy as np\nrng = np.random.default_rng()\n", "pure"),
    "the shared generator": ("features.engine", "import random\nx = random.random()\n", "pure"),
    "a long line": ("features.engine", "x = 1  # " + "x" * 100 + "\n", "size"),
    "a long function": (
        "features.engine", "def f():\n" + "    pass\n" * FUNCTION_LINES, "size"),
    "a long module": ("features.engine", "x = 1\n" * (MODULE_LINES_HARD + 1), "size"),
    "a bare type-ignore": ("features.engine", "x = 1  # type: ignore\n", "type-ignore"),
    "an unexplained type-ignore": (
        "features.engine", "x = 1  # type: ignore[misc]\n", "type-ignore"),
    "a folder without a law": ("features.__init__", '"""What comes out."""\n', "law"),
    "a folder without a docstring": ("features.kernels.__init__", "", "law"),
}


@pytest.mark.parametrize("case", FAILING)
def test_each_rule_can_fail(case: str) -> None:
    module, source, rule = FAILING[case]
    assert {violation.rule for violation in check({module: source})} == {rule}


OBEYING = {
    "from the left": ("features.windows", "from features.batches import Batch\n"),
    "inside one package": ("features.kernels.parse", "from . import text\n"),
    "the shell uses features": ("streams.worker", "from features.engine import Engine\n"),
    "the command line uses all": ("streams.__main__", "from streams import demo, worker\n"),
    "an app uses topics": ("streams.apps.catalogue", "import faust\nimport streams.topics\n"),
    "beside, from the left": ("streams.demo", "from streams.simulator import simulate\n"),
    "numba in a kernel": ("features.kernels.parse", "from numba import njit\n"),
    "river in the models": ("features.interests", "from river import optim\n"),
    "a client's command line": (
        "streams.client", "import orjson\ndef run():\n    import rich\n"),
    "a client's parts": ("streams.client", "from streams.profile import Profile\n"),
    "package data": ("features.taxonomy", "from importlib.resources import files\n"),
    "a seeded generator": (
        "features.engine", "import random\nx = random.Random(7).random()\n"),
    "a date from an argument": (
        "features.engine", "import datetime\nday = datetime.date.fromordinal(7)\n"),
    "a long docstring": (
        "features.engine",
        'def f():\n    """Say.\n' + "\n" * FUNCTION_LINES + '    """\n    return 1\n'),
    "an explained type-ignore": (
        "features.engine", "x = 1  # type: ignore[misc]  # stub says int, it is float\n"),
    "a folder's law": ("features.__init__", LAW),
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
