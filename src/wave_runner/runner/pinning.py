"""What a run would pin of each step of a folder: its definition, who does it, and the queue that its work waits in."""

from __future__ import annotations

from wave_runner.core.loading import model_key
from wave_runner.core.pinned import read_step
from wave_runner.core.workflow import ActorKind, Project, Step, Workflow
from wave_runner.project.definitions import actor_definition, step_definition
from wave_runner.runner.people_lane import PeopleLane
from wave_runner.runner.route_lane import RouteLane
from wave_runner.runner.script_lane import ScriptLane
from wave_runner.runner.sql_lane import SqlLane
from wave_runner.store import runs


def new_step(project: Project, workflow: Workflow, step: Step) -> runs.NewStep:
    """Return a step as a run would pin it now, with the queue that its work would wait in."""
    definition = step_definition(project, workflow, step)
    template = ""
    match step.kind:
        case ActorKind.SCRIPT:
            work_key, lane = _version_key(project, step), ScriptLane.name
        case ActorKind.ROUTE:
            work_key, lane = step.actor, RouteLane.name
        case ActorKind.SQL:
            work_key, lane = _version_key(project, step), SqlLane.name
        case ActorKind.HUMAN:
            work_key, lane = _version_key(project, step), PeopleLane.name
        case ActorKind.AI_MODEL:
            server = project.servers[project.models[step.actor].server]
            pinned = read_step(definition.body).model
            assert pinned is not None, "a step that a model does has that model pinned"
            work_key, lane = model_key(server, pinned), server.name
            template = read_step(definition.body).prompt_sha256
    return runs.NewStep(
        name=step.name,
        actor=step.actor,
        definition=definition,
        work_key=work_key,
        template=template,
        lane=lane,
        needs=_needs(project, step),
        patience=read_step(definition.body).patience,
    )


def _version_key(project: Project, step: Step) -> str:
    definition = actor_definition(project, step.actor)
    return f"{step.kind}:{step.actor}:{definition.sha256.hex()}"


def _needs(project: Project, step: Step) -> tuple[str, ...]:
    """Return the labels that a runner must have to do a step: those of its actor, and of the server that it asks."""
    if step.kind is ActorKind.AI_MODEL:
        model = project.models[step.actor]
        return tuple(sorted({*model.runs_on, *project.servers[model.server].runs_on}))
    if step.kind is ActorKind.SCRIPT:
        return project.scripts[step.actor].runs_on
    return ()
