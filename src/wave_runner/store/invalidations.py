"""Invalidations: results that were found wrong, with what was made from them, count for nothing any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from wave_runner.core.event import EventType, commitment, data_text
from wave_runner.store import events
from wave_runner.store.database import Connection, fetch


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What somebody has found wrong, and why. `nonce` is that of the commitment to the reason."""

    workflow: str
    step: str
    reason: str
    nonce: bytes
    by: str


async def add(connection: Connection, finding: Finding) -> int:
    """Note that results of a step are wrong. Returns the number of the invalidation."""
    return int((await fetch(connection, "invalidations/add", asdict(finding)))[0]["invalidation_id"])


async def apply(connection: Connection, run_id: int, number: int, finding: Finding, ids: Sequence[int]) -> int:
    """Invalidate results of a run, in the caller's transaction, which holds its lock. Returns how many.

    Their records are judged once more, and so is the run.
    """
    data = data_text({"invalidation": number})
    moved = await fetch(connection, "invalidations/apply", {"run_id": run_id, "ids": list(ids), "data": data})
    records = sorted({row["record_id"] for row in moved})
    await fetch(connection, "reruns/judge_again", {"run_id": run_id, "record_ids": records})
    await fetch(connection, "runs/reopen", {"run_id": run_id})
    said = {
        "invalidation": number,
        "step": finding.step,
        "by": finding.by,
        "reason": commitment(finding.nonce, finding.reason.encode()),
        "records": len(records),
        "interactions": len(moved),
    }
    await events.append(connection, EventType.INVALIDATED, said, run_id=run_id)
    return len(moved)
