"""Which versions of a workflow its runs have had, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

from wave_runner.core.nearest import did_you_mean
from wave_runner.core.pinned import PinnedStep, read_step
from wave_runner.core.workflow_diff import Field, StepChange, differences
from wave_runner.errors import NotFoundError
from wave_runner.project.drift import diff
from wave_runner.reports import versions
from wave_runner.store import definitions, provenance
from wave_runner.store.reports import snapshot

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database


@dataclass(frozen=True, kw_only=True)
class Version:
    """What runs of a workflow have pinned, as one hash in hex over all steps. Comments and line breaks make none."""

    version: str
    runs: int
    first_run_id: int
    last_run_id: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two versions, and what became of `a` in `b`: what all steps share, the steps, and the texts of their files."""

    workflow: str
    a: Version
    b: Version
    shared: Sequence[Field]
    steps: Sequence[StepChange]
    texts: str


async def versions_of(database: Database, workflow: str) -> list[Version]:
    """Return the versions that runs of a workflow have had, newest first. Raises `NotFoundError` for no workflow."""
    async with snapshot(database) as connection:
        return await _versions(connection, workflow)


async def compare(database: Database, workflow: str, *, a: str = "", b: str = "") -> Compared:
    """Return what differs from version `a` to `b`, each named by the beginning of its hash.

    Without `b` it is the newest, without `a` the one before `b`. Raises `NotFoundError` where there is no such version.
    """
    async with snapshot(database) as connection:
        found = await _versions(connection, workflow)
        new = _chosen(found, workflow, b) if b else _nth(found, workflow, 0)
        old = _chosen(found, workflow, a) if a else _nth(found, workflow, found.index(new) + 1)
        before, after = [await provenance.pinned_steps(connection, one.first_run_id) for one in (old, new)]
        changes = differences(*({name: orjson.loads(body) for name, body in one.items()} for one in (before, after)))
        pinned = [[read_step(body) for body in one.values()] for one in (before, after)]
        known = await versions.look_up(connection, [*pinned[0], *pinned[1]])
        of = [_files(one, known) for one in pinned]
        changed = {path for path in {*of[0], *of[1]} if of[0].get(path) != of[1].get(path)}
        old_files, new_files = [await _contents(connection, one, changed) for one in of]
    return Compared(
        workflow=workflow,
        a=old,
        b=new,
        shared=changes.shared,
        steps=changes.steps,
        texts=diff(old_files, new_files, names=("a", "b")),
    )


async def _versions(connection: Connection, workflow: str) -> list[Version]:
    known = await definitions.workflows(connection)
    if workflow not in known:
        raise NotFoundError(f"no run has used a workflow {workflow}", hint=did_you_mean(workflow, known))
    return [Version(**row) for row in await provenance.workflow_versions(connection, workflow)]


def _nth(found: Sequence[Version], workflow: str, index: int) -> Version:
    if index < len(found):
        return found[index]
    said = f"{workflow} has {len(found)} version{'' if len(found) == 1 else 's'}: there is none before to compare with"
    raise NotFoundError(said, hint="the next run of what has been changed is another one")


def _chosen(found: Sequence[Version], workflow: str, version: str) -> Version:
    fitting = [one for one in found if one.version.startswith(version.lower())]
    if len(fitting) == 1:
        return fitting[0]
    said = "several versions that begin" if fitting else "no version that begins"
    hint = f"wave workflow versions {workflow} lists them"
    raise NotFoundError(f"{workflow} has {said} with {version!r:.80}", hint=hint)


def _files(steps: Collection[PinnedStep], known: versions.Versions) -> dict[str, str]:
    """Return the hash of each file that steps have pinned, by its path."""
    found: dict[str, str] = {}
    for one in steps:
        script = known.script(one)
        named = {
            one.step.prompt: one.prompt_sha256,
            one.step.output: one.output_sha256,
            one.step.sql: one.sql_sha256,
            one.select: one.select_sha256,
            **one.ensures_sql,
            **one.ensures_run_sql,
            **(script.files if script is not None else {}),
        }
        found |= {path: sha256 for path, sha256 in named.items() if path and sha256}
    return found


async def _contents(connection: Connection, files: Mapping[str, str], wanted: Collection[str]) -> dict[str, bytes]:
    hashes = {path: files[path] for path in sorted(wanted) if path in files}
    found = await definitions.bodies(connection, hashes.values())
    return {path: found[sha256] for path, sha256 in hashes.items()}
