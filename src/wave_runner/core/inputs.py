"""Where a step's input comes from: references resolved against what the interaction may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wave_runner.core.conditions import in_words
from wave_runner.core.outcome import Breach
from wave_runner.core.text import cut
from wave_runner.core.workflow import InputRef

_NOTHING = object()


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """A step's input. `cuts` holds the length, in characters, that each shortened text had before."""

    values: dict[str, Any]
    cuts: dict[str, int]


def resolve(refs: Mapping[str, InputRef], scopes: Mapping[str, Any]) -> Inputs | Breach:
    """Return the value of every reference, or the breach of the first that has none.

    `scopes` are `params`, `run`, `record`, and the output of each earlier step of the interaction's own lineage by the
    step's name. The first source that exists wins; null exists.
    """
    values: dict[str, Any] = {}
    cuts: dict[str, int] = {}
    for name, ref in refs.items():
        value = _first_that_exists(ref, scopes)
        if value is _NOTHING:
            return _unresolved(name, ref, scopes)
        if ref.max_chars is not None and value is not None:
            if not isinstance(value, str):
                return _not_a_text(name, ref, value)
            value, length = cut(value, ref.max_chars)
            if length is not None:
                cuts[name] = length
        values[name] = value
    return Inputs(values=values, cuts=cuts)


def gather(outputs: Sequence[Any]) -> dict[str, list[Any]]:
    """Return the outputs of several items as one object of lists, null where an item has no such field."""
    names = dict.fromkeys(name for output in outputs if isinstance(output, Mapping) for name in output)
    return {name: [output.get(name) if isinstance(output, Mapping) else None for output in outputs] for name in names}


def _first_that_exists(ref: InputRef, scopes: Mapping[str, Any]) -> Any:
    for source in ref.sources:
        value = _look_up(source, scopes)
        if value is not _NOTHING:
            return value
    return _NOTHING


def _look_up(source: str, scopes: Mapping[str, Any]) -> Any:
    value: Any = scopes
    for part in source.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _NOTHING
        value = value[part]
    return value


def _unresolved(name: str, ref: InputRef, scopes: Mapping[str, Any]) -> Breach:
    tried = " or ".join(ref.sources)
    seen = ", ".join(sorted(scopes)) or "nothing"
    return Breach(rule="unresolved_input", message=f"input `{name}`: {tried} does not exist (visible here: {seen})")


def _not_a_text(name: str, ref: InputRef, value: Any) -> Breach:
    message = f"input `{name}` has max_chars {ref.max_chars} and is {in_words(value)}; only a text can be cut"
    return Breach(rule="input_not_a_text", message=message)
