"""Tells who calls, and for which purposes they may, from bearer tokens; and how often they may."""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import jwt

from streams.apps.lookup.problems import Problem

#: Signatures that are accepted; a shared secret is none, for who can check it could sign.
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
#: Scopes that are purposes: what a caller may see is decided by the one it reads for.
OFFERS, PROFILING, PRIVACY = PURPOSES = ("offers", "profiling", "privacy")
#: The scope to put facts on the topic: for a demonstration, and nowhere else.
ACT = "act"
_LONGEST = 8_192  # bytes of a token
_CACHED = 10_000
_RENEW_S = 60.0
_LEEWAY_S = 30


class TokensError(ValueError):
    """The file of keys cannot be used; the message tells why."""


@dataclass(frozen=True)
class Caller:
    """Whoever holds a valid token: its subject, its scopes, and until when it holds."""

    name: str
    scopes: frozenset[str]
    ends: float

    def purpose(self, asked: str | None) -> str:
        """The purpose that a request is for.

        Raises
        ------
        Problem
            403 for one that the caller has no scope for, 400 where it must say which.
        """
        mine = [purpose for purpose in PURPOSES if purpose in self.scopes]
        if asked is not None and asked not in PURPOSES:
            raise Problem(
                HTTPStatus.BAD_REQUEST, "purpose", f"purpose is one of {', '.join(PURPOSES)}."
            )
        if asked is None and len(mine) > 1:
            raise Problem(
                HTTPStatus.BAD_REQUEST, "purpose", "This token is for several: say the purpose."
            )
        if not mine or (asked is not None and asked not in mine):
            raise Problem(
                HTTPStatus.FORBIDDEN, "purpose", "This token is not for reading for that purpose."
            )
        return asked or mine[0]


class Tokens:
    """Checks bearer tokens (JWT) against a file of public keys (JWKS).

    Parameters
    ----------
    path : Path
        Read again when it changes, so that keys can be rotated.
    audience, issuer : str
        What ``aud`` and ``iss`` must be; an empty issuer is not compared.
    now : callable
        Epoch seconds.

    Raises
    ------
    TokensError
    """

    def __init__(
        self, path: Path, audience: str, issuer: str, now: Callable[[], float] = time.time
    ) -> None:
        self._path, self._audience, self._issuer, self._now = path, audience, issuer, now
        self._known: OrderedDict[bytes, Caller] = OrderedDict()
        self._keys = load_keys(path)
        self._stamp, self._looked = path.stat().st_mtime_ns, now()

    def caller(self, authorization: str | None) -> Caller:
        """The caller of a request.

        Raises
        ------
        Problem
            401, with the challenge of RFC 6750.
        """
        kind, _, token = (authorization or "").partition(" ")
        if not token or kind.lower() != "bearer":
            raise _challenge("This needs a bearer token.", "")
        if len(token) > _LONGEST:
            raise _challenge("The token is too long.")
        self._renew()
        name = hashlib.sha256(token.encode()).digest()
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._checked(token)
            if len(self._known) > _CACHED:
                self._known.popitem(last=False)
        if known.ends + _LEEWAY_S <= self._now():
            del self._known[name]
            raise _challenge("The token has expired.")
        return known

    def actor(self, authorization: str | None) -> Caller:
        """The caller of a request that belongs to a demonstration.

        Raises
        ------
        Problem
            401 as `caller`; 403 without the scope ``act``.
        """
        caller = self.caller(authorization)
        if ACT not in caller.scopes:
            raise Problem(HTTPStatus.FORBIDDEN, "act", "This token may not act.")
        return caller

    def _checked(self, token: str) -> Caller:
        try:
            key = self._keys.get(str(jwt.get_unverified_header(token).get("kid")))
            if key is None:
                raise _challenge("The token's key is not known.")
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._issuer or None,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "sub", "aud"]},
            )
        except jwt.InvalidTokenError as error:
            raise _challenge(f"The token does not hold: {type(error).__name__}.") from None
        name, scope = claims["sub"], claims.get("scope", "")
        if not isinstance(name, str) or not 0 < len(name) <= 64 or not isinstance(scope, str):
            raise _challenge("The token's sub or scope is not a short text.")
        return Caller(name, frozenset(scope.split()), float(claims["exp"]))

    def _renew(self) -> None:
        if self._now() - self._looked < _RENEW_S:
            return
        self._looked = self._now()
        try:
            stamp = self._path.stat().st_mtime_ns
            if stamp != self._stamp:
                self._keys, self._stamp = load_keys(self._path), stamp
                self._known.clear()
        except (OSError, TokensError):
            return  # half written, say: the keys there were go on until it can be read


def load_keys(path: Path) -> dict[str, jwt.PyJWK]:
    """Read a JWKS file: public keys by their id.

    Raises
    ------
    TokensError
    """
    try:
        entries = json.loads(path.read_text())["keys"]
        keys = {str(entry["kid"]): jwt.PyJWK.from_dict(entry) for entry in entries}
    except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
        raise TokensError(f"{path}: not a JWKS file of keys with ids: {error}") from None
    for name, key in keys.items():
        if key.algorithm_name not in ALGORITHMS:
            raise TokensError(
                f"{path}: key {name}: {key.algorithm_name} is none of {', '.join(ALGORITHMS)}"
            )
    if not keys:
        raise TokensError(f"{path}: no keys")
    return keys


class Budgets:
    """Lets each caller ask so often a second, with twice as much at once.

    Parameters
    ----------
    rate : float
        Units a second; a subject looked up is one unit.
    now : callable
        Seconds of a clock that never goes back.
    """

    def __init__(self, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._now = rate, now
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, caller: str, units: int = 1) -> None:
        """Take units from a caller's budget.

        Raises
        ------
        Problem
            429, saying when to come again.
        """
        now, most = self._now(), 2 * self._rate
        left, then = self._left.get(caller, (most, now))
        left = min(most, left + (now - then) * self._rate)
        if left < min(units, most):
            wait = max(1, round((units - left) / self._rate + 0.5))
            self._left[caller] = left, now
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too-many-requests",
                "This caller asks too often.",
                {"Retry-After": str(wait)},
            )
        self._left[caller] = left - units, now
        if len(self._left) > _CACHED:
            self._left = {name: it for name, it in self._left.items() if now - it[1] < 10}


def _challenge(detail: str, error: str = ', error="invalid_token"') -> Problem:
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "unauthorised",
        detail,
        {"WWW-Authenticate": f'Bearer realm="profiles"{error}'},
    )
