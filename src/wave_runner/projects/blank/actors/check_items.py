"""Decides which staged rows become items."""

from __future__ import annotations

from typing import Any

import pydantic

from wave_runner import Context, Promote, Reject, ScriptActor


class CheckItems(ScriptActor):
    """Promotes rows with a name and a text; rejects the others, each with its reason."""

    staging = True

    class Output(pydantic.BaseModel):
        """How many rows came through, and how many did not."""

        promoted: int
        rejected: int

    def process(self, item: dict[str, Any], ctx: Context) -> Output:
        """Decide about every row that waits."""
        promoted = rejected = 0
        for batch in ctx.staging.batches():
            decisions = [decide(row["id"], row["raw"]) for row in batch]
            ctx.staging.decide(decisions)
            promoted += sum(isinstance(decision, Promote) for decision in decisions)
            rejected += sum(isinstance(decision, Reject) for decision in decisions)
        return self.Output(promoted=promoted, rejected=rejected)


def decide(row: int, raw: Any) -> Promote | Reject:
    """Return what becomes of one row."""
    for field in ("name", "text"):
        if not isinstance(raw, dict) or not isinstance(raw.get(field), str) or not raw[field].strip():
            return Reject(row, [{"rule": "missing", "field": field, "message": f"{field} must be a text"}])
    return Promote(row, raw["name"], {"name": raw["name"], "text": raw["text"]})
