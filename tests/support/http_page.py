"""Asks a program on this machine for one of its pages."""

from __future__ import annotations

import urllib.error
import urllib.request


def ask(
    port: int, path: str = "/livez", method: str = "GET", timeout: float = 60
) -> tuple[int, bytes]:
    """Ask for a page; returns status and body, of a refusal too.

    Raises
    ------
    OSError
        Where nobody answers within `timeout` seconds.
    """
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
