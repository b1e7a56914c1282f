"""What must hold of persons at a commit: who is held, what is stored of them, what is said (I8).

`tests.support.persons_model` asks after every commit (I12, I13 too).
"""

from __future__ import annotations

from typing import Any

from features.privacy.marks import Mark
from features.privacy.spelling import spelled
from features.records.concealed import keyed_mark
from features.state import layout as lay
from tests.oracle.partition import Partition
from tests.oracle.profile import suppressions
from tests.support.feeding import Stream
from tests.support.held import traces


def hold(stream: Stream, twin: Partition, key: bytes, sensitive: str) -> None:
    """Compare what an engine holds and wrote with what its twin has of the same records.

    Parameters
    ----------
    key : bytes
        Of the erasure marks.
    sensitive : str
        Id of an interest that must never be written.
    """
    differs = {*_live(stream)} ^ twin.subjects.keys()
    assert not differs, f"I12: held: {differs}"
    stored = {name[2:].decode() for name in stream.state if name[:2] == b"s/"}
    assert stored == twin.subjects.keys(), "I12: stored"
    _erased(stream, twin, key)
    assert stream.offers.keys() == stream.profiles.keys(), "I8: offers outlive their profile"
    for name in stream.profiles:
        account, _, member = name.decode().partition("/")
        subject, about = twin.subjects[name.decode()], twin.known.get(account)
        said = stream.profile(name.decode())["suppressions"]
        if about is not None:  # as of the last time it was written
            expected = suppressions(twin, about, subject, member or None)
            assert _scopes(said) == _scopes(expected), (name, said, expected)
    for value in stream.written:
        assert sensitive.encode() not in value, "I13"
        assert b"clinic" not in value, "I13"


def _erased(stream: Stream, twin: Partition, key: bytes) -> None:
    """Look for the marks of who was erased, and for anything else of them."""
    for account, known in twin.known.items():
        for who, erased_at in known.erased.items():
            name = f"{account}/{spelled(who, account)}" if who else account
            stored = stream.state.get(b"e/" + keyed_mark(key, name, "erasure").encode())
            assert stored is not None, f"I8: {account} {who} has no mark"
            mark = Mark.from_bytes(stored)
            assert mark.at == erased_at, f"I8: {account} {who} until {erased_at}: {mark}"
            if who is None and not known.said and account not in twin.subjects:
                assert not traces(stream, account), "I8: the erased account's id is left"
            elif who and who not in known.members():
                left = [k for k in traces(stream, account) if k.endswith(who.encode())]
                assert not left, f"I8: {left}"


def _live(stream: Stream) -> list[str]:
    store = stream.engine.store
    there = range(int(store.counters["subjects"]))
    return [
        store.key(sid).decode() for sid in there if not store.subjects["status"][sid] & lay.S_GONE
    ]


def _scopes(said: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """What is suppressed and why; interests that go quiet as relatives depend on the rows."""
    return {(item["scope"], item["reason"]) for item in said if item["scope"] != "x"}
