"""Reads consent that is written in a code: of the IAB, of Google, and of tools for consent.

====================  ===========================================================================
code                  refuses where
====================  ===========================================================================
``1YYN``              the US privacy string says that somebody opted out (its third character)
``G100``              Google's state denies advertising or analytics
``13q3q3q3q5``        one letter of Google's is that of a purpose denied
``1100000000``        TCF's purposes: one of 3 to 6 (to make a profile, to use it) is 0
``CPXxRfAPXxRfA...``  likewise, in the consent string of TCF 2
``C0004:0``           a group of OneTrust but the necessary ones is off; or ``C0004`` is missing
====================  ===========================================================================
"""

from __future__ import annotations

import re
from typing import Final

_US_PRIVACY: Final = re.compile(r"\s*[0-9](?:[YNyn-])([YNyn-])[YNyn-]\s*")
_REGULATION: Final = re.compile("gdpr|dsgvo|ds-gvo|rgpd")
#: To withdraw, to be erased, to restrict, to object, and not to be decided on by a machine.
_ARTICLE: Final = re.compile(r"(?<![0-9])(?:7 ?\(?3|17|18|21|22)(?![0-9])")
_GOOGLE: Final = re.compile(r"\s*[Gg]1([01-])([01-])[01-]?\s*")
_GOOGLE_LETTERS: Final = re.compile(r"\s*1[0-9](?:[a-z][0-9]){4,8}[a-z]?[0-9]?\s*")
_DENIED_LETTERS: Final = frozenset("pqmu")
_BITS: Final = re.compile(r"\s*[01]{6,24}\s*")
_TCF: Final = re.compile(r"\s*C[A-Za-z0-9_-]{31,}(?:\.[A-Za-z0-9_.-]*)?\s*")
_GROUPS: Final = re.compile(r"C000[1-5](?::[01])?")
#: Of a consent string the bits before those of the purposes, and the purposes that profile.
_BEFORE_PURPOSES: Final = 152
_PROFILING: Final = slice(2, 6)
_BASE64: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def code_refuses(text: str) -> bool | None:
    """Whether a code refuses; None for what is none.

    Examples
    --------
    >>> [code_refuses(text) for text in ("1YYN", "1YNN", "G100", "G111", "0000000000", "m-1")]
    [True, False, True, False, True, None]
    >>> code_refuses("groups=C0001:1,C0004:0"), code_refuses(",C0001,C0002,C0004,")
    (True, False)
    """
    opted_out = us_privacy_refuses(text)
    if opted_out is not None:
        return opted_out
    if told := _GOOGLE.fullmatch(text):
        return "0" in told.groups()
    if _GOOGLE_LETTERS.fullmatch(text):
        return not _DENIED_LETTERS.isdisjoint(text)
    if _BITS.fullmatch(text):
        return "0" in text.strip()[_PROFILING]
    if _TCF.fullmatch(text):
        return _tcf_refuses(text.strip())
    groups = _GROUPS.findall(text)
    if groups:
        said = dict(group.partition(":")[::2] for group in groups)
        return said.get("C0004", "0") == "0" or any(
            on == "0" for group, on in said.items() if group != "C0001"
        )
    return None


def us_privacy_refuses(text: str) -> bool | None:
    """Whether a US privacy string says that somebody opted out; None for what is none."""
    told = _US_PRIVACY.fullmatch(text)
    return None if told is None else told[1] in "yY"


def names_article(name: str, value: str) -> bool:
    """Whether a field, by its squeezed name, names an article by which somebody may refuse.

    Examples
    --------
    >>> names_article("legal", "Art. 21 GDPR"), names_article("gdpr", "1")
    (True, False)
    """
    return bool(_REGULATION.search(name + value.casefold()) and _ARTICLE.search(value))


def _tcf_refuses(text: str) -> bool:
    """Whether a consent string lets nobody make or use a profile."""
    first = _BEFORE_PURPOSES // 6
    bits = "".join(f"{_BASE64.index(char):06b}" for char in text[first : first + 3])
    at = _BEFORE_PURPOSES % 6
    return "0" in bits[at:][_PROFILING]
