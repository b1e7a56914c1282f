"""Writes what is held about somebody as a sheet that they understand, as JSON and as HTML.

Purposes, sources, retention, recipients and logic are said in words (GDPR Art. 13 to 15).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from features.records.inputs import INPUTS
from streams.client.words import Wording
from streams.logs import visible
from streams.settings import Settings

#: Sections, in their order, each a list of sentences.
SECTIONS = ("interests", "suppressions", "facts", "purposes", "sources", "retention", "recipients",
            "logic", "rights")  # fmt: skip
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.4rem}h2{font-size:1.1rem;margin-bottom:.25rem}li,p{overflow-wrap:anywhere}"
)


def sheet(found: Mapping[str, Any], settings: Settings, said: Wording) -> dict[str, Any]:
    """The sheet as sentences by section, with everything that is held, decoded, below ``held``.

    Parameters
    ----------
    found : dict
        As the command ``subject`` finds it.
    """
    profiles = list(found["profiles"].values())
    interests = [(item, raw) for raw in profiles for item in raw["interests"]]
    names = {item["id"]: item["name"] for item, _ in interests}
    known = found["facts"] or {"consent": [], "facts": []}
    texts = {
        "interests": [f"{item['name']}: {said.interest(item, raw)}" for item, raw in interests],
        "suppressions": [
            said.suppression(item, names) for raw in profiles for item in raw["suppressions"]
        ],
        "facts": [_fact(fact) for fact in known["facts"]],
        "purposes": permissions_said(found, said),
        "sources": [
            said.say("sheet", "source", name=item.name, what=item.about) for item in INPUTS.events
        ],
        "retention": [
            said.say("sheet", "retention_profile", days=settings.retention_days),
            *found["also"],
        ],
        "recipients": [said.say("sheet", "recipients_text", k=settings.audience_k)],
        "logic": [said.say("sheet", "logic_text")],
        "rights": [said.say("sheet", "rights_text")],
    }
    if found["erased"]:
        at = datetime.fromtimestamp(found["erased"]["requested_at"] / 1000, UTC).isoformat()
        texts["facts"].insert(0, said.say("sheet", "erased", at=at))
    return {
        "language": said.language,
        "title": said.say("sheet", "title", subject=found["subject"]),
        **{name: list(dict.fromkeys(texts[name])) for name in SECTIONS},
        "held": found,
    }


def as_html(made: Mapping[str, Any], said: Wording) -> str:
    """The sheet as one HTML page, to be read and printed: no script, nothing from elsewhere."""
    sections = "".join(
        f"<section><h2>{_escaped(said.say('sheet', name))}</h2>"
        f"{_list(made[name]) or '<p>' + _escaped(said.say('sheet', 'none')) + '</p>'}</section>"
        for name in SECTIONS
    )
    title = _escaped(made["title"])
    return (
        f'<!doctype html><html lang="{_escaped(made["language"])}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{title}</h1>{sections}</body></html>"
    )


def _escaped(text: str) -> str:
    """A text as HTML shows it, letter by letter."""
    return escape(visible(text))


def _list(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{_escaped(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def permissions_said(found: Mapping[str, Any], said: Wording) -> list[str]:
    """Say of each purpose, per person, what allows or refuses it and until when."""
    return [_permission(item, said) for item in found.get("permissions", ())]


def _permission(item: Mapping[str, Any], said: Wording) -> str:
    whose = item["member_id"] or said.say("sheet", "household")
    use = said.say("use", item["purpose"])
    if f"why_{item['why']}" in said.codes("sheet"):
        why = said.say("sheet", f"why_{item['why']}")
        return f"{whose}: {said.say('sentence', 'not_allowed', use=use, why=why)}"
    return f"{whose}: {said.permission(item['purpose'], item)}"


def _fact(fact: Mapping[str, Any]) -> str:
    told = ", ".join(f"{name} {value}" for name, value in fact.items() if name != "at")
    return f"{fact['at'][:10]}: {told}"
