"""A step as a run pins it: everything that decides how it is done, in one canonical text.

The runner works from this and from the definitions that it names by hash, never from the project's folder, so what
was approved is what runs, whatever happens to the folder meanwhile.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

import orjson

from wave_runner.core.canary import Bound, Canary, Gate, Measure, Then
from wave_runner.core.cost import entry_of
from wave_runner.core.limits import Limits, Spent
from wave_runner.core.outcome import Usage
from wave_runner.core.patience import UNMEASURED_S, Patience
from wave_runner.core.rates import Rate
from wave_runner.core.stopping import Stop
from wave_runner.core.workflow import (
    ROUTER,
    ActorKind,
    Asking,
    Case,
    Choose,
    CollectionSpec,
    Each,
    Fork,
    Guards,
    InputRef,
    Join,
    ModelSpec,
    Next,
    Param,
    QuerySpec,
    Route,
    RouteOn,
    ScriptSpec,
    Step,
)

FORM = 1
"""Version of the text. A reader knows every version that was ever written."""

# A step that only routes has the limits of a script that has none of its own.
_NOBODY = ScriptSpec(name=ROUTER, entry="")

Flat = TypeVar("Flat", CollectionSpec, ModelSpec, ScriptSpec, QuerySpec, Param)


@dataclass(frozen=True, kw_only=True)
class PinnedStep:
    """One step resolved. Hashes are SHA-256 in hex, "" where there is no such file; `step.line` is always 0.

    `model` is set for a step done by a model, `script` and `script_sha256` (of the manifest) for one done by a script,
    `query` and `sql_sha256` for one that is a query.
    """

    workflow: str
    step: Step
    collection: CollectionSpec
    params: Mapping[str, Param]
    ensures: tuple[str, ...]
    ensures_run: tuple[str, ...] = ()
    ensures_sql: Mapping[str, str] = field(default_factory=dict)  # path → hash
    ensures_run_sql: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    select: str = ""
    select_sha256: str = ""
    canary: Canary | None = None
    model: ModelSpec | None = None
    script: ScriptSpec | None = None
    query: QuerySpec | None = None
    prompt_sha256: str = ""
    output_sha256: str = ""
    script_sha256: str = ""
    sql_sha256: str = ""

    @property
    def timeout_s(self) -> float:
        """Return the hard limit of one attempt, as long as nothing is measured: what is set, else 300."""
        return self.patience.attempt_s or UNMEASURED_S

    @functools.cached_property
    def patience(self) -> Patience:
        """Return how long an attempt may take and a record may wait: the step's own words, else the actor's."""
        actor, step = self._actor, self.step
        if isinstance(actor, QuerySpec):
            return Patience(
                attempt_s=step.timeout_s or actor.timeout_s, queue_s=step.queue_timeout_s, step_s=step.step_timeout_s
            )
        return Patience(
            attempt_s=step.timeout_s or actor.timeout_s,
            floor_s=actor.timeout_floor_s,
            ceiling_s=actor.timeout_ceiling_s,
            queue_s=step.queue_timeout_s or actor.queue_timeout_s,
            step_s=step.step_timeout_s or actor.step_timeout_s,
        )

    @property
    def max_attempts(self) -> int:
        return self.step.max_attempts or self._actor.max_attempts

    @property
    def keeps_answers(self) -> bool:
        """Return whether what a model answers may be used again: the step's own word, else its model's."""
        if self.model is None:
            return False
        return self.model.cache if self.step.cache is None else self.step.cache

    @property
    def rate(self) -> Rate:
        """Return what its actor allows, to all runners together."""
        if self.model is not None:
            return Rate(
                concurrency=self.model.concurrency,
                requests_per_minute=self.model.requests_per_minute,
                tokens_per_minute=self.model.tokens_per_minute,
            )
        if self.script is not None:
            return Rate(concurrency=self.script.concurrency, requests_per_minute=self.script.requests_per_minute)
        return Rate()

    @property
    def _actor(self) -> ModelSpec | ScriptSpec | QuerySpec:
        return self.model or self.script or self.query or _NOBODY


def write_step(pinned: PinnedStep) -> bytes:
    """Return the canonical text: equal steps give equal bytes."""
    body = {
        "form": FORM,
        "workflow": pinned.workflow,
        "step": _step_out(pinned.step),
        "collection": flat_out(pinned.collection),
        "params": {name: flat_out(param) for name, param in pinned.params.items()},
        "ensures": pinned.ensures,
        "ensures_run": pinned.ensures_run,
        "ensures_sql": pinned.ensures_sql,
        "ensures_run_sql": pinned.ensures_run_sql,
        "limits": {"record": pinned.limits.record, "run": pinned.limits.run, "chain_depth": pinned.limits.chain_depth},
        "select": pinned.select,
        "select_sha256": pinned.select_sha256,
        "canary": pinned.canary and _canary_out(pinned.canary),
        "model": pinned.model and flat_out(pinned.model),
        "script": pinned.script and flat_out(pinned.script),
        "query": pinned.query and flat_out(pinned.query),
        "prompt_sha256": pinned.prompt_sha256,
        "output_sha256": pinned.output_sha256,
        "script_sha256": pinned.script_sha256,
        "sql_sha256": pinned.sql_sha256,
    }
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def read_step(body: bytes) -> PinnedStep:
    """Return the step that `write_step` wrote."""
    data = orjson.loads(body)
    if data["form"] != FORM:
        raise ValueError(f"a pinned step of form {data['form']} was written by a newer version of this program")
    return PinnedStep(
        workflow=data["workflow"],
        step=_step_in(data["step"]),
        collection=flat_in(CollectionSpec, data["collection"]),
        params={name: flat_in(Param, param) for name, param in data["params"].items()},
        ensures=tuple(data["ensures"]),
        ensures_run=tuple(data["ensures_run"]),
        ensures_sql=data["ensures_sql"],
        ensures_run_sql=data["ensures_run_sql"],
        limits=Limits(**data["limits"]),
        select=data["select"],
        select_sha256=data["select_sha256"],
        canary=data["canary"] and _canary_in(data["canary"]),
        model=data["model"] and flat_in(ModelSpec, data["model"]),
        script=data["script"] and flat_in(ScriptSpec, data["script"]),
        query=data["query"] and flat_in(QuerySpec, data["query"]),
        prompt_sha256=data["prompt_sha256"],
        output_sha256=data["output_sha256"],
        script_sha256=data["script_sha256"],
        sql_sha256=data["sql_sha256"],
    )


def cost_of(pinned: PinnedStep, usage: Usage) -> Spent:
    """Return what an attempt has used besides being begun, as far as its actor knows."""
    entry = entry_of(price_of_model(pinned), usage)
    return Spent(seconds=usage.service_us, tokens=usage.tokens_in + usage.tokens_out, money=entry.money)


def price_of_model(pinned: PinnedStep) -> Mapping[str, int]:
    """Return the price that the run has pinned with a step; empty where it has none."""
    return pinned.model.price if pinned.model is not None else {}


# What a token is, no tokenizer of ours can say: of no usual text or model are there more than one in two bytes.
BYTES_PER_TOKEN = 2
UNBOUNDED_ANSWER = 4096  # tokens, where a model's options name no bound
_BOUNDS = ("max_tokens", "max_completion_tokens", "n_predict")


def longest_answer(model: ModelSpec) -> int | None:
    """Return the tokens that an answer may have, as the model's options bound it; None where they do not."""
    bounds = [model.options[name] for name in _BOUNDS if isinstance(model.options.get(name), int)]
    return max(bounds, default=None)


def most_used(pinned: PinnedStep, prompt: str, schema: Mapping[str, Any] | None) -> Usage:
    """Return the tokens and the time that a request will use at most, as far as can be said before it is made.

    The schema of the answer travels with the prompt, and many servers count it.
    """
    if pinned.model is None:
        return Usage()
    sent = len(prompt.encode("utf-8", "surrogatepass")) + (len(orjson.dumps(schema)) if schema is not None else 0)
    return Usage(
        service_us=round(pinned.timeout_s * 1_000_000),
        tokens_in=sent // BYTES_PER_TOKEN + 1,
        tokens_out=longest_answer(pinned.model) or UNBOUNDED_ANSWER,
    )


def flat_out(spec: CollectionSpec | ModelSpec | ScriptSpec | QuerySpec | Param) -> dict[str, Any]:
    """Return a spec's fields as JSON."""
    return {field.name: getattr(spec, field.name) for field in fields(spec)}


def flat_in(cls: type[Flat], data: Mapping[str, Any]) -> Flat:
    """Return the spec that `flat_out` read out."""
    # JSON knows lists only; a spec's lists are tuples, except inside a model's options, which are JSON themselves.
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    return cls(**values)


def _step_out(step: Step) -> dict[str, Any]:
    body = {field.name: getattr(step, field.name) for field in fields(step) if field.name != "line"}
    return body | {
        "input": {name: _plain(ref) for name, ref in step.input.items()},
        "guards": _plain(step.guards),
        "route": _route_out(step.route),
        "asking": step.asking and _plain(step.asking),
        "stop": step.stop and _plain(step.stop),
    }


def _step_in(data: Mapping[str, Any]) -> Step:
    changed = {
        "line": 0,
        "kind": ActorKind(data["kind"]),
        "input": {name: _input_in(ref) for name, ref in data["input"].items()},
        "require": tuple(data["require"]),
        "guards": Guards(**data["guards"]),
        "accept": tuple(data["accept"]),
        "writes": tuple(data["writes"]),
        "after": tuple(data["after"]),
        "join": Join(data["join"]),
        "asking": data["asking"] and Asking(**data["asking"]),
        "stop": data["stop"] and _stop_in(data["stop"]),
        "route": _ROUTES_IN[data["route"]["kind"]](data["route"]),
    }
    return Step(**{**data, **changed})


def _plain(value: InputRef | Case | Guards | Asking | Stop) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _canary_out(canary: Canary) -> dict[str, Any]:
    return {"records": canary.records, "then": canary.then, "gates": [asdict(gate) for gate in canary.gates]}


def _canary_in(data: Mapping[str, Any]) -> Canary:
    gates = (
        Gate(**{**gate, "measure": Measure(gate["measure"]), "bound": Bound(gate["bound"])}) for gate in data["gates"]
    )
    return Canary(records=data["records"], then=Then(data["then"]), gates=tuple(gates))


def _stop_in(data: Mapping[str, Any]) -> Stop:
    values = {name: tuple(values) for name, values in data["values"].items()}
    return Stop(last=data["last"], bad=data["bad"], values=values)


def _input_in(data: Mapping[str, Any]) -> InputRef:
    return InputRef(**{**data, "sources": tuple(data["sources"])})


def _route_out(route: Route) -> dict[str, Any]:
    match route:
        case Next(to=to):
            return {"kind": "next", "to": to}
        case Each(source=source, to=to):
            return {"kind": "each", "source": source, "to": to}
        case RouteOn(on=on, cases=cases):
            return {"kind": "on", "on": on, "cases": {value: _plain(case) for value, case in cases.items()}}
        case Choose(cases=ordered, otherwise=otherwise):
            return {"kind": "when", "cases": [_plain(case) for case in ordered], "else": otherwise}
        case Fork(cases=ordered, otherwise=otherwise):
            return {"kind": "all", "cases": [_plain(case) for case in ordered], "else": otherwise}


_ROUTES_IN: Mapping[str, Callable[[Mapping[str, Any]], Route]] = {
    "next": lambda data: Next(to=data["to"]),
    "each": lambda data: Each(source=data["source"], to=data["to"]),
    "on": lambda data: RouteOn(on=data["on"], cases={value: Case(**case) for value, case in data["cases"].items()}),
    "when": lambda data: Choose(cases=tuple(Case(**case) for case in data["cases"]), otherwise=data["else"]),
    "all": lambda data: Fork(cases=tuple(Case(**case) for case in data["cases"]), otherwise=data["else"]),
}
