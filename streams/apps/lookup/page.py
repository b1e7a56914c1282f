"""Serves the page: one file each of HTML, CSS and JavaScript, and nothing from anywhere else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

#: Nothing inline, nothing from elsewhere, in nobody's frame, and nothing made from text.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: Path to file and type.
FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.contacts.js": ("page.contacts.js", "text/javascript"),
    "/page.customer.js": ("page.customer.js", "text/javascript"),
    "/page.customer.json": ("page.customer.json", "application/json"),
    "/page.svg": ("page.svg", "image/svg+xml"),
}


def routes(acting: bool) -> list[Route]:
    """The routes of the page; the buttons that act are there where there is what they act on."""
    return [Route(path, _file(name, kind, acting)) for path, (name, kind) in FILES.items()]


def _file(name: str, kind: str, acting: bool) -> Callable[[Request], Awaitable[Response]]:
    raw = resources.files("streams").joinpath("data", "lookup", name).read_bytes()
    body = raw.replace(b'data-acting="false"', b'data-acting="true"') if acting else raw

    async def answer(_: Request) -> Response:
        return Response(body, headers=_HEADERS, media_type=kind)

    return answer
