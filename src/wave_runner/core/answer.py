"""Whether an actor's answer keeps its step's contract: nothing that has not passed here is saved or handed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wave_runner.core import signs
from wave_runner.core.conditions import ConditionError, condition, in_words
from wave_runner.core.contract import OutputContract
from wave_runner.core.guards import Asked, check_answer
from wave_runner.core.outcome import Breach, Done, Replace, Write
from wave_runner.core.pinned import PinnedStep


def check(step: PinnedStep, done: Done, *, contract: OutputContract | None, asked: Asked) -> Done | Breach:
    """Return the answer, or the breach of the first rule it breaks: schema, guards, `accept`, declared writes."""
    breach = (
        _error_object(step, done, contract)
        or (contract.check(done.output, retry=_again(step)) if contract else None)
        or _guarded(step, done, contract, asked)
        or _not_accepted(step, done, asked)
        or _undeclared(step, done)
    )
    return done if breach is None else replace(breach, evidence=done.evidence, usage=done.usage)


def undeclared(step: PinnedStep, writes: tuple[Write | Replace, ...]) -> str | None:
    """Return the first thing a step would write that its `writes` does not name."""
    allowed = set(step.step.writes)
    for write in writes:
        if write.table in allowed:
            continue
        names = [f"{write.table}.{column}" for column in write.values] if isinstance(write, Write) else [write.table]
        for name in names:
            if name not in allowed:
                return name
    return None


def _again(step: PinnedStep) -> bool:
    """A model may answer better next time; a script will say the same again."""
    return step.model is not None


def _error_object(step: PinnedStep, done: Done, contract: OutputContract | None) -> Breach | None:
    """An object that only reports an error is named for what it is, unless the step's schema asks for one."""
    if not step.step.guards.provider_error or (contract is not None and "error" in contract.fields):
        return None
    said = signs.error_object(done.output)
    if said is None:
        return None
    message = f"$: an error stands in place of an answer: {said!r:.100}"
    return Breach(rule="provider_error", message=message, retry=_again(step))


def _guarded(step: PinnedStep, done: Done, contract: OutputContract | None, asked: Asked) -> Breach | None:
    listed = contract.listed if contract else frozenset[str]()
    found = check_answer(step.step.guards, done.output, done.usage, asked, listed=listed)
    return None if found is None else Breach(rule=found[0], message=found[1], retry=_again(step))


def _not_accepted(step: PinnedStep, done: Done, asked: Asked) -> Breach | None:
    if not step.step.accept:
        return None
    variables: Mapping[str, Any] = {"output": done.output, "input": asked.input, "params": asked.params}
    for text in step.step.accept:
        try:
            holds = condition(text).holds(variables)
        except ConditionError as error:
            return Breach(rule="accept", message=f"accept {error}", retry=_again(step))
        if not holds:
            message = f"accept `{text}` does not hold: {_values(text, variables)}"
            return Breach(rule="accept", message=message, retry=_again(step))
    return None


def _values(text: str, variables: Mapping[str, Any]) -> str:
    """Return the values that a condition reads, in words short enough for a message."""
    accepted = condition(text)
    read = [(name, member) for name in sorted(accepted.names) for member in sorted(accepted.members(name))]
    there = [
        (name, member) for name, member in read if isinstance(variables[name], Mapping) and member in variables[name]
    ]
    return ", ".join(f"{name}.{member} is {in_words(variables[name][member])}" for name, member in there) or "as it is"


def _undeclared(step: PinnedStep, done: Done) -> Breach | None:
    name = undeclared(step, done.writes)
    if name is None:
        return None
    message = f"{step.step.actor} would write {name}; the step's `writes` does not name it"
    return Breach(rule="undeclared_write", message=message)
