"""What a host's own words tell where no list names it."""

from __future__ import annotations

import pytest

from features.tags import taxonomy
from features.tags.entry import TagEntry
from features.tags.exact import exact_tags, resolve
from features.tags.host_words import by_host_words

_TREE = taxonomy.load()
_MATCHES = {"in", "start", "end", "token", "suffix", "harmless"}


def _rows() -> list[list[str]]:
    return [row for _, row in taxonomy.read_rows("host_words.tsv")]


@pytest.mark.parametrize(
    ("host", "interest"),
    [
        ("www.lakeside-pizza.com", "218"),
        ("lakesidepizza.com", "218"),
        ("my-news.co.uk", "1020"),
        ("some.shoes", "552"),
        ("hillview-bank.example.de", ""),  # the domain is example.de
        ("bishop.com", ""),
        ("laopinion.com", ""),
        ("pizza.unheard-of.com", ""),
        ("com", ""),
        ("", ""),
    ],
)
def test_what_a_name_tells(host: str, interest: str) -> None:
    entry = by_host_words(host)
    assert (entry.tags[0][0] if entry else "") == interest


def test_whoever_asks_people_is_machinery() -> None:
    entry = by_host_words("go.quick-surveys.com")
    assert entry is not None
    assert entry.infrastructure


def test_words_are_asked_only_where_nothing_is_known() -> None:
    own = TagEntry((("483", 1.0),), "editor", 1.0, editor=True)
    assert resolve("host:a.unheard-pizza.com", {"host:unheard-pizza.com": own}) == own
    found = resolve("host:a.unheard-pizza.com", {})
    assert found is not None
    assert found.source == "rule:name:pizza"


@pytest.mark.parametrize("host", ["hillclinicshop.com", "kirchenzeitung.de", "kids-games.com"])
def test_a_sensitive_word_comes_before_them(host: str) -> None:
    entry = resolve(f"host:{host}", {})
    assert entry is not None
    assert entry.source.startswith("rule:words:")
    assert not entry.told


def test_the_list_is_well_formed_and_tells_nothing_sensitive() -> None:
    rows = _rows()
    assert len({(word, match) for word, match, _ in rows}) == len(rows)
    for word, match, tags in rows:
        assert match in _MATCHES
        assert word == word.lower()
        if match != "harmless" and tags != "infrastructure":
            assert not _TREE.is_sensitive(tags.partition(":")[0])


def test_sites_of_brands_are_known() -> None:
    table = exact_tags()
    for host, interest in (("gamestop.com", "680"), ("www.ambitiouskitchen.com", "216")):
        entry = resolve(f"host:{host}", table)
        assert entry is not None
        assert entry.tags[0][0] == interest
