"""The published contract says what the code does, and cannot drift silently."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft201909Validator, Draft202012Validator

from features.records import decoder, fields
from features.records.dead_letter import DeadLetter
from features.tags import exact
from streams import client
from streams.__main__ import main
from streams.contract import documents, topics
from streams.contract import headers as codecs
from streams.contract.schema_forms import Property, integer, items, record, text, words
from streams.contract.schemas import EXAMPLES, SCHEMAS
from tests.support.needs import need_commands
from tests.support.paths import GOLDEN, ROOT

CHECKS = {name: Draft202012Validator(schema) for name, schema in SCHEMAS.items()}
CASES: dict[str, dict[str, list[Any]]] = {
    **json.loads((GOLDEN / "inputs.json").read_text()),
    **json.loads((GOLDEN / "catalogue.json").read_text()),
}
PROFILES = json.loads((GOLDEN / "interest-profiles.json").read_text())["records"]
LIMITS = decoder.Limits()


def cases(which: str, names: tuple[str, ...] = tuple(CASES)) -> list[Any]:
    return [
        pytest.param(name, case, id=f"{name}-{i}")
        for name in names
        if name in CASES
        for i, case in enumerate(CASES[name][which])
    ]


def test_every_input_has_golden_messages() -> None:
    for name in (*topics.INPUTS, topics.CATALOGUE):
        assert CASES[name]["accepted"] and CASES[name]["refused"], name


def run(*argv: str) -> int:
    return main(["contract", *argv])


# -- the files


def test_committed_files_are_the_generated_ones() -> None:
    folder = ROOT / documents.DEFAULT_DIR
    committed = {
        str(p.relative_to(folder)): p.read_text()
        for p in folder.rglob("*.json")
        if not p.is_relative_to(ROOT / documents.RELEASES)
    }
    assert committed == documents.documents(), (
        "run: interest-streams contract --out deploy/contract"
    )


def test_writing_and_checking_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--out", str(tmp_path / "v1")) == 0
    assert run("--against", str(tmp_path / "v1")) == 0
    changed = tmp_path / "v1" / "schemas" / "tv-viewing.json"
    changed.write_text(changed.read_text().replace('"vod"', '"pvr"'))
    assert run("--against", str(tmp_path / "v1")) == 1
    assert "$.mode: enum" in capsys.readouterr().err
    changed.write_text("{")
    assert run("--against", str(tmp_path / "v1")) == 2
    assert run("--against", str(tmp_path / "none")) == 2
    assert "none: no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_valid(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_asyncapi_covers_the_topics_and_its_references_resolve() -> None:
    files = documents.documents()
    document = json.loads(files["asyncapi.json"])
    public = {t.name for t in topics.TOPICS if t.direction != "internal"}
    assert document["asyncapi"] == "3.1.0" and set(document["channels"]) == public
    assert {o["action"] for o in document["operations"].values()} == {"receive", "send"}
    for reference in references(document):
        if reference.startswith("./"):
            assert reference[2:] in files
        else:
            here: Any = document
            for step in reference.removeprefix("#/").split("/"):
                here = here[step]
    for name in (*topics.INPUTS, topics.CATALOGUE, topics.TAGS, topics.PROFILES, topics.OFFERS):
        assert "payload" in document["components"]["messages"][name]
    for name, channel in document["channels"].items():
        assert channel["x-partitioner"] and channel["bindings"]["kafka"]["partitions"] > 0
        assert ("x-isolation-level" in channel) == ("out" in topics.BY_NAME[name].direction)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_as_their_schemas_say(name: str) -> None:
    CHECKS[name].validate(EXAMPLES[name])
    left_out = SCHEMAS[name]["properties"].keys() - EXAMPLES[name].keys()
    assert left_out <= {"valid_until", "more"}, "what is always written is there"


def test_the_open_data_contract_has_every_field_that_is_written_for_others() -> None:
    document = json.loads(documents.documents()["open-data-contract.json"])
    assert (document["apiVersion"], document["kind"]) == ("v3.1.0", "DataContract")
    told = {item["name"]: item for item in document["schema"]}
    outputs = {t.name for t in topics.TOPICS if "out" in t.direction and t.name in SCHEMAS}
    assert told.keys() == outputs
    for name, item in told.items():
        assert _fields(item) == set(_paths(SCHEMAS[name])), name


def test_the_open_data_contract_is_one_by_the_schema_of_its_version() -> None:
    schema = Path(__file__).with_name("odcs-json-schema-v3.1.0.json")
    check = Draft201909Validator(json.loads(schema.read_text()))
    document = json.loads((ROOT / "deploy/contract/open-data-contract.json").read_text())
    assert [error.message for error in check.iter_errors(document)] == []
    document["schema"][0]["properties"][0]["required"] = "yes"
    assert not check.is_valid(document)
    document = json.loads((ROOT / "deploy/contract/open-data-contract.json").read_text())
    document["apiVersion"] = "v9"
    assert not check.is_valid(document)


def _fields(element: dict[str, Any], above: str = "") -> set[str]:
    own = element.get("properties") or element.get("items", {}).get("properties", [])
    named = {f"{above}.{field['name']}": field for field in own}
    return set(named).union(*(_fields(field, name) for name, field in named.items()))


def _paths(schema: dict[str, Any], above: str = "") -> Iterator[str]:
    own = schema.get("properties") or schema.get("items", {}).get("properties", {})
    for name, field in own.items():
        yield f"{above}.{name}"
        yield from _paths(field, f"{above}.{name}")


def test_node_finds_the_partition_of_a_subject() -> None:
    need_commands("node")
    subjects = [f"{'é' * (n % 5)}acc-{n * n}{'/m-1' * (n % 2)}" for n in range(300)]
    wanted = [client.subject_partition(subject, 12) for subject in subjects]
    assert len(set(wanted)) == 12
    script = (
        f"import {{partitionOf}} from '{ROOT / 'deploy/contract/partitioner/partition.mjs'}';"
        "console.log(JSON.stringify(JSON.parse(process.argv[1]).map(s => partitionOf(s, 12))))"
    )
    command = ["node", "--input-type=module", "-e", script, json.dumps(subjects)]
    found = subprocess.run(command, capture_output=True, check=True, timeout=300)
    assert json.loads(found.stdout) == wanted


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [r for value in node.values() for r in references(value)]
    return [r for item in node for r in references(item)] if isinstance(node, list) else []


# -- releases


def released() -> dict[str, dict[str, Any]]:
    folders = sorted((ROOT / documents.RELEASES).iterdir())
    return {
        folder.name: {p.stem: json.loads(p.read_text()) for p in (folder / "schemas").iterdir()}
        for folder in folders
    }


def test_this_version_agrees_with_every_release() -> None:
    assert released(), "each release is kept"
    assert documents.release_breaks(released()) == [], (
        "a break; of a version that is not out yet, run: "
        "interest-streams contract --out deploy/contract/releases/VERSION"
    )


# -- golden messages


@pytest.mark.parametrize(("name", "case"), cases("accepted"))
def test_golden_messages_are_accepted(name: str, case: dict[str, Any]) -> None:
    CHECKS[name].validate(case)


@pytest.mark.parametrize(("name", "case"), cases("refused"))
def test_bad_messages_are_refused(name: str, case: dict[str, Any]) -> None:
    assert not CHECKS[name].is_valid(case)


@pytest.mark.parametrize("golden", PROFILES, ids=lambda g: g["key"])
def test_golden_profiles_and_their_headers(golden: dict[str, Any]) -> None:
    CHECKS["interest-profiles.headers"].validate(golden["headers"])
    _, version, place = golden["headers"]["ce_id"].rsplit(":", 2)
    value = golden["value"]
    as_of = 1_700_000_000_002 if value is None else value["as_of"]
    made = codecs.profile_headers(
        golden["key"].encode(), int(version), codecs.times([as_of])[0], int(place)
    )
    assert {name: raw.decode() for name, raw in made} == golden["headers"]
    if value is not None:
        CHECKS["interest-profiles"].validate(value)


def test_tagging_writes_what_the_schema_says() -> None:
    entry = exact.TagEntry((("483", 0.5),), "own:hosts", 0.9)
    CHECKS["content-tags"].validate(orjson.loads(exact.encode("host:bbc.co.uk", entry)))


# -- schema and decoder agree (see test_inputs_agree)


def decode(name: str, value: dict[str, Any]) -> object:
    return decoder.decode(
        topics.INPUTS.index(name),
        orjson.dumps(value),
        str(value.get("account_id")).encode(),
        LIMITS,
    )


@pytest.mark.parametrize(("name", "case"), cases("accepted", topics.INPUTS))
def test_decoder_accepts_what_the_schema_accepts(name: str, case: dict[str, Any]) -> None:
    decode(name, case)


@pytest.mark.parametrize(("name", "case"), cases("refused", topics.INPUTS))
def test_decoder_refuses_what_the_schema_refuses(name: str, case: dict[str, Any]) -> None:
    with pytest.raises(fields.Malformed):
        decode(name, case)


# -- evolution


V1 = record(
    Property("id", text(1, 8), "", True),
    Property("state", words("a", "b"), ""),
    Property("parts", items(record(Property("n", integer(0), "", True)), 4), ""),
)


def changed(edit: str) -> dict[str, Any]:
    new = copy.deepcopy(V1)
    exec(edit, {"new": new, "p": new["properties"]})  # the parameter reads as the change
    return new


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ("new['required'].append('state')", "$.state: became required, so older records"),
        ("new['required'].remove('id')", "$.id: no longer required, so older readers"),
        ("p['id']['type'] = 'integer'", '$.id: type "string" became "integer"'),
        ("p['id']['type'] = ['string', 'null']", "$.id: type"),
        ("p['id']['maxLength'] = 9", "$.id: maxLength 8 became 9, so older readers refuse"),
        ("p['id']['maxLength'] = 7", "$.id: maxLength 8 became 7, so older records"),
        ("p['id']['minLength'] = 2", "$.id: minLength 1 became 2, so older records"),
        ("p['id']['pattern'] = '^a'", "$.id: pattern"),
        ("p['state']['enum'].append('c')", "$.state: enum"),
        ("p['state']['enum'].remove('b')", "$.state: enum"),
        ("p['parts']['items']['required'] = []", "$.parts[].n: no longer required"),
        (
            "del p['parts']['items']['properties']['n']['minimum']",
            "$.parts[].n: minimum 0 became (ab",
        ),
        ("new['additionalProperties'] = False", "$: additionalProperties (absent) became false"),
        ("new['anyOf'] = [{'required': ['id']}]", "$: anyOf"),
        ("new['not'] = {'required': ['x']}", "$: not"),
    ],
)
def test_incompatible_changes_are_named(edit: str, message: str) -> None:
    found = list(documents.incompatibilities(V1, changed(edit)))
    assert len(found) == 1 and found[0].startswith(message), found
    assert list(documents.incompatibilities(changed(edit), V1))


@pytest.mark.parametrize(
    "edit",
    [
        "pass",
        "p['id']['description'] = 'other words'",
        "p['extra'] = {'type': 'number'}",
        "del p['state']",
        "p['parts']['items']['properties']['m'] = {'type': 'string'}",
    ],
)
def test_compatible_changes_pass(edit: str) -> None:
    assert not list(documents.incompatibilities(V1, changed(edit)))
    assert not list(documents.incompatibilities(changed(edit), V1))


def test_history_is_checked_beyond_neighbours() -> None:
    without, other = changed("del p['state']"), changed("p['state'] = {'type': 'integer'}")
    assert not documents.history_breaks({"1": V1, "2": without})
    assert not documents.history_breaks({"2": without, "3": other})
    found = documents.history_breaks({"1": V1, "2": without, "3": other})
    assert found and all(f.startswith("1 -> 3: $.state") for f in found)


# -- headers of dead letters


def test_dead_letter_headers_come_back() -> None:
    letter = DeadLetter("missing", "mode", "is required", "tv-viewing", 3, 12)
    made = codecs.dead_letter_headers(letter)
    CHECKS["dead-letters.headers"].validate({name: raw.decode() for name, raw in made})
    assert codecs.parse_dead_letter(made) == letter


def test_dead_letter_texts_are_cut_on_a_character() -> None:
    made = dict(codecs.dead_letter_headers(DeadLetter("type", "f", "x" + "é" * 600)))
    assert len(made["message"]) <= codecs.MAX_HEADER_BYTES
    assert made["message"].decode().endswith("é")


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (None, "'source-topic' is missing"),
        ([("source-topic", b"t")], "'source-partition' is missing"),
        ([("source-topic", b"t"), ("source-partition", b"x")], "'source-partition' = b'x'"),
    ],
)
def test_foreign_headers_are_refused(headers: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        codecs.parse_dead_letter(headers)
