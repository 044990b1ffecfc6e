"""What each route needs. One that is not named here is reached by nobody."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.routing import compile_path

from wave_runner.core.access import Action

OPEN = frozenset({"/healthz", "/readyz"})
"""What watches a process from outside has no token; these say nothing of any record."""

PAGES = (
    "/",
    "/runs",
    "/runs/{run}",
    "/interactions",
    "/interactions/{interaction}",
    "/record",
    "/errors",
    "/compare",
    "/tasks",
    "/tasks/{task}",
    "/reviews",
    "/actors",
    "/workflows/{workflow}",
    "/staging",
    "/waves",
    "/runners",
    "/audit",
    "/settings",
)
"""The pages that a browser opens by their address. They are the same for everybody: what they show they ask for."""

ASSET = "/assets/{file}"
"""The scripts and styles of the pages."""

STATIC = frozenset({*PAGES, ASSET})
"""Who has no token gets these too, and is asked for one by them."""

ENTRY = "/open"
"""Where a browser shows the token of the address that `wave serve` has printed."""

NEEDS: Mapping[str, Action] = {
    **dict.fromkeys(
        [
            "GET /metrics",
            "GET /open",
            "GET /api/v1/openapi.json",
            "GET /api/v1/session",
            "POST /api/v1/session",
            "DELETE /api/v1/session",
            "GET /api/v1/status",
            "GET /api/v1/as-of",
            "GET /api/v1/runs",
            "GET /api/v1/runs/{run_id}",
            "GET /api/v1/interactions",
            "GET /api/v1/interactions/{interaction_id}",
            "GET /api/v1/reports/steps",
            "GET /api/v1/reports/actors",
            "GET /api/v1/reports/throughput",
            "GET /api/v1/reports/stale",
            "GET /api/v1/reports/errors",
            "GET /api/v1/reports/delta",
            "GET /api/v1/reports/cost",
            "GET /api/v1/reports/records",
            "GET /api/v1/reports/runners",
            "GET /api/v1/reports/servers",
            "GET /api/v1/reports/waves",
            "GET /api/v1/reports/matrix",
            "GET /api/v1/reports/events",
            "GET /api/v1/reports/failures",
            "GET /api/v1/reports/reviews",
            "GET /api/v1/diagram",
            "GET /api/v1/compare",
            "GET /api/v1/workflow/versions",
            "GET /api/v1/workflow/diff",
            "GET /api/v1/db/status",
            "GET /api/v1/reports/alerts",
            "GET /api/v1/audit/status",
            "GET /api/v1/audit/verifications",
            "GET /api/v1/trace",
            "GET /api/v1/explain",
            "GET /api/v1/changes",
            "GET /api/v1/actors",
            "GET /api/v1/tasks",
            "GET /api/v1/tasks/{task}",
            "GET /api/v1/staging",
            "GET /api/v1/views",
        ],
        Action.READ,
    ),
    **dict.fromkeys(
        [
            "POST /api/v1/pause",
            "POST /api/v1/resume",
            "POST /api/v1/cancel",
            "POST /api/v1/cancel/preview",
            "POST /api/v1/retry",
            "POST /api/v1/retry/preview",
            "POST /api/v1/rerun",
            "POST /api/v1/rerun/preview",
            "POST /api/v1/rerun/{rerun}/undo",
            "POST /api/v1/rerun/{rerun}/undo/preview",
            "POST /api/v1/invalidate",
            "POST /api/v1/invalidate/preview",
            "POST /api/v1/picks",
            "POST /api/v1/picks/{pick}/retry",
            "POST /api/v1/picks/{pick}/retry/preview",
            "POST /api/v1/picks/{pick}/cancel",
            "POST /api/v1/picks/{pick}/cancel/preview",
            "POST /api/v1/picks/{pick}/rerun",
            "POST /api/v1/picks/{pick}/rerun/preview",
            "POST /api/v1/staging/{batch}/revalidate",
            "POST /api/v1/staging/{batch}/revalidate/preview",
            "POST /api/v1/staging/{batch}/promote",
            "POST /api/v1/staging/{batch}/promote/preview",
            "POST /api/v1/staging/{batch}/reject",
            "POST /api/v1/staging/{batch}/reject/preview",
            "POST /api/v1/staging/{batch}/approve",
            "POST /api/v1/staging/{batch}/refuse",
            "POST /api/v1/views",
            "POST /api/v1/views/{view}/remove",
        ],
        Action.OPERATE,
    ),
    **dict.fromkeys(
        [
            "POST /api/v1/tasks/claim",
            "POST /api/v1/tasks/{task}/decide",
            "POST /api/v1/tasks/{task}/draft",
            "POST /api/v1/tasks/{task}/send-back",
            "POST /api/v1/tasks/{task}/release",
            "POST /api/v1/picks/{pick}/decide",
            "POST /api/v1/picks/{pick}/decide/preview",
            "POST /api/v1/actors/approve",
        ],
        Action.REVIEW,
    ),
    "GET /api/v1/access": Action.AUDIT,
    "POST /api/v1/audit/verify": Action.AUDIT,
}

_ROUTES = [tuple(one.split(" ")) for one in [*NEEDS, *(f"GET {path}" for path in OPEN | STATIC)]]
# What is fixed goes before what is variable.
_SHAPES = [(method, path, compile_path(path)[0]) for method, path in sorted(_ROUTES, key=lambda one: one[1].count("{"))]


def route_of(method: str, path: str) -> str:
    """Return the path of the route that is asked for, with the names of what is variable in it; "" for none.

    Where there is one by another method alone, it is that.
    """
    found = {known: template for known, template, shape in reversed(_SHAPES) if shape.match(path)}
    return found.get(method) or next(iter(found.values()), "")


def methods_of(route: str) -> list[str]:
    """Return what may be asked of a route."""
    return [method for method, _, path in (one.partition(" ") for one in NEEDS) if path == route]
