"""Whether actors that name the same weights get in each other's way."""

from __future__ import annotations

from collections.abc import Iterator

from wave_runner.core.lint.finding import Finding
from wave_runner.core.loading import Shared, shared
from wave_runner.core.workflow import Project


def sharing(project: Project) -> Iterator[Finding]:
    """Yield, for weights that actors want in different ways, what comes of it; each stands in wave.toml."""
    for found in shared(project.servers, project.models):
        yield Finding(rule="loaded_in_two_ways", at=("models", found.actors[-1], "options"), message=_said(found))


def _said(found: Shared) -> str:
    actors = ", ".join(f"`{name}`" for name in found.actors)
    if found.ways == 1:
        sizes = " and ".join(f"{size:,}" for size in found.contexts)
        return (
            f"{actors} ask `{found.server}` for {found.model} with {sizes} tokens of context: they share one load, "
            f"with {max(found.contexts):,}"
        )
    return (
        f"{actors} ask `{found.server}` for {found.model} in {found.ways} ways that need a load each: it is "
        "loaded anew whenever work changes between them"
    )
