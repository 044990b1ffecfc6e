"""Which approved definition of an actor covers what a run has pinned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wave_runner.core.loading import CONTEXT
from wave_runner.core.pinned import PinnedStep, flat_out
from wave_runner.core.workflow import ActorKind
from wave_runner.project.definitions import ActorManifest, ScriptManifest


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A definition of an actor that somebody has approved: what, when first, and by whom."""

    sha256: str
    approved_at: datetime
    approved_by: str
    manifest: ActorManifest


def approval_of(
    pinned: PinnedStep, approvals: Sequence[Approval], *, script: ScriptManifest | None, by: datetime
) -> Approval | None:
    """Return the newest definition approved by then that holds exactly what a step has pinned; None if there is none.

    `approvals` are those of the step's actor. `script` is the manifest that the step pins, where a script does it.
    """
    fitting = (one for one in approvals if one.approved_at <= by and _covers(one.manifest, pinned, script))
    return max(fitting, key=lambda one: one.approved_at, default=None)


def _covers(manifest: ActorManifest, pinned: PinnedStep, script: ScriptManifest | None) -> bool:
    step = pinned.step
    if manifest.kind is not step.kind:
        return False
    if step.kind is ActorKind.SCRIPT:
        if script is None or pinned.script is None:
            return False
        settings = _plain(flat_out(pinned.script))
        return (manifest.files, manifest.lock, manifest.settings) == (script.files, script.lock, settings)
    named = {step.prompt: pinned.prompt_sha256, step.output: pinned.output_sha256, step.sql: pinned.sql_sha256}
    if any(manifest.files.get(path) != sha256 for path, sha256 in named.items() if path):
        return False
    return pinned.model is None or _asks(manifest.settings) == _asks(flat_out(pinned.model))


def _asks(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides what a model is asked, but for the context: actors that share weights have the largest."""
    options = {name: value for name, value in settings["options"].items() if name != CONTEXT}
    return {"server": settings["server"], "model": settings["model"], "options": options}


def _plain(settings: Mapping[str, object]) -> dict[str, object]:
    """Return settings as JSON has them, which knows lists only."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
