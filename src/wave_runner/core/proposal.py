"""What a task proposes for the fields of its form, and which of them an answer has changed.

A proposal is said by its name: a field of the form that is called as something that is shown, such as what a model has
said of the same thing, is held against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def proposed(shown: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """Return what is shown under the name of a field: at the top, else in the first object below it that has it."""
    places = [shown, *(value for value in shown.values() if isinstance(value, Mapping))]
    found = {}
    for field in fields:
        place = next((one for one in places if field in one), None)
        if place is not None:
            found[field] = place[field]
    return found


def changed(answer: Mapping[str, Any], proposal: Mapping[str, Any]) -> list[str]:
    """Return the fields, by name, for which an answer says something else than was proposed, or nothing."""
    return sorted(name for name, value in proposal.items() if name not in answer or not _same(answer[name], value))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)  # in Python true is 1
