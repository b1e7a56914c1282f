"""Catalogue entries of test programmes, and the tags they must get."""

from __future__ import annotations

import orjson

from features.tags.exact import encode, tag_catalogue

LONG = 65_536


Record = tuple[bytes, bytes | None]


def entry(number: int) -> Record:
    key = f"programme:p-{number}"
    return key.encode(), orjson.dumps({"key": key, "title": f"No {number}", "genres": ["Drama"]})


def expected(number: int) -> bytes:
    key = f"programme:p-{number}"
    found = tag_catalogue({"key": key, "genres": ["Drama"]})
    assert found is not None
    return encode(key, found)


EDITED = b'{"schema":1,"key":"k","tags":[],"source":"desk","confidence":1.0,"editor":true}'
MACHINE = EDITED.replace(b"true", b"false")
