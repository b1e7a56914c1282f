"""Takes the README's picture of the page: ``python -m tests.support.page_picture``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import orjson

from tests.support.browser import Browser
from tests.support.lookup_service import Service, settled, token
from tests.support.paths import ROOT
from tests.support.simulated_profiles import published

PICTURE = ROOT / ".github" / "page.png"
_ACCOUNT = "sim-00022"


def main() -> None:
    """Show a simulated household after five weeks, and write what a browser makes of it."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), acting=True)
        for record in published(30, 35, seed=11):
            subject = record.key.decode()
            if subject.partition("/")[0] == _ACCOUNT and record.value is not None:
                value = orjson.loads(record.value)
                service.reader.put(value.pop("subject"), **value)
        settled(service)
        browser = Browser("chromium", Path(folder) / "chromium")
        try:
            browser.open(
                f"http://127.0.0.1:{service.server.port}/"
                f"#token={token('profiling act')}&account={_ACCOUNT}"
            )
            browser.wait("document.querySelector('article')")
            browser.picture(PICTURE, height=960)
        finally:
            browser.close()
            service.close()


if __name__ == "__main__":
    main()
