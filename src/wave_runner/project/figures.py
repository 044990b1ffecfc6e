"""A file of figures for `wave simulate`: what models and steps take, and where records go."""

from __future__ import annotations

from pathlib import Path

from wave_runner.core.workload import GB, Figures, ModelFigures, StepFigures
from wave_runner.errors import ProjectError
from wave_runner.project.document import Section
from wave_runner.project.toml_text import read_toml


def read_figures(path: Path) -> Figures:
    """Return what the file says; raises ProjectError with the line of what it cannot say.

    `[models."NAME"]` has `load_s`, `call_s` and `gb`; `[steps.NAME]` has `seconds`, `model`, and `share`, a table from
    the steps that can follow to the part of the records that goes there.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ProjectError(f"the figures cannot be read: {error.strerror}", path=path) from error
    top = read_toml(path, content).section().only(("models", "steps"))
    return Figures(
        models={name: _model(section) for name, section in top.sections("models").items()},
        steps={name: _step(section) for name, section in top.sections("steps").items()},
    )


def _model(section: Section) -> ModelFigures:
    section.only(("load_s", "call_s", "gb"))
    gb = _optional(section, "gb")
    return ModelFigures(
        load_s=_optional(section, "load_s"),
        call_s=_optional(section, "call_s"),
        bytes=None if gb is None else round(gb * GB),
    )


def _step(section: Section) -> StepFigures:
    section.only(("seconds", "model", "share"))
    shares = section.section("share")
    return StepFigures(
        seconds=_optional(section, "seconds"),
        model=section.text("model", "") or None,
        share={to: _part(shares, to) for to in shares.data},
    )


def _optional(section: Section, key: str) -> float | None:
    """Return a number that is not below 0, or None where there is none."""
    value = section.data.get(key)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e9:
        raise section.error(f"`{key}` must be a number that is not below 0, not {value!r:.40}", key)
    return float(value)


def _part(section: Section, key: str) -> float:
    value = _optional(section, key)
    if value is None or value > 1:
        raise section.error(f"`{key}` must be a part, from 0 to 1, not {value}", key)
    return value
