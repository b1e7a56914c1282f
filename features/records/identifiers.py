"""Recognises identifiers that no record may carry: numbers and addresses of persons and devices.

Each is a pattern that Python and ECMAScript read alike, for the decoder refuses by it and the
published schemas say it; only an IBAN, whose check digits no pattern can count, is a function.
"""

from __future__ import annotations

from typing import Final

#: Digits of telephone numbers, IMSI and IMEI (E.164 local part to IMEISV with check digit).
PERSON_DIGITS: Final = (7, 17)

_SEPARATOR = "[-._:]"
_HEX = "[0-9A-Fa-f]"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

NUMBER: Final = f"{_SEPARATOR}*(?:[0-9]{_SEPARATOR}*){{{PERSON_DIGITS[0]},{PERSON_DIGITS[1]}}}"
MAC: Final = f"{_HEX}{{2}}(?:[:-]{_HEX}{{2}}){{5}}"
IPV4: Final = rf"(?:{_OCTET}\.){{3}}{_OCTET}"


def _ipv6() -> str:
    """RFC 4291, 2.2: eight groups, the last two an IPv4 address or not, zeros left out once."""
    group = f"{_HEX}{{1,4}}"
    ways = [f"(?:{group}:){{7}}{group}", f"(?:{group}:){{6}}{IPV4}"]
    for before in range(8):
        head = f"{group}(?::{group}){{{before - 1}}}" if before else ""
        tails = [f"(?:{group}:){{0,{6 - before}}}{group}"] if before < 7 else []
        tails += [f"(?:{group}:){{0,{5 - before}}}{IPV4}"] if before < 6 else []
        ways.append(f"{head}::(?:{'|'.join(tails)})?" if tails else f"{head}::")
    return "|".join(ways)


IPV6: Final = _ipv6()

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

_SEPARATORS = str.maketrans("", "", "-._:")


def is_iban(text: str) -> bool:
    """Whether a text less its separators is an IBAN: country, its length, check digits."""
    text = text.translate(_SEPARATORS).upper()
    if IBAN_LENGTHS.get(text[:2]) != len(text) or not (text.isascii() and text.isalnum()):
        return False
    moved = text[4:] + text[:4]
    return text[2:4].isdigit() and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1
