"""The contract as programs in JavaScript see it: ajv, strict, and the CloudEvents SDK."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

from streams.contract import topics
from streams.contract.headers import OFFERS_EVENT, PROFILE_EVENT, profile_headers
from streams.contract.schemas import EXAMPLES
from tests.support.paths import CONTRACT

SCHEMAS = CONTRACT / "schemas"
EVENTS = {topics.PROFILES: PROFILE_EVENT, topics.OFFERS: OFFERS_EVENT}


def records() -> Iterator[dict[str, Any]]:
    """One version and one tombstone of each topic that has CloudEvents."""
    for topic, event in EVENTS.items():
        for version in (7, 0):
            headers = profile_headers(b"acc-1/m-2", version, b"2026-03-01T00:00:00.000Z", 96, event)
            value = json.dumps(EXAMPLES[topic]) if version else None
            said = {name: text.decode() for name, text in headers}
            yield {"topic": topic, "key": "acc-1/m-2", "value": value, "headers": said}


def run(javascript: Path, schemas: Path, said: list[dict[str, Any]]) -> tuple[int, str]:
    file = javascript / "records.json"
    file.write_text(json.dumps(said))
    done = subprocess.run(
        ["node", "contract.mjs", schemas, file],
        cwd=javascript, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_every_schema_compiles_strictly_and_every_record_is_an_event(javascript: Path) -> None:
    code, said = run(javascript, SCHEMAS, list(records()))
    assert code == 0, said
    count = len(list(SCHEMAS.glob("*.json")))
    assert json.loads(said) == {"schemas": count, "changed": 2, "forgotten": 2}


def test_what_is_wrong_is_seen(javascript: Path, tmp_path: Path) -> None:
    (profile, *_) = records()
    without = {name: text for name, text in profile["headers"].items() if name != "ce_source"}
    for wrong, why in (
        ({"value": "{}"}, "required"),
        ({"headers": without}, "ce_source"),
        ({"value": None}, "interest-profile"),
    ):
        code, said = run(javascript, SCHEMAS, [profile | wrong])
        assert code != 0 and why in said, said
    shutil.copytree(SCHEMAS, tmp_path, dirs_exist_ok=True)
    (tmp_path / "more.json").write_text('{"type": "string", "minimum": 3}')
    code, said = run(javascript, tmp_path, [])
    assert code != 0 and "strict mode" in said


def test_the_asyncapi_document_is_one_by_the_schema_of_its_version(javascript: Path) -> None:
    found = javascript / "node_modules/@asyncapi/specs/schemas/3.1.0-without-$id.json"
    check = Draft7Validator(json.loads(found.read_text()))
    document = json.loads((CONTRACT / "asyncapi.json").read_text())
    assert [error.message for error in check.iter_errors(document)] == []
    next(iter(document["operations"].values()))["action"] = "publish"  # of a version before
    assert not check.is_valid(document)
