"""The application: what is asked where, and what every question goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from wave_runner import __version__
from wave_runner.api import (
    approvals,
    audit,
    changes,
    health,
    interactions,
    metrics,
    orders,
    pages,
    picks,
    problems,
    records,
    repairs,
    reports,
    runs,
    sessions,
    staging,
    tasks,
    views,
    workflows,
)
from wave_runner.api.callers import Callers
from wave_runner.api.denials import Denials
from wave_runner.api.gate import Gate
from wave_runner.api.traced import Traced
from wave_runner.api.verifying import Verifying
from wave_runner.api.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from wave_runner.api.callers import Own
    from wave_runner.engine import Engine

API = "/api/v1"


def make_app(engine: Engine, *, own: Sequence[Own], hosts: Collection[str], port: int) -> FastAPI:
    """Return the application of one project, whose database stays open as long as it answers.

    Whoever asks must show an access token of the project's, or one of this process's `own`, and ask for one of the
    `hosts`.
    """
    app = _routes()
    # Projects that are served from one host keep their cookies under names of their own.
    callers = Callers(database=engine.database, own=own, cookie=f"wave-{engine.project().id[:8]}", port=port)
    denials = Denials(engine.database)
    app.state.engine, app.state.callers, app.state.denials = engine, callers, denials
    app.state.watching, app.state.opening = Watching(engine.database), sessions.Opening()
    app.state.verifying = Verifying(engine.folder)
    problems.install(app)
    pages.install(app)
    # Nothing is read of a question before it is let in; what is told of it is its route and how it was answered.
    app.add_middleware(Gate, callers=callers, denials=denials, hosts=hosts)
    app.add_middleware(Traced)
    return app


def interface() -> dict[str, Any]:
    """Return the document that says what can be asked, and what is answered (OpenAPI)."""
    return _routes().openapi()


def _routes() -> FastAPI:
    # No page of documentation is served: the usual ones load scripts from elsewhere.
    app = FastAPI(
        title="Wave Runner",
        version=__version__,
        description="What `wave` reports, by HTTP: the same documents as `--json` prints.",
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
    )
    shown = (runs, interactions, reports, records, workflows, changes, audit)
    for noun in (*shown, sessions, orders, picks, repairs, staging, tasks, approvals, views):
        app.include_router(noun.router, prefix=API, responses=problems.RESPONSES)
    app.include_router(sessions.entry, responses=problems.RESPONSES)
    app.include_router(health.router)
    app.include_router(metrics.router)
    return app
