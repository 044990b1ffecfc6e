"""How the usage of an actor is shown: which results came from which version."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from wave_runner.cli import output, page

if TYPE_CHECKING:
    from wave_runner.reports.usage import Usage, Use

COLUMNS = ("run", "step", "results", "from cache", "version", "current", "approved by", "made by", "weights", "newest")


def plain_usage(found: Usage) -> dict[str, Any]:
    """Return the usage as `wave.actors.usage.v1` has it."""
    return {
        "actor": found.actor,
        "approved": found.approved,
        "weights": found.weights,
        "rows": found.uses,
        "results": found.results,
        "dropped": found.dropped,
    }


def show_usage(found: Usage) -> None:
    """Print the versions of an actor with what they have given, and whose results they are if they were asked for."""
    weights = f", weights {page.short(found.weights)}" if found.weights else ""
    output.heading(
        f"{found.actor}: {found.total} results in force; approved now is {page.short(found.approved)}{weights}"
    )
    output.table(COLUMNS, [_line(one) for one in found.uses], title="versions")
    if found.results:
        results = [{**asdict(one), "run": one.run_id, "interaction": one.interaction_id} for one in found.results]
        output.table(("run", "step", "key", "interaction", "finished_at"), results, title="results")
        if found.total > len(found.results):
            output.heading(f"the first {len(found.results)} of {found.total}; --limit takes more")
    for gone in found.dropped:
        output.heading(f"not counted: {gone}")


def _line(use: Use) -> dict[str, Any]:
    parts = {"script": use.script, "prompt": use.prompt, "schema": use.schema, "query": use.query}
    return {
        "run": use.run_id,
        "step": use.step,
        "results": use.results,
        "from cache": use.from_cache or None,
        "version": page.short(use.approved.sha256 if use.approved else None),
        "current": "yes" if use.current else "no",
        "approved by": use.approved.approved_by if use.approved else "nobody",
        "made by": ", ".join(f"{name} {page.short(one.sha256)}" for name, one in parts.items() if one),
        "weights": page.short(use.digest),
        "newest": use.last_at,
    }
