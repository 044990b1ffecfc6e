"""Recorded cases, done without a database: the same checks, guards and routes as in a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wave_runner.actors import sql
from wave_runner.actors.job import RequestRefused
from wave_runner.core.canonical import dumps
from wave_runner.core.cases import ABSENT, Case, Found, differences
from wave_runner.core.contract import parse_answer
from wave_runner.core.outcome import Breach, Done, Outcome, Usage
from wave_runner.core.workflow import ActorKind, Step
from wave_runner.runner.prepare import Ready, Stopped, check_item
from wave_runner.runner.unsaved import NOBODY, Bench, NothingStaged, Tried, item_of, tried_of
from wave_runner.store.interactions import Ancestor
from wave_runner.store.records import Tables

KEY = "case"  # of a record that is only in a case


async def judge(case: Case, open_bench: Callable[[str, Mapping[str, str]], Bench]) -> list[str]:
    """Do a case, and return in words what is not as it expects."""
    bench = open_bench(case.workflow, case.params)
    collection = bench.project.collections[bench.workflow.collection]
    step = bench.step(bench.workflow.steps[case.step], Tables(collection=collection, addresses={}))
    line = {name: _ancestors(given) for name, given in case.given.items()}
    key = str(case.record.get(collection.key, KEY))
    rows = {NOBODY: {**dict.fromkeys(_columns(step.pinned.step)), **case.record}}
    prepared = check_item(item_of(step, NOBODY, key), step, rows, line)
    if isinstance(prepared, Stopped):
        return differences(case.expect, _stopped(prepared))
    if step.pinned.step.kind is ActorKind.HUMAN and case.answer is ABSENT:
        return differences(case.expect, _found(Tried(state="waiting", called=False, input=prepared.input)))
    outcome = await _outcome(bench, prepared, case)
    if outcome is None:
        return [f"`{case.step}` is done by a {_actor(step.pinned.step)}: the case needs its `answer`"]
    return differences(case.expect, _found(tried_of(prepared, outcome)))


async def _outcome(bench: Bench, ready: Ready, case: Case) -> Outcome | None:
    """Return what the actor gives: as recorded, or of a script as it gives it now. None where nobody can know."""
    kind = ready.step.pinned.step.kind
    if case.reply is not None:
        parsed = parse_answer(case.reply) if ready.step.schema is not None else {"text": case.reply}
        return parsed if isinstance(parsed, Breach) else Done(output=parsed)
    if case.answer is not ABSENT and kind is ActorKind.SQL:
        row = {"interaction_id": NOBODY, **case.answer}
        return sql.outcome(1, dumps(row).decode(), usage=Usage())
    if case.answer is not ABSENT:
        return Done(output=case.answer)
    if kind is ActorKind.SCRIPT:
        return await bench.run(ready, _NoDatabase())
    return Done(output=dict(ready.input)) if kind is ActorKind.ROUTE else None


def _ancestors(given: Any) -> list[Ancestor]:
    """Return what a case gives for an earlier step: its output, or a list of them where it was done item by item."""
    outputs = given if isinstance(given, list) else [given]
    return [Ancestor(interaction_id=NOBODY, item=item, output=dumps(one).decode()) for item, one in enumerate(outputs)]


def _columns(step: Step) -> list[str]:
    """Return the columns of the record that a step reads: what a case leaves out is null, as it would be in a row."""
    sources = [source for ref in step.input.values() for source in ref.sources]
    return [source.split(".")[1] for source in sources if source.startswith("record.")]


def _actor(step: Step) -> str:
    return "model" if step.kind is ActorKind.AI_MODEL else "query"


def _found(tried: Tried) -> Found:
    return Found(
        state=tried.state,
        rule=tried.rule,
        error=tried.error,
        to=tried.ways,
        output=tried.output,
        prompt=tried.prompt,
        writes=tried.writes,
    )


def _stopped(stopped: Stopped) -> Found:
    breach = stopped.breach
    return _found(Tried(state="quarantined", called=False, rule=breach.rule, error=breach.message))


class _NoDatabase(NothingStaged):
    """A script in a case has no database."""

    async def query(self, statement: str, parameters: list[Any]) -> list[dict[str, Any]]:
        raise RequestRefused("a case has no database: give the step's `answer` instead")
