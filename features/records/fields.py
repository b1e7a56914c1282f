"""Parses a record's JSON and reads its fields: checked values out, or a reason why not.

`features.records.inputs` says which fields a record has; here stands how each form is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeAlias, assert_never

import orjson

from features.records.dead_letter import DeadLetter
from features.records.forms import Chance, Choice, Field, Flag, Host, Pseudonym, Text, Whole
from features.records.identifiers import FORMS
from features.records.pseudonyms import is_personal
from features.vocabulary import Refusal

#: Objects and arrays inside each other, the record itself included.
MAX_DEPTH: Final = 8


class Malformed(ValueError):
    """A record that goes to the dead letters.

    Attributes
    ----------
    letter : DeadLetter
        Why; the record's place and bytes are for the caller to add.
    """

    def __init__(self, reason: Refusal, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.letter = DeadLetter(reason, field, message)


# A text without end reaches to the end of the record: no start is tried twice, so the scan is
# linear whatever comes in.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?|([\[{])|([\]}])', re.DOTALL)


def load(raw: bytes, max_bytes: int) -> dict[str, Any]:
    """Parse a record of at most ``max_bytes`` bytes into its fields, or raise `Malformed`."""
    if len(raw) > max_bytes:
        raise Malformed(Refusal.TOO_LARGE, "", f"{len(raw)} bytes, at most {max_bytes}")
    if not raw.strip(b" \t\r\n"):
        raise Malformed(Refusal.EMPTY, "", "nothing in the record")
    # Before parsing: what the JSON library does with very deep input is its own affair.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _depth(raw) > MAX_DEPTH:
        raise Malformed(Refusal.DEPTH, "", f"nested deeper than {MAX_DEPTH}")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Malformed(Refusal.NOT_JSON, "", str(error)) from None
    if not isinstance(value, dict):
        message = f"a JSON object is expected, not {_json_type(value)}"
        raise Malformed(Refusal.NOT_OBJECT, "", message)
    return value


def repeats(raw: bytes, values: Mapping[str, Any]) -> bool:
    """Whether a name stands more than once in a record, by what `load` made of it."""
    if raw.count(b":") == len(values):  # each name is followed by one
        return False
    return len(json.loads(raw, object_pairs_hook=list, parse_int=str)) > len(values)


def _depth(raw: bytes) -> int:
    depth = deepest = 0
    for token in _TOKEN.finditer(raw):
        if token[1]:
            depth += 1
            deepest = max(deepest, depth)
        elif token[2]:
            depth -= 1
    return deepest


def _json_type(value: object) -> str:
    names: dict[type, str] = {str: "text", bool: "a boolean", int: "a number", float: "a number",
                              list: "an array", dict: "an object"}  # fmt: skip
    return names.get(type(value), "null")


#: Whether a text is a pseudonym.
Accepts: TypeAlias = Callable[[str], bool]


def read(values: Mapping[str, Any], field: Field, accepts: Accepts) -> Any:
    """Checked value of one field; None where it is absent, or null, and need not be there.

    Raises
    ------
    Malformed
    """
    name, value = field.name, values.get(field.name)
    if value is None:
        if field.required:
            raise missing(name)
        return None
    match field.form:
        case Text() as form:
            text = _text(name, value, form, _compiled(form.pattern))
            return _impersonal(name, text) if form.kept else text
        case Pseudonym() as form:
            return _pseudonym(name, value, form, accepts)
        case Whole() as form:
            return _whole(name, value, form)
        case Choice() as form:
            return _choice(name, value, form)
        case Host() as form:
            return _host(name, value, form)
        case Flag():
            if not isinstance(value, bool):
                raise _type(name, "true or false", _json_type(value))
            return value
        case Chance():
            return _chance(name, value)
        case other:
            assert_never(other)


def missing(name: str) -> Malformed:
    """The error to raise where a required field is absent."""
    return Malformed(Refusal.MISSING, name, "is required")


def _type(name: str, wanted: str, found: str) -> Malformed:
    return Malformed(Refusal.TYPE, name, f"{wanted} is expected, not {found}")


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _text(
    name: str, value: Any, form: Text | Pseudonym | Host, whole: re.Pattern[str] | None = None
) -> str:
    if not isinstance(value, str):
        raise _type(name, "text", _json_type(value))
    least, most = form.shortest, form.longest
    if not least <= len(value) <= most:
        span = f"{least} to {most}" if least < most else str(most)
        raise Malformed(Refusal.LENGTH, name, f"{len(value)} characters, {span} are allowed")
    if not whole.fullmatch(value) if whole else _CONTROL.search(value):
        raise Malformed(Refusal.CHARSET, name, "holds a character that is not allowed")
    return value


def _whole(name: str, value: Any, form: Whole) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        found = "a fraction" if isinstance(value, float) else _json_type(value)
        raise _type(name, "a whole number", found)
    if not form.low <= value <= form.high:
        raise Malformed(form.reason, name, f"must be from {form.low} to {form.high}")
    return value


def _chance(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _type(name, "a number", _json_type(value))
    if not 0 < value <= 1:
        raise Malformed(Refusal.RANGE, name, "must be above 0 and at most 1")
    return float(value)


def _choice(name: str, value: Any, form: Choice) -> str:
    if not isinstance(value, str):
        raise _type(name, "text", _json_type(value))
    if value not in form.words:
        raise Malformed(Refusal.ENUM, name, f"must be one of {', '.join(form.words)}")
    return value


# An address may name its zone, which is no character of a pseudonym.
_AN_ID = re.compile(f"{FORMS['word']}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*%[^%]+|[^@]*@.*|[+].*")
_NO_PERSON = (
    "is not of the declared form of a pseudonym, or looks like a telephone number, IMSI, IMEI, "
    "IBAN, e-mail or network address"
)


def _pseudonym(name: str, value: Any, form: Pseudonym, accepts: Accepts) -> str:
    text = _text(name, value, form)
    if accepts(text):
        return text
    if _AN_ID.fullmatch(text):
        raise Malformed(Refusal.IDENTIFIER, name, _NO_PERSON)
    message = "only letters, digits and _ . : - are allowed"
    raise Malformed(Refusal.CHARSET, name, message)


def _impersonal(name: str, text: str) -> str:
    if is_personal(text):
        message = "holds a telephone number, IMSI, IMEI, e-mail or network address of somebody"
        raise Malformed(Refusal.IDENTIFIER, name, message)
    return text


def _host(name: str, value: Any, form: Host) -> str:
    match = _compiled(form.pattern).fullmatch(_text(name, value, form))
    if match is None:
        raise Malformed(Refusal.CHARSET, name, "not a host name or address")
    return _impersonal(name, str(next(group for group in match.groups() if group)))
