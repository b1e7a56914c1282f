"""Bounds what is known of accounts and persons."""

from __future__ import annotations

from typing import Protocol


class FactLimits(Protocol):
    """Most that is known, per account and per person; what protects is beyond them."""

    @property
    def members_per_account(self) -> int: ...

    @property
    def devices_per_account(self) -> int: ...

    @property
    def cases_per_account(self) -> int: ...

    @property
    def facts_per_person(self) -> int: ...

    @property
    def contacts_per_person(self) -> int: ...
