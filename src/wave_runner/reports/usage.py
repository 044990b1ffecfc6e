"""Which results that are in force came from which version of an actor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from wave_runner.core.nearest import did_you_mean
from wave_runner.core.pinned import read_step
from wave_runner.errors import NotFoundError
from wave_runner.reports import versions
from wave_runner.reports.versions import Approved, File, Script, Versions
from wave_runner.store import definitions, drops, provenance
from wave_runner.store.definitions import Actor
from wave_runner.store.drops import Gone
from wave_runner.store.reports import snapshot

if TYPE_CHECKING:
    from wave_runner.store.database import Database, Row

LIMIT = 1_000


@dataclass(frozen=True, kw_only=True)
class Use:
    """The results in force of one step of a run, and of one kind of weights where a model gave them.

    `definition` is the hash of the pinned step, `approved` what was approved of its actor then; `current` says whether
    that, and the weights, are what is approved now. Of the results, so many came `from_cache`: their `digest` is that
    of the call which gave the answer, None where nobody has recorded it, or no model was asked.
    """

    run_id: int
    run_step_id: int
    workflow: str
    step: str
    results: int
    records: int
    from_cache: int
    first_at: datetime
    last_at: datetime
    definition: str
    approved: Approved | None
    current: bool
    script: Script | None
    prompt: File | None
    schema: File | None
    query: File | None
    model: str | None
    digest: str | None

    def is_of(self, version: str) -> bool:
        """Say whether a hash, or the beginning of one, is that of anything that made these results."""
        files = [one.sha256 for one in (self.script, self.prompt, self.schema, self.query, self.approved) if one]
        known = [self.definition, *files, *(self.script.files.values() if self.script else ())]
        digest = self.digest or ""
        return any(one.startswith(version) for one in (*known, digest, digest.rpartition(":")[2]))


@dataclass(frozen=True, kw_only=True)
class Result:
    """One result in force; `key` is None where the step is done once for a run."""

    run_id: int
    interaction_id: int
    step: str
    key: str | None
    digest: str | None
    finished_at: datetime


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What an actor has given. `weights` are those that are approved of a model.

    `results` are the first of `total`, where they were asked for. What it has given in `dropped` runs is not known.
    """

    actor: str
    approved: str
    weights: str | None
    uses: Sequence[Use]
    total: int
    results: Sequence[Result]
    dropped: Sequence[Gone]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What became of an actor or a workflow: registered, drifted, approved, tightened, restored.

    `definition` is the hash of what was seen, `weights` the digest of a model's weights; None where it was not about
    that. `by` is None where nobody had to say it.
    """

    at: datetime
    name: str
    what: str
    definition: str | None
    weights: str | None
    policy: str | None
    by: str | None
    dev: bool


async def usage(
    database: Database,
    actor: str,
    *,
    run_id: int | None = None,
    version: str = "",
    with_results: bool = False,
    limit: int = LIMIT,
) -> Usage:
    """Return which results in force came from which version of an actor; `version` keeps those of one hash.

    Raises `NotFoundError` if no run has used such an actor.
    """
    async with snapshot(database) as connection:
        known = await definitions.actors(connection)
        if actor not in known:
            raise NotFoundError(f"no run has used an actor {actor}", hint=did_you_mean(actor, known))
        rows = await provenance.usage(connection, actor, run_id=run_id)
        found = await versions.look_up(connection, [read_step(bytes(row["pinned"])) for row in rows])
        uses = [one for one in (_use(row, found, known[actor]) for row in rows) if one.is_of(version)]
        of = [(one.run_step_id, one.digest) for one in uses]
        results = await provenance.usage_records(connection, of, limit=limit) if with_results and of else []
        dropped = await drops.gone(connection, run_id=run_id)
    return Usage(
        actor=actor,
        approved=known[actor].sha256.hex(),
        weights=known[actor].weights,
        uses=uses,
        total=sum(one.results for one in uses),
        results=[Result(**{name: row[name] for name in Result.__dataclass_fields__}) for row in results],
        dropped=dropped,
    )


def _use(row: Row, found: Versions, now: Actor) -> Use:
    pinned = read_step(bytes(row["pinned"]))
    approved = found.approved(pinned, by=row["pinned_at"])
    plain: dict[str, Any] = {name: row[name] for name in Use.__dataclass_fields__ if name in row}
    return Use(
        **{
            **plain,
            "definition": bytes(row["definition"]).hex(),
            "approved": approved,
            "current": approved is not None
            and approved.sha256 == now.sha256.hex()
            and row["digest"] in (None, now.weights),
            "script": found.script(pinned),
            "prompt": versions.file(pinned.step.prompt, pinned.prompt_sha256),
            "schema": versions.file(pinned.step.output, pinned.output_sha256),
            "query": versions.file(pinned.step.sql, pinned.sql_sha256),
            "model": pinned.model.model if pinned.model is not None else None,
        }
    )


async def history(database: Database, name: str | None = None) -> list[Change]:
    """Return what has become of an actor or a workflow, or of all of them, the oldest first: from the log."""
    async with snapshot(database) as connection:
        rows = await definitions.history(connection, name)
    return [_change(row) for row in rows]


def _change(row: Row) -> Change:
    said = orjson.loads(row["data"])
    return Change(
        at=row["recorded_at"],
        name=row["name"],
        what=row["type"].partition("_")[2],
        definition=bytes(row["definition"]).hex() if row["definition"] is not None else None,
        weights=said["found"] if said.get("of") == "weights" else said.get("weights"),
        policy=said.get("policy"),
        by=said.get("by"),
        dev=bool(said.get("dev")),
    )
