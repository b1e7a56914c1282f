"""The account of a group: when it balances, with and without all of the logs."""

from __future__ import annotations

import pytest

from streams.commands.accounting import Account


@pytest.mark.parametrize(
    ("outcomes", "taken", "gone", "balanced"),
    [
        (10, 10, 0, True),
        (9, 10, 0, False),
        (11, 10, 0, False),
        (15, 10, 5, True),  # counted, and deleted since
        (10, 10, 5, True),  # the state began behind what was deleted
        (9, 10, 5, False),
        (16, 10, 5, False),
    ],
)
def test_what_was_deleted_may_have_been_counted_or_not(
    outcomes: int, taken: int, gone: int, balanced: bool
) -> None:
    account = Account({"counted": outcomes}, {"network-usage": taken}, {"network-usage": gone})
    assert account.balanced is balanced
