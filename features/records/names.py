"""Reads names of persons and devices that are written otherwise than the contract has them.

Full-width letters, digits of another script, accents, dashes of any kind, invisible characters,
quotation marks and the account in front are slips of a form or a keyboard. A letter of another
alphabet that only looks like one of ours stays, and with it the name is nobody's.
"""

from __future__ import annotations

import unicodedata

#: Characters of a name that are looked at; none of the contract is as long.
_LONGEST = 256
_LEFT_OUT = frozenset({"Mn", "Cf", "Cc"})
#: Letters of other alphabets that look like ours.
_LOOKALIKES = str.maketrans(
    "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0458\u0455\u0442"
    "\u043a\u043c\u043d\u03bf\u03b1\u03b9\u03c1\u03c5\u0410\u0412\u0421"
    "\u0415\u041d\u041a\u041c\u041e\u0420\u0422\u0425",
    "aceopxyijstkmnoaipuABCEHKMOPTX",
)
_AROUND = "\"'`{}[]()<> "


def plain(name: str, account: str = "") -> str:
    """A name as the contract would have it, as far as it can be told.

    Parameters
    ----------
    account : str
        Whose key it may begin with.

    Examples
    --------
    >>> plain(" \\uff2d\\u2011\\u0661\\u200b"), plain("acc-1/m-1", "acc-1")
    ('M-1', 'm-1')
    """
    told = "".join(map(_plain, unicodedata.normalize("NFKD", name[:_LONGEST])))
    return told.strip(_AROUND).removeprefix(f"{account}/").strip(_AROUND) + name[_LONGEST:]


def digits(text: str) -> str:
    """A text with the digits of any script as ours; what is longer than a name is cut off.

    Examples
    --------
    >>> digits("\uff11\uff12 \u0967\u0968")
    '12 12'
    """
    told = unicodedata.normalize("NFKC", text[:_LONGEST])
    return "".join(str(unicodedata.decimal(char, char)) for char in told)


def latin(name: str) -> str:
    """A field's name, with what only looks like our letters as these, if that makes it ours.

    Examples
    --------
    >>> latin("st\u0430tus"), latin("\u0432\u043e\u0437\u0440\u0430\u0441\u0442")
    ('status', '\u0432\u043e\u0437\u0440\u0430\u0441\u0442')
    """
    if name.isascii():
        return name
    told = name[:_LONGEST].translate(_LOOKALIKES)
    return told if told.isascii() else name


def _plain(char: str) -> str:
    kind = unicodedata.category(char)
    if kind == "Nd":
        return str(unicodedata.decimal(char))
    if kind == "Pd" or char == "\u2212":  # a minus
        return "-"
    return "" if kind in _LEFT_OUT else char
