"""Defines refusals of the look-up service, as RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import orjson
from starlette.requests import Request
from starlette.responses import Response

#: Every answer: profiles are nobody else's to keep, and a browser takes nothing for a page.
HEADERS: Mapping[str, str] = {
    "Cache-Control": "private, no-store",
    "Vary": "Authorization",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_TYPE = "https://interest-streams.example/problems/"


class Problem(Exception):
    """A request that is refused; nothing in it names a subject.

    Parameters
    ----------
    status : HTTPStatus
    slug : str
        Kind of the problem, the end of its type.
    detail : str
        One sentence on what to change.
    headers : mapping of str to str
        More of the answer.
    """

    def __init__(
        self, status: HTTPStatus, slug: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(slug)
        self.status, self.slug, self.detail = status, slug, detail
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer to the asker."""
        body = {
            "type": _TYPE + self.slug,
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
        }
        return Response(
            orjson.dumps(body),
            self.status,
            {**HEADERS, **self.headers},
            media_type="application/problem+json",
        )


def answering(
    handler: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Answer with the problem, where a handler raises one."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Problem as problem:
            return problem.response()

    return answer


def bad(detail: str, slug: str = "bad-request") -> Problem:
    """A request that says what it wants in a wrong way."""
    return Problem(HTTPStatus.BAD_REQUEST, slug, detail)


def unknown() -> Problem:
    """Nobody there: unknown, erased, expired and hidden for this purpose are told alike."""
    return Problem(HTTPStatus.NOT_FOUND, "no-profile", "There is no profile to show.")
