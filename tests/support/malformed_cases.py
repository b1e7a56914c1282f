"""Bad input, one line each: what comes in and what must be said about it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from features.records.decoder import APP, FACTS, NETWORK, TV

TS = 1_556_800_000_000
KEY = b"acc-1"
#: The longest record of the cases' deployment, bytes.
MAX_BYTES = 4_096

COMMON: dict[str, Any] = {"event_id": "e-1", "account_id": "acc-1", "ts": TS}
GOOD: dict[int, dict[str, Any]] = {
    FACTS: COMMON | {"kind": "consent", "status": "granted"},
    NETWORK: COMMON | {"line": "mobile", "host": "www.bbc.co.uk"},
    TV: COMMON | {"content_id": "c-1", "watched_ms": 1_000, "mode": "live"},
    APP: COMMON | {"app_id": "com.example", "action": "open"},
}


class Case(NamedTuple):
    """One bad record; ``field`` is the field at fault, "" for the whole record."""

    kind: int
    raw: bytes
    key: bytes | None
    reason: str
    field: str


def record(kind: int, without: str = "", /, **changed: Any) -> bytes:
    """A good record of a kind, less one field, with some changed."""
    fields = GOOD[kind] | changed
    fields.pop(without, None)
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


def _case(reason: str, field: str, kind: int, without: str = "", /, **changed: Any) -> Case:
    return Case(kind, record(kind, without, **changed), KEY, reason, field)


def _raw(reason: str, raw: bytes, kind: int = APP, field: str = "") -> Case:
    return Case(kind, raw, KEY, reason, field)


_GOOD_APP = record(APP)
_INSIDE = _GOOD_APP[:-1]

CASES: list[Case] = [
    # -- not a record at all
    _raw("empty", b""),
    _raw("empty", b" \r\n\t "),
    _raw("too_large", record(APP, note="x" * MAX_BYTES)),
    _raw("not_json", b"{"),
    _raw("not_json", b"hello"),
    _raw("not_json", b"\xef\xbb\xbf" + _GOOD_APP),
    _raw("not_json", _GOOD_APP + b"x"),
    _raw("not_json", _GOOD_APP + _GOOD_APP),
    _raw("not_json", _GOOD_APP + b"\x00"),
    _raw("not_json", b"\x00" * 8),
    _raw("not_json", b"\x0b" + _GOOD_APP),
    _raw("not_json", _INSIDE),
    _raw("not_json", _INSIDE + b",}"),
    _raw("not_json", _INSIDE + b',"x":}'),
    _raw("not_json", _INSIDE + b',"x":NaN}'),
    _raw("not_json", _INSIDE + b',"x":-Infinity}'),
    _raw("not_json", _INSIDE + b',"x":01}'),
    _raw("not_json", _INSIDE + b',"x":1.}'),
    _raw("not_json", _INSIDE + b',"x":.5}'),
    _raw("not_json", _INSIDE + b',"x":+1}'),
    _raw("not_json", _INSIDE + b',"x":1e999}'),
    _raw("not_json", _INSIDE + b',"x":nul}'),
    _raw("not_json", _INSIDE + b',"x":truer}'),
    _raw("not_json", _INSIDE + b',"x":"\xff"}'),
    _raw("not_json", _INSIDE + b',"x":"\xc0\xaf"}'),  # "/" in two bytes
    _raw("not_json", _INSIDE + b',"x":"\xed\xa0\x80"}'),  # a surrogate in UTF-8
    _raw("not_json", _INSIDE + b',"x":"\xf4\x90\x80\x80"}'),  # beyond Unicode
    _raw("not_json", _INSIDE + b',"x":"\xe2\x82"}'),  # cut
    _raw("not_json", _INSIDE + b',"x":"\\ud800"}'),
    _raw("not_json", _INSIDE + b',"x":"\\q"}'),
    _raw("not_json", _INSIDE + b',"x":"a\nb"}'),
    _raw("not_json", _INSIDE + b',"x":"a\x00b"}'),
    _raw("not_json", _INSIDE + b',"x":"open'),
    _raw("not_json", _INSIDE + b",x:1}"),
    _raw("not_json", _INSIDE + b",'x':1}"),
    _raw("not_json", b"/* */" + _GOOD_APP),
    _raw("not_json", _GOOD_APP.replace(b",", b" ", 1)),
    _raw("not_object", b"[" + _GOOD_APP + b"]"),
    _raw("not_object", b"null"),
    _raw("not_object", b"17"),
    _raw("not_object", b'"text"'),
    _raw("depth", b"[" * 2_000 + b"]" * 2_000),
    _raw("depth", b'{"x":' * 9 + b"1" + b"}" * 9),
    _raw("depth", _INSIDE + b',"x":[[[[[[[[]]]]]]]]}'),
    # -- the key
    Case(APP, _GOOD_APP, None, "key_mismatch", "account_id"),
    Case(APP, _GOOD_APP, b"", "key_mismatch", "account_id"),
    Case(APP, _GOOD_APP, b"acc-2", "key_mismatch", "account_id"),
    Case(APP, _GOOD_APP, b"acc-10", "key_mismatch", "account_id"),
    Case(APP, _GOOD_APP, b"\xff", "key_mismatch", "account_id"),
    # -- what every record has
    _case("missing", "account_id", APP, "account_id"),
    _case("missing", "event_id", APP, "event_id"),
    _case("missing", "ts", APP, "ts"),
    _case("missing", "ts", APP, ts=None),
    _raw("missing", b"{}", field="account_id"),
    _case("type", "account_id", APP, account_id=17),
    _case("type", "event_id", APP, event_id=["e"]),
    _case("type", "ts", APP, ts="2019-05-02"),
    _case("type", "ts", APP, ts=True),
    _case("type", "ts", APP, ts=TS + 0.5),
    _case("type", "member_id", APP, member_id=False),
    _case("time", "ts", APP, ts=0),
    _case("time", "ts", APP, ts=TS // 1000),
    _case("time", "ts", APP, ts=TS * 1000),
    _case("time", "ts", APP, ts=999_999_999_999),
    _case("time", "ts", APP, ts=4_100_000_000_000),
    _case("time", "ts", APP, ts=-TS),
    _case("time", "ts", APP, ts=2**64),
    _case("time", "ts", APP, ts=10**40),
    _case("length", "event_id", APP, event_id=""),
    _case("length", "event_id", APP, event_id="e" * 65),
    _case("length", "account_id", APP, account_id=""),
    _case("length", "account_id", APP, account_id="a" * 65),
    _case("length", "member_id", APP, member_id=""),
    _case("charset", "event_id", APP, event_id="é"),
    _case("charset", "event_id", APP, event_id="a\tb"),
    _case("charset", "event_id", APP, event_id="a\x7f"),
    _case("charset", "account_id", APP, account_id="acc/1"),
    _case("charset", "member_id", APP, member_id="m 2"),
    _case("charset", "device_id", APP, device_id="gerät"),
    _case("identifier", "account_id", APP, account_id="+49-170-1234567"),
    _case("identifier", "account_id", APP, account_id="anna@example.org"),
    _case("identifier", "account_id", APP, account_id="1234567"),
    _case("identifier", "member_id", APP, member_id="262011234567890"),  # an IMSI
    _case("identifier", "account_id", APP, account_id="DE89370400440532013000"),  # an IBAN
    _case("identifier", "account_id", APP, account_id="gb82-WEST-1234-5698-7654-32"),
    _case("identifier", "account_id", APP, account_id="NO9386011117947"),
    _case("identifier", "device_id", APP, device_id="10.0.0.1"),
    _case("identifier", "device_id", APP, device_id="2001:db8::1"),
    _case("identifier", "device_id", APP, device_id="::1"),
    _case("identifier", "device_id", APP, device_id="00:1A:2b:3c:4d:5e"),  # a MAC address
    _case("identifier", "device_id", APP, device_id="00-1a-2b-3c-4d-5e"),
    _case("identifier", "member_id", APP, member_id="0170.123.4567"),
    _case("identifier", "device_id", APP, device_id="35-209900-176148-1"),  # an IMEI
    _case("identifier", "device_id", APP, device_id="12345678901234567"),
    _case("range", "tz_offset_min", APP, tz_offset_min=841),
    _case("range", "tz_offset_min", APP, tz_offset_min=-841),
    _case("length", "country", APP, country="DEU"),
    _case("length", "country", APP, country="D"),
    _case("charset", "country", APP, country="de"),
    _case("charset", "country", APP, country="D1"),
    # -- network
    _case("missing", "line", NETWORK, "line"),
    _case("enum", "line", NETWORK, line="fixed"),
    _case("enum", "line", NETWORK, line="xroadband"),
    _case("enum", "line", NETWORK, line=""),
    _case("type", "line", NETWORK, line=1),
    _case("missing", "host", NETWORK, "host"),
    _case("length", "host", NETWORK, host=""),
    _case("length", "host", NETWORK, host="h" * 254),
    _case("charset", "host", NETWORK, host="."),
    _case("charset", "host", NETWORK, host="münchen.de"),
    _case("charset", "host", NETWORK, host="https://bbc.co.uk/"),
    _case("charset", "host", NETWORK, host="bbc.co.uk:https"),
    _case("charset", "host", NETWORK, host=":443"),
    _case("length", "app", NETWORK, app=""),
    _case("length", "app", NETWORK, app="a" * 129),
    _case("range", "bytes_down", NETWORK, bytes_down=-1),
    _case("range", "bytes_down", NETWORK, bytes_down=10**15 + 1),
    _case("range", "bytes_up", NETWORK, bytes_up=2**63),
    _case("type", "bytes_up", NETWORK, bytes_up="12"),
    _case("range", "duration_ms", NETWORK, duration_ms=604_800_001),
    # -- TV
    _case("missing", "content_id", TV, "content_id"),
    _case("missing", "watched_ms", TV, "watched_ms"),
    _case("missing", "mode", TV, "mode"),
    _case("enum", "mode", TV, mode="LIVE"),
    _case("length", "content_id", TV, content_id=""),
    _case("length", "content_id", TV, content_id="ö" * 129),
    _case("charset", "content_id", TV, content_id="c\x01"),
    _case("charset", "channel", TV, channel="Eins\x7f"),
    _case("length", "channel", TV, channel=""),
    _case("length", "title", TV, title="t" * 513),
    _case("type", "title", TV, title={"de": "Tatort"}),
    _case("range", "watched_ms", TV, watched_ms=-1),
    _case("type", "watched_ms", TV, watched_ms=1.5),
    _case("range", "content_ms", TV, content_ms=0),
    # -- apps
    _case("missing", "app_id", APP, "app_id"),
    _case("missing", "action", APP, "action"),
    _case("charset", "action", APP, action="Open"),
    _case("length", "action", APP, action="o" * 33),
    _case("length", "app_id", APP, app_id="a" * 129),
    _case("length", "section", APP, section="s" * 65),
    _case("range", "duration_ms", APP, duration_ms=-5),
    # -- facts
    _case("missing", "kind", FACTS, "kind"),
    _case("unknown_kind", "kind", FACTS, kind="rumour", heard="of it"),
    _case("type", "kind", FACTS, kind=3),
    _case("missing", "status", FACTS, "status"),
    _case("enum", "status", FACTS, status="yes"),
    _case("time", "expires_at", FACTS, expires_at=1),
    _case("missing", "interest", FACTS, kind="declaration", stance="like"),
    _case("enum", "stance", FACTS, kind="declaration", interest="483", stance="love"),
    _case("range", "quiet_days", FACTS, kind="purchase", interest="483", quiet_days=731),
    _case("type", "returned", FACTS, kind="purchase", interest="483", returned="no"),
    _case("missing", "case_id", FACTS, kind="care_case", status="opened"),
    _case("missing", "device_id", FACTS, kind="registry"),
    _case("identifier", "owner_member_id", FACTS, kind="registry", device_id="tv-1",
          owner_member_id="+491701234567"),
]  # fmt: skip
