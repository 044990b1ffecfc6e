"""What differs between two versions of a workflow: of each step what it was told, and once what all of them share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SHARED = (
    *("collection", "params", "ensures", "ensures_run", "ensures_sql", "ensures_run_sql", "limits"),
    *("select", "select_sha256", "canary"),
)
"""The parts of a pinned step that are its workflow's."""

NO_PART_OF_IT = frozenset({"form", "workflow", "step.line"})

Pinned = Mapping[str, Any]
"""A step as a run has pinned it, read from its text as JSON."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field by its path, `model.options.seed`, and its JSON value in both versions; None where it is not there."""

    field: str
    a: Any
    b: Any


@dataclass(frozen=True, kw_only=True)
class StepChange:
    """What became of a step: "added", "removed", or "changed", then with the fields that differ."""

    step: str
    what: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, kw_only=True)
class WorkflowDiff:
    """All that differs; nothing if both lists are empty."""

    shared: tuple[Field, ...]
    steps: tuple[StepChange, ...]


def differences(a: Mapping[str, Pinned], b: Mapping[str, Pinned]) -> WorkflowDiff:
    """Compare the steps of two versions by their names: those of `b` in their order, then those that it has no more."""
    names = [*b, *(name for name in a if name not in b)]
    steps = (_step(name, a.get(name), b.get(name)) for name in names)
    return WorkflowDiff(
        shared=_fields(_shared(a), _shared(b)), steps=tuple(one for one in steps if one.fields or one.what != "changed")
    )


def _step(name: str, a: Pinned | None, b: Pinned | None) -> StepChange:
    if a is None or b is None:
        return StepChange(step=name, what="added" if a is None else "removed", fields=())
    return StepChange(step=name, what="changed", fields=_fields(_own(a), _own(b)))


def _shared(steps: Mapping[str, Pinned]) -> Pinned:
    """Return what all steps of a version say alike."""
    one = next(iter(steps.values()), {})
    return {name: one[name] for name in SHARED if name in one}


def _own(step: Pinned) -> Pinned:
    return {name: value for name, value in step.items() if name not in SHARED}


def _fields(a: Pinned, b: Pinned) -> tuple[Field, ...]:
    old, new = dict(_leaves(a)), dict(_leaves(b))
    paths = sorted({*old, *new} - NO_PART_OF_IT)
    found = (Field(field=path, a=old.get(path), b=new.get(path)) for path in paths)
    return tuple(one for one in found if one.a != one.b)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what stands at each path; of an empty object nothing. A list is one value: its order means something."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    else:
        yield path, value
