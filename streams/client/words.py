"""Says in words what a profile says in codes, in every language there is a file of.

A language is a file ``streams/data/words.<language>.json``: templates by code, with ``{value}``
where the code has one. A code that a file doesn't know, of a later version say, is still said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

#: There is a file of each; the first is the default.
LANGUAGES = ("en", "de")
#: Reasons whose value is a share.
_SHARES = ("share_7d", "weekly_habit", "seen_on_shared_screen", "somebody_else", "learned_abroad")
#: Reasons that decide whatever was measured; they are said first.
_DECISIVE = ("on_hold", "care_case", "suppressed", "declared_dislike", "declared_like")


class Wording:
    """The templates of one language.

    Parameters
    ----------
    language : str
        One of `LANGUAGES`.

    Examples
    --------
    >>> Wording("en").reason("active_days_28", 12)
    'active on 12 of the last 28 days'
    >>> Wording("de").reason("active_days_28", 12)
    'an 12 der letzten 28 Tage aktiv'
    >>> Wording("en").reason("moon_phase", 3)
    'another reason (moon_phase: 3)'
    """

    def __init__(self, language: str) -> None:
        self.language = language
        path = resources.files("streams").joinpath(f"data/words.{language}.json")
        self._texts: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))

    def codes(self, kind: str) -> set[str]:
        """Codes of a kind that there is a template for."""
        return {code for code in self._texts[kind] if not code.startswith("_")}

    def say(self, kind: str, code: str, /, **values: Any) -> str:
        """One phrase: of a kind (reason, stance, trend, suppression, ...), by its code."""
        table = self._texts[kind]
        template = table.get(code)
        if template is None:
            template, values = table["_other"], {"code": code, **values}
        shown = {name: self._number(value) for name, value in values.items()}
        return template.format_map(_Lenient(shown))

    def reason(self, code: str, value: Any = None, lift: Any = None) -> str:
        """One reason for a stance; `lift` is the interest's, for the rules that judge it."""
        if code in _SHARES:
            value = self._percent(value)
        if value is None and code not in self._texts["reason"]:
            return self.say("reason", "_bare", code=code)
        if isinstance(value, Mapping):
            about = round(lift, 1) if isinstance(lift, float) else lift
            named = {"lift": about} | {str(name): item for name, item in value.items()}
            if isinstance(named.get("score"), float):
                named |= {n: self._percent(named[n]) for n in ("score", "needs") if n in named}
            if isinstance(named.get("loss"), float):  # of a contact
                named["loss"] = round(100 * named["loss"])
            return self.say("reason", code, **named)
        return self.say("reason", code, value=value)

    def interest(self, raw: Mapping[str, Any]) -> str:
        """An interest of a profile (JSON) in words: what to do, why, when, and how long so."""
        reasons = [
            self.reason(str(item.get("code")), item.get("value"), raw.get("lift"))
            for item in sorted(_dicts(raw.get("reasons")), key=_weight)
        ]
        why, *more = reasons or [self.say("sentence", "nothing")]
        stance = self.say("stance", str(raw.get("stance", "hold")))
        trend = self.say("trend", str(raw.get("trend", "steady")))
        details = "details_more" if more else "details"
        return " ".join(
            [
                self.say("sentence", "interest", stance=stance, why=why),
                self.say("sentence", details, trend=trend, details="; ".join(more)),
                *self._times(raw),
            ]
        )

    def _times(self, raw: Mapping[str, Any]) -> Iterator[str]:
        """Sentences on where and when an interest shows, and since when its stance holds."""
        if isinstance(sources := raw.get("sources"), Mapping) and sources:
            shares = (
                self.say(
                    "sentence",
                    "seen_in",
                    source=self.say("source", str(name)),
                    share=self._percent(share),
                )
                for name, share in sources.items()
            )
            yield self.say("sentence", "seen", sources=", ".join(shares))
        if moments := _dicts(raw.get("moments")):
            said = (
                self.say(
                    "sentence",
                    "moment",
                    day=self.say("day", str(item.get("weekday") or item.get("day_type"))),
                    part=self.say("part", str(item.get("part"))),
                    p=self._percent(item.get("p")),
                )
                for item in moments
            )
            yield self.say("sentence", "moments", moments=", ".join(said))
        if isinstance(then := raw.get("next"), Mapping):
            part = self.say("part", str(then.get("part")))
            yield self.say("sentence", "next", date=then.get("date"), part=part)
        since, until = raw.get("stance_since"), raw.get("until")
        if isinstance(since, str):
            dated = "since" if until is None else "since_until"
            yield self.say("sentence", dated, since=since, until=_day(until))

    def suppression(self, raw: Mapping[str, Any], names: Mapping[str, str]) -> str:
        """One sentence on a suppression of a profile (JSON); `names` of interests by id."""
        scope, until = str(raw.get("scope")), raw.get("until")
        name = str(raw.get("name") or names.get(scope, scope))
        return self.say(
            "sentence",
            "suppression" if until is None else "suppression_until",
            what=self.say(
                "scope", scope if scope in self._texts["scope"] else "interest", name=name
            ),
            why=self.say("suppression", str(raw.get("reason"))),
            until=_day(until),
        )

    def permission(self, use: str, raw: Mapping[str, Any]) -> str:
        """One sentence on whether a profile may serve a use: an entry of `contactable` (JSON)."""
        until, yes = raw.get("until"), raw.get("value") is True
        return self.say(
            "sentence",
            "not_allowed" if not yes else "allowed" if until is None else "allowed_until",
            use=self.say("use", use),
            why=self.say("suppression", str(raw.get("why"))),
            until=_day(until),
        )

    def _percent(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return str(value)
        return f"{value:.0%}" if self.language == "en" else f"{value * 100:.0f} %"

    def _number(self, value: Any) -> str:
        if isinstance(value, float):
            text = f"{value:.2f}".rstrip("0").rstrip(".")
            return text.replace(".", ",") if self.language == "de" else text
        return str(value)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _weight(reason: Mapping[str, Any]) -> int:
    code = str(reason.get("code"))
    return _DECISIVE.index(code) if code in _DECISIVE else len(_DECISIVE)


@lru_cache
def wording(language: str = LANGUAGES[0]) -> Wording:
    """The wording of a language; of the default for one that there is no file of."""
    return Wording(language if language in LANGUAGES else LANGUAGES[0])


class _Lenient(dict[str, str]):
    """A value that a record left out is shown as such."""

    def __missing__(self, key: str) -> str:
        return "?"


def _day(epoch_ms: Any) -> str:
    from datetime import UTC, datetime

    if not isinstance(epoch_ms, int) or not 0 <= epoch_ms < 253_402_300_800_000:
        return "?"
    return f"{datetime.fromtimestamp(epoch_ms / 1000, UTC):%Y-%m-%d}"
