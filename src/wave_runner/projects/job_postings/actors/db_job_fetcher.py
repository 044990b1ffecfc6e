"""Stages job postings as they come from a file, a folder or a URL. Judges nothing: that is the validator's work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pydantic

from wave_runner import Context, ScriptActor

from .sources import Page, pages
from .web import PoliteClient

SAMPLE = "data/sample.jsonl"
PRIVATE_HOSTS = "FETCH_PRIVATE_HOSTS"

Add = Callable[[list[dict[str, Any]]], object]
"""Stages rows; they are safe when it returns."""


class Fetched(pydantic.BaseModel):
    """How much was staged. `complete` is true only if the source was read to its end; else `reason` says why not."""

    staged: int
    complete: bool
    pages: int
    reason: str


class JobFetcher(ScriptActor):
    """Fetches page by page. Each page is committed before the next is asked for, and a retry goes on after it."""

    staging = True

    class Input(pydantic.BaseModel):
        """`source` is a folder, a file, an http(s) URL or "sample"; `limit` stops after so many rows."""

        source: str = pydantic.Field(min_length=1)
        limit: int | None = pydantic.Field(default=None, ge=1)

    Output = Fetched

    def process(self, item: Input, ctx: Context) -> Fetched:
        """Go on after the last row that is staged, to the end of the source or to the limit."""
        after = ctx.staging.position
        with PoliteClient(private_hosts=private_hosts(os.environ)) as client:
            found = pages(located(item.source), after=after, base=project_folder(os.environ), fetch=client.get)
            fetched = stage(found, after=after, limit=item.limit, add=ctx.staging.add)
        if fetched.complete:
            ctx.staging.complete()
        return fetched


def private_hosts(environ: Mapping[str, str]) -> list[str]:
    """Return the hosts on a network of one's own that may be asked: names or addresses, with commas."""
    return [host.strip() for host in environ.get(PRIVATE_HOSTS, "").split(",") if host.strip()]


def project_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder that relative sources start from: the project's, which the runner names to its workers."""
    return Path(environ.get("WAVE_PROJECT_DIR", ".")).resolve()


def located(source: str) -> str:
    """Resolve the special source `sample`: the postings that come with the project."""
    return SAMPLE if source in ("sample", "sample:") else source


def stage(found: Iterator[Page], *, after: Mapping[str, Any] | None, limit: int | None, add: Add) -> Fetched:
    """Stage the rows of `found`, page by page, until `limit` rows are staged since the beginning of the fetch.

    A position also carries the counts so far, so that a fetch that was interrupted reports itself whole, and what the
    source announced: only its first page may say so.
    """
    staged, read, announced = (after["staged"], after["pages"], after["announced"]) if after else (0, 0, None)
    while limit is None or staged < limit:
        page = next(found, None)
        if page is None:
            return _ended(staged, read, announced)
        read += not page.begun
        announced = page.announced if page.announced is not None else announced
        so_far = {"pages": read, "announced": announced}
        rows = page.rows if limit is None else page.rows[: limit - staged]
        add(
            [
                {"raw": row.raw, "source": row.source, "position": {**row.position, "staged": number, **so_far}}
                for number, row in enumerate(rows, start=staged + 1)
            ]
        )
        staged += len(rows)
    return Fetched(staged=staged, complete=False, pages=read, reason="limit")


def _ended(staged: int, read: int, announced: int | None) -> Fetched:
    """Say how a fetch ended whose source has no more pages: a source that gave less than it announced is not done."""
    if announced is not None and staged < announced:
        reason = f"the source announced {announced} rows and gave {staged}"
        return Fetched(staged=staged, complete=False, pages=read, reason=reason)
    return Fetched(staged=staged, complete=True, pages=read, reason="end of source")
