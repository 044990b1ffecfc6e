"""What a simulation needs to know of a project, and what is taken where nobody has said it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from wave_runner.core.baselines import PerRecord, drain, fifo, scaled
from wave_runner.core.residency import ANY_NUMBER, Room
from wave_runner.core.simulation import Decide, Machine, Outcome, Simulation, Work, waves
from wave_runner.core.walk import Draw, Flow
from wave_runner.core.wave import Model, Policy
from wave_runner.core.workflow import ActorKind, Project, ServerSpec, Workflow

# A model of a few billion parameters on a small graphics card; the script of the demo.
LOAD_S = 6.0
CALL_S = 1.0
SCRIPT_S = 0.05
GB = 1_000_000_000
# What is done one by one grows with the records: of more than these some stand for all.
SAMPLE = 5000
PER_RECORD, FIFO, DRAIN, WAVES = "per record", "fifo", "drain", "waves"


@dataclass(frozen=True, kw_only=True)
class ModelFigures:
    """What somebody has said of a model: seconds of a load and of a call, and how many bytes it takes."""

    load_s: float | None = None
    call_s: float | None = None
    bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class StepFigures:
    """What somebody has said of a step: its seconds, who does it instead, and where its records go."""

    seconds: float | None = None
    model: str | None = None
    share: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What somebody has said, by the name of a model (or of the actor that it is) and of a step."""

    models: Mapping[str, ModelFigures] = field(default_factory=dict)
    steps: Mapping[str, StepFigures] = field(default_factory=dict)

    def over(self, others: Figures) -> Figures:
        """Return both, where these go before the others."""
        models = dict(others.models)
        for name, one in self.models.items():
            models[name] = _over(one, models.get(name, ModelFigures()))
        steps = dict(others.steps)
        for name, step in self.steps.items():
            below = steps.get(name, StepFigures())
            steps[name] = StepFigures(
                seconds=below.seconds if step.seconds is None else step.seconds,
                model=step.model or below.model,
                share={**below.share, **step.share},
            )
        return Figures(models=models, steps=steps)


def _over(one: ModelFigures, below: ModelFigures) -> ModelFigures:
    return ModelFigures(
        load_s=below.load_s if one.load_s is None else one.load_s,
        call_s=below.call_s if one.call_s is None else one.call_s,
        bytes=below.bytes if one.bytes is None else one.bytes,
    )


class Known:
    """A project's models and steps with their figures. `assumed` are the models that nobody has said anything of."""

    def __init__(self, project: Project, figures: Figures) -> None:
        self._project = project
        self._figures = figures
        self.assumed: set[str] = set()

    def names(self) -> list[str]:
        """Return what figures can be said of: actors that are models, and their models."""
        specs = self._project.models.values()
        return sorted({*self._project.models, *(spec.model for spec in specs), *self._others()})

    def model(self, name: str, steps: Mapping[str, str]) -> Model:
        """Return a model's figures: its own, before those of the actors that it is. `steps` has whose step each is."""
        said = self._figures.models.get(name, ModelFigures())
        for actor in steps.values():
            said = _over(said, self._figures.models.get(actor, ModelFigures()))
        seconds = [self._said_of(step).seconds for step in steps]
        known = [one for one in seconds if one is not None]
        call_s = said.call_s
        if call_s is None and len(known) == len(seconds):
            call_s = sum(known) / len(known)
        if said.load_s is None or call_s is None:
            self.assumed.add(name)
        return Model(
            name=name,
            load_s=LOAD_S if said.load_s is None else said.load_s,
            service_s=CALL_S if call_s is None else call_s,
            bytes=self._bytes(name) if said.bytes is None else said.bytes,
        )

    def works(
        self, wanted: Sequence[tuple[Workflow, int]], *, per_s: float | None
    ) -> tuple[list[Work], dict[str, Model]]:
        """Return the work, and every model that it needs."""
        keys = [self._keys(workflow) for workflow, _ in wanted]
        steps: dict[str, dict[str, str]] = {}
        for (workflow, _), own in zip(wanted, keys, strict=True):
            for step, key in own.items():
                steps.setdefault(key, {})[step] = workflow.steps[step].actor
        models = {key: self.model(key, steps[key]) for key in steps}
        works = [
            Work(
                flow=Flow(name=workflow.name, steps=workflow.steps, shares=self._shares(workflow)),
                records=records,
                keys=own,
                seconds={name: self._seconds(workflow, name, own, models) for name in workflow.steps},
                per_s=per_s,
            )
            for (workflow, records), own in zip(wanted, keys, strict=True)
        ]
        return works, models

    def _bytes(self, name: str) -> int:
        """Return what wave.toml says that a model takes; 0 where it does not."""
        return max((spec.memory or 0 for spec in self._project.models.values() if spec.model == name), default=0)

    def _said_of(self, step: str) -> StepFigures:
        return self._figures.steps.get(step, StepFigures())

    def _others(self) -> set[str]:
        return {step.model for step in self._figures.steps.values() if step.model}

    def _keys(self, workflow: Workflow) -> dict[str, str]:
        found = {}
        for name, step in workflow.steps.items():
            said = self._said_of(name)
            if step.kind is ActorKind.AI_MODEL:
                found[name] = said.model or self._project.models[step.actor].model
        return found

    def _shares(self, workflow: Workflow) -> dict[str, Mapping[str, float]]:
        said = self._figures.steps
        return {name: said[name].share for name in workflow.steps if name in said and said[name].share}

    def _seconds(self, workflow: Workflow, name: str, keys: Mapping[str, str], models: Mapping[str, Model]) -> float:
        said = self._said_of(name).seconds
        if said is not None:
            return said
        if name in keys:
            return models[keys[name]].service_s or CALL_S
        return SCRIPT_S if workflow.steps[name].kind in (ActorKind.SCRIPT, ActorKind.SQL) else 0.0


def room_of(servers: Sequence[ServerSpec], *, most: int | None, gigabytes: float | None) -> Room:
    """Return the room of the project's server that has most of it, unless somebody says otherwise."""
    declared = max(map(_declared, servers), key=lambda room: (room.most, room.bytes or float("inf")), default=Room())
    if gigabytes is None:
        return replace(declared, most=most or declared.most)
    # Where only bytes are said, they decide alone.
    return Room(most=most or ANY_NUMBER, bytes=round(gigabytes * GB))


def _declared(server: ServerSpec) -> Room:
    alone = 1 if server.memory is None else ANY_NUMBER
    return Room(most=server.models_max or alone, bytes=server.memory)


def compare(
    works: Sequence[Work], machine: Machine, policy: Policy, dice: Callable[[], Draw]
) -> tuple[dict[str, Outcome], float]:
    """Return what each policy makes of the work, and for how many records each one stands where it is done one by one.

    `dice` gives the same dice each time, so that all policies meet the same chances.
    """
    records = sum(work.records for work in works)
    times = max(1.0, records / SAMPLE)
    some = [replace(work, records=max(1, round(work.records / times)), per_s=work.per_s) for work in works]
    times = records / max(1, sum(work.records for work in some))
    batch = all(work.per_s is None for work in works)

    def simulated(of: Sequence[Work], decide: Decide) -> Outcome:
        return Simulation(of, machine, decide, policy=policy, draw=dice()).run()

    found = {WAVES: simulated(works, waves), DRAIN: simulated(works, drain)}
    found[FIFO] = scaled(simulated(some, fifo), times, batch=batch)
    found[PER_RECORD] = scaled(PerRecord(some, machine, draw=dice()).run(), times, batch=batch)
    return found, times
