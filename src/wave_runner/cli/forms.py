"""In which form a report is printed: tables for people, one JSON document, or its list as CSV."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from wave_runner.cli import output, spreadsheet
from wave_runner.reports import documents

JSON, CSV = "json", "csv"
Command = TypeVar("Command", bound=Callable[..., Any])


def form_options(command: Command) -> Command:
    """Add `--json` and `--csv` to a command, which is told by `form`; None: for people."""
    as_csv = click.option(
        "--csv", "form", flag_value=CSV, help="Print its list as CSV, with all that is said of each row."
    )
    as_json = click.option("--json", "form", flag_value=JSON, help="Print one JSON document.")
    return as_json(as_csv(command))


def put(form: str, schema: str, said: Mapping[str, Any], columns: type | Sequence[str], rows: Sequence[Any]) -> None:
    """Print a report as a document, or `rows` of it as CSV: each has these columns, or is of this dataclass.

    A cell says what the document says in its place: ids as texts, times as ISO 8601.
    """
    if form == JSON:
        output.emit(schema, said)
        return
    names = [one.name for one in dataclasses.fields(columns)] if isinstance(columns, type) else columns
    cells = [documents.plain(row) for row in rows]
    spreadsheet.put(spreadsheet.lines(names, [[row.get(name) for name in names] for row in cells]))
    if said.get("counted_at") is not None:
        click.echo(f"as of {documents.plain(said['counted_at'])}; --now counts it now", err=True)
    for name, following in said.items():
        if name.startswith("next_") and following is not None:
            option = name.removeprefix("next_").removesuffix("_id")
            click.echo(f"there are more: --{option} {following}", err=True)
