"""State of one set of settings read under another: nothing stays that lost its ground."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest

from features.config import Config
from features.engine import Engine
from features.privacy import rules
from features.privacy.rules import Rules
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import TagEntry
from features.tags.taxonomy import Taxonomy
from tests.support.feeding import DAY, Feed, Record, Stream

TREE = taxonomy.load()
SPORT, PHONES = "483", "635"
TABLE = {
    "host:sport.example": TagEntry(((SPORT, 1.0),), "test", 1.0),
    "host:phones.example": TagEntry(((PHONES, 1.0),), "test", 1.0),
}


def _changed(before: str, after: str, behind: str = "[") -> Rules:
    """The bundled rules with one word of them changed, behind a place."""
    head, mark, rest = rules.bundled_text("suppression.toml").partition(behind)
    assert before in rest
    return rules.parse(head + mark + rest.replace(before, after, 1), TREE)


def _config(of: Rules | None = None, *, grants: bool = False) -> Config:
    return Config(
        erasure_key=b"k" * 32,
        lateness_ms=DAY // 4,
        rules=of or rules.load(),
        consent_default_grant=grants,
    )


def _records(feed: Feed) -> list[Record]:
    """A household with a child, a shared screen and two adults, and one that never said a word."""
    said = [
        feed.consent("acc", 0),
        feed.fact("acc", 0.1, "registry", device_id="kt", owner_member_id="kid", adult=False),
        feed.fact("acc", 0.1, "registry", device_id="tv", adult=False),
        feed.consent("acc", 0.1, purpose="offers", member_id="m-2"),
        feed.fact("acc", 0.2, "declaration", interest=SPORT, stance="like"),
        feed.fact("acc", 0.2, "purchase", interest=SPORT, member_id="m-2"),
    ]
    for day in range(1, 9):
        said += [
            feed.visit("acc", day, "sport.example", member_id="kid"),
            feed.visit("acc", day + 0.1, "sport.example", device_id="kt"),
            feed.visit("acc", day + 0.1, "phones.example", member_id="m-1"),
            feed.visit("acc", day + 0.2, "sport.example"),
            feed.visit("acc", day + 0.2, "sport.example", member_id="m-2"),
            feed.visit("silent", day + 0.3, "sport.example", member_id="m-3"),
        ]
    return said


def _lived(config: Config) -> Stream:
    stream = Stream(config, TABLE)
    stream.feed(*_records(Feed()))
    stream.commit()
    return stream


def _restarted(stream: Stream, config: Config, tree: Taxonomy = TREE) -> Stream:
    """Another engine on what is stored, and its first commit; not a record has come."""
    stream.config, stream.contents = config, Contents(tree, TABLE)
    stream.engine = Engine(config, tree, stream.contents)
    stream.engine.load(stream.state.items())
    stream.commit()
    return stream


def _said(stream: Stream) -> dict[str, object]:
    """Of each published profile what may be done with it, and why not."""
    found = {key.decode(): json.loads(value) for key, value in stream.profiles.items()}
    return {
        key: (profile["contactable"], [(s["scope"], s["reason"]) for s in profile["suppressions"]])
        for key, profile in found.items()
    }


CHANGES: dict[str, tuple[Callable[[], Config], Callable[[], Config]]] = {
    "children are not profiled any more": (
        lambda: _config(_changed("profiled = false", "profiled = true", "[children]")),
        _config,
    ),
    "a child's screen holds the household": (
        lambda: _config(_changed('"hold"', '"ignore"', "[children]")),
        _config,
    ),
    "offers need a yes": (
        _config,
        lambda: _config(_changed('unsaid = "profiling"', 'unsaid = "deny"', "[purposes.offers]")),
    ),
    "audiences need a yes": (
        _config,
        lambda: _config(
            _changed('unsaid = "profiling"', 'unsaid = "deny"', "[purposes.audiences]")
        ),
    ),
    "nothing is granted by default": (lambda: _config(grants=True), _config),
    "all of it": (
        lambda: _config(_changed("profiled = false", "profiled = true", "[children]"), grants=True),
        _config,
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_lost_its_ground_goes_with_the_first_commit(change: str) -> None:
    before, after = (make() for make in CHANGES[change])
    found, fresh = _restarted(_lived(before), after), _lived(after)
    assert found.profiles.keys() == found.offers.keys() == fresh.profiles.keys()
    assert _said(found) == _said(fresh)
    held = {key for key in found.state if key.startswith(b"s/")}
    assert held == {key for key in fresh.state if key.startswith(b"s/")}


def test_an_interest_that_became_sensitive_is_taken_out_of_everything() -> None:
    stream = _lived(_config())
    assert any(SPORT.encode() in value for value in stream.profiles.values())
    sensitive = TREE.sensitive.copy()
    sensitive[TREE.index(SPORT)] = True
    _restarted(stream, _config(), dataclasses.replace(TREE, sensitive=sensitive))
    named = f'"{SPORT}"'.encode()
    assert stream.profiles.keys() == {b"acc/m-1"}, "of the others nothing is left to say"
    assert not any(named in value for value in (*stream.profiles.values(), *stream.offers.values()))
    stored = {key: value for key, value in stream.state.items() if key[:2] in (b"s/", b"i/")}
    assert b"i/acc" not in stored and b"i/acc/m-2" not in stored
    subjects = stream.engine.store.subjects
    assert stream.engine.store.find(b"acc", b"m-2") < 0
    assert not subjects["used"][stream.engine.store.find(b"acc")]


def test_the_same_settings_change_nothing() -> None:
    stream = _lived(_config())
    before = dict(stream.profiles), {k: v for k, v in stream.state.items() if k[:2] != b"p/"}
    _restarted(stream, _config())
    assert before == (stream.profiles, {k: v for k, v in stream.state.items() if k[:2] != b"p/"})


@pytest.mark.parametrize("use", ["offers", "audiences"])
def test_a_use_that_needs_a_yes_has_none_of_who_is_profiled_by_default(use: str) -> None:
    """Whether somebody was erased before, or a worker began anew, is all the same."""
    behind = f"[purposes.{use}]"
    config = _config(_changed('unsaid = "profiling"', 'unsaid = "deny"', behind), grants=True)
    stream, feed = Stream(config, TABLE), Feed()
    stream.feed(feed.visit("a", 1, "sport.example"))
    stream.commit()
    stream.feed(feed.fact("z", 1.1, "erasure"), feed.visit("b", 1.2, "sport.example"))
    stream.commit()
    before = _said(stream)
    for said in (before, _said(_restarted(stream, config))):
        told = {key: json.loads(stream.profiles[key.encode()])["contactable"][use] for key in said}
        assert {key: found["value"] for key, found in told.items()} == {"a": False, "b": False}
    assert before == _said(stream)
