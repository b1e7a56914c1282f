"""Says what the strict decoder takes, or once took, as a name; an earlier one may still be held."""

from __future__ import annotations

import re

from features.records.fields import Accepts, Malformed
from features.records.fields import read as read_field
from features.records.forms import Field, Pseudonym
from features.records.identifiers import IPV4, IPV6, MAC, NUMBER, is_iban


def taken_name(text: str, accepts: Accepts | None) -> str | None:
    """An identifier that the strict decoder takes, or took."""
    return text if _taken_before(text) or (accepts is not None and accepts(text)) else None


def _taken_before(text: str) -> bool:
    """Whether the first release took a text for a pseudonym."""
    return len(text) <= Pseudonym.longest and bool(_BEFORE.fullmatch(text)) and not is_iban(text)


def is_valid(text: str, form: Field) -> bool:
    """Whether the strict decoder would take a text that is no pseudonym."""
    try:
        read_field({form.name: text}, form, _taken_before)
    except Malformed:
        return False
    return True


_BEFORE = re.compile(f"(?!(?:{NUMBER}|{MAC}|{IPV4}|{IPV6})$)[A-Za-z0-9_.:-]+")
