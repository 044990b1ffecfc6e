"""Where a value in one of the user's tables comes from: who wrote it, from what, and what stood there before."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wave_runner.core.chain import Link
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.provenance import Column, Standing, broken_causes, column_of
from wave_runner.core.settling import ALL_ROWS
from wave_runner.core.value_write import NULL, sha256_of
from wave_runner.core.workflow import CollectionSpec
from wave_runner.errors import ConflictError, NotFoundError
from wave_runner.reports.work import Read, Work, works
from wave_runner.store import drops, provenance, records
from wave_runner.store.database import DataRefused
from wave_runner.store.drops import Gone
from wave_runner.store.reports import snapshot

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database, Row


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Who has written a value: an interaction of a run, by its step."""

    run_id: int
    interaction_id: int
    step: str | None
    actor: str | None
    written_at: datetime


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """A value that stood there before. `writer` is None where it is not one that a step wrote.

    With `erased` nobody knows any more what it was; `sha256` is None where its hash is gone too.
    """

    value: Any
    sha256: str | None
    replaced_at: datetime
    writer: Writer | None
    erased: bool = False


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """The staged row that the record came from: where in which source, the hash of its raw text, who decided.

    The hash is None where the row is erased.
    """

    run_id: int
    staged_id: int
    source: str
    position: Any
    raw_sha256: str | None
    staged_at: datetime
    decided_at: datetime
    fetcher_id: int
    decider_id: int


@dataclass(frozen=True, kw_only=True)
class Run:
    """The run that wrote the value, and its workflow's file as it was then."""

    run_id: int
    workflow: str
    started_at: datetime
    started_by: str
    file: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One event of the chain that ends with the write."""

    event: str
    type: str
    step: str | None
    recorded_at: datetime


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Everything about one value. It is complete when nothing is `missing`, and nothing was `erased` or `dropped`.

    `column` is "*" for the record's rows of a list as a whole. `writer`, and the `sha256` of what was written, are None
    for a value that came with the row when it was promoted. `works` are the interactions behind it, the writer first.
    """

    table: str
    column: str
    collection: str
    key: str
    standing: Standing | None
    now: Any
    now_sha256: str
    sha256: str | None
    writer: Writer | None
    run: Run
    works: Sequence[Work]
    promotion: Promotion | None
    causes: Sequence[Cause]
    earlier: Sequence[Earlier]
    missing: Sequence[str]
    dropped: Sequence[Gone]

    @property
    def erased(self) -> list[str]:
        """What of it is gone because two people have said so."""
        raw = self.promotion is not None and self.promotion.raw_sha256 is None
        of_works = [
            f"the {one} of {work.step} (interaction {work.interaction_id})"
            for work in self.works
            for one in work.erased
        ]
        return [
            *of_works,
            *(["the staged row"] if raw else []),
            *(["an earlier value"] if any(one.erased for one in self.earlier) else []),
        ]

    @property
    def complete(self) -> bool:
        return not (self.missing or self.erased or self.dropped)


async def explain(database: Database, name: str, *, key: str, collections: Mapping[str, CollectionSpec]) -> Explanation:
    """Return where the value of `TABLE.COLUMN`, or a record's rows of `TABLE`, comes from.

    Raises `NotFoundError` where there is no such column or record, or nothing of ours has written there, and
    `ConflictError` for a table that cannot be read.
    """
    async with snapshot(database) as connection:
        column = await _column(connection, name, collections)
        record = await provenance.record(connection, key, collections=column.collections)
        if record is None:
            raise NotFoundError(
                f"there is no record {key!r} of {' or '.join(column.collections)}",
                hint="a row that staging rejected never became a record: wave status lists the rejections",
            )
        try:
            return await _explain(connection, column, record, collections[record["collection"]])
        except DataRefused as error:
            hint = "look whether the table is as the folder says: wave check"
            raise ConflictError(f"{column.table} cannot be read: {error}", hint=hint) from error


async def _column(connection: Connection, name: str, collections: Mapping[str, CollectionSpec]) -> Column:
    column = column_of(name, collections)
    if column is None:
        tables = sorted({table for one in collections.values() for table in (one.table, *one.rows)})
        raise NotFoundError(f"no collection has a table of {name}", hint=did_you_mean(name.rpartition(".")[0], tables))
    if column.column != ALL_ROWS:
        there = await records.column_types(connection, column.table)
        if column.column not in there:
            message = f"the table {column.table} has no column {column.column}"
            raise NotFoundError(message, hint=did_you_mean(column.column, sorted(there)))
    return column


async def _explain(connection: Connection, column: Column, record: Row, collection: CollectionSpec) -> Explanation:
    writes = await provenance.writes(connection, record["record_id"], table=column.table, column=column.column)
    write = next((row for row in writes if row["in_force"]), None)
    if write is None and writes:
        text, _ = await _now(connection, column.table, writes[0]["column_name"], record, collection)
        write = _not_in_force(writes, sha256_of(text))
    promotion = await _promotion(connection, record["record_id"])
    gone = await drops.gone(connection, record_id=record["record_id"])
    if write is not None:
        found = await _written(connection, column, record, collection, writes, write, promotion)
    elif promotion is not None and column.table == collection.table:
        found = await _promoted(connection, column, record, collection, writes, promotion)
    else:
        raise _unknown(f"{column.table}.{column.column} of {record['key']}", gone)
    return replace(found, dropped=gone)


def _unknown(what: str, gone: Sequence[Gone]) -> NotFoundError:
    if gone:
        return NotFoundError(
            f"who has written {what} is not known any more: {'; '.join(map(str, gone))}",
            hint="wave audit verify proves that it was ordered",
        )
    return NotFoundError(f"no step has written {what}", hint="what Wave Runner has not written, it cannot explain")


def _not_in_force(writes: Sequence[Row], now: bytes) -> Row | None:
    """Return whose value stands where none that was written counts; None where all of them were taken back."""
    if (found := next((row for row in writes if _hash(row["after_sha256"]) == now), None)) is not None:
        return found
    return None if _hash(writes[-1]["before_sha256"]) == now else writes[0]


async def _written(
    connection: Connection,
    column: Column,
    record: Row,
    collection: CollectionSpec,
    writes: Sequence[Row],
    write: Row,
    promotion: Promotion | None,
) -> Explanation:
    run_id, interaction_id = write["run_id"], write["interaction_id"]
    text, there = await _now(connection, column.table, write["column_name"], record, collection)
    now_sha256, sha256 = sha256_of(text), _hash(write["after_sha256"])
    done = await _works(connection, run_id, [interaction_id], promotion, record, collection)
    causes = await _causes(connection, run_id, done[0] if done else None)
    earlier, lost = _earlier([row for row in writes if row["column_name"] == write["column_name"]])
    return Explanation(
        **_where(column, record, write["column_name"]),
        standing=_standing(write, sha256, now_sha256) if there else Standing.ROW_GONE,
        now=json.loads(text),
        now_sha256=now_sha256.hex(),
        sha256=sha256.hex() if sha256 is not None else None,
        writer=_writer(write),
        run=await _run(connection, run_id),
        works=done,
        promotion=promotion,
        causes=[_cause(row) for row in causes],
        earlier=earlier,
        missing=[*_missing(done, interaction_id), *broken_causes([_link(row) for row in causes]), *lost],
        dropped=[],
    )


def _standing(write: Row, written: bytes | None, now: bytes) -> Standing:
    if written is None:
        return Standing.ERASED
    if written != now:
        return Standing.CHANGED_OUTSIDE
    if write["in_force"]:
        return Standing.AS_WRITTEN
    return Standing.INVALIDATED if write["invalidated"] else Standing.SUPERSEDED


async def _promoted(
    connection: Connection,
    column: Column,
    record: Row,
    collection: CollectionSpec,
    writes: Sequence[Row],
    promotion: Promotion,
) -> Explanation:
    text, there = await _now(connection, column.table, column.column, record, collection)
    done = await _works(connection, promotion.run_id, [], promotion, record, collection)
    decided = next((one for one in done if one.interaction_id == promotion.decider_id), None)
    causes = await _causes(connection, promotion.run_id, decided)
    earlier, lost = _earlier(writes)
    return Explanation(
        **_where(column, record, column.column),
        standing=None if there else Standing.ROW_GONE,
        now=json.loads(text),
        now_sha256=sha256_of(text).hex(),
        sha256=None,
        writer=None,
        run=await _run(connection, promotion.run_id),
        works=done,
        promotion=promotion,
        causes=[_cause(row) for row in causes],
        earlier=earlier,
        missing=[*_missing(done, promotion.decider_id), *broken_causes([_link(row) for row in causes]), *lost],
        dropped=[],
    )


async def _works(
    connection: Connection,
    run_id: int,
    ids: Sequence[int],
    promotion: Promotion | None,
    record: Row,
    collection: CollectionSpec,
) -> list[Work]:
    """Return the interactions behind a value: who wrote it and what they were given, then who brought the record in."""
    brought = [promotion.decider_id, promotion.fetcher_id] if promotion is not None else []
    if promotion is None or promotion.run_id == run_id:
        done = await works(connection, run_id, [*ids, *brought])
    else:
        done = await works(connection, run_id, ids) + await works(connection, promotion.run_id, brought)
    await _compare(connection, done, record, collection)
    return sorted(done, key=lambda one: one.interaction_id in brought)


async def _compare(connection: Connection, done: Sequence[Work], record: Row, collection: CollectionSpec) -> None:
    """Say of each column that was read whether the row still holds what was read of it."""
    own = [one for one in done if one.record_id == record["record_id"]]
    columns = sorted({read.column for one in own for read in one.reads if read.column})
    tables = await records.look_up_tables(connection, collection)
    there = await records.column_types(connection, collection.table)
    rows = await records.read(
        connection, tables, [name for name in columns if name in there], {record["record_id"]: record["key"]}
    )
    row = rows.get(record["record_id"])
    for one in own:
        one.reads = [_compared(read, one.input or {}, row.values if row else {}) for read in one.reads]


def _compared(read: Read, given: Mapping[str, Any], row: Mapping[str, Any]) -> Read:
    # A part of a column, as of a JSON one, is compared with nothing: what was read is not the column.
    if read.source != f"record.{read.column}" or read.column not in row:
        return read
    value, now = given.get(read.name), row[read.column]
    if read.cut_from is not None and isinstance(value, str) and isinstance(now, str):
        return replace(read, stands=len(now) == read.cut_from and now.startswith(value))
    return replace(read, stands=value == now)


async def _now(
    connection: Connection, table: str, column: str, record: Row, collection: CollectionSpec
) -> tuple[str, bool]:
    """Return the JSON text that stands there now, and whether the record has a row; a list may be empty."""
    tables = await records.look_up_tables(connection, collection)
    known = {record["record_id"]: record["key"]}
    texts = await records.current_texts(connection, tables, table, column, known)
    return texts.get(record["record_id"], NULL), column == ALL_ROWS or bool(texts)


async def _promotion(connection: Connection, record_id: int) -> Promotion | None:
    row = await provenance.promotion(connection, record_id)
    if row is None:
        return None
    return Promotion(
        **{
            **row,
            "position": json.loads(row["position"]) if row["position"] is not None else None,
            "raw_sha256": bytes(row["raw_sha256"]).hex() if row["raw_sha256"] is not None else None,
        }
    )


async def _causes(connection: Connection, run_id: int, work: Work | None) -> list[Row]:
    if work is None or work.ended is None:
        return []
    return await provenance.causes(connection, run_id, work.interaction_id, int(work.ended.partition(".")[2]))


async def _run(connection: Connection, run_id: int) -> Run:
    row = await provenance.run(connection, run_id)
    return Run(**{**row, "sha256": bytes(row["sha256"]).hex()})


def _where(column: Column, record: Row, written: str) -> dict[str, Any]:
    return {"table": column.table, "column": written, "collection": record["collection"], "key": record["key"]}


def _missing(done: Sequence[Work], expected: int) -> list[str]:
    lost = [] if any(one.interaction_id == expected for one in done) else [f"interaction {expected} is not there"]
    return lost + [said for one in done for said in one.missing]


def _earlier(writes: Sequence[Row]) -> tuple[list[Earlier], list[str]]:
    """Return the values that writes have replaced, the newest first, and what of them is not stored any more."""
    found, lost = [], []
    for number, write in enumerate(writes):
        if write["before_payload_id"] is None:
            continue
        before, sha256 = write["before"], _hash(write["before_sha256"])
        if write["before_erased"]:
            hash_of = sha256.hex() if sha256 is not None else None
            found.append(Earlier(value=None, sha256=hash_of, replaced_at=write["written_at"], writer=None, erased=True))
            continue
        if before is None or sha256 is None or sha256_of(bytes(before).decode()) != sha256:
            when = f"the value that stood before interaction {write['interaction_id']}"
            lost.append(f"{when} is not stored any more" if before is None else f"{when} is not what its hash says")
            continue
        older = next((one for one in writes[number + 1 :] if _hash(one["after_sha256"]) == sha256), None)
        found.append(
            Earlier(
                value=json.loads(bytes(before)),
                sha256=sha256.hex(),
                replaced_at=write["written_at"],
                writer=_writer(older) if older is not None else None,
            )
        )
    return found, lost


def _hash(found: Any) -> bytes | None:
    return None if found is None else bytes(found)


def _writer(row: Row) -> Writer:
    return Writer(**{name: row[name] for name in Writer.__dataclass_fields__})


def _cause(row: Row) -> Cause:
    return Cause(
        event=f"{row['interaction_id']}.{row['seq']}",
        type=row["type"],
        step=row["step"],
        recorded_at=row["recorded_at"],
    )


def _link(row: Row) -> Link:
    cause = (row["cause_interaction_id"], row["cause_seq"]) if row["cause_interaction_id"] is not None else None
    return Link(
        event_id=row["event_id"],
        interaction_id=row["interaction_id"],
        seq=row["seq"],
        cause=cause,
        data=row["data"],
        sha256=bytes(row["sha256"]),
    )
