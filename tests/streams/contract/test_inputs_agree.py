"""What the published schemas accept is what the decoder accepts, and what the scanner accepts.

Records are good but for one field at or around a bound, of another form, absent or unknown. What
lies between fields or outside the record is no matter of a schema: the record key, event time
against the clock, the length and depth of a message, a field said twice. And of an IBAN only the
decoder counts the check digits.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from features.records.batch import parse
from features.records.decoder import Limits, decode
from features.records.fields import Malformed
from features.records.forms import Chance, Choice, Field, Flag, Host, Pseudonym, Text, Whole
from features.records.identifiers import is_iban
from features.records.inputs import (
    COMMON,
    FACT_COMMON,
    FACT_FIELDS,
    INPUTS,
    KIND,
    OUTCOME_FIELDS,
    OUTCOMES_TOPIC,
)
from streams.contract.schemas import SCHEMAS

LIMITS = Limits()
CHECKS = [Draft202012Validator(SCHEMAS[topic]) for topic in (*INPUTS.topics, OUTCOMES_TOPIC)]


class Sort(NamedTuple):
    """One sort of record: the number of its input, its fields, and a good one with all of them."""

    kind: int
    fields: tuple[Field, ...]
    good: dict[str, Any]


def _good(field: Field) -> Any:
    match field.form:
        case Pseudonym():
            return "a-1"
        case Host():
            return "WWW.example.org."
        case Text(shortest=shortest, charset=charset):
            return ("A" if charset == "[A-Z]" else "a") * max(1, shortest)
        case Choice(words=words):
            return words[0]
        case Whole(low=low):
            return max(0, low)
        case Flag():
            return True
        case Chance():
            return 0.5


def _sort(kind: int, fields: tuple[Field, ...], /, **fixed: Any) -> Sort:
    return Sort(kind, fields, {field.name: _good(field) for field in fields} | fixed)


SORTS = [
    *(_sort(kind, (*COMMON, *item.fields)) for kind, item in enumerate(INPUTS.events, 1)),
    *(_sort(0, (*FACT_COMMON, *own), kind=kind.value) for kind, own in FACT_FIELDS.items()),
    *(
        _sort(INPUTS.outcomes, (*FACT_COMMON, *own), kind=kind.value)
        for kind, own in OUTCOME_FIELDS.items()
    ),
]

_ODD_CHARACTERS = st.sampled_from('\x00\x1f\n\x7f\x80 !~/@+%_-.:"\\aAzZ09éÄ€😀\u2028')
_OTHER_FORMS = st.sampled_from(
    [None, True, False, 0, 1, -0.0, 1.5, 1e3, "", "1", "true", [], ["a"], {}, {"a": 1}]
)
_HEX = st.text("0123456789abcdefABCDEFg", min_size=0, max_size=5)
_OCTETS = st.sampled_from(["0", "1", "9", "10", "99", "199", "249", "255", "256", "01", "1000", ""])
_IPV4 = st.lists(_OCTETS, min_size=3, max_size=5).map(".".join)
_IDENTIFIERS = st.one_of(
    _IPV4,
    st.tuples(st.lists(_HEX, max_size=9).map(":".join), st.just(":") | _IPV4).map("".join),
    st.lists(st.sampled_from(["1", "fe80", "abcd", "", "12345"]), max_size=10).map(":".join),
    st.lists(st.sampled_from(["0a", "Ff", "00", "g0", "1"]), min_size=5, max_size=7).flatmap(
        lambda parts: st.sampled_from(":-.").map(lambda by: by.join(parts))
    ),
    st.integers(5, 19).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n)),
    st.text("0123456789-._:", min_size=5, max_size=24),
    st.sampled_from(
        [
            "DE89370400440532013000",
            "de89-3704-0044-0532-0130-00",
            "DE89370400440532013001",
            "NO9386011117947",
            "GB82WEST12345698765432",
            "anna@example.org",
            "+491701234567",
        ]
    ),  # fmt: skip
)
_HOSTS = st.one_of(
    st.text("ab-_.:[]019/", max_size=12),
    st.sampled_from(["a:1", "a:12345", "a:123456", "a..", ".", "[::1]", "[::1]:443", "::", ":",
                     "[]", "1.2.3.4:80", "2001:db8::1", "a.:80", "a:", "h" * 253, "h" * 254]),
)  # fmt: skip


@st.composite
def _around(draw: st.DrawFn, field: Field) -> Any:
    """A value of a field at or around one of its bounds, or of another form."""
    if draw(st.integers(0, 5)) == 0:
        return draw(_OTHER_FORMS)
    match field.form:
        case Whole(low=low, high=high):
            near = draw(st.sampled_from([low, high])) + draw(st.integers(-1, 1))
            far = draw(st.sampled_from([0, -1, 2**31, 2**53, 2**63, 2**64, 10**18, 10**40]))
            value: int | float = draw(st.sampled_from([near, near, far]))
            return draw(st.sampled_from([value, float(value), value + 0.5, str(value)]))
        case Chance():
            return draw(st.sampled_from([0, 0.0, -0.0, 1e-9, 0.5, 1, 1.0, 1.0000001, 2, "1", True]))
        case Flag():
            return draw(st.sampled_from([True, False, "True", 1, 0]))
        case Choice(words=words):
            word = draw(st.sampled_from(words))
            changed = [word, word.upper(), word[:-1], word + "s", word + "\n", " " + word]
            return draw(st.sampled_from(changed))
        case Text() | Pseudonym() | Host() as form:
            odd = _HOSTS if isinstance(form, Host) else _IDENTIFIERS
            if not isinstance(form, Text) and draw(st.booleans()):
                return draw(odd)
            sizes = [0, form.shortest - 1, form.shortest, form.shortest + 1]
            size = draw(st.sampled_from([*sizes, form.longest - 1, form.longest, form.longest + 1]))
            text = draw(st.sampled_from("aAé0")) * max(0, size)
            at = draw(st.integers(0, len(text)))
            return text[:at] + draw(st.just("") | _ODD_CHARACTERS) + text[at + 1 :]


@st.composite
def _near_misses(draw: st.DrawFn) -> tuple[Sort, dict[str, Any]]:
    """A record that differs from a good one in a field."""
    sort = draw(st.sampled_from(SORTS))
    record = dict(sort.good)
    for field in sort.fields:  # whether a field is there must not depend on the others
        if not field.required and draw(st.integers(0, 3)) == 0:
            del record[field.name]
    field = draw(st.sampled_from(sort.fields))
    change = draw(st.sampled_from(["value"] * 8 + ["absent", "misspelt", "unknown", "foreign"]))
    match change:
        case "value":
            record[field.name] = draw(_around(field))
        case "absent":
            record.pop(field.name, None)
        case "misspelt":
            record[field.name.upper()] = record.pop(field.name, 1)
        case "unknown":
            record["note"] = draw(_OTHER_FORMS)
        case "foreign":  # a field that other records have is none of this one
            other = draw(st.sampled_from(draw(st.sampled_from(SORTS)).fields))
            record.setdefault(other.name, draw(_OTHER_FORMS))
    return sort, record


def _decoded(kind: int, raw: bytes, key: bytes) -> bool:
    try:
        decode(kind, raw, key, LIMITS)
    except Malformed:
        return False
    return True


def _scanned(kind: int, raw: bytes, key: bytes) -> bool:
    one = np.zeros(1, np.int64)
    batch, _ = parse([raw], [key], np.full(1, kind, np.uint8), one.astype(np.int32), one, LIMITS)
    return len(batch) == 1


def _names_iban(sort: Sort, record: dict[str, Any]) -> bool:
    said = [record.get(f.name) for f in sort.fields if isinstance(f.form, Pseudonym)]
    return any(isinstance(value, str) and is_iban(value) for value in said)


def _example(kind: int, **changed: Any) -> tuple[Sort, dict[str, Any]]:
    return SORTS[kind], SORTS[kind].good | changed


@settings(max_examples=4_000, deadline=None)
@given(_near_misses())
@example(_example(0, host=None))
@example(_example(0, host=None, app=None))
@example(_example(2, member_id="2001:db8::1"))
@example(_example(2, member_id="00:1A:2b:3c:4d:5e"))
@example(_example(2, member_id="DE89370400440532013000"))
@example(_example(3, purpose="a\n"))
def test_schema_decoder_and_scanner_accept_the_same(pair: tuple[Sort, dict[str, Any]]) -> None:
    sort, record = pair
    raw = json.dumps(record, ensure_ascii=False).encode(errors="surrogatepass")
    key = str(record.get("account_id")).encode(errors="replace")
    said = CHECKS[sort.kind].is_valid(json.loads(raw)) and not _names_iban(sort, record)
    assert _decoded(sort.kind, raw, key) == said
    assert _scanned(sort.kind, raw, key) == said


def test_good_records_are_good() -> None:
    assert {sort.good.get(KIND.name) for sort in SORTS} == {None, *FACT_FIELDS, *OUTCOME_FIELDS}
    for sort in SORTS:
        CHECKS[sort.kind].validate(sort.good)
