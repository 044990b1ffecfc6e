"""Deciding together: one person gives one answer to tasks that they have picked, where the workflow allows it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from wave_runner.core.canonical import JsonError, dumps
from wave_runner.core.picks import Order
from wave_runner.errors import AnswerError, ConflictError, NotFoundError, ProjectError
from wave_runner.runner.deciding import People, must_fit, proposal_of
from wave_runner.runner.picking import AGAIN, Picking, PickPreview
from wave_runner.runner.steps import StepInHand
from wave_runner.store import picks, tasks
from wave_runner.store.picks import Pick
from wave_runner.store.tasks import Task

MOST = 100
"""So many tasks at once: more than that nobody has looked at."""
_ANY = dict.fromkeys(("record_id", "step", "state", "error_class", "rule"))


@dataclass(frozen=True, kw_only=True)
class PickedTask:
    """What is shown of one of several tasks that are decided together."""

    task: int
    title: str
    record: str | None
    input: dict[str, Any]
    proposed: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Together:
    """Tasks of one step that can be given one answer, what each shows, and the form of the answer."""

    pick_id: int
    run_id: int
    step: str
    form: Any
    tasks: Sequence[PickedTask]
    preview: PickPreview


@dataclass(kw_only=True)
class DecidingTogether(Picking):
    """What one person may do with tasks that they have picked. Raises what `Picking` does, and `AnswerError`."""

    async def pick_tasks(self, ids: Sequence[int]) -> int:
        """Pick these tasks, as they are now; returns the pick's number. Raises `ProjectError` for those of two runs."""
        async with self.database.snapshot() as connection:
            found = {id: await tasks.find(connection, id) for id in ids}
        if missing := [id for id, task in found.items() if task is None]:
            raise NotFoundError(f"there is no task {missing[0]}", hint="wave tasks list shows those that are open")
        runs = {task.item.run_id for task in found.values() if task is not None}
        if len(runs) != 1:
            raise ProjectError(f"these are tasks of {len(runs)} runs", hint="those of one run can be decided together")
        return (await self.pick(runs.pop(), _ANY, ids=list(found))).pick_id

    async def look(self, pick_id: int) -> Together:
        """Return what one answer would decide, and what each of it shows, changing nothing."""
        async with self.database.snapshot() as connection:
            pick = await self._to_order(connection, pick_id)
            preview = await self._preview(connection, pick, Order.DECIDE)
            _must_be_few(preview)
            ids = await picks.tasks(connection, pick)
            found = [task for id in ids if (task := await tasks.find(connection, id)) is not None]
        if not found:
            why = ", ".join(sorted({one.why or "" for one in preview.left})).replace("_", " ")
            raise ConflictError(f"nothing of pick {pick_id} can be decided together: {why}", hint=AGAIN)
        step = await self._step(found)
        shown = [_shown(task, step.schema) for task in found]
        name = step.run_step.step
        return Together(pick_id=pick_id, run_id=pick.run_id, step=name, form=step.schema, tasks=shown, preview=preview)

    async def decide(self, pick_id: int, answer: Any, *, reason: str, expect: str) -> int:
        """Give one answer to all that the mark `expect` names; returns how many are decided by it.

        Raises `AnswerError` where it does not fit one of them, `ConflictError` where they are not those that were
        looked at; then nothing has changed. Each is decided by itself, with an event of its own. What changes before
        its turn comes is left alone, and an order that was broken off is gone on with by being given once more.
        """
        sha256 = _sha256(answer)
        async with self.database.snapshot() as connection:
            pick = await self._mine(connection, pick_id)
            found = [await tasks.find(connection, id) for id in await picks.tasks(connection, pick)]
        open_ones = [task for task in found if task is not None]
        if not open_ones:
            if pick.kind is not None:
                _must_be_this(pick, sha256)
                return pick.done
            raise ConflictError(f"nothing of pick {pick_id} can be decided together", hint=AGAIN)
        step = await self._step(open_ones)
        for task in open_ones:
            must_fit(step, task, answer)
        return await self._decide(pick_id, step, answer, sha256=sha256, reason=reason, expect=expect)

    async def _decide(
        self, pick_id: int, step: StepInHand, answer: Mapping[str, Any], *, sha256: bytes, reason: str, expect: str
    ) -> int:
        people = People(self.database, self.steps, self.by)
        while True:
            async with self.database.transaction() as connection:
                pick = await self._mine(connection, pick_id, lock=True)
                if pick.kind is None:
                    pick = await self._begin(
                        connection, pick, Order.DECIDE, reason=reason, expect=expect, answer_sha256=sha256
                    )
                _must_be_this(pick, sha256)
                decide = functools.partial(
                    people.decide_picked, connection, step, answer=answer, comment=pick.reason or "", pick=pick_id
                )
                done = await picks.decide_next(connection, pick, decide)
            if done is None:
                return pick.done

    async def _step(self, found: Sequence[Task]) -> StepInHand:
        """Return the step that they are of. Raises `ProjectError` where it is more than one, as each has a form."""
        steps = sorted({task.step for task in found})
        if len(steps) > 1:
            raise ProjectError(
                f"these are tasks of {len(steps)} steps: {', '.join(steps)}",
                hint="those of one step can be decided together",
            )
        return await self.steps.of_run(found[0].item.run_step_id)


def _must_be_this(pick: Pick, sha256: bytes) -> None:
    if pick.answer_sha256 != sha256:
        raise ConflictError(f"pick {pick.pick_id} was given another order already", hint=AGAIN)


def _shown(task: Task, form: Any) -> PickedTask:
    return PickedTask(
        task=task.task,
        title=task.title,
        record=task.item.key,
        input=orjson.loads(task.input),
        proposed=proposal_of(task, form),
    )


def _must_be_few(preview: PickPreview) -> None:
    if preview.may > MOST:
        raise ProjectError(
            f"{preview.may} tasks are more than anybody looks through at once", hint=f"pick {MOST} of them at most"
        )


def _sha256(answer: Any) -> bytes:
    try:
        return hashlib.sha256(dumps(answer)).digest()
    except JsonError as error:
        raise AnswerError(f"the answer {error}") from error
