"""Reports what sources and fields are worth: text, JSON, and a page with a plot to be signed."""

from __future__ import annotations

import html
import math
from pathlib import Path
from typing import Any

import orjson

from streams.evaluation.intervals import Interval
from streams.evaluation.worth import KEEP, Study, Worth

_TITLES = {
    "gain": "accuracy kept",
    "reach": "reach kept",
    "moments": "moments kept",
    "attributed": "attribution kept",
}
_HEAD = ("", "bytes", "log-loss", "ECE", *_TITLES.values(), "no longer kept out")
_BAR, _ROW, _LEFT, _WIDTH = 10, 34, 150, 720
_COLOURS = {"gain": "#1f5fa8", "reach": "#c2571a"}
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{padding:.25rem .7rem;text-align:right;"
    "border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}"
    ".sign{margin-top:3rem;border-top:1px solid #000;width:20rem;padding-top:.3rem}"
)


def worth_report(study: Study) -> str:
    """Format for people."""
    rows = [_HEAD, *(_cells(found) for found in (study.whole, *study.parts, study.minimal))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
             for row in rows]  # fmt: skip
    return "\n".join([_heading(study), "", *lines, "", minimal_words(study)])


def _heading(study: Study) -> str:
    return (
        f"{study.records:,} records of {study.accounts:,} accounts, {study.subjects:,} subjects, "
        f"{study.rows:,} scored rows; 90 % intervals over accounts with their members"
    )


def minimal_words(study: Study) -> str:
    """Say what the minimal set holds, in a sentence."""
    found = study.minimal
    if not found.without:
        return f"Nothing can go: each part is needed to keep {KEEP:.0%}, or protects somebody."
    return (
        f"Needed to keep {KEEP:.0%} of accuracy and reach: {', '.join(study.needed) or 'nothing'}. "
        f"Without {', '.join(found.without)}: {found.size:.0%} of the bytes, accuracy "
        f"{found.gain.value:.1%}, reach {found.reach.value:.1%}."
    )


def name_of(found: Worth) -> str:
    """Name what is left out."""
    return f"without {', '.join(found.without)}" if found.without else "whole"


def _cells(found: Worth) -> list[str]:
    kept = [_kept(getattr(found, name)) for name in _TITLES]
    same = "not read" if found.same and found.without else str(found.unprotected)
    return [
        name_of(found), f"{found.size:.0%}", format(found.log_loss, ".4f"),
        format(found.ece, ".4f"), *kept, same,
    ]  # fmt: skip


def _kept(share: Interval) -> str:
    if math.isnan(share.value):
        return "none to keep"
    return f"{share.value:.1%}" if math.isnan(share.low) else format(share, ".1%")


def write_worth(study: Study, folder: Path) -> list[Path]:
    """Write ``worth.json`` and ``worth.html``."""
    folder.mkdir(parents=True, exist_ok=True)
    data, page = folder / "worth.json", folder / "worth.html"
    data.write_bytes(orjson.dumps(_plain(study), option=orjson.OPT_INDENT_2) + b"\n")
    page.write_text(worth_page(study))
    return [data, page]


def _plain(value: Any) -> Any:
    """Named tuples and intervals as objects; orjson makes null of what is no number."""
    if isinstance(value, Interval):
        return vars(value)
    if hasattr(value, "_asdict"):
        return {name: _plain(item) for name, item in value._asdict().items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def worth_page(study: Study) -> str:
    """One page without scripts or anything from elsewhere."""
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(found)) + "</tr>"
        for found in (study.whole, *study.parts, study.minimal)
    )
    head = "".join(f"<th>{html.escape(title)}</th>" for title in _HEAD)
    return (
        "<!doctype html>\n<html lang=en><meta charset=utf-8><title>Which data is worth it</title>"
        f"<style>{_STYLE}</style><h1>Which data is worth it</h1>"
        f"<p>{html.escape(_heading(study))}</p><p><b>{html.escape(minimal_words(study))}</b></p>"
        f"{worth_plot(study)}<table><tr>{head}</tr>{rows}</table>"
        "<p>The same log, replayed by the production engine without a source or a field; facts "
        "stay whole. <i>Accuracy kept</i>: share of what the whole log tells beyond the base "
        "rate, in log-loss, on the same rows. <i>Reach</i>: subjects with an interest to engage. "
        "<i>No longer kept out</i>: records of children and of those who refused that would be "
        "counted without the field that tells them; such a field never leaves the minimal set. "
        "<i>Not read</i>: not a bit of state or profile differs without it.</p>"
        '<p class="sign">Date, name, signature</p></html>\n'
    )


def worth_plot(study: Study) -> str:
    """Bars of what is kept, with intervals, as an SVG."""
    shown = (*study.parts, study.minimal)
    height = _ROW * len(shown) + 50
    scale = _WIDTH - _LEFT - 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" role="img" aria-label="Accuracy and reach kept without each part" '
        'font-family="sans-serif" font-size="12">'
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _LEFT + share * scale
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="20" y2="{height - 25}" stroke="#ddd"/>'
            f'<text x="{x:.1f}" y="{height - 10}" text-anchor="middle">{share:.0%}</text>'
        )
    for at, (name, colour) in enumerate(_COLOURS.items()):
        parts.append(f'<text x="{_LEFT + 120 * at}" y="14" fill="{colour}">{_TITLES[name]}</text>')
    for number, found in enumerate(shown):
        y = 26 + number * _ROW
        words = "minimal set" if found is study.minimal else name_of(found)
        parts.append(
            f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{html.escape(words)}</text>'
        )
        for at, (name, colour) in enumerate(_COLOURS.items()):
            parts.append(_bar(getattr(found, name), y + at * (_BAR + 2), scale, colour))
    return "".join([*parts, "</svg>"])


def _bar(share: Interval, y: float, scale: float, colour: str) -> str:
    def x(value: float) -> float:
        return _LEFT + scale * min(1.05, max(0.0, 0.0 if math.isnan(value) else value))

    wide = x(share.value) - _LEFT
    bar = f'<rect x="{_LEFT}" y="{y}" width="{wide:.1f}" height="{_BAR}" fill="{colour}"/>'
    if math.isnan(share.low):
        return bar
    middle = y + _BAR / 2
    return bar + (
        f'<line x1="{x(share.low):.1f}" x2="{x(share.high):.1f}" y1="{middle}" y2="{middle}" '
        'stroke="#000"/>'
    )
