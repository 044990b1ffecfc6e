"""The intake of the job postings project by itself: fetched, validated, and then looked at by a script."""

from __future__ import annotations

from tests.support.projects import Ground, run_to_end, script

from wave_runner.engine import Engine
from wave_runner.project.init import init_project

WORKFLOW = """\
workflow: intake
collection: postings
params: {source: string}
steps:
  fetch:
    actor: db_job_fetcher
    once: true
    input: {source: params.source, limit: run.limit}
    next: validate
  validate: {actor: postings_staging_validator, once: true, next: {each: promoted, to: look}}
  look: {actor: look, next: end}
ensures_run:
  - fetch.complete || fetch.reason == "limit"
"""


def intake(ground: Ground, source: str) -> str:
    """Make the project, take in a source, and return the state in which the run ended."""
    init_project(ground.folder, "job_postings")
    ground.write(".env", f"WAVE_DATABASE_URL={ground.url}\nFETCH_PRIVATE_HOSTS=127.0.0.1\n")
    ground.write("workflows/intake.yaml", WORKFLOW)
    ground.write("actors/look.py", script("return {}"))

    async def run(engine: Engine) -> str:
        await engine.sync()
        return await run_to_end(engine, await engine.new_runs().start("intake", {"source": source}))

    return ground.do(run)
