"""Stages a few items. Put your own source here: a file, a page, another database."""

from __future__ import annotations

import pydantic

from wave_runner import Context, ScriptActor

ITEMS = [
    {"name": "haiku", "text": "An old silent pond. A frog jumps into the pond. Splash! Silence again."},
    {"name": "proverb", "text": "Many hands make light work."},
    {"name": "broken", "text": None},
]


class FetchItems(ScriptActor):
    """Takes up after the last row that is safely staged, so that a fetch that was interrupted repeats nothing."""

    staging = True

    class Input(pydantic.BaseModel):
        """`limit` is `wave run --limit`, or None."""

        limit: int | None = None

    class Output(pydantic.BaseModel):
        """How many rows this attempt staged."""

        staged: int

    def process(self, item: Input, ctx: Context) -> Output:
        """Stage the items that are not staged yet."""
        done = ctx.staging.position or 0
        rows = [
            {"raw": row, "source": "fetch_items.py", "position": number}
            for number, row in enumerate(ITEMS[: item.limit], start=1)
            if number > done
        ]
        return self.Output(staged=ctx.staging.add(rows))
