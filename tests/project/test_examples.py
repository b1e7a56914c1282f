"""The examples in docstrings are executed, every one of them.

Only modules that have examples are imported, so a module that needs an optional extra is not.
"""

from __future__ import annotations

import doctest
import importlib
import re
from types import ModuleType

import pytest

from tests.project.architecture import repository

SOURCES = {
    module: text
    for module, text in repository().items()
    if not module.startswith("tests") and re.search(r"^ *>>> ", text, re.MULTILINE)
}


def run_examples(module: ModuleType) -> tuple[int, str]:
    """How many examples were executed, and what is to be said of those that failed."""
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for examples in doctest.DocTestFinder(exclude_empty=True).find(module):
        runner.run(examples, out=said.append)
    return runner.tries, "".join(said)


@pytest.mark.parametrize("name", SOURCES)
def test_examples_do_what_they_say(name: str) -> None:
    tried, failures = run_examples(importlib.import_module(name.removesuffix(".__init__")))
    assert not failures
    assert tried == len(re.findall(r"^ *>>> ", SOURCES[name], re.MULTILINE)), "some were not found"


def test_a_wrong_example_is_seen() -> None:
    tried, failures = run_examples(ModuleType("wrong", "Say.\n\n>>> 1 + 1\n3\n"))
    assert tried == 1 and "Expected:\n    3" in failures
