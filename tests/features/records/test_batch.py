"""The fast parser against the slow reference, and what can be done with a batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from features.records.batch import EVENT, TEXTS, Batch, parse
from features.records.concealed import concealed
from features.records.dead_letter import DeadLetter
from features.records.decoder import APP, FACTS, NETWORK, TV, Limits, decode
from features.records.facts import Fact
from features.records.fields import Malformed
from features.records.hash_kernel import FNV_OFFSET, finish, fnv_state, hash_span, hash_text
from features.records.sip_kernel import event_key_of, witness_of
from features.vocabulary import Refusal
from tests.support.malformed_cases import CASES, KEY, MAX_BYTES, TS, record

LIMITS = Limits(max_message_bytes=MAX_BYTES)
#: Columns that say where bytes lie: they differ between the paths, the bytes must not.
PLACES = {"raw_at", *(f"{name}_at" for name in TEXTS)}


def _parse(
    items: Sequence[tuple[int, bytes, bytes | None]],
    fast: bool = True,
    arrivals: ArrayLike | None = None,
) -> tuple[Batch, dict[int, DeadLetter]]:
    n = len(items)
    return parse(
        [raw for _, raw, _ in items],
        [key for _, _, key in items],
        np.array([kind for kind, _, _ in items], np.uint8),
        np.arange(n, dtype=np.int32) % 3,
        np.arange(n, dtype=np.int64) + 7,
        LIMITS,
        arrivals,
        fast=fast,
    )


def _shown(batch: Batch) -> list[dict[str, Any]]:
    """Everything a batch says, without where its bytes lie."""
    names = [name for name in EVENT.names or () if name not in PLACES]
    return [
        {name: batch.records[name][i].item() for name in names}
        | {name: batch.text(i, name) for name in TEXTS}
        | {"raw": batch.raw(i)}
        for i in range(len(batch))
    ]


def _assert_same(items: list[tuple[int, bytes, bytes | None]]) -> None:
    came = [TS + 7 - 600_000 * (i % 3) for i in range(len(items))]
    quick, slow = _parse(items, True, came), _parse(items, False, came)
    assert quick[1] == slow[1]
    assert _shown(quick[0]) == _shown(slow[0])


# -- generators

_PSEUDONYM = st.one_of(
    st.text("abcXYZ019_.:-", min_size=0, max_size=66),
    st.text("0123456789-.", min_size=5, max_size=20),
    st.just("acc-1"),
    st.sampled_from(
        [  # each is refused, and its neighbours are not
            "DE89370400440532013000",
            "de89-3704-0044-0532-0130-00",
            "NO9386011117947",
            "10.0.0.1",
            "DE89370400440532013001",
            "1.2.3.a",
            "2001:db8::1",
            "a:b:c",
            "00:1a:2b:3c:4d:5e",
            "00-1a-2b-3c-4d-5e",
            "00-1a-2b-3c-4d-5g",
            "de12cdef-89ab-4def-8123-456789abcdef",
        ]
    ),
    st.text("de01:.-", min_size=3, max_size=24),
)
_TEXT = st.one_of(st.text(max_size=20), st.text('ab/ Ä€😀\x7f"\\\n', max_size=140))
_NUMBER = st.one_of(
    st.integers(-2, 2), st.integers(-1_000, 10**9), st.integers(-(2**66), 2**66),
    st.sampled_from([10**15, 10**15 + 1, 604_800_000, 604_800_001, 840, -840, 841, 1e3, 1.5]),
)  # fmt: skip
_TIME = st.one_of(st.integers(10**12 - 2, 41 * 10**11 + 2), _NUMBER)
_HOST = st.one_of(st.text("abcZ09.-_:", max_size=20), st.text("h", min_size=250, max_size=256))
_VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner,
                                                                max_size=2),
    max_leaves=4,
)  # fmt: skip
_OWN: dict[int, dict[str, Any]] = {
    FACTS: {"kind": st.sampled_from(["consent", "erasure", "x"]),
            "status": st.sampled_from(["granted", "denied", "no"])},
    NETWORK: {"line": st.sampled_from(["mobile", "broadband", "roadband"]), "host": _HOST,
              "app": _TEXT, "bytes_down": _NUMBER, "bytes_up": _NUMBER, "duration_ms": _NUMBER},
    TV: {"content_id": _TEXT, "channel": _TEXT, "title": _TEXT, "watched_ms": _NUMBER,
         "content_ms": _NUMBER, "mode": st.sampled_from(["live", "catchup", "vod", "l"])},
    APP: {"app_id": _TEXT, "action": st.text("abc_", max_size=34) | st.just("search"),
          "section": _TEXT, "duration_ms": _NUMBER},
}  # fmt: skip
_COMMON: dict[str, Any] = {
    "event_id": st.text("ab 9~", max_size=66) | _TEXT, "account_id": _PSEUDONYM, "ts": _TIME,
    "member_id": _PSEUDONYM, "device_id": _PSEUDONYM, "tz_offset_min": _NUMBER,
    "country": st.text("AZaz0", min_size=1, max_size=3),
}  # fmt: skip
_GOOD_VALUES: dict[str, list[Any]] = {
    "event_id": ["e-1", "01234567-89ab-cdef-0123-456789abcdef"], "account_id": ["acc-1"],
    "ts": [TS], "member_id": ["m-1"], "device_id": ["tv.1"], "tz_offset_min": [-60, 120],
    "country": ["DE"], "line": ["mobile", "broadband"], "host": ["WWW.BBC.co.uk."], "app": ["Çay"],
    "bytes_down": [0, 10**15], "bytes_up": [99], "duration_ms": [0, 604_800_000],
    "content_id": ["C-1"], "channel": ["Ö1", "ARTE"], "title": ["", "Tatort: Im Wald"],
    "watched_ms": [12_345_678], "content_ms": [1], "mode": ["live", "catchup", "vod"],
    "app_id": ["com.Example"], "action": ["open", "pay_now"], "section": ["a/b"],
    "kind": ["consent"], "status": ["granted"],
}  # fmt: skip
_SPACE = st.sampled_from(["", "", "", " ", "\n", "\r\n\t"])


@st.composite
def _records(draw: st.DrawFn) -> tuple[int, bytes, bytes | None]:
    """Records that are mostly good, with odd values, spaces, order, repeats and extras."""
    kind = draw(st.sampled_from([FACTS, NETWORK, TV, APP]))
    fields: list[tuple[str, Any]] = []
    for name, odd in (_COMMON | _OWN[kind]).items():
        sort = draw(st.sampled_from(["good"] * 20 + ["odd", "none", "any", "absent", "twice"]))
        good = draw(st.sampled_from(_GOOD_VALUES[name]))
        value = draw({"odd": odd, "any": _VALUE}.get(sort, st.just(good)))
        if sort != "absent":
            fields += [(name, None if sort == "none" else value)] * (2 if sort == "twice" else 1)
    if draw(st.booleans()):
        extra = st.text(max_size=18) | st.sampled_from(["tss", "event_ic", "tz_offset_minn", "app"])
        fields.append((draw(extra), draw(_VALUE)))
    fields = draw(st.permutations(fields))
    escape, pad = draw(st.booleans()), draw(_SPACE)
    write = partial(json.dumps, ensure_ascii=escape)
    inside = f"{pad},{pad}".join(
        f"{write(name)}{pad}:{pad}{write(value)}" for name, value in fields
    )
    raw = f"{pad}{{{pad}{inside}{pad}}}{pad}".encode(errors="surrogatepass")
    account = next((value for name, value in fields if name == "account_id"), None)
    key = account.encode(errors="replace") if isinstance(account, str) else KEY
    return kind, raw, draw(st.sampled_from([key, key, key, key, KEY, None]))


_BYTES = st.sampled_from(
    list(b'"\\{}[],:.-+eEntf0129 \n\t\r\x00\x1f\x7f\x80\xa0\xc3\xed\xf4\xff@/')
)


@st.composite
def _mutated(draw: st.DrawFn) -> tuple[int, bytes, bytes | None]:
    kind, raw, key = draw(_records())
    data = bytearray(raw)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 2))
        data[at : at + cut] = bytes(draw(st.lists(_BYTES, max_size=2)))
    return kind, bytes(data), key


# -- the two paths agree


@settings(max_examples=400, deadline=None)
@given(st.lists(_records(), min_size=1, max_size=4))
def test_the_paths_agree_on_records(items: list[tuple[int, bytes, bytes | None]]) -> None:
    _assert_same(items)


@settings(max_examples=600, deadline=None)
@given(st.lists(_mutated(), min_size=1, max_size=4))
def test_the_paths_agree_on_mutated_bytes(items: list[tuple[int, bytes, bytes | None]]) -> None:
    _assert_same(items)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
@example(b"")
@example(b"{}")
def test_the_paths_agree_on_any_bytes(raw: bytes) -> None:
    _assert_same([(kind, raw, KEY) for kind in (FACTS, NETWORK, TV, APP)])


def test_the_paths_agree_on_every_single_byte_changed() -> None:
    raw = record(NETWORK, member_id="m-1", app="Çay", tz_offset_min=-60, x=[1], bytes_up=12)
    for at in range(len(raw)):
        _assert_same([(NETWORK, raw[:at] + bytes([c]) + raw[at + 1 :], KEY) for c in range(256)])


def test_bad_input_is_refused_as_the_reference_does() -> None:
    batch, rejected = _parse([(case.kind, case.raw, case.key) for case in CASES])
    assert len(batch) == 0
    assert [(i, letter.reason, letter.field) for i, letter in rejected.items()] == [
        (i, case.reason, case.field) for i, case in enumerate(CASES)
    ]
    for i, letter in rejected.items():
        assert (letter.partition, letter.offset) == (i % 3, i + 7)
        assert (letter.key, letter.value) == (CASES[i].key, CASES[i].raw)


def test_ordinary_records_never_reach_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise Malformed(Refusal.NOT_JSON, "", "the slow path was taken")

    monkeypatch.setattr("features.records.batch.decode", refuse)
    ordinary = [
        (NETWORK, record(NETWORK, app="BBC", bytes_down=10**15, country="DE", x=1.5, y=None)),
        (TV, record(TV, title="Die Brücke", channel="ORF €", tz_offset_min=-840, unknown=True)),
        (APP, record(APP, section="a/b", member_id="m-1", device_id="d", unknown="ä😀")),
        (APP, b" " + record(APP).replace(b",", b" ,\n").replace(b":", b" : ") + b"\r\n"),
    ]
    batch, rejected = _parse([(kind, raw, KEY) for kind, raw in ordinary])
    assert not rejected
    assert len(batch) == 4


# -- columns


def test_columns_of_an_event() -> None:
    raw = record(NETWORK, host="WWW.BBC.co.uk.", member_id="m-1", device_id="d-1", country="GB",
                 bytes_down=5, bytes_up=2, tz_offset_min=60, line="broadband")  # fmt: skip
    batch, _ = _parse([(NETWORK, raw, KEY)])
    row = batch.records[0]
    assert row["subject_hash"] == hash_text(b"acc-1/m-1")
    assert row["account_hash"] == hash_text(b"acc-1")
    assert row["event_hash"] == event_key_of(b"acc-1", b"e-1", NETWORK)
    assert row["witness"] == witness_of(b"acc-1")
    assert row["arrival"] == -1
    assert row["device_hash"] == hash_text(b"d-1")
    assert row["content_hash"] == hash_text(b"host:www.bbc.co.uk")
    assert row["content2_hash"] == 0
    assert batch.content_key(0) == "host:www.bbc.co.uk"
    assert batch.content_key(0, "content2") == ""
    assert [batch.text(0, name) for name in TEXTS] == [b"acc-1", b"m-1", b"WWW.BBC.co.uk", b""]
    assert (row["ts"], row["bytes"], row["mode"], row["kind"]) == (TS, 7, 1, NETWORK)
    assert (row["tz_min"], row["country"]) == (60, 256 * ord("G") + ord("B"))
    assert (row["offset"], row["partition"]) == (7, 0)


def test_escapes_are_resolved() -> None:
    raw = (
        record(TV, channel="Ö1 ARTE")
        .replace("Ö".encode(), b"\\u00d6")
        .replace(b"c-1", b"c\\u002d1")
    )
    batch, _ = _parse([(TV, raw, KEY)])
    assert batch.raw(0) == raw
    assert (batch.text(0, "content"), batch.text(0, "content2")) == (b"c-1", "Ö1 ARTE".encode())
    assert batch.records["content_hash"][0] == hash_text(b"programme:c-1")


def test_facts_are_rows_without_content() -> None:
    raw = record(FACTS, member_id="m-1")
    batch, _ = _parse([(FACTS, raw, KEY)])
    assert batch.records["subject_hash"][0] == hash_text(b"acc-1/m-1")
    assert batch.records["content_hash"][0] == 0
    fact = decode(FACTS, raw, KEY, LIMITS)
    assert isinstance(fact, Fact)
    assert batch.fact(0) == concealed(fact, b"")


@pytest.mark.parametrize("fast", [True, False])
def test_events_of_the_future_are_refused(fast: bool) -> None:
    items = [(APP, record(APP), KEY), (FACTS, record(FACTS), KEY)]
    now = TS - LIMITS.future_tolerance_ms
    assert _parse(items, fast, now)[1] == {}
    assert [(item.reason, item.field) for item in _parse(items, fast, now - 1)[1].values()] == [
        ("future", "ts")
    ] * 2


def test_missing_values_and_keys_are_refused() -> None:
    none: NDArray[Any] = np.zeros(2, np.int64)
    batch, rejected = parse([None, record(APP)], [KEY, None], np.full(2, APP, np.uint8),
                            none.astype(np.int32), none, LIMITS)  # fmt: skip
    assert len(batch) == 0
    assert [item.reason for item in rejected.values()] == ["empty", "key_mismatch"]


def test_nothing_in_nothing_out() -> None:
    batch, rejected = _parse([])
    assert (len(batch), rejected) == (0, {})
    assert len(batch.take([])) == 0
    assert len(Batch.concat([])) == 0


# -- take and concat

_MIXED = [
    (NETWORK, record(NETWORK, app="BBC"), KEY),
    (APP, b"refused", KEY),
    (TV, record(TV, channel='A"B'), KEY),
    (FACTS, record(FACTS), KEY),
    (APP, record(APP, section="news", member_id="m-2"), KEY),
]


@pytest.mark.parametrize(
    "index", [[0, 1, 2, 3], [3, 1], [2], [1, 1], [], [False, True, True, False]]
)
def test_take_keeps_what_records_say(index: list[int]) -> None:
    batch, _ = _parse(_MIXED)
    chosen = np.array(index, np.bool_ if index and index[0] is False else np.int64)
    before = _shown(batch)
    order = np.arange(len(batch))[chosen]
    taken = batch.take(chosen)
    assert _shown(taken) == [before[i] for i in order]
    assert taken.blob.size <= batch.blob.size * max(1, len(order))
    assert _shown(batch) == before


def test_take_drops_bytes_of_others() -> None:
    batch, _ = _parse(_MIXED)
    assert batch.take([0]).blob.tobytes() == _MIXED[0][1]


def test_concat_of_parts_says_what_the_whole_says() -> None:
    batch, _ = _parse(_MIXED)
    parts = [batch.take([0, 1]), batch.take([]), batch.take([2]), batch.take([3])]
    assert _shown(Batch.concat(parts)) == _shown(batch)


def test_blobs_are_read_only() -> None:
    batch, _ = _parse(_MIXED)
    for each in (batch, batch.take([0]), Batch.concat([batch]), _parse(_MIXED[:1])[0]):
        assert not each.blob.flags.writeable


def test_the_event_row_is_packed_and_aligned() -> None:
    assert EVENT.itemsize == 152
    assert np.dtype([(name, EVENT[name]) for name in EVENT.names or ()], align=True).itemsize == 152


# -- hashes


def test_fnv_1a_known_values() -> None:
    # draft-eastlake-fnv, appendix of test vectors, 64 bit.
    assert int(fnv_state(b"")) == 0xCBF29CE484222325
    assert int(fnv_state(b"a")) == 0xAF63DC4C8601EC8C
    assert int(fnv_state(b"foobar")) == 0x85944171F73967E8


@given(st.binary(max_size=70), st.integers(0, 70))
def test_hashes_may_be_made_in_steps(text: bytes, cut: int) -> None:
    blob = np.frombuffer(text, np.uint8)
    cut = min(cut, len(text))
    state = np.uint64(hash_span(blob, 0, cut, FNV_OFFSET))  # numba gives a plain int
    state = np.uint64(hash_span(blob, cut, len(text), state))
    assert int(finish(state)) == hash_text(text)


def test_no_text_has_the_hash_of_nothing() -> None:
    assert int(finish(np.uint64(0))) == 1
