"""What is wrong with a workflow whose own shape is right: every name must exist, every value must have a way to go."""

from __future__ import annotations

from collections.abc import Iterator

from wave_runner.core.lint import flow, inputs, limits, routes, saving, steps, watching
from wave_runner.core.lint.finding import Finding, Surroundings, tables
from wave_runner.core.lint.rules import RULES, Rule, Severity
from wave_runner.core.lint.sharing import sharing
from wave_runner.core.lint.unused import unused
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.workflow import Workflow

__all__ = ["RULES", "Finding", "Rule", "Severity", "Surroundings", "lint", "sharing", "tables", "unused"]


def lint(workflow: Workflow, around: Surroundings) -> Iterator[Finding]:
    """Yield every mistake, those that others rest on first."""
    if workflow.collection not in around.collections:
        hint = did_you_mean(workflow.collection, around.collections)
        message = f"there is no collection `{workflow.collection}`"
        yield Finding(rule="unknown_collection", at=("collection",), message=message, hint=hint)
        return
    mistakes = [*_mistakes(workflow, around)]
    yield from mistakes
    if not mistakes:
        yield from saving.check(workflow, around)


def _mistakes(workflow: Workflow, around: Surroundings) -> Iterator[Finding]:
    broken = [*flow.check(workflow)]
    yield from broken
    for step in workflow.steps.values():
        yield from steps.check(workflow, step, around)
        if not broken:
            yield from inputs.check(workflow, step, around)
            yield from inputs.missing(step, around)
        yield from routes.check(workflow, step, around)
    yield from steps.check_ensures(workflow, around)
    yield from steps.check_ensures_run(workflow, around)
    yield from watching.check(workflow, around)
    if not broken:
        yield from limits.check(workflow, around)
