"""Tasks that are decided together: one answer to exactly those that were picked and looked at, each with its event."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from tests.api.test_acting import Person, printed
from tests.runner.test_people import FORM, REVIEW, SAVE, as_people, asking
from tests.support.invariants import broken_invariants
from tests.support.projects import Ground, Make, rows, run_to_end
from tests.support.serving import Served, serving, told

from wave_runner.cli import main
from wave_runner.core.event import commitment
from wave_runner.runner import deciding_together
from wave_runner.runner.deciding import People, shown
from wave_runner.store.tasks import Task

N = 6
WHY = "one employer"
GOOD = {"verdict": "GOOD"}


def waiting(ground: Ground, n: int = N, more: str = "bulk: true") -> Ground:
    files = {"schemas/review.json": FORM}
    ground.project(rows=rows(n), steps=REVIEW.format(more=more), actors={"save": SAVE}, files=files)
    assert ground.run() == "waiting"
    return ground


def bulk(ground: Ground) -> None:
    waiting(ground)


@pytest.fixture
def desk(copy_of: Callable[[Make], Ground]) -> Ground:
    return copy_of(bulk)


@pytest.fixture
def host(desk: Ground) -> Iterator[Served]:
    with serving(desk) as served:
        yield served


@pytest.fixture
def maria(desk: Ground, host: Served) -> Person:
    return Person(host, desk, "maria", "reviewer")


def ids(ground: Ground) -> list[int]:
    return [row["interaction_id"] for row in ground.sql("SELECT interaction_id FROM tasks ORDER BY interaction_id")]


def picked(person: Person, chosen: list[int]) -> str:
    return f"picks/{person.does('picks', {'run': 1, 'interactions': chosen})['pick_id']}/decide"


def left(together: Any) -> dict[str, int]:
    return {one["why"]: one["n"] for one in together["preview"]["left"]}


def test_one_answer_decides_exactly_those_that_were_looked_at_each_with_its_event(desk: Ground, maria: Person):
    chosen = ids(desk)[:4]
    path = picked(maria, chosen)
    found = maria.does(f"{path}/preview")["together"]
    assert [one["task"] for one in found["tasks"]] == chosen
    assert found["tasks"][0]["input"] == {"text": "some words to count"}
    assert found["form"] == json.loads(FORM)
    body = {"mark": found["preview"]["mark"], "reason": WHY, "answer": GOOD}
    refused = [
        ({**body, "answer": {"verdict": "BAD"}}, (422, "answer")),  # what is BAD needs a reason in the form
        ({**body, "answer": {}}, (422, "answer")),
        ({**body, "mark": f"1-{'0' * 32}"}, (409, "conflict")),
        ({**body, "reason": " "}, (422, "usage")),
    ]
    for other, said in refused:
        assert maria.is_refused(path, other) == said
    assert desk.one("SELECT count(*) FROM decisions") == 0
    assert desk.one("SELECT count(*) FROM tasks WHERE claimed_by IS NOT NULL") == 0, "to look claims nothing"

    assert maria.does(path, body, **{"Idempotency-Key": "once"})["decided"] == 4
    assert maria.does(path, body)["decided"] == 4, "once more it says what was done"
    assert maria.is_refused(path, {**body, "answer": {"verdict": "AGAIN"}}) == (409, "conflict")
    assert maria.is_refused(f"{path.removesuffix('decide')}cancel/preview") == (409, "conflict")
    pick = int(path.split("/")[1])
    assert [(one["person"], one["decision"], one["pick"]) for one in told(desk, "task_decided")] == [
        ("maria", GOOD, pick)
    ] * 4
    said = desk.sql("SELECT interaction_id, person, answer, comment FROM decisions ORDER BY 1")
    assert [(one["interaction_id"], one["comment"], json.loads(one["answer"])) for one in said] == [
        (one, WHY, GOOD) for one in chosen
    ]
    decided = maria.sees(f"tasks/{chosen[0]}")["decisions"]
    assert [(one["person"], one["pick"]) for one in decided] == [("maria", pick)]
    assert desk.states("review") == {"completed": 4, "waiting": 2}
    [step] = maria.sees("reports/reviews")["steps"]
    assert (step["decisions"], step["quick"], step["median_s"]) == (4, 0, None), (
        "what many were told at once took nobody any seconds"
    )
    assert broken_invariants(desk.url) == {}


def test_what_was_shown_is_committed_to_of_each(desk: Ground, maria: Person):
    [first, *_] = ids(desk)
    path = picked(maria, [first])
    mark = maria.does(f"{path}/preview")["together"]["preview"]["mark"]

    async def look(ann: People) -> Task:
        return await ann.show(first)

    task = as_people(desk, "ann", work=look)
    maria.does(path, {"mark": mark, "reason": WHY, "answer": GOOD})
    [event] = told(desk, "task_decided")
    kept = {row["role"]: row for row in desk.sql("SELECT role::text, nonce, content FROM payloads")}
    assert json.loads(bytes(kept["request"]["content"])) == json.loads(json.dumps(shown(task)))
    sealed = {one["role"]: one["c"] for one in event["payloads"]}
    for role, row in kept.items():
        assert sealed[role] == commitment(bytes(row["nonce"]), bytes(row["content"]))


def test_what_changes_after_the_look_is_refused_and_left_alone_when_looked_at_again(
    desk: Ground, host: Served, maria: Person
):
    chosen = ids(desk)[:3]
    path = picked(maria, chosen)
    mark = maria.does(f"{path}/preview")["together"]["preview"]["mark"]
    ann = Person(host, desk, "ann", "reviewer")
    ann.does("tasks/claim", {"task": chosen[1]})
    assert maria.is_refused(path, {"mark": mark, "reason": WHY, "answer": GOOD}) == (409, "conflict")
    again = maria.does(f"{path}/preview")["together"]
    assert left(again) == {"changed": 1}
    anew = maria.does(f"{picked(maria, chosen)}/preview")["together"]
    assert left(anew) == {"claimed": 1}
    assert maria.does(path, {"mark": again["preview"]["mark"], "reason": WHY, "answer": GOOD})["decided"] == 2
    assert desk.one("SELECT claimed_by FROM tasks WHERE decided_at IS NULL AND claimed_by IS NOT NULL") == "ann"
    assert ann.is_refused(f"{path}/preview") == (404, "not_found"), "a pick is its maker's alone"
    otto = Person(host, desk, "otto", "operator")
    assert otto.is_refused(picked(otto, chosen[1:2]), {"mark": mark, "reason": WHY, "answer": GOOD})[0] == 403


def test_an_order_that_was_broken_off_goes_on_where_it_was(desk: Ground, maria: Person):
    chosen = ids(desk)[:3]
    path = picked(maria, chosen)
    mark = maria.does(f"{path}/preview")["together"]["preview"]["mark"]
    # The third one can be decided by nobody as long as this stands.
    desk.sql(
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'away'; END $$;"
        f"CREATE TRIGGER no BEFORE INSERT ON decisions FOR EACH ROW WHEN (new.interaction_id = {chosen[2]}) "
        "EXECUTE FUNCTION no()"
    )
    body = {"mark": mark, "reason": WHY, "answer": GOOD}
    assert maria.post(path, body).status_code >= 500
    assert desk.one("SELECT count(*) FROM decisions") == 2
    desk.sql("DROP FUNCTION no() CASCADE")
    assert maria.does(path, body)["decided"] == 3
    assert desk.states("review") == {"completed": 3, "waiting": 3}


def test_only_where_the_workflow_allows_it_and_a_hundred_at_most(ground: Ground, capsys: pytest.CaptureFixture[str]):
    n = deciding_together.MOST + 1
    waiting(ground, n, more="")
    chosen = [str(one) for one in ids(ground)]
    command = ["--project", str(ground.folder), "tasks", "decide-together", *chosen, "--set", "verdict=GOOD"]
    assert main.run(command) == 5
    assert "one by one" in capsys.readouterr().err
    ground.sql("UPDATE tasks SET bulk = true")
    assert main.run(command) == 2
    assert f"{n} tasks are more than anybody looks through" in capsys.readouterr().err


def test_what_several_people_must_look_at_is_never_decided_together(ground: Ground, capsys: pytest.CaptureFixture[str]):
    asking(ground, more="needs: 2\n  bulk: true")
    assert main.run(["--project", str(ground.folder), "check"]) == 2
    assert "`needs` asks several people to look at each" in capsys.readouterr().out
    asking(ground, more="needs: 2")
    ground.run()
    with pytest.raises(psycopg.errors.CheckViolation):
        ground.sql("UPDATE tasks SET bulk = true")


def test_the_terminal_shows_them_first_and_decides_what_is_expected(desk: Ground, capsys: pytest.CaptureFixture[str]):
    chosen = [str(one) for one in ids(desk)[:2]]
    asked = ("tasks", "decide-together", *chosen, "--set", "verdict=GOOD", "--as", "maria")
    found = printed(desk, *asked)
    assert (found["decided"], [one["task"] for one in found["together"]["tasks"]]) == (None, ids(desk)[:2])
    assert main.run(["--project", str(desk.folder), *asked]) == 0
    assert "some words to count" in capsys.readouterr().out
    wrong = ["--project", str(desk.folder), *asked, "--reason", WHY, "--yes", "--expect", "3"]
    assert main.run(wrong) == 5
    assert printed(desk, *asked, "--reason", WHY, "--yes", "--expect", "2")["decided"] == 2
    assert desk.do(lambda engine: run_to_end(engine, 1)) == "waiting"
    assert desk.one("SELECT count(*) FROM items WHERE note = 'GOOD'") == 2
