"""A run's parameters, read from the words of a command line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from wave_runner.core.nearest import did_you_mean
from wave_runner.core.text import unstorable
from wave_runner.core.workflow import Param, Workflow
from wave_runner.errors import NotFoundError, ProjectError

PARAM_TYPES = ("string", "integer", "number", "boolean")


def resolve_params(workflow: Workflow, given: Mapping[str, str]) -> dict[str, Any]:
    """Return every declared parameter's value, typed: as given, else its default, else None where it is optional."""
    for name in given:
        if name not in workflow.params:
            raise NotFoundError(
                f"workflow {workflow.name} has no parameter {name}", hint=did_you_mean(name, workflow.params)
            )
    return {name: _value(workflow, param, given) for name, param in workflow.params.items()}


def carried_over(workflow: Workflow, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a run that goes on as a newer version of its workflow: new ones have their defaults."""
    return {
        name: recorded[name] if name in recorded and _still_fits(param, recorded[name]) else _value(workflow, param, {})
        for name, param in workflow.params.items()
    }


def _still_fits(param: Param, value: Any) -> bool:
    return fits(param.type, value) or (value is None and not param.required)


def fits(param_type: str, value: Any) -> bool:
    """Say whether a value that a file gives has the declared type."""
    match param_type:
        case "string":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        case _:
            return isinstance(value, bool)


def _value(workflow: Workflow, param: Param, given: Mapping[str, str]) -> Any:
    if param.name in given:
        return _parse(param, given[param.name])
    if param.required:
        raise ProjectError(
            f"workflow {workflow.name} needs the parameter {param.name} ({param.type})",
            hint=f"give it with --param {param.name}=…",
        )
    return param.default


def _parse(param: Param, text: str) -> Any:
    value = _read(param.type, text)
    if value is None:
        raise ProjectError(f"parameter {param.name} is of type {param.type}: {text[:60]!r} is not one")
    if _holds_password(text):
        raise ProjectError(
            f"parameter {param.name} is an address with a password in it, and parameters are kept with the run",
            hint="leave it out; a script takes secrets from the variables that its `environment` in wave.toml names",
        )
    return value


def _holds_password(text: str) -> bool:
    try:
        return "://" in text and urlsplit(text).password is not None
    except ValueError:  # no address at all
        return False


def _read(param_type: str, text: str) -> Any:
    """Return the value, or None if the text is no such thing. Stricter than Python: no `1_000`, no `nan`, no blanks."""
    match param_type:
        case "string":
            return None if unstorable(text) else text
        case "integer":
            return int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else None
        case "number":
            number = float(text) if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", text) else math.inf
            return number if math.isfinite(number) else None
        case _:
            return {"true": True, "false": False}.get(text.lower())
