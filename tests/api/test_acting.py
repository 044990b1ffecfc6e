"""What is changed by HTTP: as the commands change it, in the name of who asks, once, and what was looked at."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.runner.test_people import asking
from tests.runner.test_retry import broken
from tests.support.projects import Ground, run_to_end
from tests.support.refetched import give, refetched
from tests.support.refetched import run as fetch
from tests.support.serving import Served, grant, serving, told

from wave_runner.api.acting import Acting
from wave_runner.cli import main
from wave_runner.engine import Engine
from wave_runner.store.database import Unavailable


class Person:
    """Somebody who asks one `wave serve`."""

    def __init__(self, served: Served, ground: Ground, name: str, role: str) -> None:
        self._served = served
        self._token = grant(ground, name, role)

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return self._served.ask("POST", f"/api/v1/{path}", self._token, body, **headers)

    def does(self, path: str, body: Any = None, **headers: str) -> Any:
        """Ask, and return the document; nothing else may come."""
        answer = self.post(path, body, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def sees(self, path: str) -> Any:
        answer = self._served.ask("GET", f"/api/v1/{path}", self._token)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def is_refused(self, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        answer = self.post(path, body, **headers)
        return answer.status_code, answer.json()["kind"]


def printed(ground: Ground, *command: str) -> Any:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main.run(["--project", str(ground.folder), *command, "--json"]) == 0
    return json.loads(out.getvalue())


def test_what_failed_is_tried_again_once_by_who_has_looked(ground: Ground, tmp_path: Path):
    broken(ground, tmp_path)
    assert ground.run() == "failed"
    with serving(ground) as served:
        otto = Person(served, ground, "otto", "operator")
        run = {"subject": "run", "name": "1"}
        found = otto.does("retry/preview", run)
        assert found == printed(ground, "retry", "run", "1")
        assert (found["total"], found["retried"]) == (2, None)
        assert otto.is_refused("retry", run) == (422, "usage")  # nobody acts on what they have not looked at
        other = f"2-{'0' * 32}"
        key = {"Idempotency-Key": "first"}
        assert otto.is_refused("retry", {**run, "mark": other}, **key) == (409, "conflict")
        assert ground.states("first")["failed"] == 2

        done = otto.post("retry", {**run, "mark": found["mark"]}, **key)
        assert (done.status_code, done.json()["retried"]) == (200, 2)
        again = otto.post("retry", {**run, "mark": found["mark"]}, **key)
        assert (again.text, again.headers["Idempotent-Replayed"]) == (done.text, "true")
        assert otto.is_refused("retry", {**run, "mark": other}, **key) == (422, "answer")
        assert [one["by"] for one in told(ground, "retried")] == ["otto"]
        assert otto.is_refused("retry", {**run, "mark": found["mark"]})[0] in (404, 409)
        # Another person's keys are other keys.
        anna = Person(served, ground, "anna", "operator")
        assert anna.does("pause", run, **key)["changed"] is True
        assert anna.does("resume", run)["changed"] is True
        assert [told(ground, one)[-1]["by"] for one in ("paused", "resumed")] == ["anna", "anna"]

        found = otto.does("cancel/preview", run)
        assert otto.is_refused("cancel", {**run, "expect": found["total"] + 1}) == (409, "conflict")
        assert otto.does("cancel", {**run, "expect": found["total"]})["cancelled"] == found["total"] == 2
        assert told(ground, "cancelled")[-1]["by"] == "otto"
        ground.sql("UPDATE http_requests SET answer = NULL")
        assert anna.is_refused("pause", run, **key) == (409, "conflict")  # it may have been done: nobody knows


def test_results_are_redone_brought_back_and_found_wrong(worked: Ground, served: Served):
    otto = Person(served, worked, "otto", "operator")
    chosen = {"workflow": "work", "step": "count"}
    found = otto.does("rerun/preview", chosen)
    assert found == printed(worked, "rerun", "-w", "work", "--from", "count")
    mark = found["preview"]["mark"]
    assert found["preview"]["records"] == 3
    order = {**chosen, "reason": "it miscounts", "mark": mark}
    assert otto.is_refused("rerun", {**order, "mark": f"3-{'0' * 32}"}) == (409, "conflict")
    # It was not looked at for that: neither that step alone, nor that nothing is done anew.
    alone = {"workflow": "work", "only": "count", "reason": "it miscounts", "mark": mark}
    assert otto.is_refused("rerun", alone) == (409, "conflict")
    assert otto.is_refused("invalidate", order) == (409, "conflict")
    assert otto.is_refused("rerun", {**order, "sql": "SELECT 1"}) == (422, "usage")  # nothing is ever run
    assert otto.is_refused("rerun", {**order, "only": "count"}) == (422, "project")
    started = otto.does("rerun", order)["started"]
    assert (started["records"], started["redone"]) == (3, 3)
    assert worked.one("SELECT ordered_by FROM reruns WHERE generation > 0") == "otto"
    assert worked.do(lambda engine: run_to_end(engine, 1)) == "completed"
    assert otto.is_refused("rerun", order) == (409, "conflict")  # these are others by now

    path = f"rerun/{started['rerun']}/undo"
    assert otto.does(f"{path}/preview") == printed(worked, "rerun", "undo", str(started["rerun"]))
    assert otto.does(path)["undone"] is True
    assert told(worked, "rerun_undone")[0]["by"] == "otto"

    wrong = {"workflow": "work", "step": "count", "records": ["item 0001"]}
    found = otto.does("invalidate/preview", wrong)["preview"]
    done = otto.does("invalidate", {**wrong, "reason": "invented", "mark": found["mark"]})["done"]
    assert (done["records"], told(worked, "invalidated")[0]["by"]) == (1, "otto")


def _event(ground: Ground, type: str) -> int:
    return int(ground.one("SELECT max(event_id) FROM interaction_events WHERE type::text = %s", type))


def test_a_person_decides_in_their_own_name(ground: Ground):
    asking(ground, n=3)
    assert ground.run() == "waiting"
    with serving(ground) as served:
        maria, otto = Person(served, ground, "maria", "reviewer"), Person(served, ground, "otto", "operator")
        open_tasks = maria.sees("tasks")
        assert open_tasks == printed(ground, "tasks", "list")
        task = open_tasks["rows"][0]["task"]
        assert otto.is_refused("tasks/claim", {"task": task}) == (403, "forbidden")
        claimed = maria.does("tasks/claim", {"task": task})
        assert (claimed["claimed_by"], claimed["token"] is None) == ("maria", False)
        [queue] = maria.sees("tasks?queue=nobodys")["queues"]
        assert (queue["queue"], queue["tasks"], queue["claimed"], queue["overdue"]) == ("reviewers", 3, 1, 0)
        assert otto.sees(f"tasks/{task}")["token"] is None  # it is the claimer's alone
        key, path = {"Idempotency-Key": "k"}, f"tasks/{task}/decide"
        assert maria.is_refused(path, {"answer": {"größe": 0.5, "n": 2**60}}, **key) == (422, "answer")
        answer = {"answer": {"verdict": "GOOD"}, "token": claimed["token"], "comment": "reads well"}
        assert maria.does(path, answer, **key) == {"schema": "wave.task.said.v1", "task": task, "state": "decided"}
        assert maria.does(path, answer, **key)["state"] == "decided"
        assert maria.is_refused(path, answer) == (409, "conflict")
        assert [one["person"] for one in told(ground, "task_decided")] == ["maria"]
        other = maria.does("tasks/claim", {})["task"]
        assert maria.does("tasks/claim", {})["task"] == other
        assert maria.does(f"tasks/{other}/draft", {"draft": {"verdict": "?"}})["state"].startswith("claimed by maria")
        assert maria.does(f"tasks/{other}/release", {})["state"] == "open"
        [decided] = otto.sees(f"tasks/{task}")["decisions"]
        assert (decided["event_id"], decided["nth"]) == (str(_event(ground, "task_decided")), 1)
        everything = {"skip": [one["task"] for one in open_tasks["rows"]]}
        assert maria.is_refused("tasks/claim", everything) == (404, "not_found")
        kept = json.dumps(ground.sql("SELECT answer FROM http_requests"))
        assert "words" not in kept  # nothing that a task shows is kept with a key


def test_staged_rows_and_what_has_changed_are_decided_on(ground: Ground):
    refetched(ground)
    give(ground, [{"name": "a", "text": "some words"}, {"name": "b", "text": ""}])
    assert fetch(ground) == "completed"
    give(ground, [{"name": "c", "text": "others"}])
    assert fetch(ground) == "completed"
    with serving(ground) as served:
        maria = Person(served, ground, "maria", "reviewer")
        assert maria.is_refused("staging/2/refuse", {"reason": "it is so", "expect": 2}) == (409, "conflict")
        assert maria.sees("staging") == printed(ground, "staging", "list")
        assert maria.does("staging/2/approve", {"reason": "it is so", "expect": 1})["records"] == 1
        assert told(ground, "batch_approved")[0]["by"] == "maria"
        found = maria.does("staging/1/promote/preview", {"where": "rule:empty"})
        assert (found["rows"], found["run"]) == (1, None)
        row = {"where": "rule:empty", "reason": "it is right", "set": {"text": "a text"}}
        assert maria.is_refused("staging/1/promote", {**row, "mark": f"1-{'0' * 32}"}) == (409, "conflict")
        assert maria.does("staging/1/promote", {**row, "mark": found["mark"]})["run"] == 3
        assert told(ground, "staging_promoted")[0]["by"] == "maria"
        assert maria.does("staging/1/reject/preview", {})["rows"] == 0

        ground.write("actors/count.py", (ground.folder / "actors/count.py").read_text() + "\n# another\n")
        [count] = [one for one in maria.sees("actors")["rows"] if one["actor"] == "count"]
        assert maria.sees("actors") == printed(ground, "actors", "list")
        assert count["state"] == "drifted"
        approval = {"name": "count", "sha256": count["found"]}
        assert maria.is_refused("actors/approve", {**approval, "sha256": count["approved"]}) == (409, "conflict")
        assert maria.does("actors/approve", approval)["changed"] is True
        assert told(ground, "actor_approved")[-1]["by"] == "maria"


def test_a_key_is_free_again_where_the_database_has_taken_its_change_back(ground: Ground):
    """Where it has not said so, nobody knows: then the key stays taken."""
    ground.project()
    ground.start()

    async def act(engine: Engine) -> list[int]:
        acting = Acting(engine=engine, person="otto", key="k", asked="POST /x")

        async def too_late() -> dict[str, Any]:
            async with engine.database.repeatable() as connection:
                await connection.execute("SELECT FROM workflow_runs")
                ground.sql("UPDATE workflow_runs SET priority = 1")
                await connection.execute("UPDATE workflow_runs SET priority = 2")
            return {}

        async def cut_off() -> dict[str, Any]:
            async with engine.database.transaction() as connection:
                await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            return {}

        kept = []
        for change in (too_late, cut_off):
            with pytest.raises(Unavailable):
                await acting.once("wave.x.v1", None, change)
            kept.append(ground.one("SELECT count(*) FROM http_requests"))
        return kept

    assert ground.do(act) == [0, 1]


def test_what_makes_no_sense_changes_nothing(served: Served, worked: Ground):
    run = b'{"subject": "run", "name": "1"}'
    wrong: list[tuple[bytes, dict[str, str], int]] = [
        (run, {"Content-Type": "text/plain"}, 422),  # what a form of another page can send
        (run, {"Idempotency-Key": "k" * 201}, 422),
        (b'{"subject": "run", "name": "1", "more": 1}', {}, 422),
        (b'{"subject": "run", "name": "\\u0000"}', {}, 422),
        (b'{"subject": "run", "name": "\\ud800"}', {}, 422),
        (b'{"subject": "moon", "name": "1"}', {}, 422),
        (b"{", {}, 422),
        (b'{"subject": "run", "name": "' + b"1" * 2**20 + b'"}', {}, 413),
        (b'{"subject": "run", "name": "99"}', {}, 404),
    ]
    for body, headers, code in wrong:
        given = {"Authorization": f"Bearer {served.token}", "Content-Type": "application/json", **headers}
        answer = served.client.post("/api/v1/pause", content=body, headers=given)
        found = (answer.status_code, answer.headers["content-type"])
        assert found == (code, "application/problem+json"), (body[:60], answer.text)
    endless = served.client.post("/api/v1/pause", content=iter([run]), headers={"Content-Type": "application/json"})
    assert (endless.status_code, endless.json()["kind"]) == (411, "length_required")
    assert told(worked, "paused") == []
