"""Records of tags: they survive the journey, and malformed ones name their field."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.tags.entry import ALL, CHILDREN
from features.tags.exact import MAX_TAGS, TagEntry, TagError, decode, encode
from features.tags.taxonomy import load

TREE = load()
SITE = TagEntry((("483", 1.0),), "own:t", 1.0)
ENTRIES = st.builds(
    TagEntry,
    st.dictionaries(
        st.sampled_from([i for i in TREE.ids if not TREE.is_sensitive(i)]),
        st.floats(0.001, 1),
        max_size=MAX_TAGS,
    ).map(lambda d: tuple(sorted(d.items(), key=lambda tag: (-tag[1], tag[0])))),
    st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=40),
    st.floats(0, 1),
    st.booleans(),
    st.booleans(),
    st.sampled_from([ALL, CHILDREN]),
)


@given(ENTRIES, st.text(st.characters(categories=["Ll", "N"]), min_size=1, max_size=40))
def test_records_survive_the_journey(entry: TagEntry, name: str) -> None:
    value = encode(f"app:{name}", entry)
    assert decode(value) == (f"app:{name}", entry)
    assert encode(*decode(value)) == value


def record(**changes: object) -> bytes:
    value = json.loads(encode("host:a.com", SITE))
    value.update(changes)
    return json.dumps(value).encode()


def test_denied_and_unknown_ids_of_a_record_are_left_out() -> None:
    value = record(
        tags=[{"id": "386", "weight": 1}, {"id": "gone", "weight": 1}, {"id": "483", "weight": 0.5}]
    )
    assert decode(value)[1].tags == (("483", 0.5),)


def test_a_record_that_reveals_a_minor_is_for_children_whatever_else_it_says() -> None:
    cartoon = decode(record(tags=[{"id": "645", "weight": 0.2}, {"id": "641", "weight": 1}]))[1]
    assert cartoon.audience == CHILDREN and cartoon.denied and cartoon.told == ()
    assert decode(record(audience="all"))[1] == SITE
    for word in ("children", "toddlers"):  # a word of a later version forbids
        assert decode(record(audience=word))[1].audience == CHILDREN
    assert b"audience" not in encode("host:a.com", SITE)  # as it always was


@pytest.mark.parametrize(
    "value, field",
    [
        (b"", "value"),
        (b"[]", "value"),
        (b"\xff", "value"),
        (b"[" * 100_000, "value"),
        (record(schema=2), "schema"),
        (record(key="a.com"), "key"),
        (record(tags=None), "tags"),
        (record(tags=[{"id": "483"}] * 99), "tags"),
        (record(tags=[483]), "tags"),
        (record(tags=[{"id": "483", "weight": 2}]), "tags.weight"),
        (record(tags=[{"id": "483", "weight": True}]), "tags.weight"),
        (record(confidence=float("nan")), "value"),
        (record(confidence=2), "confidence"),
        (record(source=""), "source"),
        (record(editor=1), "editor"),
        (record(infrastructure=None), "infrastructure"),
        (record(audience=7), "audience"),
        *(
            (record(key=key), "key")
            for key in (
                "host:co.uk",
                "host:com",
                "host:anything.ck",  # anybody may register below it
                "host:xn--p1ai",
                "host:*.example",
                "host:http://x/",
                "host:a.com:80",
                "app:*",
                "app:com.*",
                "app:*.app",
            )
        ),
    ],
)
def test_malformed_records_name_their_field(value: bytes, field: str) -> None:
    with pytest.raises(TagError) as error:
        decode(value)
    assert error.value.field == field


def test_keys_of_packages_and_of_private_suffixes_are_taken() -> None:
    for key in ("app:com.android.*", "host:blogspot.com", "host:www.ck", "programme:m*a*s*h"):
        assert decode(record(key=key))[0] == key


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(value: bytes) -> None:
    try:
        decode(value)
    except TagError:
        pass
