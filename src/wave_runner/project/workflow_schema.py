"""The JSON Schema of workflow files, for editors: they complete keys, explain them, and mark what is wrong at once.

It knows the shape of a file and not what its names mean; `wave check` knows both. JSON Schema 2020-12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from wave_runner.core.canary import MOST_RECORDS, Bound, Measure, Then
from wave_runner.core.limits import CHAIN_DEPTH, COUNTED, MONEY, SCOPES, SECONDS
from wave_runner.core.params import PARAM_TYPES
from wave_runner.core.stopping import MOST_BAD, MOST_RESULTS
from wave_runner.core.workflow import Guards, Join
from wave_runner.project.watching_file import BOUNDS

NAME = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
TEXT = {"type": "string"}
FLAG = {"type": "boolean"}
DURATION_S = {"type": "number", "exclusiveMinimum": 0}
WHOLE = {"type": "integer", "minimum": 1}
TEXTS = {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}
LIMITS = (*(f"{what}_per_{scope}" for scope in SCOPES for what in COUNTED), CHAIN_DEPTH)
STEP_NAME = {"type": "string", "description": "a step, or `end`"}


def workflow_schema() -> dict[str, Any]:
    """Return the schema as one document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Wave Runner workflow",
        **_object(
            {
                "workflow": _said(NAME, "the name of the workflow"),
                "collection": _said(TEXT, "the kind of record it works on, from wave.toml"),
                "select": _said(TEXT, "where its records come from, if no step brings them: all, or sql/NAME.sql"),
                "params": {
                    "description": "parameters of a run",
                    "type": "object",
                    "propertyNames": NAME,
                    "additionalProperties": _param(),
                },
                "limits": {
                    "description": "how much a record or a run may use before it stops",
                    **_object({name: _limit(name) for name in LIMITS}),
                },
                "stop": _stop(values=False),
                "canary": _canary(),
                "timeout": _said(
                    {"type": "string", "pattern": "^[1-9][0-9]{0,5}[smhd]$"},
                    "how long a run may take: 90s, 30m, 4h; what is left of it then is cancelled",
                ),
                "steps": {
                    "description": "the steps by name; a run begins at the first",
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 200,
                    "propertyNames": NAME,
                    "additionalProperties": {"$ref": "#/$defs/step"},
                },
                "ensures": _said(TEXTS, "what must be true of a record before it is completed, in CEL over `record`"),
                "ensures_sql": _said(TEXTS, "queries, sql/NAME.sql, that name the records which are not done"),
                "ensures_run_sql": _said(TEXTS, "queries, sql/NAME.sql, that give the rows which must not be there"),
                "ensures_run": _said(TEXTS, "what must be true of a run before it is completed, in CEL over `run`"),
            },
            required=("workflow", "collection", "steps"),
        ),
        "$defs": {"step": _step(), "case": _case(), "loop": _loop()},
    }


def _limit(name: str) -> dict[str, Any]:
    return {"type": "number", "exclusiveMinimum": 0} if name.startswith((SECONDS, MONEY)) else WHOLE


def _step() -> dict[str, Any]:
    properties = {
        "actor": _said(NAME, "the script that does it: actors/NAME.py"),
        "model": _said(NAME, "the model that does it, from wave.toml"),
        "sql": _said(TEXT, "the query that does it: sql/NAME.sql"),
        "human": _said(NAME, "the people who do it: the queue that its tasks wait in"),
        "once": _said(FLAG, "once per run, without a record"),
        "after": _said(TEXTS, "the steps that it waits for: exactly those that lead to it"),
        "join": {"enum": list(Join), "description": "when a step with `after` is done"},
        "input": {
            "description": "what it gets, by name: record.title, params.source, STEP.field, item",
            "type": "object",
            "propertyNames": NAME,
            "additionalProperties": _input(),
        },
        "require": _said(TEXTS, "CEL over its input, checked before the actor is called"),
        "guards": {
            "description": "what the engine looks for by itself: on or off, or a number",
            **_object({field.name: _guard(field.name) for field in fields(Guards)}),
        },
        "prompt": _said(TEXT, "a Jinja2 template under prompts/"),
        "output": _said(TEXT, "a JSON Schema under schemas/ that the output must fit before anything is saved"),
        "form": _said(TEXT, "of a step that people do: a JSON Schema under schemas/ that an answer must fit"),
        "title": _said(TEXT, "of a step that people do: what its tasks are called, a template over the input"),
        "priority": {"type": "integer", "description": "of a step that people do: higher goes first"},
        "due": _said({"type": "string", "pattern": "^[1-9][0-9]{0,5}[smhd]$"}, "when a task is overdue: 30m, 4h, 2d"),
        "needs": {"type": "integer", "minimum": 1, "maximum": 10, "description": "so many people must say the same"},
        "blind": _said(FLAG, "whether what the others have decided is hidden from the next"),
        "escalate": _said(NAME, "the queue that an overdue task moves to"),
        "prefill": _said(FLAG, "of a step that people do: whether its form begins with what is proposed"),
        "bulk": _said(FLAG, "of a step that people do: whether one answer may be given to many tasks at once"),
        "accept": _said(TEXTS, "CEL over output, input and params, checked before anything is saved"),
        "writes": _said(TEXTS, "what it may change: table.column, or table"),
        "next": _next(),
        "route": _route(),
        "on_failure": _said(STEP_NAME, "where the flow goes on when the step has failed for good"),
        "on_quarantine": _said(STEP_NAME, "the same when its input or output broke its contract"),
        "on_timeout": _said(STEP_NAME, "the same when its time limit has passed"),
        "timeout_s": _said(DURATION_S, "how long one attempt may take; overrides the actor's"),
        "queue_timeout_s": _said(DURATION_S, "how long a record may wait for its first attempt"),
        "step_timeout_s": _said(DURATION_S, "how long a record may take in all, waiting and further attempts included"),
        "max_attempts": _said(WHOLE, "overrides the actor's"),
        "stop": _stop(values=True),
        "cache": _said(FLAG, "of a step that a model does: whether its answers are kept, and used again"),
    }
    return {**_object(properties), "oneOf": [{"required": ["next"]}, {"required": ["route"]}]}


def _stop(*, values: bool) -> dict[str, Any]:
    named = {"values": {"type": "object", "additionalProperties": TEXTS}} if values else {}
    last = {"type": "integer", "minimum": 1, "maximum": MOST_RESULTS}
    bad = {"type": "number", "minimum": 0, "maximum": MOST_BAD}
    said = "a run is paused when more than this share of a step's last results looks bad"
    return {"description": said, **_object({"last": last, "bad": bad, **named}, required=("last", "bad"))}


def _canary() -> dict[str, Any]:
    gates: dict[str, Any] = {measure: _gates(measure, bounds) for measure, bounds in BOUNDS.items()}
    properties = {
        "records": _said({"type": "integer", "minimum": 1, "maximum": MOST_RECORDS}, "so many go through first"),
        "then": {"enum": list(Then), "description": "what follows: go_on, pause if a gate does not hold, or ask"},
        "gates": {"description": "what must hold of their results", **_object(gates)},
    }
    said = "the records that go through before the others begin"
    return {"description": said, **_object(properties, required=("records",))}


def _gates(measure: Measure, bounds: Sequence[Bound]) -> dict[str, Any]:
    share = {"type": "number", "minimum": 0, "maximum": 1}
    if measure in (Measure.QUARANTINED, Measure.FAILED):
        return {**_object(dict.fromkeys(bounds, share)), "minProperties": 1}
    amount = {"type": "number", "minimum": 0}
    of_values = {"type": "object", "additionalProperties": share}
    limits: dict[str, Any] = dict.fromkeys(bounds, amount)
    if Bound.TIMES in limits:
        limits[Bound.TIMES] = {"type": "number", "minimum": 1}
    if measure is Measure.SHARES:
        limits = {bound: share if bound is Bound.DISTANCE else of_values for bound in bounds}
    return {"type": "object", "additionalProperties": {**_object(limits), "minProperties": 1}}


def _param() -> dict[str, Any]:
    kind = {"enum": list(PARAM_TYPES)}
    default = {"type": ["string", "number", "boolean", "null"]}
    return {"anyOf": [kind, _object({"type": kind, "default": default, "required": FLAG}, required=("type",))]}


def _input() -> dict[str, Any]:
    long = {"from": TEXTS, "max_chars": WHOLE, "min_chars": WHOLE, "optional": FLAG}
    return {"anyOf": [TEXTS, _object(long, required=("from",))]}


def _guard(name: str) -> dict[str, Any]:
    counted = {"too_fast": "tokens_per_s", "same_text": "records"}.get(name)
    words = {"enum": ["on", "off"]}
    return {"anyOf": [words, _object({counted: WHOLE}, required=(counted,))]} if counted else words


def _next() -> dict[str, Any]:
    case = {"$ref": "#/$defs/case"}
    cases = {"type": "array", "minItems": 1, "items": case}
    branches = {**cases, "items": {"anyOf": [TEXT, case]}}
    return {
        "description": "where to go",
        "anyOf": [
            STEP_NAME,
            _object({"each": TEXT, "to": STEP_NAME}, required=("each", "to")),
            _object({"when": cases, "else": STEP_NAME}, required=("when", "else")),
            _object({"all": branches, "else": STEP_NAME}, required=("all",)),
            {"$ref": "#/$defs/loop"},
        ],
    }


def _route() -> dict[str, Any]:
    chosen = _object({"when": TEXT, "to": STEP_NAME, "else": STEP_NAME}, required=("when", "to", "else"))
    return {
        "description": "where to go, by a field of the output whose schema is an enum",
        "type": "object",
        "properties": {"on": TEXT},
        "required": ["on"],
        "additionalProperties": {"anyOf": [STEP_NAME, chosen, {"$ref": "#/$defs/loop"}]},
    }


def _case() -> dict[str, Any]:
    loop = _loop()["properties"]
    return {
        "anyOf": [
            _object({"if": TEXT, "to": STEP_NAME}, required=("if", "to")),
            _object({"if": TEXT, **loop}, required=("if", *loop)),
        ]
    }


def _loop() -> dict[str, Any]:
    most = {"type": "integer", "minimum": 1, "maximum": 1000}
    return _object({"loop": STEP_NAME, "max": most, "else": STEP_NAME}, required=("loop", "max", "else"))


def _object(properties: dict[str, Any], *, required: tuple[str, ...] = ()) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**made, "required": list(required)} if required else made


def _said(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {**schema, "description": description}
