"""Every codec that the project's producers may use is read by the Faust apps' client."""

from __future__ import annotations

import pytest
from aiokafka import codec

VALUE = b'{"schema":1}' * 1_000


@pytest.mark.parametrize("name", ["gzip", "snappy", "lz4", "zstd"])
def test_it_is_read(name: str) -> None:
    assert getattr(codec, f"has_{name}")(), "cramjam brings it"
    packed = getattr(codec, f"{name}_encode")(VALUE)
    assert len(packed) < len(VALUE) and getattr(codec, f"{name}_decode")(packed) == VALUE
