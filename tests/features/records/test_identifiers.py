"""Patterns of addresses against the standard library, and IBANs by their check digits."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features.records.identifiers import IPV4, IPV6, is_iban

_GROUP = st.sampled_from(["0", "1", "db8", "2001", "abcd", "12345", "g", ""])
_OCTET = st.sampled_from(["0", "7", "42", "199", "249", "255", "256", "300", "01", "1000", ""])
_QUAD = st.lists(_OCTET, min_size=3, max_size=5).map(".".join)
_GROUPS = st.lists(_GROUP, min_size=1, max_size=10).map(":".join)


def _is_address(text: str, kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


@settings(max_examples=3_000, deadline=None)
@given(
    st.one_of(_QUAD, _GROUPS, st.tuples(_GROUPS, _QUAD).map(":".join), st.text("0a:.", max_size=20))
)
@example("::")
@example("1:2:3:4:5:6:7::")
@example("::2:3:4:5:6:7:8")
@example("1::3:4:5:6:7:8")
@example("1:2:3:4:5:6:1.2.3.4")
@example("::1.2.3.4")
@example("1:2:3:4:5::1.2.3.4")
def test_patterns_know_the_addresses_that_the_standard_library_knows(text: str) -> None:
    assert bool(re.fullmatch(IPV4, text)) == _is_address(text, ipaddress.IPv4Address)
    assert bool(re.fullmatch(IPV6, text)) == _is_address(text, ipaddress.IPv6Address)


@pytest.mark.parametrize(
    ("text", "iban"),
    [
        ("DE89370400440532013000", True),
        ("gb82-WEST-1234-5698-7654-32", True),
        ("DE89370400440532013001", False),
        ("DE8937040044053201300", False),
        ("XX89370400440532013000", False),
        ("DE8É370400440532013000", False),
        ("", False),
    ],
)
def test_an_iban_has_its_country_s_length_and_good_check_digits(text: str, iban: bool) -> None:
    assert is_iban(text) == iban
