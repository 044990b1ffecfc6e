"""Recorded cases of a project: what a step is given, what its actor gives, and what must come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wave_runner.core.outcome import Replace, Write

ABSENT = object()
"""Stands where something is not there, which is something else than null."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What must come of a case; what is not named may be anything, also inside `output` and `writes`."""

    state: str = "completed"
    rule: str | None = None
    to: tuple[str, ...] | None = None
    output: Any = ABSENT
    prompt: tuple[str, ...] = ()  # texts that the prompt holds
    writes: Mapping[str, Any] = field(default_factory=dict)  # "table.column" or table


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case. `answer` is what the actor gives, `reply` a model's raw text; without either a script really runs."""

    name: str
    file: str
    line: int
    workflow: str
    step: str
    params: Mapping[str, str]
    record: Mapping[str, Any]
    given: Mapping[str, Any]
    answer: Any = ABSENT
    reply: str | None = None
    expect: Expected


@dataclass(frozen=True, kw_only=True)
class Found:
    """What has come of a case."""

    state: str
    rule: str | None
    error: str | None
    to: Sequence[str]
    output: Any
    prompt: str
    writes: Sequence[Write | Replace]


def differences(expected: Expected, found: Found) -> list[str]:
    """Return in words what is not as expected; an empty list where everything is."""
    why = f" ({found.rule or 'error'}: {found.error})" if found.error else ""
    said = []
    if expected.state != found.state:
        said.append(f"state: expected {expected.state}, found {found.state}{why}")
    if expected.rule is not None and expected.rule != found.rule:
        said.append(f"rule: expected {expected.rule}, found {found.rule or 'none'}{why}")
    if expected.to is not None and sorted(expected.to) != sorted(found.to):
        said.append(f"to: expected {', '.join(expected.to)}, found {', '.join(found.to) or 'nothing'}")
    if expected.output is not ABSENT:
        said += _unlike("output", expected.output, found.output)
    said += [f"prompt: expected to hold {text!r:.80}" for text in expected.prompt if text not in found.prompt]
    return said + _unlike("writes", dict(expected.writes), _by_target(found.writes))


def _by_target(writes: Sequence[Write | Replace]) -> dict[str, Any]:
    """Return what is written by "table.column", and rows by their table."""
    found: dict[str, Any] = {}
    for write in writes:
        if isinstance(write, Write):
            found |= {f"{write.table}.{column}": value for column, value in write.values.items()}
        else:
            found[write.table] = [dict(row) for row in write.rows]
    return found


def _unlike(path: str, expected: Any, found: Any) -> list[str]:
    """Return where `found` is not what is expected; an object may have more than is expected of it."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return [
            said
            for name, value in expected.items()
            for said in _unlike(f"{path}.{name}", value, found.get(name, ABSENT))
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [said for number, (one, other) in pairs for said in _unlike(f"{path}[{number}]", one, other)]
    same = expected == found and isinstance(expected, bool) == isinstance(found, bool)
    shown = "nothing" if found is ABSENT else f"{found!r:.200}"
    return [] if same else [f"{path}: expected {expected!r:.200}, found {shown}"]
