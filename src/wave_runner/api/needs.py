"""What each route needs. One that is not named here is reached by nobody."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.routing import compile_path

from wave_runner.core.access import Action

OPEN = frozenset({"/healthz", "/readyz"})
"""What watches a process from outside has no token; these say nothing of any record."""

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
            "GET /api/v1/runs",
            "GET /api/v1/runs/{run_id}",
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
            "GET /api/v1/reports/alerts",
            "GET /api/v1/audit/status",
            "GET /api/v1/trace",
            "GET /api/v1/explain",
        ],
        Action.READ,
    ),
    "GET /api/v1/access": Action.AUDIT,
}

_PATHS = {path: compile_path(path)[0] for path in [*OPEN, *(route.partition(" ")[2] for route in NEEDS)]}


def route_of(path: str) -> str:
    """Return the path of the route that a question is for, with the names of what is variable in it; "" for none."""
    return next((template for template, shape in _PATHS.items() if shape.match(path)), "")


def methods_of(route: str) -> list[str]:
    """Return what may be asked of a route."""
    return [method for method, _, path in (one.partition(" ") for one in NEEDS) if path == route]
