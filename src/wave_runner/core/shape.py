"""What a JSON Schema says about the fields of an object, as far as a linter can rely on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_DEPTH = 20  # of references and branches; a schema may refer to itself


def fields(schema: Any) -> dict[str, Any] | None:
    """Return the object's fields with the schema of each, or None where the schema leaves open which there are."""
    found: dict[str, Any] = {}
    for part in _parts(schema, schema, _DEPTH):
        for name, field in part.get("properties", {}).items():
            found.setdefault(name, field)
    return found or None


def values(schema: Any, name: str) -> list[Any] | None:
    """Return every value that the field may have, in the schema's order, or None where it is not bound to a list."""
    parts = list(_parts(schema, schema, _DEPTH))
    stated = [part["properties"][name] for part in parts if name in part.get("properties", {})]
    lists = [allowed for field in stated if (allowed := _listed(schema, field, _DEPTH)) is not None]
    if not lists:
        return None
    # A field's own enum names every value; consts stand in branches and name them all only together.
    longest = max(lists, key=len)
    together = list(dict.fromkeys(value for allowed in lists for value in allowed))
    return longest if len(longest) > 1 else together


def types(schema: Any, name: str) -> frozenset[str] | None:
    """Return the JSON types that the field may have, or None where the schema leaves them open."""
    found: set[str] = set()
    for part in _parts(schema, schema, _DEPTH):
        if name in part.get("properties", {}):
            field = _referred(schema, part["properties"][name])
            stated = field.get("type") if isinstance(field, dict) else None
            if not stated:
                return None  # one branch that leaves it open leaves it open altogether
            found.update([stated] if isinstance(stated, str) else stated)
    return frozenset(found) or None


def literals(schema: Any) -> frozenset[str]:
    """Return every text that an `enum` or a `const` of the schema names, wherever it stands."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            named = [*(part["enum"] if isinstance(part.get("enum"), list) else ()), part.get("const")]
            found.update(value for value in named if isinstance(value, str))
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return frozenset(found)


def _parts(root: Any, schema: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Yield the schema and every schema that it applies to the same object."""
    schema = _referred(root, schema)
    if depth == 0 or not isinstance(schema, dict):
        return
    yield schema
    for keyword in ("allOf", "oneOf", "anyOf"):
        for branch in schema.get(keyword, ()):
            yield from _parts(root, branch, depth - 1)


def _listed(root: Any, field: Any, depth: int) -> list[Any] | None:
    field = _referred(root, field)
    if depth == 0 or not isinstance(field, dict):
        return None
    if "const" in field:
        return [field["const"]]
    if "enum" in field:
        return list(field["enum"])
    for keyword in ("oneOf", "anyOf"):
        branches = [_listed(root, branch, depth - 1) for branch in field.get(keyword, ())]
        if branches and None not in branches:
            return [value for branch in branches if branch for value in branch]
    return None


def _referred(root: Any, schema: Any) -> Any:
    """Follow `$ref: "#/…"` inside the same file. Anything else stands as it is."""
    for _ in range(_DEPTH):
        if not isinstance(schema, dict) or not str(schema.get("$ref", "")).startswith("#/"):
            return schema
        target: Any = root
        for part in schema["$ref"][2:].split("/"):
            target = target.get(part) if isinstance(target, dict) else None
        schema = target
    return None
