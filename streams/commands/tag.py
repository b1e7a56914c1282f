"""Runs ``interest-streams tag``: tags hosts, app ids, titles or texts, with source and probability.

    interest-streams tag bbc.co.uk com.spotify.music 'Ein Kommissar jagt einen Mörder'
    interest-streams tag --kind programme --file titles.txt --out tags.jsonl

A batch file has an item a line; a ``.jsonl`` file has catalogue entries (``key``, ``title``,
``text``, ``genres``, ``category``, ``keywords``). Exact knowledge answers first; texts need the
optional extra ``text``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from features.tags import taxonomy
from features.tags.exact import TagEntry, TagError, checked_key, exact_tags, resolve, tag_catalogue
from features.tags.text.wording import text_of
from features.vocabulary import KeyPrefix
from streams.apps import embedding
from streams.errors import ExitCode, UsageError
from streams.logs import visible
from streams.terminal import Meter

if TYPE_CHECKING:
    from features.tags.text.tagger import TextTagger

NAME = "tag"
HELP = "tags of hosts, apps, titles and texts, for people and for files"

MAX_LINE_CHARS = 100_000
_BATCH = 64
_KINDS = ("host", "app", "programme")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "Example: interest-streams tag bbc.co.uk"
    parser.add_argument("item", nargs="*", help="host, app id, content key, title or text")
    parser.add_argument(
        "--kind",
        choices=_KINDS,
        default="host",
        help="what texts are about: a page, an app, a programme (has genres)",
    )
    parser.add_argument("--file", type=Path, help="an item a line, or catalogue entries (.jsonl)")
    parser.add_argument("--out", type=Path, help="JSON lines here instead of standard output")
    parser.add_argument("--json", action="store_true", help="JSON lines for given items too")


def run(args: argparse.Namespace) -> ExitCode:
    """Print the tags of each item; FAILED if something got no answer."""
    if bool(args.item) == bool(args.file):
        raise UsageError("give items, or --file")
    tagger = Tagger(args.kind)
    try:
        if args.file:
            return _batch(tagger, args.file, args.out)
        silent = 0
        for answer in tagger.answers([_entry(text, args.kind) for text in args.item]):
            silent += answer["what"] == "unknown"
            told = json.dumps(answer, ensure_ascii=False) if args.json else _plain(answer)
            print(visible(told, "\n"))
        return ExitCode.FAILED if silent else ExitCode.DONE
    finally:
        if tagger.missed:
            print(f"tag: {tagger.missed} texts left unread: {embedding.MISSING}", file=sys.stderr)


class Tagger:
    """Answers for items; loads the embedding when the first text needs it.

    Parameters
    ----------
    kind : str
        Of items that name no kind themselves.

    Attributes
    ----------
    missed : int
        Texts that could not be read because the extra is not installed.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.missed = 0
        self._texts: TextTagger | None = None

    def answers(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """One answer per catalogue-like entry, in order.

        Returns
        -------
        list of dict
            ``input``, ``what`` (tagged, infrastructure, denied, unknown, refused), ``source``,
            ``confidence``, ``tags`` (id, path, probability).
        """
        found: list[TagEntry | None] = []
        refused: dict[int, str] = {}
        for number, entry in enumerate(entries):
            try:
                found.append(_exact(entry))
            except TagError as error:
                found.append(None)
                refused[number] = str(error)
        open_ = [
            i
            for i, known in enumerate(found)
            if known is None and i not in refused and text_of(entries[i])
        ]
        for kind in _KINDS:
            own = [i for i in open_ if _kind(entries[i], self.kind) == kind]
            for i, answer in zip(
                own, self._read([text_of(entries[i]) for i in own], kind), strict=True
            ):
                found[i] = answer
        return [
            _answer(str(entry["input"]), known, refused.get(i))
            for i, (entry, known) in enumerate(zip(entries, found, strict=True))
        ]

    def _read(self, texts: list[str], kind: str) -> list[TagEntry | None]:
        if not texts:
            return []
        if self._texts is None:
            from features.tags.text.tagger import TextTagger  # River: only once a text comes

            try:
                self._texts = TextTagger(embedding.load())
            except embedding.NoEmbedding:
                self.missed += len(texts)
                return [None] * len(texts)
        return [answer.entry() for answer in self._texts.tag(texts, kind)]


def _batch(tagger: Tagger, path: Path, out: Path | None) -> ExitCode:
    total = sum(1 for _ in path.open("rb"))
    silent = done = 0
    with ExitStack() as stack:
        lines = stack.enter_context(path.open(encoding="utf-8"))
        sink: TextIO = (
            sys.stdout if out is None else stack.enter_context(out.open("w", encoding="utf-8"))
        )
        meter = stack.enter_context(Meter("tag", total))
        items = _items(lines, path.suffix == ".jsonl", tagger.kind)
        while batch := list(islice(items, _BATCH)):
            for answer in tagger.answers(batch):
                silent += answer["what"] in ("unknown", "refused")
                sink.write(json.dumps(answer, ensure_ascii=False) + "\n")
            done += len(batch)
            if meter.due():
                meter.show(done)
        meter.show(done, f"{silent} without an answer")
    return ExitCode.FAILED if silent else ExitCode.DONE


def _items(lines: Iterable[str], records: bool, kind: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        text = line.strip()[:MAX_LINE_CHARS]
        if not text:
            continue
        if not records:
            yield _entry(text, kind)
            continue
        try:
            entry = json.loads(text)
            if not isinstance(entry, dict):
                raise ValueError("not an object")
            yield {**entry, "input": str(entry.get("key", f"line {number}"))}
        except (ValueError, RecursionError) as error:
            yield {"input": f"line {number}", "key": "", "broken": str(error)}


def _entry(text: str, kind: str) -> dict[str, Any]:
    """An item as a catalogue entry: a content key, a host, an app id, or words."""
    prefix = text.partition(":")[0].lower()
    if prefix in KeyPrefix.words():
        return {"input": text, "key": text}
    if "." in text and not any(c.isspace() for c in text):
        for guess in ("host", "app"):
            try:
                if resolve(checked_key(f"{guess}:{text}"), exact_tags()) is not None:
                    return {"input": text, "key": f"{guess}:{text}"}
            except TagError:
                continue
        return {"input": text, "key": f"host:{text}"}
    return {"input": text, "kind": kind, "title": text}


def _exact(entry: dict[str, Any]) -> TagEntry | None:
    if "broken" in entry:
        raise TagError("line", str(entry["broken"]))
    return tag_catalogue({**entry, "key": checked_key(entry["key"])}) if "key" in entry else None


def _kind(entry: dict[str, Any], kind: str) -> str:
    prefix = str(entry.get("key", kind)).partition(":")[0].lower()
    return (
        "programme" if prefix in ("programme", "channel") else "app" if prefix == "app" else "host"
    )


def _answer(text: str, entry: TagEntry | None, refused: str | None) -> dict[str, Any]:
    if entry is None:
        what = "unknown" if refused is None else "refused"
        return {"input": text, "what": what, "source": refused or "", "tags": []}
    tree = taxonomy.load()
    what = "tagged" if entry.told else "infrastructure" if entry.infrastructure else "denied"
    return {
        "input": text,
        "what": what,
        "source": entry.source,
        "confidence": entry.confidence,
        "tags": [
            {
                "id": interest,
                "path": " > ".join(tree.paths[tree.index(interest)]),
                "probability": round(weight, 3),
            }
            for interest, weight in entry.told
        ],
    }


def _plain(answer: dict[str, Any]) -> str:
    sure = (
        f" by {answer['source']}, confidence {answer['confidence']:g}"
        if "confidence" in answer
        else f" {answer['source']}"
    )
    lines = [f"{visible(answer['input'])}: {answer['what']}{sure}".rstrip()]
    return "\n".join(
        [
            *lines,
            *(f"  {tag['probability']:.2f}  {tag['id']:7} {tag['path']}" for tag in answer["tags"]),
        ]
    )
