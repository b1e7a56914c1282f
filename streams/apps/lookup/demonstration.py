"""Serves the page over a demonstration's profiles, with a key and a token of its own."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from streams.apps.lookup.beside import Scene
from streams.apps.lookup.callers import ACT, PURPOSES
from streams.apps.lookup.deployment import serving
from streams.settings import Settings

_HOST = "127.0.0.1"
_VALID_S = 24 * 3_600


@contextmanager
def demonstration(
    settings: Settings, accounts: Sequence[str], scene: Scene, port: int = 0
) -> Iterator[str]:
    """Serve on this machine alone while the context lasts.

    Parameters
    ----------
    settings : Settings
    accounts : sequence of str
        To be proposed; the first is shown.
    scene : Scene
    port : int
        0: any that is free.

    Yields
    ------
    str
        Address of the page. The token stands behind the ``#``, which no browser sends.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys.json"
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
        keys.write_text(json.dumps({"keys": [public | {"kid": "demo"}]}))
        own = replace(
            settings,
            lookup_jwks=str(keys),
            lookup_port=port,
            http_host=_HOST,
            lookup_snapshot="",
            lookup_report="",
        )
        claims = {
            "sub": "demo",
            "aud": own.lookup_audience,
            "iss": own.lookup_issuer,
            "exp": int(time.time()) + _VALID_S,
            "scope": " ".join((*PURPOSES, ACT)),
        }
        token = jwt.encode(claims, key, "ES256", headers={"kid": "demo"})
        said = {"token": token, "accounts": ",".join(accounts), "account": accounts[0]}
        with serving(own, scene) as served:
            yield f"http://{_HOST}:{served.server.port}/#{urlencode(said)}"
