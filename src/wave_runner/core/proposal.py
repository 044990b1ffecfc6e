"""What a task proposes for the fields of its form, and which of them an answer has changed.

A proposal is said by its name: a field of the form that is called as something that is shown, such as what a model has
said of the same thing, is held against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def proposed(shown: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """Return what is shown under the name of a field: at the top, else in the first object below it that has it."""
    places = shown_as(shown, fields)
    return {field: shown[name] if name == field else shown[name][field] for field, name in places.items()}


def shown_as(shown: Mapping[str, Any], fields: Iterable[str]) -> dict[str, str]:
    """Return for each field that something is proposed for the name under which that is shown, or stands in."""
    below = [name for name, value in shown.items() if isinstance(value, Mapping)]
    found = {}
    for field in fields:
        place = field if field in shown else next((name for name in below if field in shown[name]), None)
        if place is not None:
            found[field] = place
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
