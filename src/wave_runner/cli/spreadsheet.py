"""CSV for a spreadsheet: columns with their names, and no cell that it takes for a formula."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from wave_runner.cli import output

# Some spreadsheets take the wide forms for the same, and what cannot be seen for nothing.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV, the names of the columns first; lists and objects as JSON.

    A spreadsheet takes a cell that begins with = + - or @ for a formula. Texts that do so come from records and models,
    so they get an apostrophe in front, and so do those that begin with what cannot be seen; numbers stay as they are.
    """
    written = io.StringIO(newline="")
    made = csv.writer(written)
    made.writerow(columns)
    made.writerows([_cell(value) for value in row] for row in rows)
    return written.getvalue()


def put(text: str) -> None:
    """Print CSV. A file or a program gets the values as they are; a terminal would do what they say."""
    click.echo(f"{output.lines(text)}\n" if sys.stdout.isatty() else text, nl=False)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cell(value: Any) -> str:
    """Return a value as a cell that no spreadsheet takes for a formula."""
    text = _text(value)
    is_suspect = text.lstrip().startswith(_FORMULA) or not text[:1].isprintable()
    return f"'{text}" if is_suspect and isinstance(value, str) else text
