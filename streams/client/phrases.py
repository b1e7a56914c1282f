"""Says single phrases in every language that there is a file of.

A language is a file ``streams/data/words.<language>.json``: templates by code, with ``{value}``
where the code has one. A code that a file doesn't know, of a later version say, is still said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from streams.client.chances import (
    LEAST,
    LIKELY,
    MORE,
    TWICE,
    Margin,
    chance_bounds,
    is_figure,
    is_just_below,
    margin,
    nearer_way,
    rounded_times,
)

#: Reasons whose value is a share.
_SHARES = ("share_7d", "seen_on_shared_screen", "somebody_else", "learned_abroad")
#: Places behind the point of a percentage, at most, where figures would look alike.
_PLACES = 2
#: From so many times on they are said to be more.
_MANY = 20
#: Reasons that say how many times that is, by the numbers that decided; whose numbers are chances.
_BOUNDS = {"lift_clear": "low", "lift_unclear": "low", "likely": "score"}
_CHANCES = ("likely", "still_likely", "too_rare", "tried")


class Phrasebook:
    """The templates of one language, and single phrases made of them.

    Parameters
    ----------
    language : str
        One of `LANGUAGES`.

    Examples
    --------
    >>> Phrasebook("en").reason("active_days_28", 12)
    'seen on 12 of the last 28 days'
    >>> Phrasebook("de").reason("active_days_28", 12)
    'an 12 der letzten 28 Tage gesehen'
    >>> Phrasebook("en").reason("moon_phase", 3)
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

    def reason(self, code: str, value: Any = None, raw: Mapping[str, Any] | None = None) -> str:
        """One reason for a stance; `raw` is the interest (JSON), by which chances are said."""
        raw = raw or {}
        score, lift, bounds = raw.get("score"), raw.get("lift"), self._bounds(code, value)
        found = margin(raw, bounds["low"], bounds.get("needs", MORE)) if "low" in bounds else None
        if code == "lift_unclear" and found and is_figure(lift) and lift < MORE:
            return self.say("reason", "_lift_unclear_alike", **self.margins(found, raw))
        if says_times(code, value, raw):
            return self._measured(code, raw, bounds)
        if code == "too_new" and is_figure(score) and score < LIKELY:
            code = "_too_new_clear"
        if code in _SHARES:
            value = self._percent(value)
        if value is None and code not in self._texts["reason"]:
            return self.say("reason", "_bare", code=code)
        if isinstance(value, Mapping):
            if is_figure(loss := bounds.get("loss")):  # of a contact
                bounds["loss"] = round(100 * loss)
            return self.say("reason", code, **bounds)
        return self.say("reason", code, value=value)

    def _measured(self, code: str, raw: Mapping[str, Any], bounds: Mapping[str, Any]) -> str:
        """A reason that says what the chance is, and what of it an offer takes."""
        lift = raw["lift"]
        known: dict[str, Any] = {**bounds, "chance": self.chance(raw)}
        known |= {"likely": self._percent(LIKELY), "twice": TWICE, **self.times_of(lift)}
        if "low" in bounds and (found := margin(raw, bounds["low"], bounds["needs"])):
            known |= self.margins(found, raw)
        return self.say("reason", f"_{code}_times", **known)

    def margins(
        self, found: Margin, raw: Mapping[str, Any], who: str = "an_offer"
    ) -> dict[str, str]:
        """Say in percent what an offer of an interest (JSON) has, and what it takes beyond that.

        With as many places as it takes to tell from each other what falls short and what is met;
        `who` takes it, by the code of a sentence.
        """
        way = nearer_way(raw, found)
        for places in range(_PLACES + 1):
            low, rate, needs = (self._percent(value, places) for value in found)
            unsaid = way == "likely" and found.low < found.needs
            if unsaid or needs not in (low, rate):
                break
        else:
            low = self.say("sentence", "below", value=needs) if found.low < found.needs else low
        # Of the two ways to an offer the nearer one, and of that only what falls short: one would
        # look for it in what is met.
        few, rare = raw["lift"] < TWICE, raw["score"] < LIKELY or is_just_below(raw)
        if way == "worst":
            kind = "takes_least" if raw["score"] < LEAST else "takes_worst"
        else:
            kind = "takes_both" if few and rare else "takes_twice" if few else "takes_likely"
        takes = self.say(
            "sentence",
            kind,
            who=self.say("sentence", who),
            needs=needs,
            least=self._percent(LEAST),
            likely=self._percent(LIKELY),
        )
        # Of what is little even its bound is said, which no "about" goes with.
        exact = found.rate >= 0.1 ** (places + 2)
        rate = self.say("sentence", "about", value=rate) if exact else rate
        return {"low": low, "rate": rate, "needs": needs, "takes": takes}

    def times_of(self, lift: float) -> dict[str, str]:
        """Say so many times the average customer's chance, plainly and as an estimate.

        Beyond some it says how rare the interest is with others, not how strong it is here.
        """
        if lift > _MANY:
            return dict.fromkeys(("times", "about"), self.say("sentence", "over", value=_MANY))
        times = self._number(rounded_times(lift))
        return {"times": times, "about": self.say("sentence", "about", value=times)}

    def chance(self, raw: Mapping[str, Any]) -> str:
        """The chance of an interest (JSON) as it is said: about so much, or just below it."""
        score = raw.get("score")
        if not is_figure(score):
            return "?"
        if is_just_below(raw):
            return self.say("sentence", "below", value=self._percent(LIKELY))
        if 0.0 <= score < 0.01:
            return self._percent(score)
        return self.say("sentence", "about", value=self._percent(score))

    def chance_range(self, raw: Mapping[str, Any]) -> str:
        """Say the chance of an interest (JSON) at worst and at best; empty if unknown."""
        if (found := chance_bounds(raw)) is None:
            return ""
        low, high = self._percent(found.low), self._percent(found.high)
        return self.say("sentence", "range", low=low, high=high)

    def _bounds(self, code: str, value: Any) -> dict[str, Any]:
        """The numbers of a reason by name; chances in percent."""
        found = value.items() if isinstance(value, Mapping) else ()
        shown = self._percent if code in _CHANCES else lambda number: number
        return {str(name): shown(number) for name, number in found if is_figure(number)}

    def _percent(self, value: Any, places: int = 0) -> str:
        if not is_figure(value):
            return str(value)
        least = 0.1 ** (places + 2)
        text = f"{100 * max(value, least):.{places}f}"
        text = f"{text}%" if self.language == "en" else f"{text.replace('.', ',')} %"
        return self.say("sentence", "under", value=text) if 0.0 <= value < least else text

    def _number(self, value: Any) -> str:
        if isinstance(value, float):
            text = f"{value:.2f}".rstrip("0").rstrip(".")
            return text.replace(".", ",") if self.language == "de" else text
        return str(value)


def says_times(code: str, value: Any, raw: Mapping[str, Any]) -> bool:
    """Whether a reason says how many times the average customer's chance it is, and the chance."""
    bounds, lift = value if isinstance(value, Mapping) else {}, raw.get("lift")
    decided, needs = bounds.get(_BOUNDS.get(code, "")), bounds.get("needs")
    known = is_figure(decided) and is_figure(needs) and is_figure(raw.get("score"))
    return known and is_figure(lift) and lift >= MORE


class _Lenient(dict[str, str]):
    """A value that a record left out is shown as such."""

    def __missing__(self, key: str) -> str:
        return "?"
