"""Draws of who is not spoken to."""

from __future__ import annotations

import pytest

from features.outcomes.holdouts import Holdout, Holdouts

KEY = b"a key of sixteen"
PINNED = "---i-g------g---gi-----g"
ACCOUNTS = [f"acc-{k}" for k in range(20_000)]


def test_shares_are_what_was_asked_for_and_draws_know_nothing_of_each_other() -> None:
    draws = Holdouts(KEY, 0.05, 0.1)
    drawn = {name: [draws.group(name, interest) for interest in ("1", "2")] for name in ACCOUNTS}
    everything = [name for name, groups in drawn.items() if Holdout.GLOBAL in groups]
    assert len(everything) / len(ACCOUNTS) == pytest.approx(0.05, abs=0.006)
    assert all(drawn[name] == [Holdout.GLOBAL] * 2 for name in everything)
    rest = [groups for groups in drawn.values() if Holdout.GLOBAL not in groups]
    first, second = (sum(g[k] is Holdout.INTEREST for g in rest) / len(rest) for k in (0, 1))
    both = sum(g == [Holdout.INTEREST] * 2 for g in rest) / len(rest)
    assert first == pytest.approx(0.1, abs=0.009)
    assert both == pytest.approx(first * second, abs=0.003)
    free = sum(groups[0] is None for groups in drawn.values()) / len(ACCOUNTS)
    assert draws.propensity() == pytest.approx(free, abs=0.01)


def test_another_key_is_another_draw() -> None:
    mine, other = Holdouts(KEY, 0.5, 0.0), Holdouts(KEY[::-1], 0.5, 0.0)
    same = sum(mine.group(name, "1") == other.group(name, "1") for name in ACCOUNTS)
    assert same / len(ACCOUNTS) == pytest.approx(0.5, abs=0.02)


def test_a_draw_is_for_ever() -> None:
    # Pinned: another answer after an upgrade would mix those who were spoken to with those who not.
    draws = Holdouts(KEY, 0.2, 0.2)
    assert "".join((draws.group(name, "483") or "-")[0] for name in ACCOUNTS[:24]) == PINNED


def test_nobody_is_held_out_unless_asked_for() -> None:
    assert not any(Holdouts(b"", 0.0, 0.0).group(name, "1") for name in ACCOUNTS[:99])


@pytest.mark.parametrize(("key", "everything", "named"), [(KEY, 0.6, "everything"),
                                                          (KEY, -0.1, "everything"),
                                                          (b"short", 0.1, "key")])  # fmt: skip
def test_what_is_no_draw_is_named(key: bytes, everything: float, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Holdouts(key, everything, 0.0)


def test_the_key_is_not_shown() -> None:
    assert "sixteen" not in repr(Holdouts(KEY, 0.1, 0.1))
