"""Settings: what an engine takes of them is said once, and reading them loads nothing heavy."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest

from features.config import Config, EngineSettings
from streams.__main__ import main
from streams.settings import PREFIX, Settings, load
from streams.worker.wiring import engine_config
from tests.conftest import SEED_VARIABLE
from tests.support.paths import ROOT

#: Another value than the default, as an environment variable has it.
OTHER = {"home_country": "DE", "row_epsilon": "0.5", "publish_score_step": "0.5",
         "profile_common": "true", "attribution": "true", "shared_model": "true"}  # fmt: skip


def test_an_engine_and_a_deployment_have_the_same_defaults() -> None:
    assert engine_config(Settings()) == Config()


@pytest.mark.parametrize("name", [item.name for item in dataclasses.fields(EngineSettings)])
def test_what_is_set_of_an_engine_reaches_it(name: str) -> None:
    value = OTHER.get(name, "9")
    config = engine_config(load(environ={PREFIX + name.upper(): value}))
    assert getattr(config, name) == type(getattr(Config(), name))(value) != getattr(Config(), name)
    assert config == dataclasses.replace(Config(), **{name: getattr(config, name)})


def test_the_rest_is_converted() -> None:
    settings = Settings(
        half_lives_days=(1.0, 2.0, 3.0),
        day_offset_min=60,
        consent_default="grant",
        erasure_key="secret",
    )
    config = engine_config(settings)
    assert (config.half_lives, config.day_offset_ms) == ((1.0, 2.0, 3.0), 3_600_000)
    assert (config.consent_default_grant, config.erasure_key) == (True, b"secret")


def test_check_prints_every_setting_once_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INTEREST_STREAMS_ERASURE_KEY", "hidden-1")
    monkeypatch.setenv("INTEREST_STREAMS_KAFKA__SASL_PASSWORD", "hidden-2")
    assert main(["config", "check"]) == 0
    out = capsys.readouterr().out
    assert "hidden" not in out
    pairs = json.loads(out, object_pairs_hook=list)
    assert sorted(name for name, _ in pairs) == sorted(
        item.name for item in dataclasses.fields(Settings)
    )


def test_reading_them_loads_the_standard_library_alone() -> None:
    code = (
        "import sys\nbefore = set(sys.modules)\nfrom streams.settings import load\nload()\n"
        "tops = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*tops - sys.stdlib_module_names)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) == {"features", "streams"}


def test_the_tests_own_variable_is_no_setting() -> None:
    assert not SEED_VARIABLE.startswith(PREFIX)
