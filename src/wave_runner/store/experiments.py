"""Experiments: what is done beside the real work, on what was recorded, and what it is held against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from wave_runner.core.canonical import dumps
from wave_runner.core.event import EventType, commitment
from wave_runner.core.experiment import RunKind
from wave_runner.core.pinned import PinnedStep
from wave_runner.store import definitions, events, reruns, runs
from wave_runner.store.database import Connection, Row, fetch


@dataclass(frozen=True, kw_only=True)
class Input:
    """What one interaction is to be given, as JSON text with the nonce of its commitment, and what it is held against.

    `record_id` is None for an input that no record has. `source` is a result: its run and interaction. `expected` is
    JSON text from a gold set.
    """

    record_id: int | None
    text: str
    nonce: bytes
    source: tuple[int, int] | None = None
    expected: str | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """The run whose results a shadow is given as they come, of a share of its records, from an index of the log on."""

    run_id: int
    share: float
    looked_to: int


@dataclass(frozen=True, kw_only=True)
class NewExperiment:
    """An experiment to start: so many inputs are wanted, each is done `times` times. A shadow begins without any."""

    step: str
    asked: int
    inputs: Sequence[Input]
    changes: Mapping[str, Any]
    times: int = 1
    seed: str | None = None
    gold: str | None = None
    source: Source | None = None


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A result that can be done once more: what its step was given, as JSON text."""

    run_id: int
    interaction_id: int
    record_id: int
    key: str
    input: str


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """An experiment as it stands. `definition` is the hash of the step that it has pinned.

    Only a shadow has a source: it was given `fed` results of a `share` of its records, and none since `closed_at`.
    """

    run_id: int
    kind: RunKind
    workflow: str
    step: str
    asked: int
    times: int
    seed: str | None
    gold: str | None
    changes: Mapping[str, Any]
    state: str
    started_by: str
    started_at: datetime
    ended_at: datetime | None
    currency: str | None
    adopted_at: datetime | None
    adopted_by: str | None
    reason: str | None
    source_run_id: int | None
    share: float | None
    fed: int | None
    closed_at: datetime | None
    definition: bytes
    interactions: int
    unfinished: int


async def create(connection: Connection, run: runs.NewRun, experiment: NewExperiment) -> int:
    """Start an experiment in the caller's transaction, with everything pinned. Returns the id of its run."""
    run_id = await runs.create(connection, run)
    about = {"run_id": run_id, "step": experiment.step, "asked": experiment.asked, "times": experiment.times}
    said = {"seed": experiment.seed, "gold": experiment.gold, "changes": dumps(dict(experiment.changes)).decode()}
    await fetch(connection, "experiments/add", {**about, **said, **_source(experiment.source)})
    if experiment.source is None:
        await _begin(connection, run_id, experiment.inputs)
    return run_id


def _source(source: Source | None) -> dict[str, Any]:
    if source is None:
        return {"source_run_id": None, "share": None, "looked_to": None}
    return {"source_run_id": source.run_id, "share": source.share, "looked_to": source.looked_to}


async def _begin(connection: Connection, run_id: int, given: Sequence[Input]) -> None:
    arrays = {
        "record_ids": [one.record_id for one in given],
        "inputs": [one.text for one in given],
        "nonces": [one.nonce for one in given],
        "source_run_ids": [one.source and one.source[0] for one in given],
        "source_ids": [one.source and one.source[1] for one in given],
        "expected": [one.expected for one in given],
    }
    await fetch(connection, "experiments/begin", {"run_id": run_id, **arrays})


async def recorded(connection: Connection, of: Sequence[tuple[int, int]], *, size: int) -> list[Recorded]:
    """Return the first `size` of these results, by run and interaction, that can be done once more."""
    given = {"run_ids": [run_id for run_id, _ in of], "ids": [one for _, one in of], "size": size}
    return [Recorded(**row) for row in await fetch(connection, "experiments/recorded", given)]


async def known(connection: Connection, kind: RunKind, run_id: int | None = None) -> list[Experiment]:
    """Return the experiments of a kind, the newest first; of one only, if it is named."""
    rows = await fetch(connection, "experiments/list", {"kind": str(kind), "run_id": run_id})
    return [Experiment(**{**row, "kind": kind, "changes": orjson.loads(row["changes"])}) for row in rows]


async def pairs(connection: Connection, run_id: int) -> list[Row]:
    """Return what came of each interaction of an experiment, with what it is held against."""
    return await fetch(connection, "experiments/pairs", {"run_id": run_id})


async def pinned(connection: Connection, run_id: int) -> tuple[PinnedStep, bytes | None]:
    """Return the step that an experiment has pinned, and its output's schema, where it has one."""
    [step] = (await reruns.steps_of(connection, run_id, 0)).values()
    if not step.output_sha256:
        return step, None
    return step, (await definitions.bodies(connection, [step.output_sha256]))[step.output_sha256]


async def costs(connection: Connection, of: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int | None]:
    """Return what the calls of interactions, by run and id, have cost: billionths, None where a part is unknown.

    What has called no model is not among them.
    """
    by_run: defaultdict[int, list[int]] = defaultdict(list)
    for run_id, interaction_id in of:
        by_run[run_id].append(interaction_id)
    return {
        (run_id, row["interaction_id"]): int(row["money"]) if row["money"] is not None else None
        for run_id, ids in by_run.items()
        for row in await fetch(connection, "provenance/costs", {"run_id": run_id, "ids": ids})
    }


async def eval_before(connection: Connection, run_id: int) -> int | None:
    """Return the last eval before this one that has ended, of the same step by the same gold set; None: the first."""
    found: int | None = (await fetch(connection, "experiments/eval_before", {"run_id": run_id}))[0]["run_id"]
    return found


async def adopt(connection: Connection, run_id: int, *, by: str, reason: str, nonce: bytes) -> bool:
    """Note that the folder has what a trial has tried, with its event. False if it was noted before."""
    given = {"run_id": run_id, "by": by, "reason": reason, "nonce": nonce}
    if not await fetch(connection, "experiments/adopt", given):
        return False
    data = {"by": by, "reason": commitment(nonce, reason.encode())}
    await events.append(connection, EventType.TRIAL_ADOPTED, data, run_id=run_id)
    return True
