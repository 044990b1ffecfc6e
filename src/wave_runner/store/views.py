"""Saved views: lists of the pages as somebody has narrowed them, under a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from wave_runner.core.event import EventType
from wave_runner.core.views import MOST, ListPage, View
from wave_runner.store import events
from wave_runner.store.database import Connection, Row, fetch


@dataclass(frozen=True, kw_only=True)
class SavedView:
    """A view that somebody has saved. `address` is where it is seen, relative to where the pages begin."""

    view_id: int
    page: ListPage
    name: str
    filter: Mapping[str, str]
    address: str
    saved_by: str
    saved_at: datetime


async def save(connection: Connection, view: View, *, by: str) -> SavedView | None:
    """Keep a view under its name; None where the name is taken on its page, or there are `MOST` views already."""
    given = {"page": str(view.page), "name": view.name, "query": view.query, "by": by, "most": MOST}
    rows = await fetch(connection, "views/save", given)
    return await _told(connection, EventType.VIEW_SAVED, rows, by=by)


async def remove(connection: Connection, view_id: int, *, by: str) -> SavedView | None:
    """Keep a view no longer; None where there is none of that number."""
    rows = await fetch(connection, "views/remove", {"view_id": view_id})
    return await _told(connection, EventType.VIEW_REMOVED, rows, by=by)


async def listed(connection: Connection, page: ListPage | None = None) -> list[SavedView]:
    """Return the views of a page, or of all, by page and name."""
    # One of a page that a newer version has is for that version.
    pages = [str(one) for one in ListPage] if page is None else [str(page)]
    rows = await fetch(connection, "views/list", {"pages": pages})
    return [_read(row) for row in rows]


async def _told(connection: Connection, type: EventType, rows: Sequence[Row], *, by: str) -> SavedView | None:
    if not rows:
        return None
    found = _read(rows[0])
    # Not its name, which somebody has thought of: events hold no such texts.
    await events.append(connection, type, {"by": by, "view": str(found.view_id), "page": str(found.page)})
    return found


def _read(row: Row) -> SavedView:
    known = {name: row[name] for name in ("view_id", "name", "saved_by", "saved_at")}
    address = f"{row['page']}?{row['query']}"
    return SavedView(page=ListPage(row["page"]), filter=dict(parse_qsl(row["query"])), address=address, **known)
