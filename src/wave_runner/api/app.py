"""The application: what is asked where, and what every question goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from wave_runner import __version__
from wave_runner.api import health, metrics, problems, records, reports, runs
from wave_runner.api.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Collection

    from wave_runner.engine import Engine

API = "/api/v1"


def make_app(engine: Engine, *, token: str, hosts: Collection[str]) -> FastAPI:
    """Return the application of one project, whose database stays open as long as it answers.

    Whoever asks must give the `token`, and ask for one of the `hosts`.
    """
    app = _routes()
    app.state.engine = engine
    problems.install(app)
    # Outermost: nothing is read of a question before it is let in.
    app.add_middleware(Gate, token=token, hosts=hosts, problem=problems.answer)
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
    for noun in (runs, reports, records):
        app.include_router(noun.router, prefix=API, responses=problems.RESPONSES)
    app.include_router(health.router)
    app.include_router(metrics.router)
    return app
