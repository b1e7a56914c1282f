"""Who may be a child by an entry of the registry is one, whatever field or form says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from features.config import Config
from features.privacy import rules
from features.records.loose import squeezed
from features.tags.exact import TagEntry
from features.vocabulary import Tolerated
from tests.support.feeding import DAY, HOUR, START, Feed, Stream

TABLE = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}
NOW = START + 2 * DAY  # of January 2024
CHILD: list[dict[str, Any]] = [
    *({"adult": word} for word in (False, "false", "No", 0, 0.0, "0", "minor", "U18", "nein")),
    *({"adult": word} for word in ([False], {"value": False}, [True, False], "unknown")),
    *({name: False} for name in ("ADULT", "isAdult", "of_age", "volljährig")),
    *({name: 9} for name in ("age", "Age", "age_years", "Alter", "edad")),
    *({"age": word} for word in ("9", "9 years", 17, 17.9, "0-12", "13-17", "child", "teen")),
    *({"adult": True, name: word} for name, word in (("age", 9), ("minor", True), ("child", 1))),
    *({name: "2016-05-01"} for name in ("birth_date", "dateOfBirth", "dob", "Geburtsdatum")),
    *({"birth_date": word} for word in ("01.05.2016", "2016", 2016, 1_462_060_800_000)),
    *({"birth_date": word} for word in ("2006-01-04", "2006", "2016-05-01T00:00:00Z")),
    *({name: "yes"} for name in ("child", "is_child", "isMinor", "under_18", "kid", "menor")),
    *({name: "child"} for name in ("role", "person_type", "age_group", "majority")),
    *(
        {"role": word}
        for word in ("Kind", "Schüler", "dziecko", "ребёнок", "子供", "어린이", "طفل")
    ),
    *({name: True} for name in ("under_16", "isUnder13", "u12", "unter 14", "moins_de_15_ans")),
    # What cannot be read as the age or the birth of somebody of age.
    *({"age": word} for word in ("twelve", "zwölf", "douze", "十二", "１２", "XII", "<18", "-18")),
    *({"age": word} for word in ("16-24", "144 months", "A", {"min": 6, "max": 11}, True, 999)),
    *({"birth_date": word} for word in ("05.06.12", "12-05-04", "120504", "'14", 12, "12", "85")),
    *({"birth_date": word} for word in (20140504, "04052014", "平成26年", "２０１４", "H26.5.4")),
    *({"birth_date": word} for word in (1_400_000_000, {"year": 2014, "day": 4}, [1990, 2014])),
    *({"birth_date": word} for word in ("1435-05-04", "2557-05-04", "next May")),
    *({name: True} for name in ("kids_mode", "childProfile", "is_child_device", "youthAccount")),
    *({name: "child"} for name in ("relationship", "type", "category", "profile")),
    *({"relation": word} for word in ("son", "Tochter", "hija", "fils", "子供", "Toddler")),
    # Names that are made of the words for it, and values that are.
    *({name: 9} for name in ("owner_age", "ownerAge", "person_age", "ålder", "возраст", "年齢")),
    *({name: 100} for name in ("age_months", "ageInMonths", "owner_age_months")),
    *({name: "6-12"} for name in ("age_band", "ownerAgeBand", "age_bracket")),
    *({name: False} for name in ("is_over_18", "over_16", "18plus", "legal_age", "adulto")),
    *({name: "no"} for name in ("over_18", "owner_is_adult", "of_legal_age", "majority")),
    *({name: 1} for name in ("minor_flag", "owner_is_minor", "child_ind", "isUserMinor")),
    *(
        {name: 2015}
        for name in ("owner_birth_year", "yob", "jahrgang", "födelseår", "anno_nascita")
    ),
    *({name: "2015-03-02"} for name in ("born_on", "fødselsdato", "дата_рождения", "生年月日")),
    *({"relation": word} for word in ("foster child", "stepson", "my son", "Pflegekind", "niece")),
    *({"segment": word} for word in ("kids 6-9", "Schulkind", "young children")),
    {"adult_since": "2030-01-01"},
    *({name: "mum"} for name in ("guardian_id", "legal_guardian", "Erziehungsberechtigter")),
    {"school_class": "4b"},
    # What parents set for a child.
    *(
        {"parental_control": word}
        for word in (True, "on", "enabled", "strict", 1, 12, ["on"], "PG")
    ),
    *({"parental_control": word} for word in ({"enabled": True}, {"level": 12}, {"pin": "set"})),
    *({name: "active"} for name in ("ParentalControls", "parental-lock", "childLock", "kids_mode")),
    *({name: 1} for name in ("Kindersicherung", "contrôle parental", "родительский_контроль")),
    *({name: True} for name in ("family_link", "is_supervised", "parentalControlEnabled")),
    {"adult": True, "parental_control": True},
]
GROWN: list[dict[str, Any]] = [
    {},
    {"adult": True},
    {"adult": None},
    {"adult": "yes"},  # which says nothing: only `true` makes an adult of a child
    *({"age": word} for word in (18, "34", "25-34", "18+")),
    *({"birth_date": word} for word in ("2006-01-02", "1980", 1980, "", None, "0000-00-00")),
    *({name: word} for name in ("child", "minor") for word in (False, "no", 0, "", None)),
    {"role": "owner 2", "age_group": "adult"},
    {"under_16": False, "under_21": True, "u8": "no"},
    *({"age": word} for word in ("34 years old", "over 21", ">= 18", "34,5", [25, 34], "adult")),
    *({"birth_date": word} for word in ("19850204", "04.02.1985", [1985, 2, 4], "born in 1985")),
    *({"birth_date": word} for word in ("unknown", "n/a", 473_385_600_000, -473_385_600_000)),
    # What cannot be read says nothing beside what can.
    *({"birth_date": "12", name: word} for name, word in (("adult", True), ("age", 44))),
    {"birth_date": "1985-01-01", "age_group": "B"},
    # Of something else than somebody, or no such words.
    *({name: 2} for name in ("device_age", "account_age", "contract_age_months", "message_age")),
    *({name: 9} for name in ("storage", "average", "language", "page", "usage_days", "agent")),
    *({name: 44} for name in ("owner_age", "ålder")),
    *({name: 400} for name in ("age_months", "ageInMonths")),
    {"over_18": True, "is_minor_flag": 0, "legal_age": 18, "adult_since": "2010-01-01"},
    {"owner_birth_year": 1980, "birth_place": "Wien", "born_in": "Wien"},
    *({"relation": word} for word in ("mother of a child", "son-in-law", "parent", "husband")),
    {"children": 2, "has_child": True, "number_of_kids": "1", "model": "Kindle", "kids_mode": "no"},
    # What parents might have set, and have not.
    *({"parental_control": word} for word in (False, "off", 0, "0", None, "", "disabled", "unset")),
    *({"parental_control": told} for told in ("unknown", {"enabled": False, "level": 12})),
    {"parental_control": []},
    *({name: "not set"} for name in ("childLock", "kids mode", "jugendschutz_pin")),
    {"child_friendly": "good", "parent_account": "acc-7", "pin_lock": True, "controller": 1},
]


@pytest.mark.parametrize("doc", CHILD, ids=str)
def test_what_tells_of_a_child(doc: dict[str, Any]) -> None:
    fields = {squeezed(name): [value] for name, value in doc.items()}
    assert rules.load().words.tells_of_child(fields, NOW)


@pytest.mark.parametrize("doc", GROWN, ids=str)
def test_what_does_not(doc: dict[str, Any]) -> None:
    fields = {squeezed(name): [value] for name, value in doc.items()}
    assert not rules.load().words.tells_of_child(fields, NOW)


def _seen(doc: dict[str, Any]) -> tuple[list[str], dict[Tolerated, int]]:
    """What becomes of events of the device and of its owner after an entry of the registry."""
    run, feed = Stream(Config(erasure_key=b"k" * 32, lateness_ms=DAY // 4), TABLE), Feed()
    run.feed(feed.consent("acc", 0))
    topic, raw, key = feed.fact("acc", 1, "registry", device_id="tab", owner_member_id="kid")
    body = {n: v for n, v in (json.loads(raw) | doc).items() if v != "absent"}
    assert run.feed((topic, json.dumps(body).encode(), key), now=NOW) == ["fact"]
    tolerated = dict(run.commit().tolerated)
    run.restart()
    visits = [{"member_id": "kid"}, {"device_id": "tab"}, {"member_id": "mum"}]
    return [run.feed(feed.visit("acc", 2, "sport.example", **v))[0] for v in visits], tolerated


@pytest.mark.parametrize(
    ("doc", "childs"),
    [
        ({"adult": False}, (True, True)),
        ({"adult": "false"}, (True, True)),
        ({"age": 9}, (True, True)),
        ({"adult": False, "ts": NOW + HOUR}, (True, True)),
        ({"adult": False, "ts": NOW // 1000}, (True, True)),
        ({"adult": False, "ts": "absent", "event_id": "absent"}, (True, True)),
        ({"adult": False, "kind": "DeviceRegistry"}, (True, True)),
        ({"adult": False, "owner_member_id": " kid "}, (True, True)),
        ({"adult": False, "device_id": "356938035643809"}, (True, False)),
        ({"adult": False, "device_id": "absent"}, (True, False)),
        ({"adult": False, "owner_member_id": "+49 170 1234567"}, (False, True)),
        ({"age": 34}, (False, False)),
    ],
    ids=str,
)
def test_an_entry_out_of_form_protects_whom_it_names(
    doc: dict[str, Any], childs: tuple[bool, bool]
) -> None:
    found, tolerated = _seen(doc)
    assert [word == "suppressed" for word in found] == [*childs, False]
    assert tolerated == ({Tolerated.CHILD: 1} if any(childs) and doc != {"adult": False} else {})
