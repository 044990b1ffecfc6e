"""The flow of a run: its workflow as a graph, with the ids that its steps have in this run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from wave_runner.core.experiment import RunKind
from wave_runner.core.flow import Flow, Place
from wave_runner.core.workflow import Step

if TYPE_CHECKING:
    from wave_runner.store.database import Connection


@dataclass(frozen=True, kw_only=True)
class RunStep:
    """A step of a run as a runner needs it; `definition` is the pinned body that says everything else."""

    run_step_id: int
    run_id: int
    generation: int
    queue_id: int
    step: str
    actor: str
    definition: bytes
    sha256: bytes
    params: str
    limit: int | None
    asks_anew: bool = False  # whatever answers are recorded
    leads_on: bool = True  # False: of a rerun of one step only
    kind: RunKind = RunKind.RUN  # of its run

    @property
    def is_experiment(self) -> bool:
        """Whether it is done beside the real work: nothing that it gives reaches a table, a later step or a cache."""
        return self.kind is not RunKind.RUN


@dataclass(frozen=True, kw_only=True)
class RunFlow:
    """Which step follows which, by name, and each step's ids in the run."""

    flow: Flow
    steps: Mapping[str, RunStep]

    def step_at(self, place: Place) -> Step:
        """Return what the workflow says of a step."""
        return self.flow.steps[place.step]

    def name_of(self, run_step_id: int) -> str:
        """Return a step's name."""
        return next(name for name, step in self.steps.items() if step.run_step_id == run_step_id)


FlowOf: TypeAlias = "Callable[[Connection, int], Awaitable[RunFlow]]"
"""Gives the run's flow for a step of a run, read on the connection of the transaction that asks."""
