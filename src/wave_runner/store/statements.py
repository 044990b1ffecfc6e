"""SQL statements, one per file: ``sql/interactions/claim.sql`` is ``statement("interactions/claim")``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import LiteralString


@cache
def statement(name: str) -> LiteralString:
    """Return the text of one statement. The files ship inside this package: they are as trusted as our source."""
    return files("wave_runner.store").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
