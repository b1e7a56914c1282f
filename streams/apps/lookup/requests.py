"""Reads requests, within limits: subjects, bodies, headers."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from features.records.forms import Pseudonym
from features.records.identifiers import is_iban
from streams.apps.lookup.problems import Problem, bad

MOST_SUBJECTS = 100
_MOST_BYTES = 32_768
_BODY_S = 5.0
_PSEUDONYM = re.compile(Pseudonym.pattern)
_INTEREST = re.compile(r"[A-Za-z0-9_-]{1,16}")
_REASON = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LONGEST_URL = 2_048


def subject_of(*parts: str) -> str:
    """A subject from its parts, account and perhaps member.

    Raises
    ------
    Problem
        400; what looks like somebody's number or address is not looked up.
    """
    for part in parts:
        if len(part) > Pseudonym.longest or not _PSEUDONYM.fullmatch(part) or is_iban(part):
            raise bad("An account or member is no pseudonym.", "subject")
    return "/".join(parts)


def interest_id_of(text: str) -> str:
    """An interest's id."""
    if not _INTEREST.fullmatch(text):
        raise bad("The interest is no id of the taxonomy.", "interest")
    return text


def query_of(request: Request) -> dict[str, str]:
    """The parameters of a request, each given once."""
    if len(request.scope["raw_path"]) + len(request.scope["query_string"]) > _LONGEST_URL:
        raise Problem(HTTPStatus.REQUEST_URI_TOO_LONG, "too-long", "The address is too long.")
    try:
        items = request.query_params.multi_items()
    except ValueError:
        raise bad("The parameters can't be read.", "parameter") from None
    found = dict(items)
    if len(found) != len(items):
        raise bad("A parameter is given twice.", "parameter")
    return found


def reason_of(request: Request) -> str:
    """The reason of a look-up, as the caller gives it in the header ``Access-Reason``."""
    text = request.headers.get("access-reason", "")
    if text and not _REASON.fullmatch(text):
        raise bad("Access-Reason is a word of a-z, 0-9, dot, dash and underscore.", "reason")
    return text


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object of a request's body.

    Raises
    ------
    Problem
        413, 415, 408 or 400.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", "Content-Type is application/json."
        )
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", "The body must not be compressed."
        )
    try:
        raw = await asyncio.wait_for(_read(request), _BODY_S)
    except TimeoutError:
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT, "too-slow", "The body did not come in time."
        ) from None
    except ClientDisconnect:
        raise bad("The body ended early.", "body") from None
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise bad("The body is not JSON.", "body") from None
    if not isinstance(value, dict):
        raise bad("The body is not a JSON object.", "body")
    return value


def subjects_of(body: dict[str, Any]) -> list[str]:
    """The subjects of a batch, each once, in their order."""
    if body.keys() - {"subjects"}:
        raise bad("The body has subjects and nothing else.", "body")
    asked = body.get("subjects")
    if not isinstance(asked, list) or not all(isinstance(item, str) for item in asked):
        raise bad("subjects is a list of texts.", "body")
    if not 0 < len(asked) <= MOST_SUBJECTS:
        raise bad(f"subjects has 1 to {MOST_SUBJECTS} items.", "body")
    for item in asked:
        if item.count("/") > 1:
            raise bad("A subject is account or account/member.", "subject")
        subject_of(*item.split("/"))
    return list(dict.fromkeys(asked))


async def _read(request: Request) -> bytes:
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > _MOST_BYTES:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "too-large",
                f"A body has at most {_MOST_BYTES} bytes.",
            )
    return bytes(found)
