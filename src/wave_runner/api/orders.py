"""Orders about work under way: pause, resume, cancel, retry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from wave_runner.api.acting import Actor, Theirs
from wave_runner.api.documents import Document, described
from wave_runner.api.given import Body, Mark, Name
from wave_runner.core.control import Subject
from wave_runner.core.limits import UNITS, Spent
from wave_runner.core.marks import mark_of
from wave_runner.errors import ProjectError
from wave_runner.store.control import Broken, Filter, Unfinished

router = APIRouter(tags=["orders"])
PAUSE, RESUME, CANCEL, RETRY = "wave.pause.v1", "wave.resume.v1", "wave.cancel.v1", "wave.retry.v1"
CHANGED = {"subject": str, "name": str, "changed": bool}
PAUSED, RESUMED = described(PAUSE, **CHANGED), described(RESUME, **CHANGED)
CANCELLED = described(CANCEL, subject=str, name=str, unfinished=list[Unfinished], total=int, cancelled=int | None)
RETRIED = described(RETRY, subject=str, name=str, broken=list[Broken], total=int, mark=str, retried=int | None)


class About(Body):
    """What an order is about: a run or a runner by its number, a workflow or an actor by its name."""

    subject: Subject
    name: Name


class More(About):
    """What a run may use beyond its limits, counts with `subject` run alone."""

    more_tokens: Annotated[int, Field(ge=1, le=10**12)] | None = None
    more_money: Annotated[float, Field(gt=0, le=10**6, allow_inf_nan=False)] | None = None


class Cancel(About):
    """`expect`: only if so many interactions are not finished at this moment."""

    expect: Annotated[int, Field(ge=0)] | None = None


class Which(Body):
    """What is to be tried again. What is left out does not matter."""

    subject: Literal["run", "workflow", "actor"]
    name: Name
    step: Name | None = None
    state: Literal["failed", "quarantined"] | None = None
    error_class: Name | None = None
    rule: Name | None = None
    record: Name | None = None

    def filter(self) -> Filter:
        """Return it as the engine takes it."""
        return Filter(step=self.step, state=self.state, error_class=self.error_class, rule=self.rule, key=self.record)


class Retry(Which):
    """`mark` is what the preview has named."""

    mark: Mark


@router.post("/pause", responses=PAUSED)
async def pause(acting: Actor, about: About) -> Response:
    """Let nothing more of it be begun; what is in hand is finished: `wave pause`."""

    async def act() -> Mapping[str, Any]:
        changed = await acting.engine.orders().pause(about.subject, about.name)
        return {"subject": about.subject, "name": about.name, "changed": changed}

    return await acting.once(PAUSE, about, act)


@router.post("/resume", responses=RESUMED)
async def resume(acting: Actor, about: More) -> Response:
    """Let what was paused go on: `wave resume`."""
    if (about.more_tokens or about.more_money) and about.subject is not Subject.RUN:
        raise ProjectError("more_tokens and more_money go with a run")
    more = {"tokens": about.more_tokens or 0, "money": about.more_money or 0.0}

    async def act() -> Mapping[str, Any]:
        granted = Spent(**{budget: round(amount * UNITS.get(budget, 1)) for budget, amount in more.items()})
        changed = await acting.engine.orders().resume(about.subject, about.name, more=granted)
        return {"subject": about.subject, "name": about.name, "changed": changed}

    return await acting.once(RESUME, about, act)


@router.post("/cancel/preview", responses=CANCELLED)
async def preview_cancel(engine: Theirs, about: About) -> Document:
    """Say what would end, and change nothing: `wave cancel` without --yes."""
    runner = about.subject is Subject.RUNNER
    found = [] if runner else await engine.orders().unfinished(about.subject, about.name)
    return Document(CANCEL, _cancel(about, found, None))


@router.post("/cancel", responses=CANCELLED)
async def cancel(acting: Actor, about: Cancel) -> Response:
    """End everything of it that is not finished, or stop a runner: `wave cancel --yes`."""

    async def act() -> Mapping[str, Any]:
        orders = acting.engine.orders()
        runner = about.subject is Subject.RUNNER
        found = [] if runner else await orders.unfinished(about.subject, about.name)
        return _cancel(about, found, await orders.cancel(about.subject, about.name, expect=about.expect))

    return await acting.once(CANCEL, about, act)


@router.post("/retry/preview", responses=RETRIED)
async def preview_retry(engine: Theirs, which: Which) -> Document:
    """Say what would be tried again, and change nothing: `wave retry` without --yes."""
    found = await engine.orders().retryable(Subject(which.subject), which.name, which.filter())
    return Document(RETRY, _retry(which, found, None))


@router.post("/retry", responses=RETRIED)
async def retry(acting: Actor, which: Retry) -> Response:
    """Try again exactly what the preview has named: `wave retry --yes`."""

    async def act() -> Mapping[str, Any]:
        orders, subject = acting.engine.orders(), Subject(which.subject)
        found = await orders.retryable(subject, which.name, which.filter())
        retried = await orders.retry(subject, which.name, which.filter(), expect=which.mark)
        return _retry(which, found, retried)

    return await acting.once(RETRY, which, act)


def _cancel(about: About, found: list[Unfinished], cancelled: int | None) -> dict[str, Any]:
    total = sum(one.n for one in found)
    return {
        "subject": about.subject,
        "name": about.name,
        "unfinished": found,
        "total": total,
        "cancelled": cancelled,
    }


def _retry(which: Which, found: list[Broken], retried: int | None) -> dict[str, Any]:
    return {
        "subject": which.subject,
        "name": which.name,
        "broken": found,
        "total": sum(one.n for one in found),
        "mark": mark_of(found),
        "retried": retried,
    }
