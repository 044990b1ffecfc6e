"""Lists as PostgreSQL's array literals: a statement over a whole wave has twenty of them, a thousand values each."""

from __future__ import annotations

from types import NoneType
from typing import Any
from uuid import UUID

NUL = "\x00"


def literal(values: list[Any]) -> str | list[Any]:
    """Return a flat list of one type as the text of an array, whose type the statement must name.

    What has no plain form here (other types, mixed or nested ones, a NUL in a text) is returned as it is: the driver
    knows what to do with it, or how to refuse it. https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    """
    kinds = set(map(type, values))
    nulls = NoneType in kinds
    kinds.discard(NoneType)
    if not kinds:
        return _braced(["NULL"] * len(values))
    kind = kinds.pop()
    if kinds:
        return values
    if kind in (int, float, bool):
        return "{" + str(values)[1:-1].replace("None", "NULL") + "}"
    if issubclass(kind, str):
        return _texts(values, nulls=nulls)
    if kind is bytes:
        return _braced(["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values])
    if kind is UUID:
        return _braced(["NULL" if value is None else str(value) for value in values])
    return values


def _texts(values: list[Any], *, nulls: bool) -> str | list[Any]:
    if nulls:
        plain = all(value is None or NUL not in value for value in values)
        return _braced(["NULL" if value is None else f'"{_escaped(value)}"' for value in values]) if plain else values
    # Put together by a character that no text of PostgreSQL can have, so that all loops are C's.
    whole = NUL.join(values)
    if whole.count(NUL) >= len(values):
        return values
    return '{"' + _escaped(whole).replace(NUL, '","') + '"}'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _braced(elements: list[str]) -> str:
    return "{" + ",".join(elements) + "}"
