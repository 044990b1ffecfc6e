"""Steps that people do: they wait without a worker, several pairs of eyes are several, nothing decides by itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import uuid4

import psycopg
import pytest
from tests.support.invariants import broken_invariants
from tests.support.projects import Ground, at_work, ended, rows, run_to_end, script, start_run, until

from wave_runner.core.canonical import canonical
from wave_runner.core.event import commitment
from wave_runner.engine import Engine
from wave_runner.errors import AnswerError, ConflictError, NotFoundError
from wave_runner.reports.tasks import Tasks, open_tasks
from wave_runner.reports.trace import trace
from wave_runner.runner.deciding import People, document, shown
from wave_runner.store.tasks import Task

T = TypeVar("T")

FORM = json.dumps(
    {
        "type": "object",
        "properties": {
            "verdict": {"enum": ["GOOD", "BAD", "AGAIN"]},
            "words": {"type": "integer", "minimum": 0},
            "why": {"type": "string"},
        },
        "required": ["verdict"],
        "additionalProperties": False,
    }
)
REVIEW = """\
review:
  human: reviewers
  title: "Is {{{{ text }}}} good?"
  input: {{text: record.text}}
  form: schemas/review.json
  accept: "output.verdict != 'BAD' || has(output.why)"
  {more}
  route: {{on: verdict, GOOD: save, BAD: end, AGAIN: end}}
save: {{actor: save, input: {{verdict: review.verdict}}, writes: [items.note], next: end}}
"""
SAVE = script("ctx.write('items', {'note': item['verdict']})\nreturn {}")


def asking(ground: Ground, n: int = 1, more: str = "priority: 1") -> Ground:
    """A project whose records each wait for a person."""
    files = {"schemas/review.json": FORM}
    return ground.project(
        rows=rows(n), steps=REVIEW.format(more=more), actors={"save": SAVE}, files=files, ensures=["record.note != ''"]
    )


def as_people(ground: Ground, *names: str, work: Callable[..., Awaitable[T]]) -> T:
    """Do something as these people, on one engine and without a runner."""

    async def act(engine: Engine) -> T:
        return await work(*(engine.people(name) for name in names))

    return ground.do(act)


def events(ground: Ground, *types: str) -> list[dict[str, Any]]:
    found = ground.sql("SELECT data FROM interaction_events WHERE type::text = ANY (%s) ORDER BY event_id", list(types))
    return [json.loads(row["data"]) for row in found]


def test_work_for_people_waits_and_holds_no_worker(ground: Ground):
    asking(ground, n=3)
    assert ground.run() == "waiting"
    assert ground.states("review") == {"waiting": 3}
    assert ground.one("SELECT count(*) FROM waves WHERE closed_at IS NULL") == 0
    assert ground.one("SELECT DISTINCT title FROM tasks") == "Is some words to count good?"
    assert events(ground, "interaction_waiting") == [{"needs": 1, "queue": "reviewers"}] * 3


def test_tasks_are_listed_page_by_page_and_a_decision_between_two_pages_moves_none(ground: Ground):
    asking(ground, n=5)
    ground.run()

    def page(after: int | None) -> Tasks:
        return ground.do(lambda engine: open_tasks(engine.database, after=after, limit=2))

    async def decide(maria: People) -> int:
        task = await maria.claim()
        assert task is not None
        return (await maria.decide(task.task, {"verdict": "AGAIN"})).task

    in_order = [row["interaction_id"] for row in ground.sql("SELECT interaction_id FROM tasks ORDER BY 1")]
    first = page(None)
    assert (first.total, [one.task for one in first.rows], first.next_after) == (5, in_order[:2], in_order[1])
    assert as_people(ground, "maria", work=decide) == in_order[0]
    second = page(first.next_after)
    assert (second.total, [one.task for one in second.rows]) == (4, in_order[2:4])
    last = page(second.next_after)
    assert ([one.task for one in last.rows], last.next_after) == (in_order[4:], None)
    assert (page(in_order[4]).total, page(in_order[4]).rows) == (4, [])


def test_a_decision_completes_the_step_and_the_run_goes_on(ground: Ground):
    asking(ground, n=2)
    assert ground.run() == "waiting"

    async def decide(maria: People) -> list[Task]:
        done = []
        for _ in range(2):
            task = await maria.claim(queue="reviewers")
            assert task is not None
            done.append(await maria.decide(task.task, {"verdict": "GOOD", "words": 3, "why": "I like it"}))
        assert await maria.claim() is None
        return done

    tasks = as_people(ground, "maria", work=decide)
    assert all(task.decided_at is not None for task in tasks)
    assert ground.states("review") == {"completed": 2}
    assert ground.states("save") == {"pending": 2}
    assert ground.do(lambda engine: run_to_end(engine, tasks[0].item.run_id)) == "completed"
    assert {row["note"] for row in ground.sql("SELECT note FROM items")} == {"GOOD"}


def test_the_event_holds_who_what_was_shown_the_decision_and_the_seconds_and_no_words(ground: Ground):
    asking(ground)
    ground.run()

    async def decide(maria: People) -> Task:
        task = await maria.claim()
        assert task is not None
        await maria.decide(task.task, {"verdict": "GOOD", "words": 3, "why": "my own words"}, comment="and more")
        return task

    task = as_people(ground, "maria", work=decide)
    [event] = events(ground, "task_decided")
    assert event["person"] == "maria"
    assert event["decision"] == {"verdict": "GOOD", "words": 3}
    taken = ground.one("SELECT seconds FROM decisions")
    assert event["us"] == int(taken * 1_000_000) > 0
    request, answer = ground.sql("SELECT nonce, content FROM payloads ORDER BY payload_id")
    assert bytes(request["content"]) == canonical(shown(task))
    assert json.loads(shown(task)["input"]) == {"text": "some words to count"}
    assert json.loads(bytes(answer["content"]))["comment"] == "and more"
    assert [one["c"] for one in event["payloads"]] == [
        commitment(bytes(one["nonce"]), bytes(one["content"])) for one in (request, answer)
    ]
    said = ground.sql("SELECT data FROM interaction_events WHERE data LIKE '%%own words%%' OR data LIKE '%%and more%%'")
    assert said == []


def test_an_answer_that_does_not_fit_changes_nothing_and_says_why(ground: Ground):
    asking(ground)
    ground.run()

    async def decide(maria: People) -> None:
        task = await maria.claim()
        assert task is not None
        for answer, why in (
            ({"verdict": "FINE"}, "is not one of"),
            ({"verdict": "GOOD", "other": 1}, "other"),
            ({"verdict": "BAD"}, "accept"),
            ({"verdict": "GOOD", "why": "a\0b"}, "NUL"),
            ("GOOD", "an object"),
        ):
            with pytest.raises(AnswerError, match=why):
                await maria.decide(task.task, answer)

    as_people(ground, "maria", work=decide)
    assert ground.one("SELECT count(*) FROM decisions") == 0
    assert ground.states("review") == {"waiting": 1}


def test_two_people_must_say_the_same_and_one_person_is_never_two(ground: Ground):
    asking(ground, more="needs: 2")
    ground.run()

    async def decide(ann: People, bob: People, cem: People) -> Task:
        task = await ann.claim()
        assert task is not None
        await ann.decide(task.task, {"verdict": "GOOD", "why": "one"})
        with pytest.raises(ConflictError, match=r"ann has decided on task \d+ already; it needs 2 different people"):
            await ann.claim(task=task.task)
        assert await ann.claim() is None
        seen = await bob.claim(task=task.task)
        assert seen is not None
        assert [one["person"] for one in shown(seen)["said"]] == ["ann"]
        split = await bob.decide(task.task, {"verdict": "AGAIN"})
        assert split.decided_at is None  # two have spoken, and not the same
        await cem.claim(task=task.task)
        return await cem.decide(task.task, {"verdict": "GOOD", "why": "three"})

    task = as_people(ground, "ann", "bob", "cem", work=decide)
    assert task.decided_at is not None
    output = ground.one("SELECT output FROM interactions JOIN tasks USING (run_id, interaction_id)")
    assert json.loads(output) == {"verdict": "GOOD", "why": "three"}


def test_the_database_itself_refuses_a_second_word_and_too_few_eyes(ground: Ground):
    asking(ground, more="needs: 2")
    ground.run()

    async def decide(ann: People) -> None:
        task = await ann.claim()
        assert task is not None
        await ann.decide(task.task, {"verdict": "GOOD"})

    as_people(ground, "ann", work=decide)
    with pytest.raises(psycopg.errors.UniqueViolation):
        ground.sql(
            "INSERT INTO decisions SELECT run_id, interaction_id, round, person, answer, 'again', %s, 1 FROM decisions",
            uuid4(),
        )
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="needs 2 people, and 1 have decided"):
        ground.sql("UPDATE tasks SET decided_at = now()")


def test_a_decision_that_somebody_has_changed_is_found(ground: Ground):
    asking(ground)
    ground.run()

    async def decide(ann: People) -> None:
        task = await ann.claim()
        assert task is not None
        await ann.decide(task.task, {"verdict": "BAD", "why": 'not "good"\n– ü'}, comment="look again")

    as_people(ground, "ann", work=decide)
    assert broken_invariants(ground.url) == {}
    ground.tampered = True
    for change, said in (
        ("person = 'bob'", "a decision of bob stands here, and no event speaks of it"),
        ("person = 'ann', comment = 'very good'", "what ann has decided is not what its event has committed to"),
        ("comment = 'look again', answer = '{\"verdict\":\"GOOD\"}'", "what ann has decided is not"),
    ):
        ground.sql(f"UPDATE decisions SET {change}")
        assert said in str(broken_invariants(ground.url)["I15"]), change


def test_a_blind_reviewer_does_not_see_what_others_have_said(ground: Ground):
    asking(ground, more="needs: 2\n  blind: true")
    ground.run()

    async def decide(engine: Engine) -> dict[str, Any]:
        ann, bob = engine.people("ann"), engine.people("bob")
        task = await ann.claim()
        assert task is not None
        await ann.decide(task.task, {"verdict": "GOOD"}, comment="at once")
        assert await traced(engine) == []
        seen = await bob.claim()
        assert seen is not None
        await bob.decide(task.task, {"verdict": "GOOD"})
        assert await traced(engine) == ["ann", "bob"]
        return shown(seen)

    async def traced(engine: Engine) -> list[str]:
        """Return whose decisions `wave trace` shows, which anybody may ask for at any time."""
        works = (await trace(engine.database, "item 0000", collections=["items"])).works
        return [one.person for work in works for one in work.decisions]

    assert ground.do(decide)["said"] == []
    assert ground.states("review") == {"completed": 1}


def test_whoever_comes_when_the_blind_do_not_agree_sees_what_each_has_said(ground: Ground):
    asking(ground, more="needs: 2\n  blind: true")
    ground.run()

    async def decide(ann: People, bob: People, cem: People) -> tuple[list[str], dict[str, Any]]:
        seen = []
        for person, verdict in ((ann, "GOOD"), (bob, "AGAIN"), (cem, "GOOD")):
            task = await person.claim()
            assert task is not None
            seen.append(" ".join(one["person"] for one in shown(task)["said"]))
            done = await person.decide(task.task, {"verdict": verdict, "words": 3})
        return seen, document(done, json.loads(FORM), "ann")

    seen, said = as_people(ground, "ann", "bob", "cem", work=decide)
    assert seen == ["", "", "ann bob"]
    assert said["state"] == "decided"
    assert said["spoken"] == ["ann", "bob", "cem"]
    told = ground.sql("SELECT event_id, data FROM interaction_events WHERE type = 'task_decided' ORDER BY event_id")
    assert [(one.event_id, one.saw, one.said, one.nth) for one in said["decisions"]] == [
        (event["event_id"], *(one["c"] for one in json.loads(event["data"])["payloads"]), nth)
        for nth, event in enumerate(told, start=1)
    ]


def test_what_a_person_skips_is_not_claimed_but_by_its_number(ground: Ground):
    asking(ground, n=2)
    ground.run()

    async def act(ann: People) -> None:
        first = await ann.claim()
        assert first is not None
        other = await ann.claim(skip=[first.task])
        assert other is not None
        assert other.task != first.task
        assert await ann.claim(skip=[first.task, other.task]) is None
        named = await ann.claim(task=first.task, skip=[first.task])
        assert named is not None

    as_people(ground, "ann", work=act)


def test_who_asks_twice_claims_one_task(ground: Ground):
    asking(ground, n=3)
    ground.run()

    async def claim(ann: People) -> list[int]:
        claimed = [*await asyncio.gather(ann.claim(), ann.claim()), await ann.claim()]
        return [one.task for one in claimed if one is not None]

    found = as_people(ground, "ann", work=claim)
    assert found == [found[0]] * 3


def test_a_claim_keeps_others_out_until_it_expires_and_its_token_is_void_then(ground: Ground):
    asking(ground)
    ground.run()

    async def act(ann: People, bob: People) -> None:
        task = await ann.claim()
        assert task is not None
        await ann.keep_draft(task.task, {"verdict": "GOOD"})
        assert await bob.claim() is None
        with pytest.raises(ConflictError, match="claimed by ann until"):
            await bob.claim(task=task.task)
        with pytest.raises(ConflictError, match="claimed by ann"):
            await bob.decide(task.task, {"verdict": "BAD", "why": "no"})
        again = await ann.claim(task=task.task)
        assert again is not None
        assert again.draft == '{"verdict":"GOOD"}'
        with pytest.raises(ConflictError, match="this claim is void"):
            await ann.decide(task.task, {"verdict": "GOOD"}, token=task.claim_token)
        ground.sql("UPDATE tasks SET claim_expires_at = now() - interval '1 second'")
        taken = await bob.claim()
        assert taken is not None
        assert taken.draft is None
        with pytest.raises(ConflictError, match="claimed by bob"):
            await ann.decide(task.task, {"verdict": "GOOD"}, token=again.claim_token)
        await bob.release(task.task)
        with pytest.raises(NotFoundError, match="no task 999"):
            await bob.claim(task=999)

    as_people(ground, "ann", "bob", work=act)
    assert ground.one("SELECT count(*) FROM decisions") == 0
    assert len(events(ground, "task_claimed")) == 3
    assert [one["person"] for one in events(ground, "task_released")] == ["bob"]


def test_a_task_that_is_sent_back_is_decided_anew_with_the_comment_in_sight(ground: Ground):
    asking(ground, more="needs: 2")
    ground.run()

    async def act(ann: People, bob: People) -> Task:
        task = await ann.claim()
        assert task is not None
        await ann.decide(task.task, {"verdict": "BAD", "why": "no"})
        await bob.claim()
        with pytest.raises(AnswerError, match="a comment"):
            await bob.send_back(task.task, " ")
        back = await bob.send_back(task.task, "look at the title again")
        assert (back.round, back.answers) == (2, [])
        seen = await ann.claim()
        assert seen is not None
        assert [one["comment"] for one in shown(seen)["said"]] == [None, "look at the title again"]
        await ann.decide(task.task, {"verdict": "GOOD"})
        await bob.claim()
        return await bob.decide(task.task, {"verdict": "GOOD"})

    assert as_people(ground, "ann", "bob", work=act).decided_at is not None
    assert [one["round"] for one in events(ground, "task_sent_back", "task_decided")] == [1, 1, 2, 2]


def test_a_deadline_moves_a_task_to_another_queue_and_decides_nothing(ground: Ground):
    asking(ground, more="due: 1s\n  escalate: managers")

    async def act(engine: Engine) -> None:
        run_id = await start_run(engine)
        async with at_work(engine):
            assert await ended(engine, run_id) == "waiting"

            async def moved() -> bool:
                return bool(ground.one("SELECT queue = 'managers' FROM tasks"))

            await until(moved)
        assert await engine.people("ann").claim(queue="reviewers") is None
        task = await engine.people("ann").claim(queue="managers")
        assert task is not None
        assert task.overdue

    ground.do(act)
    assert events(ground, "task_escalated") == [{"from": "reviewers", "to": "managers"}]
    assert ground.states("review") == {"waiting": 1}
    assert ground.one("SELECT count(*) FROM decisions") == 0


def test_many_people_at_once_claim_each_task_once(ground: Ground):
    asking(ground, n=20)
    ground.run()

    async def act(engine: Engine) -> list[int]:
        async def work(name: str) -> list[int]:
            mine = []
            people = engine.people(name)
            while (task := await people.claim()) is not None:
                mine.append(task.task)
                await people.decide(task.task, {"verdict": "GOOD"})
            return mine

        done = await asyncio.gather(*(work(f"person{n}") for n in range(6)))
        return [task for mine in done for task in mine]

    assert sorted(ground.do(act)) == [
        row["id"] for row in ground.sql("SELECT interaction_id AS id FROM tasks ORDER BY 1")
    ]
    assert ground.one("SELECT count(*) FROM decisions") == 20
    assert ground.states("review") == {"completed": 20}


@pytest.mark.parametrize("person", ["", "two words", "a" * 65, "-x", "zoë\x1b[0m"])
def test_a_person_has_a_name_that_can_stand_in_the_log(ground: Ground, person: str):
    asking(ground)
    with pytest.raises(AnswerError, match="names nobody"):
        ground.do(lambda engine: _nothing(engine.people(person)))


async def _nothing(_: People) -> None:
    return None
