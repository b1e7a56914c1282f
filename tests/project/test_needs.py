"""What a test would be skipped for without, the whole check installs: there a skip is a failure."""

from __future__ import annotations

import re

from tests.support.needs import PACKAGES
from tests.support.paths import ROOT

#: The builder of the native peer, for `make bench`; who is told of alerts, for `make gameday`.
NOT_FOR_TESTS = {"prometheus-alertmanager", "cargo"}


def test_the_whole_check_installs_what_tests_need() -> None:
    installed = dict(re.findall(r"^need (\S+) (\w+)", (ROOT / ".ci" / "run").read_text(), re.M))
    needed = {name: package for name, package in PACKAGES.items() if name not in NOT_FOR_TESTS}
    assert needed.items() <= {command: package for package, command in installed.items()}.items()
