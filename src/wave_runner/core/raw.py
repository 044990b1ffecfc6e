"""Raw rows on their way into staging: how large one may be, and what is said of one that is larger.

A row that is too large never leaves the script's own process as a whole. What is staged in its place is its beginning,
rejected already, so that it counts and can be told from the others, and the run goes on without it.
"""

from __future__ import annotations

import json
from typing import Any

DEFAULT_BYTES = 1024 * 1024
# Quoted once more on its way, a row can be twice as long, and must still fit into one message to the runner.
LARGEST_BYTES = 32_000_000

KEPT_CHARS = 1000
_SHOWN_CHARS = 200


def size_of(raw: str) -> int:
    """Return the bytes of a JSON text."""
    return len(raw) if raw.isascii() else len(raw.encode("utf-8", "surrogatepass"))


def beginning(raw: str) -> str:
    """Return what is kept of a text that is too large: its first characters, as a JSON text of their own."""
    return json.dumps(raw[:KEPT_CHARS])


def too_large(*, size: int, allowed: int, collection: str, source: Any, position: Any) -> dict[str, str]:
    """Return why a row was refused: which one, how large it is, and what lets a larger one in."""
    message = (
        f"the row at {_shown(json.dumps(position))} of {_shown(str(source))} has {size:,} bytes, "
        f"{allowed:,} are allowed; max_raw_bytes of [collections.{collection}] in wave.toml lets larger ones in"
    )
    return {"rule": "too_large", "field": "", "message": message}


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
