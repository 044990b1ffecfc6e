"""Lists of the pages as somebody has narrowed them, by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wave_runner.store import reports as stored
from wave_runner.store import views

if TYPE_CHECKING:
    from wave_runner.core.views import ListPage
    from wave_runner.store.database import Database
    from wave_runner.store.views import SavedView

SCHEMA = "wave.views.v1"


async def saved_views(database: Database, page: ListPage | None = None) -> list[SavedView]:
    """Return the saved views of a page, or of all."""
    async with stored.snapshot(database) as connection:
        return await views.listed(connection, page)
