"""What people do with their tasks: claim, decide, send back, give back.

A decision is held against the form and `accept` before anything is written, so that its author can mend it. The last
one that is needed completes the interaction in its own transaction, as a runner would: output, route, children, event.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from wave_runner.core.agreement import agreed, told
from wave_runner.core.answer import check
from wave_runner.core.canonical import JsonError, canonical, dumps
from wave_runner.core.contract import OutputContract
from wave_runner.core.event import commitment
from wave_runner.core.guards import Asked
from wave_runner.core.interaction import State
from wave_runner.core.outcome import Breach, Done, Evidence, Usage
from wave_runner.core.proposal import changed, proposed
from wave_runner.core.text import sanitise
from wave_runner.errors import AnswerError, ConflictError, NotFoundError
from wave_runner.runner.prepare import Ready
from wave_runner.runner.record import move_of
from wave_runner.runner.steps import StepInHand, Steps
from wave_runner.runner.telling import tell_attempts
from wave_runner.runner.texts import Texts
from wave_runner.store import interactions, stops, tasks
from wave_runner.store.database import Connection, Database
from wave_runner.store.interactions import SealedEvidence
from wave_runner.store.tasks import Decision, Task
from wave_runner.store.waves import Wave

_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")


def named(person: str) -> str:
    """Return a person's name; raise `AnswerError` for a text that can be none."""
    if not _PERSON.fullmatch(person):
        raise AnswerError(
            f"{person!r:.80} names nobody: letters, digits and . _ @ + - only",
            hint="--as NAME, or WAVE_PERSON, says who you are",
        )
    return person


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """What one person has said in one round: after how many seconds, and where the log says so.

    `answer` is None where it was sent back. `nth` counts the answers of the round; `changed` are the fields that
    differ from what was proposed; `saw` and `said` are what the event commits to. `pick` is the one by which it was
    said of many at once.
    """

    round: int
    person: str
    answer: dict[str, Any] | None
    comment: str | None
    seconds: float
    decided_at: datetime
    event_id: int | None
    saw: str | None
    said: str | None
    pick: int | None
    nth: int | None
    changed: list[str]


class People:
    """What one person may do. Raises `NotFoundError` for a task that is not there, `ConflictError` for another's."""

    def __init__(self, database: Database, steps: Steps, person: str) -> None:
        self.database = database
        self._steps = steps
        self.person = named(person)

    async def claim(
        self, *, task: int | None = None, queue: str | None = None, skip: Sequence[int] = ()
    ) -> Task | None:
        """Claim a task, by default what they have claimed, or the most urgent that they may. None if there is none.

        Without a task, none of those in `skip` is taken.
        """
        skip = skip if task is None else ()
        async with self.database.transaction() as connection:
            claimed = await tasks.claim(connection, self.person, task=task, queue=queue, skip=skip)
            if claimed is not None:
                return await tasks.find(connection, claimed)
            if task is None:
                return None
            found = await tasks.find(connection, task)
        raise self._not_claimed(task, found)

    async def show(self, task: int) -> Task:
        """Return a task as it stands, claimed or not."""
        async with self.database.transaction() as connection:
            found = await tasks.find(connection, task)
        if found is None:
            raise _unknown(task)
        return found

    async def step(self, task: Task) -> StepInHand:
        """Return the step that a task belongs to, as its run has pinned it."""
        return await self._steps.of_run(task.item.run_step_id)

    async def decide(self, task: int, answer: Any, *, comment: str = "", token: UUID | None = None) -> Task:
        """Record an answer to a claimed task, and complete its step if that is the last one it needs.

        Raises `AnswerError` for an answer that does not fit; then nothing has changed.
        """
        step = await self.step(await self.show(task))
        async with self.database.transaction() as connection:
            mine = await self._mine(connection, task, token)
            must_fit(step, mine, answer)
            await self._answer(connection, step, mine, answer, comment=comment)
            return await self._now(connection, task)

    async def decide_picked(
        self,
        connection: Connection,
        step: StepInHand,
        task: int,
        answer: Mapping[str, Any],
        *,
        comment: str,
        pick: int,
    ) -> bool:
        """Claim a task of a step, and decide it as others that are picked; False where that cannot be done to it.

        In the caller's transaction. That the answer fits is known.
        """
        found = await tasks.find(connection, task)
        if found is None or not found.bulk or found.round > 1 or found.step != step.run_step.step:
            return False
        if await tasks.claim(connection, self.person, task=task, pick=pick) is None:
            return False
        mine = await self._mine(connection, task, None)
        await self._answer(connection, step, mine, answer, comment=comment, pick=pick)
        return True

    async def send_back(self, task: int, comment: str, *, token: UUID | None = None) -> Task:
        """Send a claimed task back: what has been decided in this round counts no more, and the comment is shown."""
        if not comment.strip():
            raise AnswerError("a task is sent back with a comment that says why", hint="--comment TEXT")
        async with self.database.transaction() as connection:
            mine = await self._mine(connection, task, token)
            await self._speak(connection, mine, None, answer=None, comment=comment)
            return await self._now(connection, task)

    async def release(self, task: int, *, token: UUID | None = None) -> Task:
        """Give a claimed task back, undecided."""
        async with self.database.transaction() as connection:
            await tasks.release(connection, await self._mine(connection, task, token))
            return await self._now(connection, task)

    async def keep_draft(self, task: int, draft: Mapping[str, Any], *, token: UUID | None = None) -> Task:
        """Keep what has been filled in so far, and the claim for another lease."""
        async with self.database.transaction() as connection:
            mine = await self._mine(connection, task, token)
            try:
                text = dumps(dict(draft)).decode()
            except JsonError as error:
                raise AnswerError(f"task {task}: the draft {error}") from error
            await tasks.keep_draft(connection, mine, text)
            return await self._now(connection, task)

    async def _now(self, connection: Connection, task: int) -> Task:
        found = await tasks.find(connection, task)
        assert found is not None, "it is locked by this transaction"
        return found

    async def _mine(self, connection: Connection, task: int, token: UUID | None) -> Task:
        """Return the task, locked, if this person's claim stands. One that has expired stands until another comes."""
        found = await tasks.find(connection, task, locked=True)
        if found is None:
            raise _unknown(task)
        if found.decided_at is not None or found.claimed_by != self.person:
            raise self._not_claimed(task, found)
        if token is not None and token != found.claim_token:
            raise ConflictError(
                f"task {task}: this claim is void, {self.person} has claimed the task anew since",
                hint=f"use the newest token, or claim it again: wave tasks claim {task}",
            )
        return found

    def _not_claimed(self, task: int, found: Task | None) -> NotFoundError | ConflictError:
        if found is None:
            return _unknown(task)
        if found.decided_at is not None:
            by = " and ".join(one.person for one in found.answers)
            return ConflictError(
                f"task {task} is decided already{f', by {by}' if by else ''}", hint=f"wave tasks show {task}"
            )
        if any(one.person == self.person for one in found.decisions if one.round == found.round):
            message = f"{self.person} has decided on task {task} already; it needs {found.needs} different people"
            return ConflictError(message, hint="somebody else must look at it")
        if found.claimed_by is not None and found.claimed_by != self.person and not found.expired:
            until = f"{found.claim_expires_at:%H:%M} UTC"
            message = f"task {task} is claimed by {found.claimed_by} until {until}"
            return ConflictError(message, hint="wave tasks next takes another one")
        return ConflictError(
            f"task {task} is not claimed by {self.person}", hint=f"claim it first: wave tasks claim {task}"
        )

    async def _answer(
        self,
        connection: Connection,
        step: StepInHand,
        mine: Task,
        answer: Mapping[str, Any],
        *,
        comment: str,
        pick: int | None = None,
    ) -> None:
        """Record an answer that fits, and complete the step where it is the last one that is needed."""
        await self._speak(connection, mine, step.contract, answer=answer, comment=comment, pick=pick)
        given = [*(orjson.loads(one.answer or "") for one in mine.answers), answer]
        final = agreed(given, needs=mine.needs, listed=_listed(step.contract))
        if final is not None:
            await _complete(connection, step, mine, final)

    async def _speak(
        self,
        connection: Connection,
        task: Task,
        contract: OutputContract | None,
        *,
        answer: Any,
        comment: str,
        pick: int | None = None,
    ) -> None:
        """Record one person's word, with exactly what they were shown and what they have said."""
        comment = sanitise(comment)[0]
        said = {"answer": answer, "comment": comment}
        evidence = [_sealed("request", canonical(shown(task))), _sealed("answer", dumps(said))]
        await tasks.decide(
            connection,
            task,
            answer=dumps(answer).decode() if answer is not None else None,
            comment=comment or None,
            told=told(answer, fields=contract.fields, listed=contract.listed) if contract is not None else {},
            evidence=evidence,
            payloads=[
                {"role": one.evidence.role, "c": commitment(one.nonce, one.evidence.content)} for one in evidence
            ],
            pick=pick,
        )


def shown(task: Task) -> dict[str, Any]:
    """Return exactly what a person is shown of a task, as it is kept and committed to.

    With `blind` nobody sees the decisions of this round before as many have spoken as are needed; whoever comes when
    these do not agree sees them all. What was sent back is always shown with its comment. That a form began with
    what is proposed is said.
    """
    return {
        **({"prefill": True} if task.prefill else {}),
        "title": task.title,
        "input": task.input,
        "round": task.round,
        "said": [
            {"round": one.round, "person": one.person, "answer": one.answer, "comment": one.comment}
            for one in visible(task)
        ],
    }


def visible(task: Task) -> list[Decision]:
    """Return what others have said that a person may see of a task."""
    return [one for one in task.decisions if one.round < task.round or not task.hidden]


def state_of(task: Task) -> str:
    """Return how a task stands, in words."""
    if task.decided_at is not None:
        return "decided"
    needed = f"{len(task.answers)} of {task.needs} people have decided" if task.needs > 1 else ""
    if task.split:
        needed = f"{len(task.answers)} people have decided, and differ"
    claimed = f"claimed by {task.claimed_by}" if task.claimed_by is not None and not task.expired else ""
    return ", ".join(filter(None, [claimed, needed])) or "open"


def document(task: Task, form: Any, person: str) -> dict[str, Any]:
    """Return a task as `wave.task.v1` has it. The token and the draft are the claimer's alone."""
    mine = task.claimed_by == person
    return {
        "task": task.task,
        "run_id": task.item.run_id,
        "workflow": task.workflow,
        "step": task.step,
        "record": task.item.key,
        "queue": task.queue,
        "title": task.title,
        "state": state_of(task),
        "priority": task.priority,
        "due_at": task.due_at,
        "overdue": task.overdue,
        "needs": task.needs,
        "blind": task.blind,
        "prefill": task.prefill,
        "bulk": task.bulk,
        "round": task.round,
        "asked_at": task.asked_at,
        "decided_at": task.decided_at,
        "claimed_by": task.claimed_by,
        "claim_expires_at": task.claim_expires_at,
        "token": task.claim_token if mine else None,
        "draft": orjson.loads(task.draft) if mine and task.draft else None,
        "input": orjson.loads(task.input),
        "form": form,
        "proposed": proposal_of(task, form),
        "spoken": [one.person for one in task.answers],
        "decisions": decisions(task, form),
    }


def proposal_of(task: Task, form: Any) -> dict[str, Any]:
    """Return what a task shows under the names of its form's fields."""
    fields = form.get("properties") if isinstance(form, dict) else None
    return proposed(orjson.loads(task.input), fields if isinstance(fields, dict) else ())


def decisions(task: Task, form: Any) -> list[Spoken]:
    """Return the decisions that may be seen."""
    proposal = proposal_of(task, form)
    return [_spoken(task, one, proposal) for one in visible(task)]


def _spoken(task: Task, decision: Decision, proposal: Mapping[str, Any]) -> Spoken:
    answer = orjson.loads(decision.answer) if decision.answer else None
    answers = [one for one in task.decisions if one.round == decision.round and one.answer is not None]
    return Spoken(
        **{
            **asdict(decision),
            "answer": answer,
            "nth": answers.index(decision) + 1 if answer is not None else None,
            "changed": changed(answer, proposal) if answer is not None else [],
        }
    )


async def _complete(connection: Connection, step: StepInHand, task: Task, answer: Mapping[str, Any]) -> None:
    """Complete the interaction with what was agreed on: output, route, children and event, in this transaction."""
    await tasks.close(connection, task)
    done = Done(output=dict(answer), usage=Usage(service_us=int((task.seconds or 0) * 1_000_000)))
    ready = _ready(step, task)
    move = move_of(ready, done, Texts())
    wave = Wave(wave_id=task.wave_id, runner_id=None, queue_id=step.run_step.queue_id, items=(task.item,))
    await interactions.finish(connection, wave, [move], from_state=State.WAITING)
    await stops.remember(connection, [move])
    tell_attempts(wave, [(ready, done)], [move])


def must_fit(step: StepInHand, task: Task, answer: Any) -> None:
    """Raise `AnswerError` for an answer that a task cannot be decided by."""
    checked = _checked(step, task, answer)
    if isinstance(checked, Breach):
        raise AnswerError(f"task {task.task}: {checked.message}", hint=f"wave tasks show {task.task} shows the form")


def _checked(step: StepInHand, task: Task, answer: Any) -> Done | Breach:
    """Hold an answer against its contract, and against the routes it must find its way by."""
    if not isinstance(answer, dict):
        return Breach(rule="output_schema", message="$: an answer is an object with the fields of the form")
    done = Done(output=answer)
    ready = _ready(step, task)
    asked = Asked(input=ready.input, params=step.params, prompt="", template="")
    checked = check(step.pinned, done, contract=step.contract, asked=asked)
    if isinstance(checked, Breach):
        return checked
    try:
        dumps(answer)
    except JsonError as error:
        return Breach(rule=error.rule, message=f"the answer {error}")
    move = move_of(ready, done, Texts())
    if move.state is not State.COMPLETED:
        return Breach(rule=move.rule or "route", message=move.error or "no route can take this answer")
    return checked


def _ready(step: StepInHand, task: Task) -> Ready:
    return Ready(
        item=task.item,
        step=step,
        input=orjson.loads(task.input),
        text=task.input,
        nonce=task.nonce,
        cuts={},
        suspected={},
        sources=(),
    )


def _listed(contract: OutputContract | None) -> frozenset[str]:
    return frozenset(contract.listed) if contract is not None else frozenset()


def _sealed(role: str, content: bytes) -> SealedEvidence:
    evidence = Evidence(role=role, media_type="application/json", content=content)
    return SealedEvidence(evidence=evidence, nonce=os.urandom(32))


def _unknown(task: int) -> NotFoundError:
    return NotFoundError(f"there is no task {task}", hint="wave tasks list shows those that are open")
