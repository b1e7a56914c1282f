"""Requests that the look-up service must refuse, by kind: one table."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt

from tests.support.lookup_service import OTHER, token

GOOD = "/v1/profiles/acc-1"
JSON = {"Content_Type": "application/json"}


def batch(body: Any, **headers: str) -> dict[str, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return {"path": "/v1/profiles:batch", "method": "POST", "body": raw, **JSON, **headers}


def signed(algorithm: str, key: Any) -> str:
    said = {"sub": "x", "aud": "interest-streams", "exp": time.time() + 60, "scope": "profiling"}
    return jwt.encode(said, key, algorithm, headers={"kid": "k1"})


#: Kind, status, request.
BAD: list[tuple[str, int, dict[str, Any]]] = [
    ("no token", 401, {"path": GOOD, "bearer": None}),
    ("an empty header", 401, {"path": GOOD, "bearer": None, "Authorization": ""}),
    ("another scheme", 401, {"path": GOOD, "bearer": None, "Authorization": "Basic YTpi"}),
    ("no token in it", 401, {"path": GOOD, "bearer": None, "Authorization": "Bearer "}),
    ("no JWT", 401, {"path": GOOD, "bearer": "rubbish"}),
    ("three empty parts", 401, {"path": GOOD, "bearer": ".."}),
    ("a token too long", 401, {"path": GOOD, "bearer": "a" * 9_000}),
    ("expired", 401, {"path": GOOD, "bearer": token(exp=1)}),
    ("without an end", 401, {"path": GOOD, "bearer": token(exp=None)}),
    ("not valid yet", 401, {"path": GOOD, "bearer": token(nbf=4e9)}),
    ("for another service", 401, {"path": GOOD, "bearer": token(aud="billing")}),
    ("for none", 401, {"path": GOOD, "bearer": token(aud=None)}),
    ("of nobody", 401, {"path": GOOD, "bearer": token(sub=None)}),
    ("of an empty name", 401, {"path": GOOD, "bearer": token(sub="")}),
    ("of a long name", 401, {"path": GOOD, "bearer": token(sub="x" * 65)}),
    ("scope is no text", 401, {"path": GOOD, "bearer": token(["profiling"])}),
    ("another's signature", 401, {"path": GOOD, "bearer": token(key=OTHER)}),
    ("an unknown key", 401, {"path": GOOD, "bearer": token(kid="k2")}),
    ("no key named", 401, {"path": GOOD, "bearer": token(kid=None)}),
    ("unsigned", 401, {"path": GOOD, "bearer": signed("none", None)}),
    ("signed with a secret", 401, {"path": GOOD, "bearer": signed("HS256", "x" * 40)}),
    ("a changed payload", 401, {"path": GOOD, "bearer": token()[:-6] + "AAAAAA"}),
    ("no purpose", 403, {"path": GOOD, "bearer": token("")}),
    ("a purpose for crowds", 403, {"path": GOOD, "bearer": token("audiences")}),
    ("only to act", 403, {"path": GOOD, "bearer": token("act")}),
    ("not for that purpose", 403, {"path": f"{GOOD}?purpose=offers"}),
    ("an unknown purpose", 400, {"path": f"{GOOD}?purpose=fun"}),
    ("a telephone number", 400, {"path": "/v1/profiles/491701234567"}),
    ("an IBAN", 400, {"path": "/v1/profiles/DE89370400440532013000"}),
    ("an e-mail address", 400, {"path": "/v1/profiles/a@b.example"}),
    ("a hardware address", 400, {"path": "/v1/profiles/00:1a:2b:3c:4d:5e"}),
    ("an account too long", 400, {"path": f"/v1/profiles/{'a' * 65}"}),
    ("a line break", 400, {"path": "/v1/profiles/a%0Ab"}),
    ("a null byte", 400, {"path": "/v1/profiles/a%00b"}),
    ("a member that is none", 400, {"path": f"{GOOD}/m%202"}),
    ("no UTF-8", 400, {"path": "/v1/profiles/%ff%fe"}),
    ("an interest that is none", 400, {"path": f"{GOOD}/why/a%2Bb"}),
    ("an unknown stance", 400, {"path": f"{GOOD}?stance=buy"}),
    ("an unknown field", 400, {"path": f"{GOOD}?fields=password"}),
    ("a field too deep", 400, {"path": f"{GOOD}?fields=interests.reasons.code"}),
    ("too many fields", 400, {"path": f"{GOOD}?fields=" + ",".join(["subject"] * 41)}),
    ("an unknown language", 400, {"path": f"{GOOD}?words=tlh"}),
    ("an unknown parameter", 400, {"path": f"{GOOD}?debug=1"}),
    ("a parameter twice", 400, {"path": f"{GOOD}?stance=hold&stance=avoid"}),
    ("a reason that is a sentence", 400, {"path": GOOD, "Access_Reason": "Mr Smith called"}),
    ("an address too long", 414, {"path": f"{GOOD}?fields=" + "subject," * 300}),
    ("an unknown address", 404, {"path": "/v2/profiles/acc-1"}),
    ("an address above", 404, {"path": "/page.css/../../keys.json"}),
    ("another method", 405, {"path": GOOD, "method": "DELETE"}),
    ("a method nobody knows", 400, {"path": GOOD, "method": "BREW"}),
    ("a batch by GET", 405, {"path": "/v1/profiles:batch"}),
    ("no type", 415, {"path": "/v1/profiles:batch", "method": "POST", "body": b"{}"}),
    ("a form", 415, batch(b"subjects=a", Content_Type="application/x-www-form-urlencoded")),
    ("compressed", 415, batch({"subjects": ["a"]}, Content_Encoding="gzip")),
    ("no JSON", 400, batch(b"{")),
    ("an empty body", 400, batch(b"")),
    ("a list", 400, batch(["a"])),
    ("no subjects", 400, batch({"subjects": []})),
    ("subjects that are none", 400, batch({"subjects": [1]})),
    ("a text for a list", 400, batch({"subjects": "acc-1"})),
    ("too many", 400, batch({"subjects": [f"a-{n}" for n in range(101)]})),
    ("something besides", 400, batch({"subjects": ["a"], "limit": 9})),
    ("a number among them", 400, batch({"subjects": ["a", "491701234567"]})),
    ("a subject too deep", 400, batch({"subjects": ["a/b/c"]})),
    ("a body too large", 413, batch(b" " * 40_000)),
    ("deep JSON", 400, batch(b"[" * 20_000)),
    ("nobody to watch", 400, {"path": "/v1/changes"}),
    ("too many to watch", 400, {"path": "/v1/changes?account=" + ",".join(["a"] * 21)}),
    ("to act where nothing acts", 404, {"path": "/v1/facts/acc-1", "method": "POST"}),
]  # fmt: skip
