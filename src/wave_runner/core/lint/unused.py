"""What a project holds and no workflow names."""

from __future__ import annotations

from collections.abc import Iterator

from wave_runner.core.lint.finding import Finding
from wave_runner.core.workflow import ActorKind, Project

WAVE_TOML = "wave.toml"


def unused(project: Project) -> Iterator[tuple[str, Finding]]:
    """Yield each prompt, schema and declared model that nothing uses, with the path of the file that has it."""
    steps = [step for workflow in project.workflows.values() for step in workflow.steps.values()]
    named = {path for step in steps for path in (step.prompt, step.output)}
    named |= {path for script in project.scripts.values() for path in script.files}
    folders = tuple(path for path in named if path.endswith("/"))
    for path in sorted(project.files):
        if path.startswith(("prompts/", "schemas/")) and path not in named and not path.startswith(folders):
            yield path, Finding(rule="unused_file", at=(), message="no workflow names this file")
    models = {step.actor for step in steps if step.kind is ActorKind.AI_MODEL}
    for name in project.models:
        if name not in models:
            message = f"no workflow names the model `{name}`"
            yield WAVE_TOML, Finding(rule="unused_actor", at=("models", name), message=message)
