"""Decides what of a profile an answer shows: by purpose first, then by what was asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from features.vocabulary import Stance, SuppressionReason
from streams.apps.lookup.callers import OFFERS
from streams.apps.lookup.problems import bad, unknown
from streams.client import Profiles, Stored
from streams.client.chances import chance_bounds
from streams.client.ends import advice_end
from streams.client.kin import suppressions_on
from streams.client.words import LANGUAGES, wording
from streams.contract.schemas import SCHEMAS
from streams.contract.topics import PROFILES

_TOP = frozenset(SCHEMAS[PROFILES]["properties"])
_INTEREST = frozenset(SCHEMAS[PROFILES]["properties"]["interests"]["items"]["properties"])
#: Always in an answer: whose it is and which.
_ALWAYS = frozenset({"subject", "version"})
#: Who makes offers needs neither where somebody is, nor when and on what they are active.
_NOT_FOR_OFFERS = frozenset({"context", "evidence", "model"})
_NOT_OF_INTERESTS_FOR_OFFERS = frozenset({"dayparts", "sources", "moments", "next"})
#: With one of these on everything, there is nothing that offers may be made from.
_REFUSES_OFFERS = frozenset(
    {
        SuppressionReason.NO_CONSENT_OFFERS,
        SuppressionReason.MEMBER_NO_OFFERS,
        SuppressionReason.CHILD_DEVICE,
    }
)
#: With one of these there are no offers, and nobody refused any.
_NO_REFUSAL = frozenset(
    {
        SuppressionReason.CARE_CASE,
        SuppressionReason.HOLDOUT,
        SuppressionReason.CONTACT_CAP,
        SuppressionReason.CONTACT_PAUSE,
    }
)
_MOST_FIELDS = 40
_FIELD = re.compile(r"[a-z_]{1,32}(\.[a-z_]{1,32})?")


class View(NamedTuple):
    """Parts of a profile that an answer shows.

    Attributes
    ----------
    purpose : str
    stances : frozenset of str
        Interests with these alone; all if empty.
    fields : frozenset of str
        Names of a profile's fields, or ``interests.<field>``; all if empty.
    language : str
        Of the sentences that are added; none if empty.
    """

    purpose: str
    stances: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    language: str = ""

    @property
    def whole(self) -> bool:
        """Whether the record is shown as it is."""
        return self.purpose != OFFERS and not (self.stances or self.fields or self.language)


def view_of(purpose: str, query: Mapping[str, str]) -> View:
    """The view that the parameters of a request ask for.

    Raises
    ------
    Problem
        400, naming the parameter.
    """
    unexpected = query.keys() - {"stance", "fields", "words", "purpose"}
    if unexpected:
        raise bad("A parameter is none of stance, fields, words and purpose.", "parameter")
    stances = frozenset(query["stance"].split(",")) if "stance" in query else frozenset()
    if stances - set(Stance.words()):
        raise bad(f"stance is some of {', '.join(Stance.words())}.", "stance")
    fields = query["fields"].split(",") if "fields" in query else []
    if len(fields) > _MOST_FIELDS or not all(map(_is_field, fields)):
        raise bad("fields names fields of a profile, or interests.<field>.", "fields")
    language = query.get("words", "")
    if language and language not in LANGUAGES:
        raise bad(f"words is one of {', '.join(LANGUAGES)}.", "words")
    return View(purpose, stances, frozenset(fields), language)


def household(
    held: Profiles, account: str, view: View, now_ms: int
) -> tuple[dict[str, Any], list[tuple[str, Stored]]]:
    """An account and its members in one answer, and what it was made of.

    Raises
    ------
    Problem
        404 where nothing of it may be shown.
    """
    found = [
        (subject, stored)
        for subject in (account, *held.members(account))
        if (stored := held.raw(subject)) is not None and allowed(stored, view, now_ms)
    ]
    if not found:
        raise unknown()
    own = found[0][1] if found[0][0] == account else None
    answer = {
        "account": account,
        "household": None if own is None else shown(own, view),
        "members": [shown(stored, view) for subject, stored in found if subject != account],
    }
    return answer, found


def allowed(stored: Stored, view: View, now_ms: int) -> bool:
    """Whether a profile may be shown for a purpose at all, at a time."""
    if view.purpose != OFFERS:
        return True
    raw = orjson.loads(stored.value)
    contactable = raw.get("contactable")
    said = contactable.get(OFFERS) if isinstance(contactable, dict) else None
    if isinstance(said, dict):
        allowed = said.get("value") is not False
        refused = not allowed and said.get("why") not in _NO_REFUSAL
        over = allowed and said.get("until") is not None and said["until"] <= now_ms
        if refused or over:
            return False
    return not any(
        item.get("scope") == "all"
        and item.get("reason") in _REFUSES_OFFERS
        and (item.get("until") is None or now_ms < item["until"])
        for item in _objects(raw, "suppressions")
    )


def shown(stored: Stored, view: View) -> Any:
    """A profile as an answer shows it, for `orjson.dumps`."""
    if view.whole:
        return orjson.Fragment(stored.value)
    raw: dict[str, Any] = orjson.loads(stored.value)
    if view.purpose == OFFERS:  # before it is put in words, which say no more than is shown
        raw = _for_offers(raw)
    interests = _objects(raw, "interests")
    if view.stances:
        interests = [item for item in interests if item.get("stance") in view.stances]
    if view.language:
        said = wording(view.language)
        names = {str(item.get("id")): str(item.get("name")) for item in interests}
        interests = [
            {
                **item,
                "words": said.interest(item, raw),
                "margin": _margin(item),
                "ends": advice_end(item, raw).day or None,
            }
            for item in interests
        ]
        suppressions = _objects(raw, "suppressions")
        raw["suppressions"] = [
            {**item, "words": said.suppression(item, names)} for item in suppressions
        ]
        if isinstance(uses := raw.get("contactable"), dict):
            raw["contactable"] = {
                use: {**item, "words": said.permission(use, item, suppressions)}
                for use, item in uses.items()
                if isinstance(item, dict)
            }
    raw["interests"] = interests
    return _cut(raw, view.fields)


def why(stored: Stored, interest: str, view: View, now_ms: int) -> dict[str, Any]:
    """One interest with its sentence, the rule that decided, and all that speaks against engaging.

    Raises
    ------
    Problem
        404 where the profile doesn't have it.
    """
    raw: dict[str, Any] = orjson.loads(stored.value)
    raw = _for_offers(raw) if view.purpose == OFFERS else raw
    item = next((i for i in _objects(raw, "interests") if i.get("id") == interest), None)
    if item is None:
        raise unknown()
    said = wording(view.language)
    names = {str(i.get("id")): str(i.get("name")) for i in _objects(raw, "interests")}
    # All that the profile says, past its end too: until a next version the profile stands by it.
    against = [
        {**suppression, "words": said.suppression(suppression, names)}
        for suppression in suppressions_on(item, raw)
    ]
    acting = (s for s in against if s.get("until") is None or now_ms < s["until"])
    return {
        "subject": raw.get("subject"),
        "version": stored.version,
        "interest": item,
        "engage": item.get("stance") == Stance.ENGAGE.word
        and all("channel" in suppression for suppression in acting),
        "words": said.interest(item, raw),
        "rule": said.rule(item, raw),
        "suppressions": against,
    }


def etag(parts: Iterable[tuple[str, Stored]], view: View, more: str = "") -> str:
    """Entity tag of an answer: of the places it was made of, which never repeat, and the view."""
    places = [(subject, stored.partition, stored.offset) for subject, stored in parts]
    newest = max(places, key=lambda place: place[2])
    asked = view.purpose, sorted(view.stances), sorted(view.fields), view.language, more
    digest = hashlib.blake2s(repr((places, asked)).encode(), digest_size=8).hexdigest()
    return f'"{newest[1]}:{newest[2]}:{digest}"'


def _margin(item: Mapping[str, Any]) -> dict[str, float] | None:
    """The chance of an interest at worst and at best, as its sentence takes them."""
    found = chance_bounds(item)
    return None if found is None else {"low": round(found.low, 4), "high": round(found.high, 4)}


def _for_offers(raw: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in raw.items() if name not in _NOT_FOR_OFFERS}
    kept["interests"] = [
        {name: v for name, v in item.items() if name not in _NOT_OF_INTERESTS_FOR_OFFERS}
        for item in _objects(raw, "interests")
    ]
    kept["suppressions"] = [
        item for item in _objects(raw, "suppressions") if item.get("scope") != "audiences"
    ]
    if isinstance(raw.get("contactable"), dict):
        kept["contactable"] = {k: v for k, v in raw["contactable"].items() if k == OFFERS}
    return kept


def _cut(raw: dict[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    if not fields:
        return raw
    top = fields | _ALWAYS
    inner = {name.partition(".")[2] for name in fields if "." in name}
    kept = {name: value for name, value in raw.items() if name in top}
    if inner:
        kept["interests"] = [
            {name: v for name, v in item.items() if name in inner} for item in raw["interests"]
        ]
    return kept


def _is_field(name: str) -> bool:
    if not _FIELD.fullmatch(name):
        return False
    top, _, inner = name.partition(".")
    return (top == "interests" and inner in _INTEREST) if inner else top in _TOP


def _objects(raw: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = raw.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
