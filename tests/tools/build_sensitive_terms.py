"""Build ``features/data/sensitive_terms.tsv``: what sensitive places are called in many languages.

    npm pack @openstreetmap/id-tagging-schema@6.19.2 cldr-annotations-modern@45.0.0
    python -m tests.tools.build_sensitive_terms DATA [--check]

``DATA`` holds both packages unpacked, as ``id-tagging-schema`` and ``cldr-annotations-modern``.
iD's translations (ISC) say what kinds of place are called; ``sensitive_presets.tsv`` beside this
script says which kinds are sensitive, and why. A term is taken by rule; all were looked at once,
and `sensitive_terms_struck.tsv` has what was struck out, by the reason. A wrong one that is left
costs a name its tags and nothing else.

1. Of a language the names and search terms of each sensitive kind, without accents.
2. Names of Unicode's sensitive signs (CLDR annotations, Unicode licence) come to them.
3. Left out is what `sensitive_words.tsv` knows, what stands in more than one class, and what is a
   word for anything else: of iD's other kinds of place, of the names
   of other signs, or of our hosts, apps and channels that stand for something.
4. A term that is part of such a word, or short, counts as a whole word alone.
5. What was struck out goes, or counts as a whole word alone.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from features.tags.exact import exact_tags
from features.tags.sensitive_words import normalised, sensitive_class
from tests.tools.table import write_or_check

HERE = Path(__file__).resolve().parent
HEADER = (
    "# Built by tests/tools/build_sensitive_terms.py; don't edit. Terms: OpenStreetMap's iD\n"
    "# tagging schema 6.19.2 (ISC) and CLDR 45 (Unicode licence). See README.md.\n"
    "word\tmatch\tclass\tlanguage\n"
)
LANGUAGES = (
    "de fr es it pt pt-BR pl nl tr ru uk ar sv da no fi cs sk hu ro bg el hr sr sl lt lv et ca gl "
    "zh-CN zh-TW ja ko he fa id"
).split()
#: Kinds that are near a sensitive one, so that their words say nothing against a term.
NEAR = re.compile(
    "health|relig|worship|social|doctor|clinic|medical|school|educat|kinderg|pub|bar$|bar/|beer|"
    "wine|alcohol|brew|distil|gambl|lotter|cemet|grave|tomb|funeral|church|mosque|chapel|temple|"
    "shrine|cathed|synag|monast|convent|crucifix|cross|prison|shoot|gun|weapon|militar|nightclub|"
    "tobac|smok|nurs|pharm|childc|baby|casino|debt|refug|lawyer|court|cannab|coffin|historic|"
    "defib|emergency|first_aid|ambulance|disused|vending|massage|political|union|charity|counsel"
)
#: Signs that stand for something sensitive, and those near them.
SIGNS = {
    "health": "🏥💉🩺🩸🤰🦷🩻🩼",
    "religion": "⛪🕌🛕🕍⛩🕋",
    "gambling": "🎰",
    "substances": "🍺🍷🚬",
    "distress": "⚰🪦⚱",
    "children": "👶🍼",
    "weapons": "🔫",
}
NEAR_SIGNS = "🤱✡☪☸☦✝📿🍻🥃🍸💊🦽🦼⚕👭👬🔞🃏🎲🛐🕎☮🩹🌡🤒🤕🤢🤮😷🧬🦠♿🏳🌈⚧🍾🍶🍹🥂👼🚼🐥🐤🚭"
_ALL_SIGNS = frozenset("".join(SIGNS.values()) + NEAR_SIGNS)
_WORDS = re.compile(r"[^\W\d_]+")
_LETTERS = re.compile("[a-z\u0370-\u05ff\u0600-\u06ff]")


def main() -> int:
    """Write the table, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    return write_or_check(parser, "sensitive_terms.tsv", lambda args: HEADER + build(args.data))


def build(data: Path) -> str:
    """All rows."""
    kinds = dict(_presets())
    told = frozenset(_told())
    told_text = "\n" + "\n".join(told)
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    languages: dict[tuple[str, str], str] = {}
    for language in LANGUAGES:
        text = (data / f"id-tagging-schema/dist/translations/{language}.json").read_text("utf-8")
        presets = json.loads(text)[language]["presets"]["presets"]
        signs = _signs(data, language)
        plain = frozenset((*_plain(presets, kinds), *_of_signs(signs)))
        inside = "\n".join(plain) + told_text
        said = [(kinds[preset], item, *_texts(item)) for preset, item in presets.items()
                if preset in kinds]  # fmt: skip
        names = (signs[sign]["tts"] for of in SIGNS.values() for sign in of if sign in signs)
        named = {"".join(_WORDS.findall(normalised(text))) for said_of in names for text in said_of}
        named |= {"".join(of[0]) for _, _, *of in said if of}
        texts = [(kind, words) for kind, _, *all_words in said for words in all_words]
        for kind, words in (*texts, *_sensitive_signs(signs)):
            term = "".join(words)
            if term in told:
                continue
            match = _match(term, words, inside, plain, named)
            if match and sensitive_class(term, bundled=False) is None:
                found[term, match].add(kind)
                languages.setdefault((term, match), language.partition("-")[0])
    struck = dict(_struck())
    unknown = struck.keys() - {term for term, _ in found}
    if unknown:
        raise SystemExit(f"sensitive_terms_struck.tsv: no rule takes {' '.join(sorted(unknown))}")
    rows = [
        (languages[term, match], kind, term, struck.get(term, match))
        for (term, match), (kind, *others) in found.items()
        if not others and struck.get(term) != "out"
    ]
    rows = [*dict.fromkeys(rows)]
    return "".join(f"{term}\t{match}\t{kind}\t{of}\n" for of, kind, term, match in sorted(rows))


def _match(
    term: str, words: list[str], inside: str, plain: frozenset[str], named: set[str]
) -> str | None:
    """How a term is looked for; None where it is not."""
    letters = bool(_LETTERS.match(term))
    least = (6 if len(words) == 1 else 9) if letters else 2
    if term in plain or len(term) > 40:
        return None
    if len(term) < least or term in inside:
        whole = letters and len(words) == 1 and len(term) >= (4 if term in named else 6)
        return "token" if whole else None
    return "in" if len(words) == 1 else "joined"


def _presets() -> Iterator[tuple[str, str]]:
    for line in (HERE / "sensitive_presets.tsv").read_text("utf-8").splitlines()[2:]:
        preset, kind = line.split("\t")
        yield preset, kind


def _struck() -> Iterator[tuple[str, str]]:
    """Terms that were struck out, and how."""
    for line in (HERE / "sensitive_terms_struck.tsv").read_text("utf-8").splitlines()[3:]:
        match, _, terms = line.split("\t")
        yield from ((normalised(term), match) for term in terms.split())


def _told() -> Iterator[str]:
    """Names that stand for something, ours and those of compiled lists."""
    for key, entry in exact_tags().items():
        if entry.tags and not entry.denied:
            name = normalised(key.partition(":")[2])
            yield from (name, *_WORDS.findall(name))
    for key, entry in exact_tags(own=False).items():
        if entry.told:
            name = normalised(key.partition(":")[2])
            yield from (name, *_WORDS.findall(name))


def _texts(item: dict[str, Any]) -> Iterator[list[str]]:
    for text in (item.get("name") or "", *(item.get("terms") or "").split(",")):
        words = _WORDS.findall(normalised(text.strip()))
        if words and len(words) <= 4:
            yield words


def _plain(presets: dict[str, Any], kinds: dict[str, str]) -> Iterator[str]:
    """Words for kinds of place that are not sensitive, nor near it."""
    for preset, item in presets.items():
        if preset not in kinds and not NEAR.search(preset):
            for words in _texts(item):
                yield from words
                yield "".join(words)


def _signs(data: Path, language: str) -> dict[str, Any]:
    name = {"zh-CN": "zh", "zh-TW": "zh-Hant", "pt-BR": "pt"}.get(language, language)
    path = data / f"cldr-annotations-modern/annotations/{name}/annotations.json"
    said: dict[str, Any] = json.loads(path.read_text("utf-8"))["annotations"]["annotations"]
    return said


def _of_signs(signs: dict[str, Any]) -> Iterator[str]:
    """Words for signs that are not sensitive."""
    for sign, said in signs.items():
        if not _ALL_SIGNS & set(sign):
            for text in (*said.get("default", ()), *said.get("tts", ())):
                words = _WORDS.findall(normalised(text))
                yield from words
                yield "".join(words)


def _sensitive_signs(signs: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for kind, of in SIGNS.items():
        for sign in of:
            said = signs.get(sign, {})
            for text in (*said.get("tts", ()), *said.get("default", ())):
                words = _WORDS.findall(normalised(text))
                if words and len(words) <= 3:
                    yield kind, words


if __name__ == "__main__":
    sys.exit(main())
