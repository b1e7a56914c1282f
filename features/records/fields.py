"""One record as fields: JSON text in, checked values out, or a reason why not.

`features.records.decoder` says which fields a record has; here stands how each is read.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Final, TypeVar

import orjson

from features.vocabulary import Refusal

#: Event times that are believed at all: September 2001 to the end of 2099, epoch ms.
TS_MIN: Final = 1_000_000_000_000
TS_END: Final = 4_100_000_000_000
#: Objects and arrays inside each other, the record itself included.
MAX_DEPTH: Final = 8
#: Digits of telephone numbers, IMSI and IMEI (E.164 local part to IMEISV with check digit).
PERSON_DIGITS: Final = (7, 17)

#: Length of an account number by country (IBAN registry, ISO 13616), for telling an IBAN from a
#: pseudonym that merely begins with two letters and two digits.
IBAN_LENGTHS: Final[dict[str, int]] = {
    country: int(length) for length, countries in {
        "15": "NO", "16": "BE", "18": "DK FI FO GL NL SD", "19": "MK SI", "20": "AT BA EE KZ LT LU "
        "MN XK", "21": "CH CR HR LI LV", "22": "BG BH DE GB GE IE ME RS VA", "23": "AE GI IL IQ OM "
        "SO TL", "24": "AD CZ ES MD PK RO SA SE SK TN VG", "25": "LY PT ST", "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM", "28": "AL AZ BY CY DO GT HU LB NI PL SV", "29": "BR EG PS "
        "QA UA", "30": "JO KW MU", "31": "MT SC", "32": "LC", "33": "RU",
    }.items() for country in countries.split()
}  # fmt: skip

T = TypeVar("T")


class Malformed(ValueError):
    """A record that goes to the dead letters.

    Attributes
    ----------
    reason : Refusal
    field : str
        Name of the field at fault, ``""`` when it is the whole record.
    message : str
        A sentence for the producer of the record. It never repeats an identifier.
    """

    def __init__(self, reason: Refusal, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.reason = reason
        self.field = field
        self.message = message


# A text without end reaches to the end of the record: no start is tried twice, so the scan is
# linear whatever comes in.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?|([\[{])|([\]}])', re.DOTALL)


def load(raw: bytes, max_bytes: int) -> dict[str, Any]:
    """Parse a record of at most ``max_bytes`` bytes into its fields, or raise `Malformed`."""
    if len(raw) > max_bytes:
        raise Malformed(Refusal.TOO_LARGE, "", f"{len(raw)} bytes, at most {max_bytes}")
    if not raw.strip(b" \t\r\n"):
        raise Malformed(Refusal.EMPTY, "", "nothing in the record")
    # Before parsing: what the JSON library does with very deep input is its own affair.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _depth(raw) > MAX_DEPTH:
        raise Malformed(Refusal.DEPTH, "", f"nested deeper than {MAX_DEPTH}")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Malformed(Refusal.NOT_JSON, "", str(error)) from None
    if not isinstance(value, dict):
        raise Malformed(
            Refusal.NOT_OBJECT, "", f"a JSON object is expected, not {_json_type(value)}"
        )
    return value


def _depth(raw: bytes) -> int:
    depth = deepest = 0
    for token in _TOKEN.finditer(raw):
        if token[1]:
            depth += 1
            deepest = max(deepest, depth)
        elif token[2]:
            depth -= 1
    return deepest


def _json_type(value: object) -> str:
    names: dict[type, str] = {str: "text", bool: "a boolean", int: "a number", float: "a number",
                              list: "an array", dict: "an object"}  # fmt: skip
    return names.get(type(value), "null")


def need(field: str, value: T | None) -> T:
    """Give ``value``, or raise `Malformed` where a required field is absent."""
    if value is None:
        raise Malformed(Refusal.MISSING, field, "is required")
    return value


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PSEUDONYM = re.compile(r"[A-Za-z0-9_.:-]+")
_SEPARATORS = str.maketrans("", "", "-._:")
# A name or IPv4 address, less one trailing dot and the port; or an IPv6 address, in brackets
# where a port follows.
_HOST = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]*?)\.?(?::[0-9]{1,5})?")
_IPV6 = re.compile(
    r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)"
)


_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")
_NO_PERSON = (
    "looks like a telephone number, IMSI, IMEI, IBAN, e-mail or network address; use a pseudonym"
)


class Fields:
    """The fields of one record, read with checks; every reader gives None for absent."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def text(
        self, name: str, longest: int, shortest: int = 1, charset: re.Pattern[str] | None = None
    ) -> str | None:
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise Malformed(Refusal.TYPE, name, f"text is expected, not {_json_type(value)}")
        if not shortest <= len(value) <= longest:
            span = f"{shortest} to {longest}" if shortest < longest else str(longest)
            raise Malformed(Refusal.LENGTH, name, f"{len(value)} characters, {span} are allowed")
        if _CONTROL.search(value) or (charset and not charset.fullmatch(value)):
            raise Malformed(Refusal.CHARSET, name, "holds a character that is not allowed")
        return value

    def whole(self, name: str, low: int, high: int, reason: Refusal = Refusal.RANGE) -> int | None:
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            found = "a fraction" if isinstance(value, float) else _json_type(value)
            raise Malformed(Refusal.TYPE, name, f"a whole number is expected, not {found}")
        if not low <= value <= high:
            raise Malformed(reason, name, f"must be from {low} to {high}")
        return value

    def flag(self, name: str) -> bool | None:
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            raise Malformed(
                Refusal.TYPE, name, f"true or false is expected, not {_json_type(value)}"
            )
        return value

    def choice(self, name: str, options: tuple[str, ...]) -> str:
        value = need(name, self._values.get(name))
        if not isinstance(value, str):
            raise Malformed(Refusal.TYPE, name, f"text is expected, not {_json_type(value)}")
        if value not in options:
            raise Malformed(Refusal.ENUM, name, f"must be one of {', '.join(options)}")
        return value

    def identifier(self, name: str) -> str | None:
        """A pseudonym; refused when it looks like the number or address of a person."""
        value = self.text(name, 64)
        if value is None:
            return None
        digits = value.translate(_SEPARATORS)
        least, most = PERSON_DIGITS
        if (
            "@" in value
            or value[0] == "+"
            or (digits.isascii() and digits.isdigit() and least <= len(digits) <= most)
            or _is_address(value)
            or is_iban(digits)
        ):
            raise Malformed(Refusal.IDENTIFIER, name, _NO_PERSON)
        if not _PSEUDONYM.fullmatch(value):
            raise Malformed(Refusal.CHARSET, name, "only letters, digits and _ . : - are allowed")
        return value

    def time(self, name: str) -> int | None:
        return self.whole(name, TS_MIN, TS_END - 1, reason=Refusal.TIME)

    def host(self) -> str | None:
        value = self.text("host", 253)
        if value is None:
            return None
        match = _HOST.fullmatch(value) or _IPV6.fullmatch(value)
        if match is None:
            raise Malformed(Refusal.CHARSET, "host", "not a host name or address")
        return next(group for group in match.groups() if group)


def is_iban(text: str) -> bool:
    """Whether a text without separators is an IBAN: country, its length, check digits (mod 97)."""
    if IBAN_LENGTHS.get(text[:2].upper()) != len(text) or not (text.isascii() and text.isalnum()):
        return False
    moved = (text[4:] + text[:4]).upper()
    return text[2:4].isdigit() and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def _is_address(text: str) -> bool:
    """Whether a text is an IPv4, IPv6 or MAC address."""
    if ":" not in text and text.count(".") != 3:
        return _MAC.fullmatch(text) is not None
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return _MAC.fullmatch(text) is not None
    return True
