"""Where postings come from: a file, a folder of files, or a URL, as pages of rows that can be read on from any row."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from .documents import Document, SourceError, parse_document, parse_lines, read_capped

LINES_PER_PAGE = 500
_LINES = (".jsonl", ".ndjson")
_SUFFIXES = (".json", *_LINES)


@dataclass(frozen=True, kw_only=True)
class Body:
    """What is behind a URL, and where its `Link` header (RFC 8288) says the next page is."""

    content: bytes
    next_link: str | None = None


Fetch = Callable[[str], Body]
"""Gets what is behind a URL."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: its JSON text, where it stands, and the position after which to go on."""

    raw: str
    source: str
    position: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Page:
    """Rows to stage together. `announced` is how many rows the source says it has in all.

    `begun`: rows before these were staged by an earlier attempt, so the page was counted then.
    """

    rows: list[Row]
    announced: int | None = None
    begun: bool = False


def pages(source: str, *, after: Mapping[str, Any] | None, base: Path, fetch: Fetch) -> Iterator[Page]:
    """Yield the pages of `source` that follow the position `after` (None: all).

    A position is {"at": file name or URL, "row": number of the row in it, from 1}. A relative path starts at `base`.
    """
    if re.match(r"https?://", source):
        return _pages_of_url(source, after, fetch)
    return _pages_of_files(_files(base / Path(source).expanduser()), after)


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Order names as people do: `jobs2` before `jobs10`."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise SourceError(f"{path} does not exist: name a folder, a .json or .jsonl file, or an http(s) URL")
    found = [file for file in path.iterdir() if file.is_file() and _has_suffix(file.name, _SUFFIXES)]
    if not found:
        raise SourceError(f"{path} holds no {', '.join(_SUFFIXES)} file, packed (.gz) or not")
    return sorted(found, key=_order)


def _order(file: Path) -> tuple[list[tuple[int, int, str]], str]:
    return natural_key(file.name), file.name  # `jobs1` and `jobs01` have the same key, and need an order all the same


def _pages_of_files(files: Iterable[Path], after: Mapping[str, Any] | None) -> Iterator[Page]:
    waiting = iter(files)
    if after is not None:
        stopped = next((file for file in waiting if file.name == after["at"]), None)
        if stopped is None:
            raise SourceError(f"{after['at']}, in which the fetch stopped, is gone: put it back, or start a new run")
        yield from _pages_of_file(stopped, after["row"])
    for file in waiting:
        yield from _pages_of_file(file, 0)


def _pages_of_file(file: Path, done: int) -> Iterator[Page]:
    with file.open("rb") as stream:
        if not _has_suffix(file.name, _LINES):
            document = parse_document(read_capped(stream, file.name), file.name)
            yield Page(rows=_numbered(file.name, document.rows, done), begun=done > 0)
            return
        rows = parse_lines(stream, file.name)
        number = 0
        while chunk := list(itertools.islice(rows, LINES_PER_PAGE)):
            yield Page(rows=_numbered(file.name, chunk, done, first=number + 1), begun=done > number)
            number += len(chunk)


def _pages_of_url(url: str, after: Mapping[str, Any] | None, fetch: Fetch) -> Iterator[Page]:
    at: str | None = url if after is None else after["at"]
    done = 0 if after is None else after["row"]
    seen: set[str] = set()
    contents: set[int] = set()
    while at is not None:
        seen.add(at)
        body = fetch(at)
        document = _document_at(at, body.content)
        content = hash(tuple(document.rows))
        if document.rows and content in contents:
            raise SourceError(f"{at} gives the same rows as a page before it: its next links lead in a circle")
        contents.add(content)
        yield Page(rows=_numbered(at, document.rows, done), announced=document.announced, begun=done > 0)
        at, done = _next_url(at, document.next_link or body.next_link, seen), 0


def _document_at(url: str, body: bytes) -> Document:
    if _has_suffix(urlsplit(url).path, _LINES):
        return Document(rows=list(parse_lines(io.BytesIO(body), url)))
    return parse_document(body, url)


def _next_url(url: str, link: str | None, seen: set[str]) -> str | None:
    """Resolve a next link. It may not lead to another host, nor in a circle."""
    if link is None:
        return None
    following = urljoin(url, link)
    if urlsplit(following)[:2] != urlsplit(url)[:2]:
        raise SourceError(f"{url} says its next page is at {following}: another host is not followed")
    if following in seen:
        raise SourceError(f"{url} says its next page is {following}, which was read already")
    return following


def _numbered(at: str, rows: Iterable[str], done: int, *, first: int = 1) -> list[Row]:
    return [
        Row(raw=raw, source=f"{at}#{number}", position={"at": at, "row": number})
        for number, raw in enumerate(rows, start=first)
        if number > done
    ]


def _has_suffix(name: str, suffixes: tuple[str, ...]) -> bool:
    return name.lower().removesuffix(".gz").endswith(suffixes)
