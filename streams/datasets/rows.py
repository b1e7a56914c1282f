"""Provides what every adaptor needs: a record, a reader of tables, pseudonyms."""

from __future__ import annotations

import csv
import gzip
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import IO

from streams.contract import topics
from streams.contract.record import Record

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
LONGEST_VISIT_MS = 30 * MINUTE_MS
LONGEST_MS = 7 * DAY_MS


class SourceError(ValueError):
    """A source cannot be read; names the file and the place."""


Skipped = Counter[str]  # why rows were left out -> how many


def pseudonym(raw: str, prefix: str) -> str:
    """An account id the inlet accepts: `raw` itself where it is one already.

    All digits (which could be a phone number) get the prefix; anything with other characters
    than ``A-Za-z0-9_.:-`` or of more than 60 of them becomes the prefix and a digest.

    Examples
    --------
    >>> pseudonym("AiDS4k1rQZ", "tv"), pseudonym("771802", "tv"), pseudonym("+49 170", "tv")
    ('AiDS4k1rQZ', 'tv-771802', 'tv-x36bb8b142989e0f9')
    """
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,60}", raw):
        return f"{prefix}-{short_digest(raw)}"
    return f"{prefix}-{raw}" if re.fullmatch(r"[-._:0-9]*", raw) else raw


def slug(title: str) -> str:
    """Lower-case ASCII letters, digits and dashes of a title, at most 100.

    Examples
    --------
    >>> slug("Amélie: der Film")
    'amelie-der-film'
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:100] or short_digest(title)


def catalogue_record(
    at: int, prefix: str, name: str, title: str, genres: list[str], language: str = ""
) -> Record:
    key = f"{prefix}:{name}".translate(_LOWER)
    return Record(
        at,
        topics.CATALOGUE,
        key,
        {"key": key, "title": title, "text": "", "genres": genres, "language": language},
    )


#: Content keys are lower-cased in ASCII only, as the inlet does it.
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    try:
        binary = gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None
    with binary, io.TextIOWrapper(binary, encoding="utf-8", newline="") as text:
        try:
            yield text
        except UnicodeDecodeError as error:
            raise SourceError(f"{path}: not UTF-8 at byte {error.start}") from None


def rows_of(path: Path, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    with opened(path) as file:
        reader = csv.DictReader(file)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise SourceError(f"{path}: line 1: no column {', '.join(missing)}")
        for row in reader:
            if any(row[name] is None for name in columns):
                raise SourceError(f"{path}: line {reader.line_num}: too few columns")
            yield row


def instant_ms(text: str, path: Path) -> int:
    try:  # nanoseconds, which fromisoformat refuses, are cut
        return int(datetime.fromisoformat(text[:26]).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        raise SourceError(f"{path}: {text!r} is not a time") from None


def whole_number(text: str, path: Path) -> int:
    try:
        return int(float(text))
    except ValueError:
        raise SourceError(f"{path}: {text!r} is not a number") from None


def short_digest(text: str) -> str:
    return "x" + blake2b(text.encode(), digest_size=8).hexdigest()


def number_of(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
