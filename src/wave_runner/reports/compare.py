"""Two runs, or two versions of a step, record by record and field by field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from wave_runner.core import comparing
from wave_runner.core.comparing import FieldShare, Likeness, Pair, Side, Took
from wave_runner.errors import ConflictError, NotFoundError
from wave_runner.store import comparing as stored
from wave_runner.store import experiments
from wave_runner.store.reports import snapshot

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database, Row

SHORTEST = 6  # characters of a hash

Key = tuple[str, str, int, int]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two sides, `a` and `b` by name, and their results of the same records: those that differ first.

    `agreement` is the share of equal results among those where both have one.
    """

    a: str
    b: str
    equal: int
    differs: int
    only_a: int
    only_b: int
    neither: int
    agreement: float | None
    fields: Sequence[FieldShare]
    a_took: Took
    b_took: Took
    pairs: Sequence[Pair]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A field in which two results differ, with both values; None: it is not there."""

    field: str
    a: Any
    b: Any


@dataclass(frozen=True, kw_only=True)
class ComparedPair:
    """The two results of one record, step, item and round, and the fields in which they differ."""

    record: str
    step: str
    item: int
    iteration: int
    likeness: Likeness
    differing: list[Difference]
    a: Side | None
    b: Side | None


def document(found: Compared, *, limit: int | None = None) -> dict[str, Any]:
    """Return what was compared as `wave.compare.v1` has it: the first `limit` of `total_pairs`, or all of them."""
    pairs = [_pair(pair) for pair in found.pairs[:limit]]
    return {**vars(found), "total_pairs": len(found.pairs), "pairs": pairs}


def _pair(pair: Pair) -> ComparedPair:
    return ComparedPair(
        record=pair.record,
        step=pair.step,
        item=pair.item,
        iteration=pair.iteration,
        likeness=pair.likeness,
        differing=[Difference(field=name, a=a, b=b) for name, a, b in comparing.differing(pair)],
        a=pair.a,
        b=pair.b,
    )


async def runs(database: Database, a: int, b: int, *, step: str | None = None) -> Compared:
    """Compare what two runs of one workflow have in force, of one step or of all.

    Raises `NotFoundError` for a run that is not there, `ConflictError` for runs of two workflows.
    """
    async with snapshot(database) as connection:
        workflows = [await _workflow(connection, run_id) for run_id in (a, b)]
        if workflows[0] != workflows[1]:
            raise ConflictError(
                f"run {a} is of {workflows[0]} and run {b} of {workflows[1]}", hint="compare runs of one workflow"
            )
        ours, theirs = [await stored.of_run(connection, run_id, step) for run_id in (a, b)]
        if step is not None and not (ours or theirs):
            raise NotFoundError(f"neither run {a} nor run {b} has a result of a step {step}")
        sides = [await _sides(connection, rows) for rows in (ours, theirs)]
    return _compared(f"run {a}", f"run {b}", *sides)


async def versions(database: Database, workflow: str, step: str, a: str, b: str) -> Compared:
    """Compare what two versions of a step have made, the newest result of each record in all runs, in force or not.

    A version is the beginning of the hash of a pinned step, or of its prompt, script, schema or query.
    """
    async with snapshot(database) as connection:
        rows = await stored.of_step(connection, workflow, step)
        known = await _hashes(connection, rows)
        chosen = [_of_version(rows, known, version, step) for version in (a, b)]
        sides = [await _sides(connection, one) for one in chosen]
    return _compared(f"version {a}", f"version {b}", *sides)


async def _workflow(connection: Connection, run_id: int) -> str:
    row = await stored.run(connection, run_id)
    if row is None:
        raise NotFoundError(f"there is no run {run_id}", hint="wave status shows the newest")
    return str(row["workflow"])


async def _hashes(connection: Connection, rows: Sequence[Row]) -> dict[int, frozenset[str]]:
    """Return for each pinned definition its hash, and the hashes of all that it uses."""
    return {
        one["definition_id"]: frozenset(
            [bytes(one["sha256"]).hex(), *_files(bytes(one["body"]))],
        )
        for one in await stored.pinned(connection, [row["definition_id"] for row in rows])
    }


def _files(body: bytes) -> Iterable[str]:
    return [value for name, value in orjson.loads(body).items() if name.endswith("_sha256") and value]


def _of_version(rows: Sequence[Row], known: dict[int, frozenset[str]], version: str, step: str) -> list[Row]:
    if len(version) < SHORTEST:
        raise NotFoundError(f"{version} is too short a beginning of a hash", hint=f"at least {SHORTEST} characters")
    ids = {one for one, hashes in known.items() if any(sha256.startswith(version) for sha256 in hashes)}
    if not ids:
        raise NotFoundError(
            f"no result of {step} was made by a version that begins with {version}",
            hint="wave actors usage NAME --json shows the hashes of all versions",
        )
    return [row for row in rows if row["definition_id"] in ids]


async def _sides(connection: Connection, rows: Sequence[Row]) -> dict[Key, Side]:
    """Return the newest result of each place, with what its calls have cost."""
    newest = {(row["record"], row["step"], row["item"], row["iteration"]): row for row in rows}
    places = [(row["run_id"], row["interaction_id"]) for row in newest.values()]
    costs = await experiments.costs(connection, places)
    return {
        key: Side(
            state=row["state"],
            output=orjson.loads(row["output"]) if row["output"] is not None else None,
            rule=row["rule"],
            error=row["error"],
            tokens=row["tokens"],
            us=row["us"],
            money=costs.get((row["run_id"], row["interaction_id"]), 0),
        )
        for key, row in newest.items()
    }


def _compared(a: str, b: str, ours: dict[Key, Side], theirs: dict[Key, Side]) -> Compared:
    pairs = [
        Pair(record=key[0], step=key[1], item=key[2], iteration=key[3], a=ours.get(key), b=theirs.get(key))
        for key in dict.fromkeys((*ours, *theirs))
    ]
    counted = comparing.counted(pairs)
    return Compared(
        a=a,
        b=b,
        equal=counted[Likeness.EQUAL],
        differs=counted[Likeness.DIFFERS],
        only_a=counted[Likeness.ONLY_A],
        only_b=counted[Likeness.ONLY_B],
        neither=counted[Likeness.NEITHER],
        agreement=comparing.agreement(counted),
        fields=comparing.by_field(pairs),
        a_took=comparing.took(list(ours.values())),
        b_took=comparing.took(list(theirs.values())),
        pairs=comparing.differing_first(pairs),
    )
