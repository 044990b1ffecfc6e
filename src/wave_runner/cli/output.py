"""What commands print: tables for people, tab-separated columns for a pipe, one document for `--json`.

Standard output is data, standard error is everything else. Texts of records come from outside: their control
characters never reach a terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from textwrap import indent
from typing import Any

from wave_runner.reports import documents

Row = Mapping[str, Any]


def show(columns: Sequence[str], rows: Sequence[Row], schema: str, *, as_json: bool = False) -> None:
    """Print rows: a table on a terminal, plain complete columns in a pipe, or a document with `rows`.

    Every field of a row stands in the document; the columns are what is shown otherwise.
    """
    if as_json:
        emit(schema, {"rows": rows})
    else:
        table(columns, rows)


def emit(schema: str, said: Mapping[str, Any]) -> None:
    """Print one JSON document, its schema first."""
    print(document(schema, said))


def document(schema: str, said: Mapping[str, Any]) -> str:
    """Return one JSON document, its schema first."""
    return in_json(documents.named(schema, said))


def in_json(value: Any) -> str:
    """Return a value as JSON in one line. What is not printable is escaped, and is the same to whoever reads JSON."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else "".join(map(_escaped, text))


def table(columns: Sequence[str], rows: Sequence[Row], *, title: str = "") -> None:
    """Print rows as a table on a terminal, else as lines of tab-separated cells below their names."""
    cells = [[cell(row.get(column)) for column in columns] for row in rows]
    if sys.stdout.isatty():
        _rich_table(columns, cells, title)
        return
    if title:
        print(f"# {title}")
    for line in (columns, *cells):
        print(*line, sep="\t")


def heading(text: str) -> None:
    """Print one line about what follows."""
    print(clean(text))


def block(text: str) -> None:
    """Print a text of several lines as it is, but for control characters."""
    if text:
        print(lines(text))


def traceback(actor: str, attempt: int, text: str, *, key: str | None = None) -> None:
    """Print what a script raised, indented below who raised it."""
    heading(f"what {actor} raised{f' for {key}' if key else ''}, attempt {attempt}:")
    block(indent(text, "  "))


def cell(value: Any) -> str:
    """Return a value as one cell: nothing for None, a date to the second, no control characters."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return clean(str(value))


def clean(text: str) -> str:
    """Return a text with a space for every character that is not printable, line ends and escapes included."""
    return "".join(character if character.isprintable() else " " for character in text)


def lines(text: str) -> str:
    """Return a text of several lines as it is, but for control characters."""
    return "\n".join("\t".join(clean(part) for part in line.split("\t")) for line in text.splitlines())


def duration(us: float | None) -> str:
    """Return a time in microseconds for people: `740 µs`, `1.5 ms`, `3.2 s`, `12 min 5 s`; "" for None."""
    if us is None:
        return ""
    if us < 1_000:
        return f"{us:.0f} µs"
    if us < 999_950:
        return f"{us / 1_000:.1f} ms"
    if us < 119_950_000:
        return f"{us / 1_000_000:.1f} s"
    minutes, seconds = divmod(round(us / 1_000_000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def money(value: Decimal) -> str:
    """Return an amount for people, exact: two decimals at least, and as many more as it has."""
    whole, _, decimals = f"{value:f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def percent(value: float | None) -> str:
    """Return a percentage for people; "" where there is nothing to take it of."""
    return "" if value is None else f"{value:.1f} %"


def failure(message: str, *, kind: str, code: int, hint: str = "", as_json: bool = False) -> int:
    """Say on standard error what went wrong and what to do; return the exit code."""
    if as_json:
        document = {"schema": "wave.error.v1", "exit": code, "kind": kind, "message": message, "next": hint}
        print(in_json(document), file=sys.stderr)
        return code
    print(f"error: {clean(message)}", file=sys.stderr)
    if hint:
        print(f"  do: {clean(hint)}", file=sys.stderr)
    return code


def _escaped(character: str) -> str:
    """Return a character as JSON may write it. Only texts hold any that is not printable: we write no line ends."""
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _rich_table(columns: Sequence[str], cells: Sequence[Sequence[str]], title: str) -> None:
    # Here and not above: importing Rich costs about as much as a whole command, and a pipe has no use for it.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, header_style="bold", title=title or None, title_justify="left", title_style="bold cyan")
    for number, column in enumerate(columns):
        right = bool(cells) and all(_is_number(line[number]) for line in cells)
        made.add_column(column, overflow="fold", justify="right" if right else "left")
    for line in cells:
        # As Text: in a plain string Rich would read [brackets] as markup.
        made.add_row(*map(Text, line))
    Console().print(made)


def _is_number(text: str) -> bool:
    return not text or text[0].isdigit()
