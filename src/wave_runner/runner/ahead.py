"""What is ahead of the records of all running runs: courses through the models of one server."""

from __future__ import annotations

from wave_runner.core.course import Course, course
from wave_runner.runner.steps import Steps
from wave_runner.store import runs
from wave_runner.store.database import Database

# Of so many workflows and places in them the courses are kept; then they are made anew, which takes milliseconds.
MOST_KEPT = 256

Asked = tuple[int, tuple[tuple[str, str], ...], frozenset[str]]


class Ahead:
    """The courses as they are when they are asked for. Runs of one workflow with the same models share one."""

    def __init__(self, database: Database, steps: Steps, *, server: str) -> None:
        self._database = database
        self._steps = steps
        self._server = server
        self._kept: dict[Asked, Course] = {}

    async def courses(self) -> list[Course]:
        """Ask where the records are, and return what is ahead of them."""
        live: dict[tuple[int, tuple[tuple[str, str], ...]], set[str]] = {}
        examples: dict[tuple[int, tuple[tuple[str, str], ...]], int] = {}
        for run in await runs.ahead(self._database, self._server):
            alike = (run.definition_id, tuple(run.keys.items()))
            live.setdefault(alike, set()).update(run.live)
            examples.setdefault(alike, run.run_step_id)
        return [await self._course((*alike, frozenset(names)), examples[alike]) for alike, names in live.items()]

    async def _course(self, asked: Asked, run_step_id: int) -> Course:
        found = self._kept.get(asked)
        if found is None:
            steps = (await self._steps.of_run(run_step_id)).run_flow.flow.steps
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            found = self._kept[asked] = course(steps, dict(asked[1]), asked[2])
        return found
