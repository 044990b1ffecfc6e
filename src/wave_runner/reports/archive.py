"""History as an archive: Parquet files by table and month, for whoever asks questions that a database is too small for.

An archive is for reading, and proves nothing: for that there are bundles (`reports/export.py`). It holds no contents,
so that an erasure need not reach it.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from wave_runner.core.archive import TABLES
from wave_runner.errors import ConflictError, NotFoundError
from wave_runner.store import archive as store
from wave_runner.store import reports
from wave_runner.store.database import Database

if TYPE_CHECKING:
    import duckdb

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "512MB",
    "autoinstall_known_extensions": "false",  # all that is needed comes with the package: nothing is fetched
    "autoload_known_extensions": "false",
}
LONGEST_LINE = 1 << 20  # bytes: the data of an event has 16 KiB at most


@dataclass(frozen=True, kw_only=True)
class Archived:
    """What an archive holds: the first days of its months, and of each table how many rows."""

    folder: Path
    months: tuple[date, ...]
    rows: Mapping[str, int]


async def archive(database: Database, folder: Path, *, since: date | None, before: date | None) -> Archived:
    """Write history into a folder that is not there yet: that of the months from `since` on and before `before`.

    Raises `NotFoundError` where there is none of these months, and `ConflictError` where the folder is there.
    """
    if folder.exists():
        raise ConflictError(f"{folder} is there already", hint="name a folder that is not: --out DIR")
    partial = folder.with_name(f"{folder.name}.partial")
    writer = _writer()
    async with reports.snapshot(database) as connection:
        ranges = await store.ranges(connection, since, before)
        if not ranges:
            raise NotFoundError("there is no history of these months", hint="what there is: wave report runs")
        try:
            partial.mkdir(parents=True)
        except FileExistsError:
            hint = "what was left of another archive: remove it"
            raise ConflictError(f"{partial} is in the way", hint=hint) from None
        try:
            written = dict.fromkeys(TABLES, 0)
            for one in ranges:
                for table in TABLES:
                    place = partial / table / f"month={one.month:%Y-%m}" / f"from-run-{one.first_run}.parquet"
                    written[table] += await _write(writer, table, store.rows(connection, table, one), place)
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    months = tuple(dict.fromkeys(one.month for one in ranges))
    return Archived(folder=folder, months=months, rows=written)


def _writer() -> duckdb.DuckDBPyConnection:
    try:
        import duckdb
    except ImportError:
        raise NotFoundError(
            "an archive is written by DuckDB, which is not installed", hint="pip install 'wave-runner[archive]'"
        ) from None
    return duckdb.connect(":memory:", config=SETTINGS)


async def _write(writer: duckdb.DuckDBPyConnection, table: str, rows: AsyncIterator[bytes], place: Path) -> int:
    """Write the rows of a table, given as CSV, as one Parquet file; return how many there are."""
    place.parent.mkdir(parents=True)
    passed = place.with_suffix(".csv")
    with passed.open("wb") as file:
        async for some in rows:
            file.write(some)
    columns = ", ".join(f"{name}: {_quoted(kind)}" for name, kind in TABLES[table].items())
    form = "header = true, delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false"
    given = f"read_csv({_quoted(passed)}, {form}, columns = {{{columns}}}, max_line_size = {LONGEST_LINE})"
    # Names of our own, and a path: nothing of it is data.
    asked = f"COPY (FROM {given}) TO {_quoted(place)} (FORMAT parquet, COMPRESSION zstd)"
    [[count]] = writer.execute(asked).fetchall()
    passed.unlink()
    return int(count)


def _quoted(text: str | Path) -> str:
    return "'" + str(text).replace("'", "''") + "'"
