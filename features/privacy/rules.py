"""Reads the rules on what follows from facts: ``data/suppression.toml`` and its schema.

==================  =====================================================================
table               fields
==================  =====================================================================
(top)               ``schema`` 1
``purposes.<name>`` ``terms`` list of text, ``unsaid`` default | profiling | deny; the
                    names are ``profiling``, ``offers`` and ``audiences``
``declared``        ``like_days``, ``dislike_days`` 1..3650
``children``        ``profiled`` bool, ``shared_device`` hold | ignore
``class`` (list)    ``name`` text, ``interests`` list of ids or ``*`` (one class has it),
                    ``purchase_days``, ``decision_days`` 0..3650, ``relatives`` list of
                    descendants | parent | siblings; optional: ``kin`` list of ids, ``rhythm``
                    bool: quiet for three quarters of the usual time between own purchases,
                    where that is known
==================  =====================================================================
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.outcomes.contact_policy import ContactPolicy, parse_policy
from features.outcomes.holdouts import NO_HOLDOUTS, Holdouts
from features.privacy import words_file
from features.privacy.words import Words
from features.reviewed import Reviewed
from features.tags import taxonomy
from features.tags.taxonomy import Taxonomy
from features.vocabulary import FactKind, Purpose

RELATIVES = ("descendants", "parent", "siblings")
_UNSAID = {
    Purpose.PROFILING: ("default",),
    Purpose.OFFERS: ("profiling", "deny"),
    Purpose.AUDIENCES: ("profiling", "deny"),
}
_MOST_DAYS = 3650
#: Another one where equal texts come to forbid more: state is then read as under new rules.
_MEANING = "2\0"


class RulesError(ValueError):
    """The rules are not as their schema says; names the table and the field."""


_READ = Reviewed(RulesError)


@dataclass(frozen=True)
class InterestClass:
    """A class of interests: how long it stays quiet, and what goes quiet with it."""

    name: str
    days: Mapping[str, int]  # by kind of fact
    relatives: tuple[str, ...]
    kin: tuple[int, ...]
    rhythm: bool = False  # bought again and again, at a pace of one's own
    ends_with_trip: bool = False  # wanted until its subject is back from abroad


@dataclass(frozen=True, eq=False)
class Rules:
    """The rules, resolved against a taxonomy.

    Attributes
    ----------
    terms : mapping of str to Purpose
        Purpose by the word a consent fact uses, lower-case.
    unsaid : mapping of Purpose to str
    like_days, dislike_days : int
    children_profiled : bool
    shared_device_holds : bool
    contact : ContactPolicy
        The rules on who is left alone after having been spoken to.
    holdouts : Holdouts
        Who is never spoken to, so that effects are known.
    fingerprint : str
        Of the texts that rows are flagged by: equal rules have equal ones.
    """

    terms: Mapping[str, Purpose]
    unsaid: Mapping[Purpose, str]
    like_days: int
    dislike_days: int
    children_profiled: bool
    shared_device_holds: bool
    contact: ContactPolicy
    fingerprint: str
    _tree: Taxonomy = field(repr=False)
    _kinds: Mapping[int, InterestClass] = field(repr=False)
    _other: InterestClass = field(repr=False)
    holdouts: Holdouts = NO_HOLDOUTS

    def holding_out(self, holdouts: Holdouts) -> Rules:
        """The same rules with these hold-outs."""
        if holdouts == self.holdouts:
            return self
        return replace(self, holdouts=holdouts, fingerprint=self.fingerprint + holdouts.fingerprint)

    @cached_property
    def unsaid_is_granted(self) -> bool:
        """Whether who allows profiling and says no more allows its uses."""
        return all(self.unsaid[use] == "profiling" for use in (Purpose.OFFERS, Purpose.AUDIENCES))

    def say_of_everybody(self, default_grant: bool) -> bool:
        """Whether something follows for accounts of which no word is known."""
        return self.holdouts.active or (default_grant and not self.unsaid_is_granted)

    @cached_property
    def words(self) -> Words:
        """The bundled words of facts about permissions, beside these terms."""
        return words_file.parse(bundled_text("consent_words.toml"), self.terms)

    def purpose(self, term: str) -> Purpose | None:
        """Purpose of a consent fact's word; None where the purpose is not ours."""
        return self.terms.get(term.lower())

    def kind(self, interest: str) -> InterestClass:
        """Class of an interest."""
        index = self._tree.index(interest)
        for node in (index, *self._tree.ancestors(index)):
            if node in self._kinds:
                return self._kinds[node]
        return self._other

    @cached_property
    def ending_with_trip(self) -> NDArray[np.uint8]:
        """Whether each interest is one that a trip ends; shape (interests,), 0 or 1."""
        return np.array([self.kind(node).ends_with_trip for node in self._tree.ids], np.uint8)

    def quieted(self, interest: str) -> list[int]:
        """Dense indices that a quiet interest silences: itself first, then its relatives."""
        tree, index, kind = self._tree, self._tree.index(interest), self.kind(interest)
        found = [index]
        parent = int(tree.parent[index])
        if "descendants" in kind.relatives:
            found += tree.descendants(index)
        if parent >= 0 and "parent" in kind.relatives:
            found.append(parent)
        if parent >= 0 and "siblings" in kind.relatives:
            for sibling in tree.children[parent]:
                found += [sibling, *tree.descendants(sibling)]
        found += kind.kin
        return list(dict.fromkeys(found))


@cache
def load() -> Rules:
    """The bundled rules."""
    return parse(bundled_text("suppression.toml"), taxonomy.load())


def parse(text: str, tree: Taxonomy, contact: str = "") -> Rules:
    """Rules from TOML text.

    Parameters
    ----------
    contact : str
        Of the policy of contact (`features.outcomes.contact_policy`); empty: the bundled one.

    Raises
    ------
    RulesError or features.outcomes.contact_policy.PolicyError
        Naming the table and the field that is not as the schema says.
    """
    contact = contact or bundled_text("contact_policy.toml")
    table = _READ.loads(text)
    _READ.fields("rules", table, {"schema", "purposes", "declared", "children", "class"})
    _READ.schema(table)
    terms, unsaid = _purposes(table["purposes"])
    declared, children = table["declared"], table["children"]
    _READ.fields("declared", declared, {"like_days", "dislike_days"})
    _READ.fields("children", children, {"profiled", "shared_device"})
    kinds, other = _classes(table["class"], tree)
    return Rules(
        terms,
        unsaid,
        _days("declared", declared, "like_days", 1),
        _days("declared", declared, "dislike_days", 1),
        _READ.flag("children.profiled", children["profiled"]),
        _READ.word("children.shared_device", children["shared_device"], ("hold", "ignore"))
        == "hold",
        parse_policy(contact),
        hashlib.sha256(f"{_MEANING}{text}\0{_flagging(contact)}".encode()).hexdigest()[:16],
        tree,
        kinds,
        other,
    )


def _flagging(contact: str) -> str:
    """The policy of contact without what sets no flags: the worth of contacts."""
    return re.sub(r"\n\[uplift\]\n(?:(?!\[).*\n?)*", "", contact)


def bundled_text(name: str) -> str:
    """Text of a bundled file of rules."""
    return resources.files("features.data").joinpath(name).read_text("utf-8")


def _purposes(table: Mapping[str, Any]) -> tuple[dict[str, Purpose], dict[Purpose, str]]:
    _READ.fields("purposes", table, set(Purpose))
    terms: dict[str, Purpose] = {}
    unsaid: dict[Purpose, str] = {}
    for name in Purpose:
        _READ.fields(f"purposes.{name}", table[name], {"terms", "unsaid"})
        for term in _texts(f"purposes.{name}.terms", table[name]["terms"]):
            if terms.setdefault(term.lower(), name) != name:
                raise RulesError(f"purposes.{name}.terms: {term!r} is {terms[term.lower()]} too")
        unsaid[name] = _READ.word(f"purposes.{name}.unsaid", table[name]["unsaid"], _UNSAID[name])
    return terms, unsaid


def _classes(items: Any, tree: Taxonomy) -> tuple[dict[int, InterestClass], InterestClass]:
    kinds: dict[int, InterestClass] = {}
    other: InterestClass | None = None
    for number, item in enumerate(items):
        place = f"class[{number}]"
        _READ.fields(
            place,
            item,
            {"name", "interests", "purchase_days", "decision_days", "relatives"},
            {"kin", "rhythm", "ends_with_trip"},
        )
        relatives = tuple(
            _READ.word(f"{place}.relatives", word, RELATIVES)
            for word in _texts(f"{place}.relatives", item["relatives"])
        )
        kind = InterestClass(
            str(item["name"]),
            {
                FactKind.PURCHASE: _days(place, item, "purchase_days", 0),
                FactKind.DECISION_AGAINST: _days(place, item, "decision_days", 0),
            },
            relatives,
            tuple(_indices(f"{place}.kin", item.get("kin", []), tree)),
            _READ.flag(f"{place}.rhythm", item.get("rhythm", False)),
            _READ.flag(f"{place}.ends_with_trip", item.get("ends_with_trip", False)),
        )
        if item["interests"] == ["*"]:
            if other is not None:
                raise RulesError(f"{place}.interests: '*' is taken by {other.name!r}")
            other = kind
            continue
        for index in _indices(f"{place}.interests", item["interests"], tree):
            if index in kinds:
                raise RulesError(f"{place}.interests: {tree.ids[index]} is in two classes")
            kinds[index] = kind
    if other is None:
        raise RulesError('class: none has interests = ["*"]')
    return kinds, other


def _texts(place: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RulesError(f"{place}: a list of texts is expected")
    return value


def _days(place: str, table: Mapping[str, Any], name: str, least: int) -> int:
    return _READ.whole(f"{place}.{name}", table[name], least, _MOST_DAYS, "whole days")


def _indices(place: str, value: Any, tree: Taxonomy) -> list[int]:
    found = []
    for interest in _texts(place, value):
        if interest not in tree:
            raise RulesError(f"{place}: {interest!r} is not in the taxonomy")
        found.append(tree.index(interest))
    return found
