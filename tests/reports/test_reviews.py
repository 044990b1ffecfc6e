"""How people decide: what waits, how far they agree, and what they change of what was proposed to them."""

from __future__ import annotations

import pytest
from tests.runner.test_people import FORM, SAVE
from tests.support.projects import Ground, rows, script

from wave_runner.core.reviewing import Agreement, CorrectedActor, CorrectedField, proposers
from wave_runner.core.workflow import InputRef
from wave_runner.engine import Engine
from wave_runner.reports.reviews import Reviews, reviews

STEPS = """\
sort: {actor: sort, input: {text: record.text}, next: review}
review:
  human: reviewers
  input: {text: record.text, why: record.text, said: sort}
  form: schemas/review.json
  needs: 2
  blind: true
  route: {on: verdict, GOOD: save, BAD: end, AGAIN: end}
save: {actor: save, input: {verdict: review.verdict}, writes: [items.note], next: end}
"""
SORT = script("return {'verdict': 'GOOD'}")
GOOD, AGAIN = {"verdict": "GOOD", "why": rows(1)[0]["text"]}, {"verdict": "AGAIN", "words": 3}
ELSE = {**GOOD, "why": "in other words"}
# What each of them says to the first three of four tasks; the third of them is asked because two do not agree.
SAID = [(("ann", GOOD), ("bob", GOOD)), (("ann", AGAIN), ("bob", GOOD), ("cem", AGAIN)), (("ann", GOOD), ("bob", ELSE))]


def judged(ground: Ground) -> Ground:
    ground.project(rows=rows(4), steps=STEPS, actors={"sort": SORT, "save": SAVE}, files={"schemas/review.json": FORM})
    assert ground.run() == "waiting"

    async def decide(engine: Engine) -> None:
        tasks = await engine.database.fetch("reports/tasks", {**NOTHING, "limit": 3})
        for task, said in zip(tasks, SAID, strict=True):
            for person, answer in said:
                people = engine.people(person)
                await people.claim(task=task["task"])
                await people.decide(task["task"], answer)

    ground.do(decide)
    return ground


NOTHING = {"run_id": None, "queue": None, "person": None, "overdue": False, "after": None}


@pytest.fixture(scope="module")
def found(made) -> Reviews:
    return made(judged).do(lambda engine: reviews(engine.database))


def test_what_waits_is_counted_with_how_fast_it_gets_less(found: Reviews):
    [desk] = found.queues
    assert (desk.queue, desk.tasks, desk.lately, desk.left_s) == ("reviewers", 1, 3, 1200.0)


def test_what_was_decided_is_counted_step_by_step(found: Reviews):
    [step] = found.steps
    assert (found.tasks, step.tasks, step.decisions, step.people) == (3, 3, 7, 3)
    assert (step.several, step.differed, step.quick) == (3, 1, 7)


def test_people_agree_as_far_as_those_who_were_asked_first(found: Reviews):
    place = {"workflow": "work", "step": "review", "tasks": 3, "blind": True}
    by_field = {one.field: one for one in found.agreement}
    assert by_field.keys() == {"verdict", "words"}
    # Of six verdicts five are GOOD: by chance alone 26 of 36 pairs agree, and 2 of 3 do.
    assert by_field["verdict"] == Agreement(
        **place, field="verdict", agreement=pytest.approx(2 / 3), kappa=pytest.approx((2 / 3 - 26 / 36) / (10 / 36))
    )
    assert by_field["words"].kappa is None


def test_what_was_changed_is_held_against_who_had_proposed_it(found: Reviews):
    assert found.actors == [CorrectedActor(actor="sort", tasks=3, changed=1, percent=33.3)]
    place = {"workflow": "work", "step": "review", "tasks": 3}
    assert sorted(found.fields, key=lambda one: one.field) == [
        CorrectedField(**place, field="verdict", actor="sort", changed=1, percent=33.3),
        CorrectedField(**place, field="why", actor=None, changed=2, percent=66.7),
    ]


def test_only_so_many_are_looked_at_and_that_is_said(made):
    ground = made(judged)
    some = ground.do(lambda engine: reviews(engine.database, look=2))
    assert (some.tasks, some.older) == (2, True)
    assert not ground.do(lambda engine: reviews(engine.database, look=3)).older
    assert ground.do(lambda engine: reviews(engine.database, workflow="another")).tasks == 0


def test_a_value_that_may_come_from_several_steps_names_them_all():
    inputs = {
        "summary": InputRef(sources=("ticket.summary", "improve.summary")),
        "level": InputRef(sources=("record.level",)),
        "model": InputRef(sources=("score",)),
    }
    shown = {"summary": "short", "level": "mid", "model": {"points": 3}}
    actors = {"ticket": "people", "improve": "writer", "score": "grader"}
    found = proposers(inputs, actors, shown, ["summary", "level", "points", "other"])
    assert found == {"summary": "people or writer", "points": "grader"}
