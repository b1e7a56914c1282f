"""Recognises identifiers that no record may carry: numbers and addresses of persons and devices.

Each is a pattern that Python and ECMAScript read alike, for the decoder refuses by it
(`features.records.pseudonyms`) and the published schemas say it; only an IBAN, whose check digits
no pattern can count, is a function.
"""

from __future__ import annotations

from typing import Final

#: Digits of telephone numbers, IMSI and IMEI (E.164 local part to IMEISV with check digit).
PERSON_DIGITS: Final = (7, 17)

SEPARATOR: Final = "[-._:]"
_HEX = "[0-9A-Fa-f]"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

NUMBER: Final = f"{SEPARATOR}*(?:[0-9]{SEPARATOR}*){{{PERSON_DIGITS[0]},{PERSON_DIGITS[1]}}}"
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


def any_case(words: str) -> str:
    """Pattern of one of some words, separated by blanks, in letters of either case."""
    both = {c: f"[{c.upper()}{c}]" for c in "abcdefghijklmnopqrstuvwxyz"}
    return f"(?:{'|'.join(''.join(both.get(c, c) for c in word) for word in words.split())})"


_S = SEPARATOR
_LETTER, _ANY = "[A-Za-z]", r"[^\x00-\x1f\x7f]"
_HASHES = any_case("md5 sha1 sha-1 sha256 sha-256 sha512 sha-512")
#: Words that say what kind of number follows.
SAID: Final = any_case(
    "tel phone telephone mobile msisdn imsi supi suci guti gpsi imei imeisv iccid eid meid esn "
    "sip sips nai mac sim isdn callto whatsapp"
)
#: What some say before the number of a subscriber; there may be letters in it.
_ALWAYS: Final = any_case("suci guti imsi msisdn supi gpsi")
#: Words before such a word, as in a URN.
_WORDS: Final = f"(?:{_LETTER}+{_S}+)*"
#: What has a MAC address, and the words for one.
_BOXES: Final = any_case(
    "mac bssid wifi wlan eth lan bt ble ap dev device stb box router gateway gw hgw cpe modem ont"
)
#: A digit of a number as its ASCII code in hexadecimal, the first behind a plus or not.
_HEX_DIGITS: Final = "(?:2[Bb])?(?:3[0-9])"
#: Digits in base64, three in a group of four characters: the first two of a group, which are a
#: digit and the upper half of the next one, and the third and the fourth.
_FIRST, _THIRD, _FOURTH = "(?:[MN][DTjz]|O[DT])", "[AEIMQUYcgk]", "[w-z0-5]"
_GROUP = f"{_FIRST}{_THIRD}{_FOURTH}"
_GROUP_END = f"(?:[MN][AQgw]|O[AQ]|{_FIRST}{_THIRD})"
#: A number by itself, the first digit behind a plus or not: seven digits to seventeen.
_BASE64_NUMBER: Final = (
    f"(?:(?:Kz{_THIRD}{_FOURTH}|{_GROUP}){_GROUP}{_GROUP_END}"
    f"|(?:Kz{_THIRD}{_FOURTH}|{_GROUP})(?:{_GROUP}){{2,5}}{_GROUP_END}?)"
)
#: Ten digits of something longer, which begin with the first, second or third byte of a group.
_BASE64_DIGITS: Final = (
    f"(?:(?:{_GROUP}){{3}}(?:[MN][A-Za-z0-9+/_-]|O[A-Za-f])"
    f"|[DTjz]{_THIRD}{_FOURTH}(?:{_GROUP}){{2}}{_FIRST}[A-Za-n]"
    f"|[AEIMQUYcgkosw048]{_FOURTH}(?:{_GROUP}){{3}})"
)
_BYTES_6 = f"(?:{_HEX}{{2}}{_S}){{5}}{_HEX}{{2}}"

#: Whole ids that are none, whatever form is declared.
NO_ID: Final[tuple[str, ...]] = (
    f"{_S}*(?:8{_S}*9)(?:{_S}*[0-9]){{16,20}}{_S}*[Ff]?",  # ICCID, on the card with an F behind
    f"{_S}*(?:8{_S}*9)(?:{_S}*[0-9]){{30}}{_S}*",  # EID
    f"(?:{_LETTER}+{_S}*)?0{{8}}[0-9]{{7}}[0-9]*",  # a number that was filled up
    f"{_BYTES_6}|(?:{_HEX}{{2}}{_S}){{7}}{_HEX}{{2}}",  # MAC, EUI-64
    f"{_HEX}{{12}}|{_HEX}{{6}}[Ff][Ff][Ff][Ee]{_HEX}{{6}}|(?:{_HEX}{{4}}{_S}){{2,3}}{_HEX}{{4}}",
    f"(?:{_LETTER}+{_S}*)?(?:{_OCTET}{_S}){{3}}{_OCTET}",  # IPv4, also with dashes
    f"[A-Fa-f]{_HEX}{{13}}",  # MEID
    f"{_BOXES}{_S}*(?:{_HEX}{_S}?){{11}}{_HEX}",  # MAC of what is named
    f"{_WORDS}{any_case('meid esn')}{_S}*{_HEX}{{8}}(?:{_HEX}{{6}})?",
    f"{_HASHES}{_S}*{_HEX}{{8,}}",  # the hash of something that can be tried
    f"{_WORDS}(?:{SAID}{_S}*){{1,2}}[0-9](?:{_S}?[0-9]){{6}}[A-Za-z0-9_.:-]*",
    f"{_WORDS}{_ALWAYS}{_S}+[0-9][A-Za-z0-9_.:-]*",
    f"[0-9]{{14,15}}[.]{any_case('mnc')}[0-9]{{2,3}}[A-Za-z0-9_.:-]*",  # IMSI with its network
    f"{_HEX_DIGITS}{{{PERSON_DIGITS[0]},{PERSON_DIGITS[1]}}}",  # a number in code
    f"(?:{_LETTER}+{_S}+)?{_BASE64_NUMBER}",
)
#: Whole ids that are none unless plain digits are declared: telephone numbers behind anything.
NO_WORD: Final[tuple[str, ...]] = (
    f"(?:{_S}*[0-9])+{_S}*",
    f"{_S}*{_LETTER}+(?:{_S}+{_LETTER}*)*{_S}(?:00?)?[1-9][0-9]{{9,16}}(?:{_S}[A-Za-z0-9_.:-]*)?",
    f"{_LETTER}*[G-Zg-z]{_LETTER}*(?:00?)?[1-9][0-9]{{9,16}}(?:{_S}[A-Za-z0-9_.:-]*)?",
    # Letters that may be hexadecimal digits too: with fewer digits than a hash of 64 bits has.
    "[A-Fa-f](?:00?)?[1-9][0-9]{9,13}",
    "|".join(f"[A-Fa-f]{{{n}}}[1-9][0-9]{{9,{14 - n}}}" for n in range(2, 5)),
    # before something
    f"(?:00?)?[1-9][0-9]{{9,16}}(?:{_S}[A-Za-z0-9_.:-]*|[G-Zg-z]{_LETTER}*)",
)
_BEFORE = f"(?:{_ANY}*[^A-Za-z])?"
# Signs as they are, or as a URL has them, however often it was coded.
_PERCENT = "%(?:25)*"
_AT, _DOT = f"(?:@|{_PERCENT}40)", f"(?:[.]|{_PERCENT}2[Ee])"
_PLUS = rf"(?:\+|{_PERCENT}2[Bb])"
# Characters on both sides of the @ of an address, those of other alphabets among them.
_BEFORE_AT = r"[^\x00-!#$&-*,/:-@[-^`{-\x7f]"
_BEHIND_AT = r"[^\x00-,./:-@\\-`{-\x7f]"
#: What no text may hold anywhere, for there is no doubt what it is; a table for each.
NO_TEXT: Final[tuple[str, ...]] = (
    # a number behind a plus or a word that says what it is
    f"(?:{_BEFORE}{SAID}(?:[-_.:=/ ]|{_PERCENT}(?:3[AaDd]|20)){{0,3}}{_PLUS}?|{_ANY}*{_PLUS})"
    f"[0-9](?:(?:[-_. ()/]|{_PERCENT}20){{0,2}}[0-9]){{6}}{_ANY}*",
    # an e-mail address or NAI, an IMSI with its network
    f"{_ANY}*{_BEFORE_AT}{_AT}{_BEHIND_AT}+{_DOT}[A-Za-z0-9]{_ANY}*"
    f"|(?:{_ANY}*[^0-9])?[0-9]{{14,15}}[.]{any_case('mnc')}[0-9]{{2,3}}(?:[^0-9]{_ANY}*)?"
    # the number of a SIM card, 19 or 20 digits, or of an eSIM, 32: contents are not numbered so
    f"|(?:{_ANY}*[^0-9])?89(?:[0-9]{{17,18}}|[0-9]{{30}})(?:[^0-9]{_ANY}*)?"
    # a number's digits in hexadecimal
    f"|(?:{_ANY}*[^0-9A-Za-z])?{_HEX_DIGITS}{{10}}{_ANY}*",
    # a MAC address
    f"(?:{_ANY}*[^0-9A-Za-z:-])?{MAC}(?:[^0-9A-Za-z:-]{_ANY}*)?",
    # a number's digits in base64
    f"{_ANY}*{_BASE64_DIGITS}{_ANY}*",
)
#: Without so many digits, an @ or a % no text matches the first two, without so many of ``:`` and
#: ``-`` not the third, without so many of ``L`` to ``O`` not the last. Where so many characters as
#: digits begin with the byte `WIDE`, they may be full-width: the decoder looks at them in ASCII.
TEXT_DIGITS, TEXT_MARKS, TEXT_CAPITALS = 7, 5, 3
WIDE: Final = 0xEF

#: Names that mean all of an account, or nobody that can be told, so that no member of it has one:
#: `features.records.everybody`.
EVERYBODY: Final = (
    "all any each every everyone everybody anyone anybody account household wholehousehold "
    "wholeaccount entireaccount allmembers family both alle haushalt familie jeder beide tous "
    "toutes foyer todos todas hogar tutti tutte iedereen wszyscy * \u0432\u0441\u0456 "
    "\u0432\u0441\u0435 null nil none nobody noone na nan unknown undefined unnamed unidentified "
    "unspecified anonymous anonym notset unset missing default self me myself accountholder "
    "contractholder unbekannt niemand inconnu inconnue anonyme desconocido desconhecido "
    "sconosciuto onbekend okand ukendt ukjent nieznany neznamy "
    "\u043d\u0435\u0438\u0437\u0432\u0435\u0441\u0442\u043d\u043e"
)
_UUID = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
#: Forms of ids that a setting names: random, a hash, made by `streams.datasets.pseudonyms`, any
#: that is no number or address, plain numbers.
FORMS: Final[dict[str, str]] = {
    "uuid": _UUID,
    "hex32": "[0-9A-Fa-f]{32}[0-9A-Fa-f]*",
    "made": "(?:acc-|p)[a-z2-7]{24,26}",
    "word": "[A-Za-z0-9_.:-]+",
    "digits": "[0-9]+",
}
#: What is none even of the forms ``hex32`` and ``digits``: an ICCID, an EID, a number filled up,
#: or one in code.
NO_HASH: Final = (
    f"89[0-9]{{16,20}}|89[0-9]{{30}}|0{{8}}[0-9]{{24}}[0-9]*|{_HEX_DIGITS}{{15,{PERSON_DIGITS[1]}}}"
)
#: The ids that are taken where no other form is declared, as one pattern.
DEFAULT_IDS: Final = (
    f"(?:{_UUID}|(?!(?:{NO_HASH})$){FORMS['hex32']}"
    f"|(?!(?:{'|'.join((*NO_ID, *NO_WORD, NO_HASH, IPV6))})$){FORMS['word']})"
)

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
