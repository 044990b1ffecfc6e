"""Which results no longer match what they were made from, and why."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from typing import Any

from wave_runner.core.pinned import PinnedStep
from wave_runner.core.workflow import InputRef

RECORD = "record."


class Why(enum.StrEnum):
    """What has changed since a result was made."""

    INPUT = "input"  # what its step would be given now is something else
    INPUTS = "inputs"  # its step takes other inputs, or asks other things of them
    PROMPT = "prompt"
    SCHEMA = "schema"  # of its output
    MODEL = "model"  # another one, or other options
    WEIGHTS = "weights"  # the model of that name has other weights now
    SCRIPT = "script"
    QUERY = "query"
    ACTOR = "actor"  # another one does the step


def changed(before: PinnedStep, now: PinnedStep) -> tuple[Why, ...]:
    """Return what of a step's definition decides its result and is another one now. Limits and prices do not."""
    if (before.step.kind, before.step.actor) != (now.step.kind, now.step.actor):
        return (Why.ACTOR,)
    differs = {
        Why.INPUTS: _asked(before) != _asked(now),
        Why.PROMPT: before.prompt_sha256 != now.prompt_sha256,
        Why.SCHEMA: before.output_sha256 != now.output_sha256,
        Why.MODEL: _model(before) != _model(now),
        Why.SCRIPT: before.script_sha256 != now.script_sha256,
        Why.QUERY: before.sql_sha256 != now.sql_sha256,
    }
    return tuple(why for why, other in differs.items() if other)


def _asked(pinned: PinnedStep) -> object:
    step = pinned.step
    return dict(step.input), step.require, step.accept, step.guards, step.writes


def _model(pinned: PinnedStep) -> object:
    model = pinned.model
    return model and (model.server, model.model, dict(model.options))


def input_changed(
    given: Mapping[str, Any], now: Mapping[str, Any], refs: Mapping[str, InputRef], own: Collection[str]
) -> bool:
    """Say whether a step would be given something else now.

    What is read from columns that the workflow itself writes (`own`) is left out: it has changed them since.
    """
    return any(given.get(name) != now.get(name) for name, ref in refs.items() if not _is_own(ref, own))


def _is_own(ref: InputRef, own: Collection[str]) -> bool:
    return any(source.startswith(RECORD) and source.split(".")[1] in own for source in ref.sources)
