"""workflows/NAME.yaml as a Workflow. Only its own shape is checked here; what its names mean is `core.lint`'s work."""

from __future__ import annotations

from collections.abc import Mapping

from wave_runner.core.nearest import did_you_mean
from wave_runner.core.params import PARAM_TYPES, fits
from wave_runner.core.workflow import END, ActorKind, Case, Each, InputRef, Next, Param, Route, RouteOn, Step, Workflow
from wave_runner.project.document import Document, Section, kind
from wave_runner.project.wave_toml import is_name

_STEP = ("actor", "model", "once", "prompt", "input", "require", "output", "writes", "next", "route", "timeout_s")
_SCOPES = ("params", "run", "record")
_MOST_STEPS = 200


def read_workflow(document: Document, path: str) -> Workflow:
    """Return the workflow that the file describes. `path` is the file's path in the project."""
    top = document.section().only(("workflow", "collection", "params", "steps", "ensures"))
    name = top.text("workflow")
    if not is_name(name):
        raise top.error(f"`{name}` is no name: lower-case letters, digits and _, a letter first", "workflow")
    params = top.section("params")
    steps = {step: _step(step, section) for step, section in top.sections("steps").items()}
    if not 1 <= len(steps) <= _MOST_STEPS:
        raise top.error(f"a workflow has 1 to {_MOST_STEPS} `steps`, not {len(steps)}", "steps")
    return Workflow(
        name=name,
        path=path,
        collection=top.text("collection"),
        params={param: _param(param, params) for param in params.data},
        steps=steps,
        ensures=top.texts("ensures"),
    )


def _param(name: str, params: Section) -> Param:
    """Read `source: string`, or `review: {type: boolean, default: false}`."""
    if not is_name(name):
        raise params.error(f"`{name}` is no name for a parameter", name)
    if isinstance(params.data[name], str):
        return Param(name=name, type=_param_type(params, name))
    section = params.section(name).only(("type", "default", "required"))
    param_type = _param_type(section, "type")
    default = section.data.get("default")
    if default is not None and not fits(param_type, default):
        raise section.error(f"the default of `{name}` must be of type {param_type}, not {kind(default)}", "default")
    required = section.flag("required", default is None)
    if required and default is not None:
        raise section.error(f"`{name}` has a default, so it cannot be required", "required")
    return Param(name=name, type=param_type, default=default, required=required)


def _param_type(section: Section, key: str) -> str:
    text = section.text(key)
    if text not in PARAM_TYPES:
        raise section.error(f"there is no type {text!r:.60}", key, hint=did_you_mean(text, PARAM_TYPES))
    return text


def _step(name: str, section: Section) -> Step:
    if not is_name(name) or name in (END, *_SCOPES):
        raise section.error(f"`{name}` cannot name a step: lower-case letters, digits and _, and no word of our own")
    section.only((*_STEP, "max_attempts"))
    actor, actor_kind = _actor(name, section)
    inputs = section.section("input")
    return Step(
        name=name,
        line=section.document.line(section.at),
        actor=actor,
        kind=actor_kind,
        once=section.flag("once", False),
        input={key: _input(key, inputs) for key in inputs.data},
        require=section.texts("require"),
        prompt=section.text("prompt", ""),
        output=section.text("output", ""),
        writes=section.texts("writes"),
        route=_route(name, section),
        timeout_s=section.seconds("timeout_s") if "timeout_s" in section.data else None,
        max_attempts=section.whole("max_attempts") if "max_attempts" in section.data else None,
    )


def _actor(name: str, section: Section) -> tuple[str, ActorKind]:
    if ("actor" in section.data) == ("model" in section.data):
        raise section.error(f"step `{name}` needs exactly one of `actor` (a script) and `model`")
    if "actor" in section.data:
        return section.text("actor"), ActorKind.SCRIPT
    return section.text("model"), ActorKind.AI_MODEL


def _input(name: str, inputs: Section) -> InputRef:
    """Read `record.title`, `[review.ihl, score.ihl]`, or `{from: record.description, max_chars: 4000}`."""
    if not is_name(name):
        raise inputs.error(f"`{name}` is no name for an input", name)
    if not isinstance(inputs.data[name], dict):
        return InputRef(sources=_sources(inputs, name))
    section = inputs.section(name).only(("from", "max_chars"))
    max_chars = section.whole("max_chars") if "max_chars" in section.data else None
    return InputRef(sources=_sources(section, "from"), max_chars=max_chars)


def _sources(section: Section, key: str) -> tuple[str, ...]:
    sources = section.texts(key)
    if not sources:
        raise section.error(f"`{key}` must say where the input comes from, as in record.title", key)
    return sources


def _route(name: str, section: Section) -> Route:
    if ("next" in section.data) == ("route" in section.data):
        raise section.error(
            f"step `{name}` needs exactly one of `next` and `route`", hint="the last step says next: end"
        )
    if "route" in section.data:
        return _route_on(section.section("route"))
    if isinstance(section.data["next"], dict):
        each = section.section("next").only(("each", "to"))
        return Each(source=each.text("each"), to=each.text("to"))
    return Next(to=section.text("next"))


def _route_on(section: Section) -> RouteOn:
    on = section.text("on")
    cases: Mapping[str, Case] = {value: _case(section, value) for value in section.data if value != "on"}
    return RouteOn(on=on, cases=cases)


def _case(section: Section, value: str) -> Case:
    """Read `GENUINE: save_score`, or `FAKE: {when: params.review, to: review, else: save_score}`."""
    if not isinstance(section.data[value], dict):
        return Case(to=section.text(value))
    case = section.section(value).only(("when", "to", "else"))
    return Case(to=case.text("to"), when=case.text("when"), otherwise=case.text("else"))
