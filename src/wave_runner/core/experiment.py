"""Experiments: one step done once more on recorded inputs, beside the real work and never part of it.

A trial holds another version of a step against results that are in force, a repeat holds a step against itself, an eval
against what a gold set expects. Each is a run of its own kind, done by ordinary runners: claimed, fenced, budgeted and
recorded like any other. What makes it no real work is decided here: it pins the step by itself, and is given what its
counterpart was given.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from wave_runner.core.limits import Limits
from wave_runner.core.pinned import PinnedStep
from wave_runner.core.workflow import END, ActorKind, InputRef, Next, Step

GIVEN = "(given)"
"""The scope that an experiment's inputs come from: what its counterpart was given. No step has such a name."""

KINDS = frozenset({ActorKind.AI_MODEL, ActorKind.SCRIPT})
"""Who may do a step that is done once more: people are not asked twice, and a query does no record by itself."""


class RunKind(enum.StrEnum):
    """What a run is for. All but the first are experiments: nothing that they give is ever in force."""

    RUN = "run"
    TRIAL = "trial"  # another version of a step, beside results in force
    REPEAT = "repeat"  # the same version several times
    EVAL = "eval"  # against a gold set
    SHADOW = "shadow"  # another version of a step, beside the results of a run that goes on


def alone(pinned: PinnedStep) -> PinnedStep:
    """Return a step by itself, as an experiment pins it: given what was recorded, and nothing comes after it.

    What it declares to write stays, so that a script which writes is not told that it may not; it is never applied. Of
    the limits those of a run stay, since they are budgets.
    """
    step = replace(
        pinned.step,
        input={name: _given(name, ref) for name, ref in pinned.step.input.items()},
        route=Next(to=END),
        after=(),
        on_failure="",
        on_quarantine="",
        on_timeout="",
    )
    return replace(
        pinned,
        step=step,
        ensures=(),
        ensures_run=(),
        ensures_sql={},
        ensures_run_sql={},
        limits=Limits(run=pinned.limits.run),
        select="",
        select_sha256="",
    )


def _given(name: str, ref: InputRef) -> InputRef:
    # What was recorded has been cut already.
    return replace(ref, sources=(f"{GIVEN}.{name}",), max_chars=None)


def missing(step: Step, given: Mapping[str, object]) -> list[str]:
    """Return the inputs that a step asks for and that were not recorded: it cannot be done on what was."""
    return sorted(name for name, ref in step.input.items() if name not in given and not ref.optional)


def is_drawn(key: str, seed: str, share: float) -> bool:
    """Say whether a record is of a share of all, above 0 and up to 1: by nothing but its key and the seed."""
    drawn = hashlib.sha256(f"{seed}\x00{key}".encode()).digest()
    return int.from_bytes(drawn[:8]) < share * 2**64


def in_order(keys: Iterable[str], seed: str) -> list[str]:
    """Return keys in an order that depends on nothing but them and the seed: a sample is the first of them."""
    return sorted(keys, key=lambda key: hashlib.sha256(f"{seed}\x00{key}".encode()).digest())
