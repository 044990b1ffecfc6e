"""Tasks: what waits for people, and what the one who asks says to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from wave_runner.api.acting import Acting, Actor, Theirs
from wave_runner.api.callers import Asking
from wave_runner.api.documents import Document, Opened, described, parts_of
from wave_runner.api.given import Body, Comment, Name, Number, Reason, Text, Values
from wave_runner.errors import NotFoundError
from wave_runner.reports.tasks import SHOWN, Tasks, open_tasks
from wave_runner.runner.deciding import Spoken, document, state_of
from wave_runner.store.tasks import Task

router = APIRouter(tags=["tasks"])
TASKS, TASK, SAID = "wave.tasks.v1", "wave.task.v1", "wave.task.said.v1"
TASK_PARTS = described(
    TASK,
    task=int,
    run_id=int,
    workflow=str,
    step=str,
    record=str | None,
    queue=str,
    title=str,
    state=str,
    priority=int,
    due_at=datetime | None,
    overdue=bool,
    needs=int,
    blind=bool,
    prefill=bool,
    bulk=bool,
    round=int,
    asked_at=datetime,
    decided_at=datetime | None,
    claimed_by=str | None,
    claim_expires_at=datetime | None,
    token=str | None,
    draft=dict[str, Any] | None,
    input=dict[str, Any],
    form=Any,
    proposed=dict[str, Any],
    spoken=list[str],
    decisions=list[Spoken],
)
SAID_PARTS = described(SAID, task=int, state=str)
TaskId = Annotated[Number, Path(description="the number of the task")]


class Claim(Body):
    """Which task; without one the most urgent that this person may take, of a queue if that is named.

    Without a task none of `skip` is taken: what this person leaves for later.
    """

    task: Number | None = None
    queue: Name | None = None
    skip: list[Number] = Field(default_factory=list, max_length=500)


class Held(Body):
    """`token` is that of the claim: only if it is still that one."""

    token: UUID | None = None


class Decide(Held):
    """The answer is held against the form of the task."""

    answer: Values
    comment: Comment = ""


class Draft(Held):
    """What has been filled in so far."""

    draft: Values


class SendBack(Held):
    """What is wrong: whoever takes the task next reads it."""

    comment: Reason


@router.get("/tasks", responses=described(TASKS, **parts_of(Tasks)))
async def list_tasks(
    engine: Opened,
    caller: Asking,
    queue: Text | None = None,
    run: Number | None = None,
    mine: bool = False,
    overdue: bool = False,
    after: Annotated[Number | None, Query(description="`next_after` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = SHOWN,
) -> Document:
    """List the open tasks, the most urgent first: `wave tasks list`."""
    person = caller.person if mine else None
    found = await open_tasks(
        engine.database, run_id=run, queue=queue, person=person, overdue=overdue, after=after, limit=limit
    )
    return Document(TASKS, found)


@router.get("/tasks/{task}", responses=TASK_PARTS)
async def show(engine: Theirs, task: TaskId) -> Document:
    """Show a task: what is asked, what is shown, what has been decided: `wave tasks show`."""
    return await _shown(engine, await engine.people(engine.person).show(task))


@router.post("/tasks/claim", responses=TASK_PARTS)
async def claim(engine: Theirs, which: Claim) -> Document:
    """Claim a task for half an hour, and show it: `wave tasks claim`. Who asks again has claimed it still."""
    claimed = await engine.people(engine.person).claim(task=which.task, queue=which.queue, skip=which.skip)
    if claimed is None:
        raise NotFoundError(f"nothing waits for {engine.person}", hint="wave tasks list shows what is open")
    return await _shown(engine, claimed)


@router.post("/tasks/{task}/decide", responses=SAID_PARTS)
async def decide(acting: Actor, task: TaskId, body: Decide) -> Response:
    """Decide a task that this person has claimed: `wave tasks decide`."""
    people = acting.engine.people(acting.person)
    return await _say(acting, body, lambda: people.decide(task, body.answer, comment=body.comment, token=body.token))


@router.post("/tasks/{task}/draft", responses=SAID_PARTS)
async def draft(engine: Theirs, task: TaskId, body: Draft) -> Document:
    """Keep what has been filled in so far, and the claim for another half hour: `wave tasks decide --draft`."""
    kept = await engine.people(engine.person).keep_draft(task, body.draft, token=body.token)
    return Document(SAID, {"task": kept.task, "state": state_of(kept)})


@router.post("/tasks/{task}/send-back", responses=SAID_PARTS)
async def send_back(acting: Actor, task: TaskId, body: SendBack) -> Response:
    """Send a claimed task back: `wave tasks send-back`."""
    people = acting.engine.people(acting.person)
    return await _say(acting, body, lambda: people.send_back(task, body.comment, token=body.token))


@router.post("/tasks/{task}/release", responses=SAID_PARTS)
async def release(acting: Actor, task: TaskId, body: Held) -> Response:
    """Give a claimed task back undecided: `wave tasks release`."""
    people = acting.engine.people(acting.person)
    return await _say(acting, body, lambda: people.release(task, token=body.token))


async def _shown(engine: Theirs, task: Task) -> Document:
    form = (await engine.people(engine.person).step(task)).schema
    return Document(TASK, document(task, form, engine.person))


async def _say(acting: Acting, body: Body, say: Callable[[], Awaitable[Task]]) -> Response:
    """Answer how the task stands, and nothing of what it shows: the answer is kept with its key."""

    async def act() -> Mapping[str, Any]:
        said = await say()
        return {"task": said.task, "state": state_of(said)}

    return await acting.once(SAID, body, act)
