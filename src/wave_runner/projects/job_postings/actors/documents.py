"""Pages and lines of JSON, read without trusting them.

Rows come out as JSON text in ASCII, so that every character of the source, storable or not, reaches staging.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 64 * 1024 * 1024  # of one page, or of one line, unpacked

# As OData 4, 4.01 and 3 write them, and services that only follow its example.
_NEXT_LINK = ("@odata.nextLink", "@nextLink", "odata.nextLink", "nextLink")
_COUNT = ("@odata.count", "@count", "odata.count")
_MOST_DIGITS = 400  # more than any number that a float can hold


class SourceError(Exception):
    """A source cannot be read: which part of it, and why. What was staged before stays staged."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A page as read: its rows as JSON text, the link to the next page, and how many rows the source says it has."""

    rows: list[str]
    next_link: str | None = None
    announced: int | None = None


def parse_document(body: bytes, name: str) -> Document:
    """Read one JSON page: `{"value": [...]}` as OData writes it, or an array.

    A broken row is the validator's business; a broken page raises `SourceError`.
    """
    try:
        value = _loads(_decode(unpack(body, name)))
    except (ValueError, RecursionError) as error:
        begin = ascii(body[:40])
        raise SourceError(f"{name} is no JSON ({error}); it begins with {begin}") from error
    if isinstance(value, list):
        return Document(rows=[_dumps(row) for row in value])
    if not isinstance(value, dict) or not isinstance(value.get("value"), list):
        raise SourceError(f'{name} is JSON but no page of rows: expected {{"value": [...]}} or an array')
    return Document(
        rows=[_dumps(row) for row in value["value"]], next_link=_next_link(value, name), announced=_announced(value)
    )


def parse_lines(stream: io.BufferedIOBase, name: str) -> Iterator[str]:
    """Yield the rows of JSON lines, packed or not; memory does not grow with their number.

    A line that is no JSON comes out as a JSON string of the line, for the validator to reject. As the last one and
    without a line end it raises `SourceError`: the lines were cut off there, and what is missing is not known.
    """
    with _unpacked(stream) as plain:
        try:
            while line := plain.readline(MAX_BYTES + 1):
                if len(line) > MAX_BYTES:
                    raise SourceError(f"{name} has a line of more than {MAX_BYTES} bytes: these are no JSON lines")
                if text := _decode(line).strip():
                    yield _line_row(text, name, ended=line.endswith(b"\n"))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise SourceError(f"{name} is a broken gzip file: {error}") from error


def read_capped(stream: io.BufferedIOBase, name: str) -> bytes:
    """Return all of `stream`; more than `MAX_BYTES` is an error."""
    body = stream.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise SourceError(f"{name} is larger than {MAX_BYTES} bytes: split it, or write it as JSON lines")
    return body


def unpack(body: bytes, name: str) -> bytes:
    """Return `body` without its gzip wrapping, if it has one."""
    if not _is_gzip(body):
        return body
    try:
        with gzip.open(io.BytesIO(body)) as stream:
            return read_capped(stream, name)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{name} is a broken gzip file: {error}") from error


def _unpacked(stream: io.BufferedIOBase) -> io.BufferedIOBase:
    head = stream.read(2)
    stream.seek(0)
    return gzip.open(stream) if _is_gzip(head) else stream


def _is_gzip(body: bytes) -> bool:
    return body.startswith(b"\x1f\x8b")


def _next_link(page: Mapping[str, Any], name: str) -> str | None:
    """Return the link to the next page. One that cannot be followed is an error: the pages behind it are missing."""
    link = next((page[spelling] for spelling in _NEXT_LINK if page.get(spelling)), None)
    if link is not None and not isinstance(link, str):
        raise SourceError(f"{name} has a link to a next page that is no text: {ascii(link)[:60]}")
    return link


def _announced(page: Mapping[str, Any]) -> int | None:
    """Return how many rows the source says it has; OData may write the number as a text."""
    count = next((page[spelling] for spelling in _COUNT if spelling in page), None)
    if isinstance(count, str) and re.fullmatch(r"\d{1,18}", count, re.ASCII):
        return int(count)
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def _line_row(text: str, name: str, *, ended: bool) -> str:
    try:
        return _dumps(_loads(text))
    except (ValueError, RecursionError) as error:
        if not ended:
            end = ascii(text[-40:])
            raise SourceError(
                f"{name} is cut off in the middle of a line, it ends with {end}: fetch it again, or end the line"
            ) from error
        return _dumps(text)


def _decode(body: bytes) -> str:
    # A byte that is no UTF-8 becomes a lone surrogate: a bad byte then costs its row and not the page.
    return body.decode("utf-8", errors="surrogateescape").removeprefix("\ufeff")


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant, parse_float=_float, parse_int=_int)


def _float(text: str) -> float | str:
    # 1e999 is JSON, but Python reads it as infinity, which is none. As a text it costs its own row and not the page.
    number = float(text)
    return number if math.isfinite(number) else text


def _int(text: str) -> int | str:
    return int(text) if len(text) <= _MOST_DIGITS else text  # Python refuses to read more than 4,300 digits


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
