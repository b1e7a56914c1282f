"""Catalogue entries by exact knowledge: what forbids wins, and what is made for children."""

from __future__ import annotations

from typing import Any

import pytest

from features.tags.entry import ALL, CHILDREN
from features.tags.exact import TagError, decode, encode, exact_tags, resolve, tag_catalogue
from features.tags.taxonomy import load

TREE = load()


def names(found: tuple[tuple[str, float], ...]) -> set[str]:
    return {TREE.names[TREE.index(interest)] for interest, _ in found}


def test_catalogue_entries() -> None:
    film = tag_catalogue({"key": "programme:p", "genres": ["Comedies", "LGBTQ Movies", "?"]})
    assert film is not None and names(film.tags) == {"Comedy"} and film.source == "genre:genres"
    hushed = tag_catalogue({"key": "programme:p", "genres": ["Faith & Spirituality"]})
    assert hushed is not None and hushed.denied
    app = tag_catalogue({"key": "APP:Unheard", "category": "SPORTS", "genres": ["Music"]})
    assert app is not None and names(app.tags) == {"Sports", "Music"}
    keep = tag_catalogue({"key": "app:Keep", "genres": ["健康医疗", "Medical"]})
    assert keep is not None and names(keep.tags) == {"Fitness and Exercise"}
    for entry in (
        {"key": "app:unheard", "category": "DATING", "genres": ["Entertainment"]},
        {"key": "app:unheard", "category": "Entertainment", "genres": ["Medical"]},
        {"key": "app:com.unheard.pregnancy", "category": "Entertainment"},
    ):
        sensitive = tag_catalogue(entry)
        assert sensitive is not None and sensitive.denied, entry
    probe = tag_catalogue({"key": "app:unheard", "genres": ["Network"]})
    assert probe is not None and probe.infrastructure
    assert tag_catalogue({"key": "programme:p", "title": "T", "genres": []}) is None
    assert tag_catalogue({"key": "programme:p", "genres": "Comedy"}) is None


@pytest.mark.parametrize(
    "more",
    [
        {"genres": ["Animation", "Kids"]},
        {"genres": ["Drama"], "rating": "TV-Y7"},
        {"genres": ["dvb:5.5"]},
        {"genres": ["Kinderprogramm"]},
        {"category": "Family"},
        {"category": "KIDS", "genres": ["Puzzle"]},
    ],
)
def test_content_for_children_is_told_by_genre_category_and_rating(more: dict[str, Any]) -> None:
    for key in ("programme:p", "app:unheard"):
        found = tag_catalogue({"key": key, **more})
        if key.startswith("app:") and "rating" in more:
            continue  # a word that stores don't use
        assert found is not None and found.audience == CHILDREN, (key, found)
        assert found.denied and found.told == ()
        assert decode(encode(key, found)) == (key, found)


def test_a_rating_from_an_age_on_says_nothing_about_whom_it_is_made_for() -> None:
    film = tag_catalogue({"key": "programme:p", "genres": ["Animation"], "rating": "FSK 0"})
    assert film is not None and film.audience == ALL and names(film.told) == {"Animation & Anime"}
    assert tag_catalogue({"key": "programme:p", "rating": ["TV-Y"]}) is None


def test_what_a_programmes_key_tells_counts_only_where_nothing_is_known() -> None:
    series = {"key": "programme:sex-and-the-city", "genres": ["Comedy"]}
    known, unknown = tag_catalogue(series), resolve("programme:sex-and-the-city", exact_tags())
    assert known is not None and names(known.told) == {"Comedy"}
    assert unknown is not None and unknown.denied


def test_a_denied_content_stays_denied_whatever_the_catalogue_says() -> None:
    entry = tag_catalogue({"key": "host:pornhub.com", "genres": ["Comedy"], "category": "Games"})
    assert entry is not None and entry.denied


@pytest.mark.parametrize(
    "key", [None, 7, "", "nothing", "host:", "film:x", "host:" + "a" * 300, "host:a\n.com"]
)
def test_catalogue_entries_without_a_content_key_are_refused(key: object) -> None:
    with pytest.raises(TagError) as error:
        tag_catalogue({"key": key})
    assert error.value.field == "key"
