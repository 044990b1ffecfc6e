"""What somebody says of saved views: a list of the pages is kept as it is narrowed, for all, and is not any more."""

from __future__ import annotations

from dataclasses import dataclass

from wave_runner.core.views import MOST, View
from wave_runner.errors import ConflictError, NotFoundError
from wave_runner.store import views
from wave_runner.store.database import Database
from wave_runner.store.views import SavedView


@dataclass(kw_only=True)
class Views:
    """Acts for the person `by`."""

    database: Database
    by: str

    async def save(self, view: View) -> SavedView:
        """Keep a view under its name, and return it as it is kept.

        Raises `ConflictError` where its page has one of that name, or there are too many.
        """
        async with self.database.transaction() as connection:
            if saved := await views.save(connection, view, by=self.by):
                return saved
            taken = [one for one in await views.listed(connection, view.page) if one.name == view.name]
        if not taken:
            raise ConflictError(f"there are {MOST} views already", hint="remove those that nobody opens")
        raise ConflictError(
            f"{taken[0].saved_by} has saved a view of {view.page} as {view.name!r} already",
            hint=f"take another name, or remove that one first: wave views remove {taken[0].view_id}",
        )

    async def remove(self, view_id: int) -> SavedView:
        """Keep a view no longer, whoever has saved it; return it as it was. Raises `NotFoundError`."""
        async with self.database.transaction() as connection:
            if removed := await views.remove(connection, view_id, by=self.by):
                return removed
        raise NotFoundError(f"there is no view {view_id}", hint="wave views list shows all of them")
