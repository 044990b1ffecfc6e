"""What this host can do to wall a script in, and the sandbox that one gets here."""

from __future__ import annotations

from pathlib import Path

from wave_runner.actors import bubblewrap, landlock, syscalls
from wave_runner.core.sandbox import Host, Level, Sandbox, settle
from wave_runner.core.workflow import ScriptSpec


def look(*, namespaces: bool = True) -> Host:
    """Look at this host; without `namespaces` what it takes to make them is left out, which takes 20 ms to find out."""
    bwrap, trouble = bubblewrap.look() if namespaces else ("", "nobody has looked")
    return Host(
        landlock=landlock.version(), filters=syscalls.can_be_filtered(), bubblewrap=bwrap, no_namespaces=trouble
    )


def sandbox_of(spec: ScriptSpec, default: Level | None, project: Path) -> Sandbox:
    """Return the sandbox of a script of a project's folder here; `default` is for one that asks for none."""
    host = look(namespaces=Level.STRICT in (spec.sandbox, default))
    return settle(spec, default, host, project=str(project.resolve()), home=str(Path.home()))
