"""Decides about every staged row: promoted to `postings` with clean values, or rejected with all its reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pydantic

from wave_runner import Context, Promote, Reject, ScriptActor

from .checks import Accepted, check

CHUNK = 500  # rows decided in one transaction


class Validated(pydantic.BaseModel):
    """What became of the rows decided in this attempt. `by_rule` counts rejected rows by the first rule they broke.

    `updated` postings were there before and are work again, `unchanged` ones are not.
    """

    promoted: int
    updated: int
    unchanged: int
    rejected: int
    by_rule: dict[str, int]


class StagingValidator(ScriptActor):
    """Validates chunk by chunk. An interrupted validation goes on with the rows that still wait."""

    staging = True
    Output = Validated

    def process(self, item: dict[str, Any], ctx: Context) -> Validated:
        """Decide about every row of this run that waits."""
        keys: set[str] = set()
        taken, by_rule = Counter[str](), Counter[str]()
        for batch in ctx.staging.batches(CHUNK):
            decisions = list(decide(batch, keys))
            answer = ctx.staging.decide(decisions)
            taken.update({name: answer[name] for name in ("promoted", "updated", "unchanged")})
            by_rule.update(decision.errors[0]["rule"] for decision in decisions if isinstance(decision, Reject))
            # An attempt before this one may have had the same key, and a value may not have fitted into the table.
            by_rule["duplicate"] += len(answer["duplicates"])
            ctx.progress(taken.total() + by_rule.total())
        return Validated(**taken, rejected=by_rule.total(), by_rule=dict(+by_rule))


def decide(batch: Iterable[Mapping[str, Any]], keys: set[str]) -> Iterator[Promote | Reject]:
    """Decide about each row, in order. Of rows with one key the first wins; `keys` remembers across batches."""
    for staged in batch:
        found = check(staged["raw"])
        if not isinstance(found, Accepted):
            yield Reject(staged["id"], found.errors, found.key)
        elif found.key in keys:
            message = f"an earlier row of this run is posting {found.key} already"
            yield Reject(staged["id"], [{"rule": "duplicate", "field": "job_id", "message": message}], found.key)
        else:
            keys.add(found.key)
            yield Promote(staged["id"], found.key, {**found.values, "source": staged["source"]})
