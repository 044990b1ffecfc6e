"""workflows/NAME.yaml as a Workflow. Only its own shape is checked here; what its names mean is `core.lint`'s work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

from wave_runner.core.limits import CHAIN_DEPTH, COUNTED, MOST, RECORD, RUN, SCOPES, UNITS, Limits
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.params import PARAM_TYPES, fits
from wave_runner.core.stopping import Stop
from wave_runner.core.workflow import (
    END,
    MODEL_GUARDS,
    NO_GUARDS,
    ROUTER,
    SELECT_ALL,
    ActorKind,
    Asking,
    Case,
    Choose,
    Each,
    Fork,
    Guards,
    InputRef,
    Join,
    Next,
    Param,
    Route,
    RouteOn,
    Step,
    Workflow,
)
from wave_runner.project.document import Document, Section, kind
from wave_runner.project.watching_file import read_canary, read_stop
from wave_runner.project.wave_toml import check_times, is_name

_ACTORS = {"actor": ActorKind.SCRIPT, "model": ActorKind.AI_MODEL, "sql": ActorKind.SQL, "human": ActorKind.HUMAN}
_TOP = (
    *("workflow", "collection", "select", "params", "limits", "canary", "stop", "timeout", "steps"),
    *("ensures", "ensures_sql", "ensures_run", "ensures_run_sql"),
)
_CONTRACT = ("input", "require", "guards", "prompt", "output", "accept", "writes")
_PEOPLE = ("form", "title", "priority", "due", "needs", "blind", "escalate", "prefill", "bulk")
_BROKEN = ("on_failure", "on_quarantine", "on_timeout")
_STEP = (*_ACTORS, "stop", "once", "after", "join", "cache", *_CONTRACT, "next", "route", *_BROKEN, *_PEOPLE)
_BOUNDS = {"too_fast": "tokens_per_s", "same_text": "records"}  # guards with a number, and what the number counts
_SCOPES = ("params", "run", "record", "item", "input", "output")
_MOST_ROUNDS = 1000
_MOST_STEPS = 200
_MOST_PEOPLE = 10
_TIMEOUTS = ("timeout_s", "queue_timeout_s", "step_timeout_s")
_NOT_OF_PEOPLE = ("prompt", "output", "writes", "guards", *_TIMEOUTS, "max_attempts", "on_failure", "on_timeout")


def read_workflow(document: Document, path: str) -> Workflow:
    """Return the workflow that the file describes. `path` is the file's path in the project."""
    top = document.section().only(_TOP)
    name = top.text("workflow")
    if not is_name(name):
        raise top.error(f"`{name}` is no name: lower-case letters, digits and _, a letter first", "workflow")
    params = top.section("params")
    stop = read_stop(top.section("stop"), values=False) if "stop" in top.data else None
    steps = {step: _step(step, section, stop) for step, section in top.sections("steps").items()}
    if not 1 <= len(steps) <= _MOST_STEPS:
        raise top.error(f"a workflow has 1 to {_MOST_STEPS} `steps`, not {len(steps)}", "steps")
    return Workflow(
        name=name,
        path=path,
        collection=top.text("collection"),
        params={param: _param(param, params) for param in params.data},
        steps=steps,
        ensures=top.texts("ensures"),
        ensures_run=top.texts("ensures_run"),
        ensures_sql=_queries(top, "ensures_sql"),
        ensures_run_sql=_queries(top, "ensures_run_sql"),
        limits=_limits(top.section("limits")),
        timeout_s=top.duration("timeout") if "timeout" in top.data else None,
        select=_select(top),
        canary=read_canary(top.section("canary")) if "canary" in top.data else None,
    )


def _seconds(section: Section, key: str) -> float | None:
    return section.seconds(key) if key in section.data else None


def _queries(top: Section, key: str) -> tuple[str, ...]:
    """Read a list of sql/NAME.sql."""
    paths = top.texts(key)
    for path in paths:
        _query_name(top, key, path)
    return paths


def _limits(section: Section) -> Limits:
    """Read `model_calls_per_record: 12` and its like, and `chain_depth`."""
    named = {f"{what}_per_{scope}": (what, scope) for scope in SCOPES for what in COUNTED}
    section.only((*named, CHAIN_DEPTH))
    found: dict[str, dict[str, int]] = {scope: {} for scope in SCOPES}
    for key in section.data.keys() & named.keys():
        what, scope = named[key]
        found[scope][what] = _amount(section, key, UNITS[what]) if what in UNITS else section.whole(key, most=MOST)
    depth = section.whole(CHAIN_DEPTH) if CHAIN_DEPTH in section.data else 0
    return Limits(record=found[RECORD], run=found[RUN], chain_depth=depth)


def _amount(section: Section, key: str, unit: int) -> int:
    """Return an amount in the unit that is counted in, exactly as it is written."""
    value = section.data[key]
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e9:
        raise section.error(f"`{key}` must be a number above 0, not {kind(value)}", key, rule="wrong_type")
    return max(1, int(Decimal(repr(value)) * unit))


def _select(top: Section) -> str:
    """Read `select: all`, or `select: sql/NAME.sql`."""
    text = top.text("select", "")
    if "select" in top.data and text != SELECT_ALL:
        _query_name(top, "select", text)
    return text


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


def _step(name: str, section: Section, stop: Stop | None) -> Step:
    if not is_name(name) or name in (END, *_SCOPES):
        raise section.error(f"`{name}` cannot name a step: lower-case letters, digits and _, and no word of our own")
    section.only((*_STEP, *_TIMEOUTS, "max_attempts"))
    actor, actor_kind = _actor(name, section)
    human = actor_kind is ActorKind.HUMAN
    for key in section.data.keys() & (_NOT_OF_PEOPLE if human else _PEOPLE):
        whose = "done by people, who need" if human else "not done by people, and has"
        raise section.error(f"step `{name}` is {whose} no `{key}`", key, rule="key_without_use")
    if "cache" in section.data and actor_kind is not ActorKind.AI_MODEL:
        message = f"step `{name}` asks no model, and has no `cache`"
        raise section.error(message, "cache", rule="key_without_use")
    check_times(section)
    inputs = section.section("input")
    return Step(
        name=name,
        line=section.document.line(section.at),
        actor=actor,
        kind=actor_kind,
        once=section.flag("once", False),
        input={key: _input(key, inputs) for key in inputs.data},
        require=section.texts("require"),
        guards=_guards(section, actor_kind),
        prompt=section.text("prompt", ""),
        sql=section.text("sql", ""),
        output=section.text("form" if human else "output", ""),
        accept=section.texts("accept"),
        writes=section.texts("writes"),
        route=_route(name, section),
        timeout_s=_seconds(section, "timeout_s"),
        queue_timeout_s=_seconds(section, "queue_timeout_s"),
        step_timeout_s=_seconds(section, "step_timeout_s"),
        max_attempts=section.whole("max_attempts") if "max_attempts" in section.data else None,
        cache=section.flag("cache", True) if "cache" in section.data else None,
        after=section.texts("after"),
        join=_join(name, section),
        asking=_asking(section) if human else None,
        stop=_stop_of(name, section, stop),
        **{key: section.text(key, "") for key in _BROKEN},
    )


def _stop_of(name: str, section: Section, stop: Stop | None) -> Stop | None:
    """Return a step's own `stop`, else its workflow's. A step that runs once has one result, and no last ones."""
    if section.flag("once", False):
        if "stop" in section.data:
            message = f"step `{name}` runs once per run: it has no last results to `stop` by"
            raise section.error(message, "stop", rule="key_without_use")
        return None
    return read_stop(section.section("stop")) if "stop" in section.data else stop


def _asking(section: Section) -> Asking:
    """Read how people are asked: title, priority, due, needs, blind, escalate, prefill, bulk."""
    needs = section.whole("needs", 1)
    blind = section.flag("blind", False)
    escalate = section.text("escalate", "")
    bulk = section.flag("bulk", False)
    if needs > _MOST_PEOPLE:
        raise section.error(f"`needs` can be {_MOST_PEOPLE} people at most, not {needs}", "needs")
    if blind and needs == 1:
        raise section.error("`blind` hides earlier decisions from the next person, and one person decides", "blind")
    if escalate and "due" not in section.data:
        raise section.error("`escalate` says where a task goes after `due`, which the step does not have", "escalate")
    if escalate and not is_name(escalate):
        raise section.error(f"`{escalate}` is no name for a queue", "escalate")
    if bulk and needs > 1:
        message = "`bulk` lets one person answer many tasks at once, and `needs` asks several people to look at each"
        raise section.error(message, "bulk")
    return Asking(
        title=section.text("title", ""),
        priority=section.integer("priority", 0),
        due_s=section.duration("due") if "due" in section.data else None,
        needs=needs,
        blind=blind,
        escalate=escalate,
        prefill=section.flag("prefill", False),
        bulk=bulk,
    )


def _join(name: str, section: Section) -> Join:
    text = section.text("join", Join.ALL)
    if text not in list(Join):
        raise section.error(f"there is no join {text!r:.60}", "join", hint=did_you_mean(text, Join))
    if "join" in section.data and "after" not in section.data:
        raise section.error(f"step `{name}` has a `join` and no `after`: what does it wait for?", "join")
    return Join(text)


def _actor(name: str, section: Section) -> tuple[str, ActorKind]:
    """Return who does a step. Nobody is named for one that only decides where to go."""
    named = [key for key in _ACTORS if key in section.data]
    if len(named) > 1:
        raise section.error(f"step `{name}` can have one of {' and '.join(f'`{key}`' for key in named)}", named[1])
    if not named:
        return ROUTER, ActorKind.ROUTE
    text = section.text(named[0])
    if named[0] == "human" and not is_name(text):
        raise section.error(f"`{text}` is no name for a queue", "human")
    return (_query_name(section, "sql", text) if named[0] == "sql" else text), _ACTORS[named[0]]


def _query_name(section: Section, key: str, path: str) -> str:
    """Return the name of the actor that `sql/NAME.sql` is."""
    file = PurePosixPath(path)
    if file.parts[:1] != ("sql",) or file.suffix != ".sql" or ".." in file.parts or not is_name(file.stem):
        hint = "NAME has lower-case letters, digits and _, a letter first"
        raise section.error(f"`{key}` names a file sql/NAME.sql, not {path!r:.80}", key, hint=hint)
    return file.stem


def _input(name: str, inputs: Section) -> InputRef:
    """Read `record.title`, `[review.ihl, score.ihl]`, or `{from: record.description, max_chars: 4000}` and its like."""
    if not is_name(name):
        raise inputs.error(f"`{name}` is no name for an input", name)
    if not isinstance(inputs.data[name], dict):
        return InputRef(sources=_sources(inputs, name))
    section = inputs.section(name).only(("from", "max_chars", "min_chars", "optional"))
    max_chars, min_chars = (section.whole(key) if key in section.data else None for key in ("max_chars", "min_chars"))
    if max_chars is not None and min_chars is not None and min_chars > max_chars:
        raise section.error(f"min_chars {min_chars} is more than max_chars {max_chars} leaves", "min_chars")
    optional = section.flag("optional", False)
    return InputRef(sources=_sources(section, "from"), max_chars=max_chars, min_chars=min_chars, optional=optional)


def _guards(section: Section, actor_kind: ActorKind) -> Guards:
    """Read `{refusal: off, same_text: {records: 3}}`; what is not named stays as it is for this kind of actor."""
    given = section.section("guards").only(field.name for field in fields(Guards))
    standard = {ActorKind.AI_MODEL: MODEL_GUARDS, ActorKind.ROUTE: NO_GUARDS}.get(actor_kind, Guards())
    return replace(standard, **{name: _guard(given, name) for name in given.data})


def _guard(guards: Section, name: str) -> Any:
    """Return what one guard is set to: on, off or, where it counts something, the number that is too many."""
    word = guards.data[name]
    if word == "off":
        return 0 if name in _BOUNDS else False
    if word == "on":
        return getattr(MODEL_GUARDS, name) if name in _BOUNDS else True
    if name in _BOUNDS and isinstance(word, dict):
        return _bound(guards.section(name).only((_BOUNDS[name],)), _BOUNDS[name])
    wanted = f"on, off or {{{_BOUNDS[name]}: NUMBER}}" if name in _BOUNDS else "on or off"
    raise guards.error(f"the guard `{name}` must be {wanted}, not {kind(word)}", name)


def _bound(guard: Section, counted: str) -> int:
    number = guard.whole(counted)
    if counted == "records" and number == 1:
        raise guard.error("`records` must be at least 2: one record has the same text as itself", counted)
    return number


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
        return _next(section.section("next"))
    return Next(to=section.text("next"))


def _next(section: Section) -> Route:
    """Read what stands under `next` where it is more than a name; its first word says what it is."""
    match next(iter(section.data), ""):
        case "each":
            each = section.only(("each", "to"))
            return Each(source=each.text("each"), to=each.text("to"))
        case "when":
            section.only(("when", "else"))
            return Choose(cases=_ordered(section, "when"), otherwise=section.text("else"))
        case "all":
            section.only(("all", "else"))
            cases = _ordered(section, "all")
            if any(case.when == "" for case in cases) and "else" in section.data:
                raise section.error("`else` is never taken: a step in `all` has no condition", "else")
            return Fork(cases=cases, otherwise=section.text("else", END))
        case "loop":
            case = _loop(section)
            return Choose(cases=(case,), otherwise=case.otherwise)
    raise section.error("`next` is a step, or one of {each: …, to: …}, {when: …}, {all: …}, {loop: …}")


def _ordered(section: Section, key: str) -> tuple[Case, ...]:
    """Read a list of cases: `{if: CEL, to: STEP}`, `{if: CEL, loop: STEP, max: 3, else: STEP}`; in `all` also names."""
    items = section.data[key]
    if not isinstance(items, list) or not items:
        raise section.error(f"`{key}` must be a list of cases, not {kind(items)}", key)
    return tuple(_listed(section, key, index) for index in range(len(items)))


def _listed(section: Section, key: str, index: int) -> Case:
    item = section.data[key][index]
    if key == "all" and isinstance(item, str):
        return Case(to=item)
    case = section.document.section(*section.at, key, index)
    if "loop" in case.data and key == "when":
        return _loop(case, condition=case.text("if"))
    return Case(to=case.only(("if", "to")).text("to"), when=case.text("if"))


def _route_on(section: Section) -> RouteOn:
    on = section.text("on")
    cases: Mapping[str, Case] = {value: _case(section, value) for value in section.data if value != "on"}
    return RouteOn(on=on, cases=cases)


def _case(section: Section, value: str) -> Case:
    """Read `GENUINE: save_score`, `FAKE: {when: params.review, to: review, else: save_score}`, or a loop."""
    if not isinstance(section.data[value], dict):
        return Case(to=section.text(value))
    case = section.section(value)
    if "loop" in case.data:
        return _loop(case)
    case.only(("when", "to", "else"))
    return Case(to=case.text("to"), when=case.text("when"), otherwise=case.text("else"))


def _loop(section: Section, condition: str = "") -> Case:
    """Read `{loop: improve, max: 3, else: ticket}`: back to an earlier step, at most so many times in a row."""
    section.only((*(("if",) if condition else ()), "loop", "max", "else"))
    most = section.whole("max")
    if most > _MOST_ROUNDS:
        raise section.error(f"`max` can be {_MOST_ROUNDS} at most, not {most}", "max")
    return Case(to=section.text("loop"), when=condition, otherwise=section.text("else"), loop=most)
