"""What a report is as a JSON document: the same for `--json` and for the HTTP API."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any


def named(schema: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return one document, its schema first."""
    return {"schema": schema, **plain(document)}


def plain(value: Any, name: str = "") -> Any:
    """Return a value as JSON has it. Ids become texts: a double, as which many read numbers, cannot hold 64 bits."""
    match value:
        case bool() | None:
            return value
        case int() if name == "id" or name.endswith(("_id", "_ids")):
            return str(value)
        case Mapping():
            return {str(key): plain(item, str(key)) for key, item in value.items()}
        case list() | tuple():
            return [plain(item, name if name.endswith("_ids") else "") for item in value]
        case datetime():
            return value.isoformat()
        case bytes():
            return value.hex()
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name), field.name) for field in dataclasses.fields(value)}
    return value if isinstance(value, str | int | float) else str(value)
