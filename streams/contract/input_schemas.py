"""Makes the JSON Schemas of the inputs from `features.records.inputs`, as the decoder reads them.

A pattern ends in ``$(?!\\n)``, because ``$`` alone forgives a final newline in Python and in no
other language. ``null`` means absent, so what may be absent may be null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, assert_never

from features.records.forms import (
    Chance,
    Choice,
    Field,
    Flag,
    Form,
    Host,
    Input,
    Pseudonym,
    Text,
    Whole,
)
from features.records.identifiers import NO_TEXT
from features.records.inputs import (
    COMMON,
    FACT_COMMON,
    FACT_FIELDS,
    FACTS_TOPIC,
    INPUTS,
    KIND,
    OUTCOME_FIELDS,
    OUTCOMES_TOPIC,
    Inputs,
)
from features.vocabulary import FactKind, OutcomeKind
from streams.contract.schema_forms import Property, Schema, integer, nullable, record, text, words

_MORE = (
    "Refused beside what is said here: a key that is not account_id, a longer message and an "
    "earlier or later ts than the deployment takes, arrays and objects in unknown fields nested "
    "too deep, and an IBAN as a pseudonym."
)
_PSEUDONYM = (
    "A pseudonym of a person or device, in the form that is taken by default: a UUID, 32 and more "
    "hexadecimal digits, or a word. Digits alone, a telephone number behind anything, an IMSI, "
    "IMEI, MEID, ICCID, EID, an IP or MAC address, a labelled hash and an IBAN are none; of an "
    "IBAN the check digits count, which no pattern can say."
)


_Fields: TypeAlias = tuple[Field, ...]

#: In front of the pattern of a text that is kept.
_IMPERSONAL = f"(?!(?:{'|'.join(NO_TEXT)})$)"


def input_schemas(inputs: Inputs = INPUTS) -> Mapping[str, tuple[str, Schema]]:
    """Title and schema of the inputs by topic: facts, events in their order, outcomes."""
    return {
        FACTS_TOPIC: ("What is known about a customer", _told(FACT_FIELDS)),
        **{item.topic: (item.title, _events(item)) for item in inputs.events},
        OUTCOMES_TOPIC: ("A contact, or an answer to one", _told(OUTCOME_FIELDS)),
    }


def _events(source: Input) -> Schema:
    fields = (*COMMON, *source.fields)
    needed = {field.name for field in fields if field.required}
    named = [name for _, name in source.contents]
    either = (
        {}
        if needed & set(named)
        else {"anyOf": [{"required": [n], "properties": {n: {"type": "string"}}} for n in named]}
    )
    return record(*map(_field, fields), **either, **_REST)


def _told(kinds: Mapping[FactKind, _Fields] | Mapping[OutcomeKind, _Fields]) -> Schema:
    kind = Property(KIND.name, words(*kinds), KIND.about, True)
    return record(
        *(_field(field) for field in FACT_COMMON if field is not KIND),
        kind,
        oneOf=[_fact(name, fields) for name, fields in kinds.items()],
        **_REST,
    )


def _fact(kind: FactKind | OutcomeKind, fields: _Fields) -> Schema:
    own = record(*map(_field, fields))
    return {
        **own,
        "title": kind,
        "required": [KIND.name, *own["required"]],
        "properties": {KIND.name: {"const": kind}, **own["properties"]},
    }


def _field(field: Field) -> Property:
    schema = _form(field.form)
    return Property(
        field.name, schema if field.required else nullable(schema), field.about, field.required
    )


def _form(form: Form) -> Schema:
    match form:
        case Text(kept=False):
            return text(form.shortest, form.longest, anchored(form.pattern))
        case Text() | Host():
            return text(form.shortest, form.longest, anchored(_IMPERSONAL + form.pattern))
        case Pseudonym():
            return {"type": "string", "$ref": "#/$defs/pseudonym"}
        case Choice():
            return words(*form.words)
        case Whole():
            return integer(form.low, form.high)
        case Flag():
            return {"type": "boolean"}
        case Chance():
            return {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
        case other:
            assert_never(other)


def anchored(pattern: str) -> str:
    """A pattern that a text matches as a whole, in Python and ECMAScript."""
    return rf"^{pattern}$(?!\n)"


_REST: Schema = {
    "description": _MORE,
    "$defs": {
        "pseudonym": {
            # Who refers to it says whether null is taken: validators ask for a type here.
            "type": ["string", "null"],
            "description": _PSEUDONYM,
            "examples": ["acc-1"],
            "minLength": Pseudonym.shortest,
            "maxLength": Pseudonym.longest,
            "pattern": anchored(Pseudonym.pattern),
        }
    },
}
