"""Reads the words of facts from their reviewed file, `features/data/consent_words.toml`.

====================  =================================================================
table of the words    fields: lists of squeezed words, each in one place only
====================  =================================================================
(top)                 ``schema`` 1
``status``            ``granting``, ``negations`` (parts of a status)
``status.refusing``   by reason, a name of `Why` in lower case
``status.stems``      likewise, parts of words
``purpose``           ``all``, ``foreign``
``purpose.refusing``  by purpose
``kind``              ``erasure``, ``consent``, ``withdrawal``, ``objection``, ``registry``,
                      ``declaration``, ``care_case``, ``mandate``, ``other``; ``rights``, parts of
                      words
``field``             by field: further names of it
``child``             as `Childhood`
``said``              of other facts: ``consent``, names of fields that say whether something is
                      allowed, ``tails`` of such, and parts that make one something else
                      (``other_consent``); ``permission``, parts of such names; ``closed`` and
                      ``liked``, what no open care case and no dislike says; ``unsubscribed``,
                      ``complained``, parts of what somebody answers who wants to be left alone
``signal``            as `Signals`
``allowed``           as `Allowances`
``text``              as `PlainWords`
====================  =================================================================
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

from features.privacy.allowances import Allowances
from features.privacy.childhood import Childhood
from features.privacy.plain_words import PlainWords
from features.privacy.signals import Signals
from features.privacy.words import Words
from features.records.loose import squeezed
from features.records.readings import RightsKind, Why
from features.reviewed import Reviewed
from features.vocabulary import Purpose

_KINDS: Final = {
    "erasure": RightsKind.ERASURE,
    "consent": RightsKind.CONSENT,
    "withdrawal": RightsKind.WITHDRAWAL,
    "objection": RightsKind.OBJECTION,
    "registry": RightsKind.REGISTRY,
    "declaration": RightsKind.DECLARATION,
    "care_case": RightsKind.CASE,
    "mandate": RightsKind.MANDATE,
    "other": RightsKind.OTHER,
}


_TABLES: Final = (
    "schema", "status", "purpose", "kind", "field", "child", "said", "signal", "allowed",
    "text",
)  # fmt: skip
_SAID: Final = (
    "consent",
    "tails",
    "other_consent",
    "permission",
    "closed",
    "liked",
    "unsubscribed",
    "complained",
)


class WordsError(ValueError):
    """The words are not as their schema says; names the table and the word."""


def parse(text: str, terms: Mapping[str, Purpose]) -> Words:
    """Words from TOML text, beside the terms of the rules, which go before them.

    Raises
    ------
    WordsError
        Naming the table and the word that is not as the schema says.
    """
    read = Reviewed(WordsError)
    top = _only("words", read.loads(text), {*_TABLES})
    read.schema(top)
    status = _only("status", top["status"], {"granting", "negations", "refusing", "stems"})
    purpose = _only("purpose", top["purpose"], {"all", "foreign", "refusing"})
    kind = _only("kind", top["kind"], {*_KINDS, "rights"})
    child = _lists("child", top["child"], Childhood)
    signal = _lists("signal", top["signal"], Signals)
    allowed = _lists("allowed", top["allowed"], Allowances)
    plain = _lists("text", top["text"], PlainWords)
    said = _only("said", top["said"], {*_SAID})
    reasons, everything = {why.name.lower() for why in Why}, frozenset(Purpose)
    refusing = _by_word("status.refusing", status["refusing"], reasons)
    stems = _by_word("status.stems", status["stems"], reasons)
    granting = _list("status.granting", status["granting"])
    for word in granting:
        if word in refusing or any(part in word for part in stems):
            raise WordsError(f"status.granting: {word!r} is read as refusing too")
    further = _by_word("purpose.refusing", purpose["refusing"], set(Purpose))
    every, foreign = (_list(f"purpose.{name}", purpose[name]) for name in ("all", "foreign"))
    listed = [*further, *every, *foreign]
    for word in listed:
        if listed.count(word) > 1:
            raise WordsError(f"purpose: {word!r} stands in two lists")
    return Words(
        {name: tuple(_list(f"field.{name}", top["field"][name])) for name in top["field"]},
        dict(terms),
        {word: frozenset({Purpose(name)}) for word, name in further.items()}
        | dict.fromkeys(every, everything)
        | dict.fromkeys(foreign, frozenset[Purpose]())
        | {squeezed(term): frozenset({name}) for term, name in terms.items()},
        everything,
        {word: Why[name.upper()] for word, name in stems.items()},
        {name: tuple(_list(f"said.{name}", said[name])) for name in said},
        Signals(**signal),
        Allowances(**allowed),
        frozenset(granting),
        frozenset(_list("status.negations", status["negations"])),
        {word: Why[name.upper()] for word, name in refusing.items()},
        {
            word: _KINDS[name]
            for word, name in _by_word("kind", {n: kind[n] for n in _KINDS}, set(_KINDS)).items()
        },
        tuple(_list("kind.rights", kind["rights"])),
        Childhood(**child),
        PlainWords(**plain),
    )


def _lists(place: str, table: Any, form: Any) -> dict[str, tuple[str, ...]]:
    """A table of lists, one for each public attribute of a dataclass."""
    names = {field.name for field in dataclasses.fields(form)}
    found = _only(place, table, names)
    return {name: tuple(_list(f"{place}.{name}", found[name])) for name in found}


def _only(place: str, table: Any, names: set[str]) -> Mapping[str, Any]:
    """A table that has these fields and no others."""
    if not isinstance(table, dict) or set(table) != names:
        raise WordsError(f"{place}: a table of {', '.join(sorted(names))} is expected")
    return table


def _list(place: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise WordsError(f"{place}: a list is expected")
    for word in value:
        if not isinstance(word, str) or squeezed(word) != word or not word:
            raise WordsError(f"{place}: {word!r} is not squeezed")
    return value


def _by_word(place: str, table: Any, names: Iterable[str]) -> dict[str, str]:
    """The list each word stands in; a word in two is an error."""
    found: dict[str, str] = {}
    if not isinstance(table, dict):
        raise WordsError(f"{place}: a table is expected")
    for name, words in table.items():
        if name not in names:
            raise WordsError(f"{place}.{name}: one of {', '.join(sorted(names))}")
        for word in _list(f"{place}.{name}", words):
            if found.setdefault(word, name) != name:
                raise WordsError(f"{place}: {word!r} stands under {found[word]} and {name}")
    return found
