"""A page of text for people: names on the left, what is said of them beside, folded to the width of the terminal."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator
from typing import Any

from wave_runner.cli.output import clean

NARROWEST, WIDEST = 80, 120
LEFT = 12
SHORT = 600
"""So many characters of a long text are shown, unless all of it is asked for."""

HASH, HEX = 12, 64
"""So many digits of a hash are shown, of so many that a SHA-256 has."""


def width() -> int:
    """Return how many characters a line may have: those of the terminal, between 80 and 120."""
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns))


def line(name: str, *parts: str | None) -> None:
    """Print a name and what is said of it, in lines that fit."""
    said = "; ".join(part for part in parts if part)
    left = max(LEFT, len(name) + 1)
    for number, text in enumerate(textwrap.wrap(clean(said), width() - left - 2, break_on_hyphens=False)):
        print(f"  {name if number == 0 else '':<{left}}{text}")


def quote(name: str, text: str | None, *, full: bool, limit: int = SHORT) -> None:
    """Print a name and below it a text as it is, behind a bar. Of a long one only both ends, unless wanted in `full`.

    Both: a prompt begins with what is said to all records, and ends with what is said of this one.
    """
    if text is None:
        return
    half = limit // 2
    whole = full or len(text) <= limit
    line(name, f"{len(text)} characters" if whole else f"the first and last {half} of {len(text)} characters")
    for folded in _folded(text) if whole else [*_folded(text[:half]), "[…]", *_folded(text[-half:])]:
        print(f"  {'':<{LEFT}}│ {folded}")


def value(given: Any) -> str:
    """Return a value as text: JSON, so that a text is told from a number."""
    return json.dumps(given, ensure_ascii=False)


def short(sha256: str | None) -> str:
    """Return the beginning of a hash, of which the document has all; a name that stands for one is shown whole."""
    kind, colon, rest = (sha256 or "").rpartition(":")
    return f"{kind}{colon}{rest[:HASH]}" if len(rest) == HEX else sha256 or ""


def _folded(text: str) -> Iterator[str]:
    for one in text.splitlines():
        yield from textwrap.wrap(clean(one), width() - LEFT - 4, drop_whitespace=False) or [""]
