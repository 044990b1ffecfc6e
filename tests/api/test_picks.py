"""What is picked from a list: an order is about exactly that, as it was looked at, or about nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.test_acting import Person
from tests.runner.test_people import FORM, REVIEW, SAVE
from tests.support.invariants import broken_invariants
from tests.support.projects import Ground, Make, rows, run_to_end, script
from tests.support.serving import Served, serving, told

from wave_runner.cli import main
from wave_runner.core.control import Subject
from wave_runner.core.event import commitment
from wave_runner.core.picks import Order
from wave_runner.engine import Engine
from wave_runner.runner.picking import Picked
from wave_runner.store import picks
from wave_runner.store.control import Filter

GRADE = """\
grade: {actor: grade, input: {text: record.text}, writes: [items.words], next: review}
"""
ASKED, FAILED = 5, 4
REASON = "the list was away"


def half_way(ground: Ground) -> None:
    """Of nine records four have failed for two reasons, and five wait for people."""
    switch = Path(tempfile.mkdtemp()) / "away"
    switch.touch()
    grade = script(
        f"import os\nif os.path.exists({str(switch)!r}) and ctx.record.endswith(('1', '3', '5')):\n"
        "    raise OSError('away')\n"
        f"if os.path.exists({str(switch)!r}) and ctx.record.endswith('7'):\n    ctx.reject('odd', rule='odd')\n"
        "ctx.write('items', {'words': len(item['text'].split())})\nreturn {}"
    )
    ground.project(
        rows=rows(9),
        steps=GRADE + REVIEW.format(more=""),
        actors={"grade": grade, "save": SAVE},
        files={"schemas/review.json": FORM},
        toml="[scripts.grade]\nmax_attempts = 1\n",
    )
    assert ground.run() == "waiting"
    switch.unlink()


@pytest.fixture
def shop(copy_of: Callable[[Make], Ground]) -> Ground:
    return copy_of(half_way)


@pytest.fixture
def host(shop: Ground) -> Iterator[Served]:
    with serving(shop) as served:
        yield served


@pytest.fixture
def otto(shop: Ground, host: Served) -> Person:
    return Person(host, shop, "otto", "operator")


def order(person: Person, kind: str, picked: Any, **headers: str) -> Any:
    """Look at an order, and give it exactly as it was looked at."""
    path = f"picks/{picked['pick_id']}/{kind}"
    found = person.does(f"{path}/preview")["preview"]
    return person.does(path, {"mark": found["mark"], "reason": REASON}, **headers)


def left(preview: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in preview["left"]:
        found[one["why"]] = found.get(one["why"], 0) + one["n"]
    return found


def test_what_is_picked_is_what_the_list_shows_on_all_its_pages(shop: Ground, otto: Person):
    asked: list[dict[str, Any]] = [
        {},
        {"step": "grade"},
        {"state": "failed"},
        {"state": "waiting"},
        {"rule": "odd"},
        {"error_class": "crashed"},
        {"record": "item 0003"},
        {"record": "item 0003", "step": "review"},
        {"step": "review", "state": "skipped"},
        {"step": "nothing"},
    ]
    for like in asked:
        query = "&".join(f"{name}={value}" for name, value in like.items())
        shown, before = [], ""
        while True:
            page = otto.sees(f"interactions?limit=4{before}&{query}")
            shown += [one["interaction_id"] for one in page["rows"]]
            if page["next_before_id"] is None:
                break
            before = f"&before={page['next_before_id']}"
        picked = otto.does("picks", {"run": 1, **like})
        held = shop.sql("SELECT interaction_id FROM picked WHERE pick_id = %s", int(picked["pick_id"]))
        assert sorted(str(one["interaction_id"]) for one in held) == sorted(shown), like
        assert picked["total"] == len(shown)
    assert otto.does("picks", {"state": "failed"})["run_id"] == "1"
    assert otto.is_refused("picks", {"run": 7}) == (404, "not_found")
    assert otto.is_refused("picks", {"record": "nobody"}) == (404, "not_found")
    assert otto.is_refused("picks", {"where": "1 = 1"}) == (422, "usage")


def test_an_order_is_about_what_it_can_be_and_says_why_not_about_the_others(shop: Ground, otto: Person):
    picked = otto.does("picks", {"run": 1, "step": "grade"})
    path = f"picks/{picked['pick_id']}"
    found = otto.does(f"{path}/retry/preview")
    assert (found["done"], found["preview"]["total"], found["preview"]["may"]) == (None, 9, FAILED)
    assert left(found["preview"]) == {"not_broken": ASKED}
    assert left(otto.does(f"{path}/cancel/preview")["preview"]) == {"ended": 9}
    assert shop.states("grade")["completed"] == ASKED, "a preview changes nothing"

    key = {"Idempotency-Key": "once"}
    done = order(otto, "retry", picked, **key)
    assert done["done"] == FAILED
    body = {"mark": found["preview"]["mark"], "reason": REASON}
    assert otto.post(f"{path}/retry", body, **key).headers["Idempotent-Replayed"] == "true"
    assert otto.does(f"{path}/retry", body)["done"] == FAILED, "once more it says what was done"
    assert shop.states("grade") == {"completed": ASKED, "pending": FAILED}
    assert otto.is_refused(f"{path}/cancel", body) == (409, "conflict")
    assert otto.is_refused(f"{path}/retry/preview") == (409, "conflict")

    [kept] = shop.sql("SELECT reason, reason_nonce FROM picks WHERE kind IS NOT NULL")
    said = {"by": "otto", "reason": commitment(bytes(kept["reason_nonce"]), REASON.encode())}
    assert kept["reason"] == REASON
    assert told(shop, "interaction_retried") == [said] * FAILED
    assert told(shop, "retried") == [{**said, "interactions": FAILED, "reopened": False}]
    assert broken_invariants(shop.url) == {}


def test_what_waits_for_people_is_cancelled_with_its_tasks(shop: Ground, otto: Person):
    waiting = otto.does("picks", {"run": 1, "state": "waiting"})
    assert waiting["total"] == ASKED
    ids = [one["interaction_id"] for one in otto.sees("interactions?run=1&state=waiting")["rows"]][:2]
    two = otto.does("picks", {"run": 1, "interactions": [int(one) for one in ids]})
    assert two["total"] == 2
    assert order(otto, "cancel", two)["done"] == 2
    # The others are as they were picked; those two are not.
    found = otto.does(f"picks/{waiting['pick_id']}/cancel/preview")["preview"]
    assert (found["may"], left(found)) == (ASKED - 2, {"changed": 2})
    assert order(otto, "cancel", waiting)["done"] == ASKED - 2
    assert shop.states("review") == {"cancelled": ASKED, "skipped": FAILED}
    assert shop.one("SELECT count(*) FROM tasks WHERE NOT withdrawn") == 0
    assert len(told(shop, "interaction_cancelled")) == ASKED
    assert broken_invariants(shop.url) == {}
    assert shop.do(lambda engine: run_to_end(engine, 1)) == "failed", "which would wait for ever otherwise"


def test_exactly_the_picked_results_of_a_step_are_redone(shop: Ground, otto: Person):
    every = otto.does("picks", {"run": 1})
    assert otto.is_refused(f"picks/{every['pick_id']}/rerun/preview") == (422, "project")
    broken = otto.does("picks", {"run": 1, "step": "grade", "rule": "odd"})
    path = f"picks/{broken['pick_id']}/rerun"
    found = otto.does(f"{path}/preview")
    assert (found["step"], found["total"], found["preview"]["records"], found["preview"]["redone"]) == (
        "grade",
        1,
        1,
        1,
    )
    assert found["preview"]["keys"] == ["item 0007"]
    body = {"mark": found["preview"]["mark"], "reason": REASON}
    assert otto.is_refused(path, {**body, "mark": f"1-{'0' * 32}"}) == (409, "conflict")
    assert otto.does(path, body)["started"]["redone"] == 1
    assert otto.is_refused(path, body) == (409, "conflict"), "it has been superseded since"
    assert shop.one("SELECT ordered_by FROM reruns WHERE generation > 0") == "otto"
    again = otto.does("picks", {"run": 1, "step": "grade", "rule": "odd"})
    assert left(otto.does(f"picks/{again['pick_id']}/retry/preview")["preview"]) == {"superseded": 1}


def test_what_has_changed_since_it_was_looked_at_is_refused(shop: Ground, otto: Person):
    picked = otto.does("picks", {"run": 1, "state": "failed"})
    path = f"picks/{picked['pick_id']}/retry"
    looked = otto.does(f"{path}/preview")["preview"]
    one = otto.does("picks", {"run": 1, "state": "failed", "record": "item 0003"})
    assert order(otto, "retry", one)["done"] == 1
    body = {"mark": looked["mark"], "reason": REASON}
    assert otto.is_refused(path, body) == (409, "conflict")
    assert shop.states("grade")["pending"] == 1
    looked = otto.does(f"{path}/preview")["preview"]
    assert (looked["may"], left(looked)) == (2, {"changed": 1})
    assert otto.does(path, {**body, "mark": looked["mark"]})["done"] == 2
    # The mark of one order says nothing of another, nor that of one pick of another.
    other = otto.does("picks", {"run": 1, "state": "waiting"})
    cancels = otto.does(f"picks/{other['pick_id']}/cancel/preview")["preview"]
    again = otto.does("picks", {"run": 1, "state": "waiting"})
    assert otto.is_refused(f"picks/{again['pick_id']}/cancel", {**body, "mark": cancels["mark"]}) == (409, "conflict")

    odd = otto.does("picks", {"run": 1, "rule": "odd"})
    otto.does("cancel", {"subject": "run", "name": "1"})
    looked = otto.does(f"picks/{odd['pick_id']}/retry/preview")["preview"]
    assert (looked["may"], left(looked)) == (0, {"cancelled_run": 1})
    assert otto.is_refused(f"picks/{odd['pick_id']}/retry", {**body, "mark": looked["mark"]}) == (409, "conflict")


def test_a_pick_is_its_makers_and_for_an_hour(shop: Ground, otto: Person, host: Served):
    picked = otto.does("picks", {"run": 1, "state": "failed"})
    path = f"picks/{picked['pick_id']}/retry"
    looked = otto.does(f"{path}/preview")["preview"]
    body = {"mark": looked["mark"], "reason": REASON}
    anna = Person(host, shop, "anna", "operator")
    assert anna.is_refused(f"{path}/preview") == (404, "not_found")
    assert anna.is_refused(path, body) == (404, "not_found")
    assert otto.is_refused("picks/4711/retry/preview") == (404, "not_found")
    assert otto.is_refused(path, {"mark": looked["mark"]}) == (422, "usage"), "why is asked for"

    shop.sql("UPDATE picks SET expires_at = now() - interval '1 second'")
    assert otto.is_refused(f"{path}/preview") == (409, "conflict")
    assert otto.is_refused(path, body) == (409, "conflict")
    assert "pending" not in shop.states("grade")
    otto.does("picks", {"run": 1, "record": "item 0003"})
    assert otto.is_refused(path, body) == (404, "not_found"), "whoever picks next clears away what has expired"
    assert shop.one("SELECT count(DISTINCT pick_id) FROM picked") == 1


async def broken_off(engine: Engine, picked: Picked, kind: Order) -> str:
    """Do of an order only its first chunk, of one; return the mark that it was given with."""
    picking, by = engine.picking(), engine.person
    found = await picking.preview(picked.pick_id, kind)
    async with engine.database.transaction() as connection:
        pick = await picks.find(connection, picked.pick_id, person=by, lock=True)
        assert pick is not None
        await picks.order(connection, pick, kind, reason=REASON, nonce=bytes(32))
        pick = await picks.find(connection, picked.pick_id, person=by)
        assert pick is not None
        assert await picks.carry_out(connection, pick, by=by, run_flow=picking.steps.run_flow, size=1) == 1
    return found.mark


def test_an_order_that_was_broken_off_is_gone_on_with_but_for_what_has_changed(shop: Ground):
    newest = shop.one("SELECT max(interaction_id) FROM interactions WHERE state = 'waiting'")
    nothing = {"record_id": None, "step": None, "error_class": None, "rule": None}

    async def act(engine: Engine) -> tuple[int, int]:
        picking = engine.picking()
        picked = await picking.pick(1, {**nothing, "by": "trouble", "state": None})
        mark = await broken_off(engine, picked, Order.RETRY)
        assert await engine.orders().retry(Subject.RUN, "1", Filter(rule="odd")) == 1
        retried = await picking.order(picked.pick_id, Order.RETRY, reason=REASON, expect=mark)

        waiting = {**nothing, "by": "place", "state": "waiting"}
        picked = await picking.pick(1, waiting)
        mark = await broken_off(engine, picked, Order.CANCEL)
        assert await engine.people("maria").claim(task=newest) is not None
        return retried, await picking.order(picked.pick_id, Order.CANCEL, reason=REASON, expect=mark)

    assert shop.do(act) == (FAILED - 1, ASKED - 1)
    assert shop.states("grade") == {"completed": ASKED, "pending": FAILED}
    assert shop.states("review") == {"cancelled": ASKED - 1, "waiting": 1, "skipped": FAILED}
    assert shop.one("SELECT claimed_by FROM tasks WHERE NOT withdrawn") == "maria"


def test_the_command_gives_the_same_order(shop: Ground, capsys: pytest.CaptureFixture[str]):
    def wave(*words: str) -> tuple[int, str]:
        code = main.run(["--project", str(shop.folder), "pick", *words])
        said = capsys.readouterr()
        return code, said.out + said.err

    code, said = wave("retry", "1", "--step", "grade")
    assert code == 0, said
    assert "not_broken" in said
    assert f"the same command with --reason TEXT --yes --expect {FAILED}" in said
    assert wave("retry", "1", "--yes")[0] == 2
    code, said = wave("retry", "1", "--step", "grade", "--reason", REASON, "--yes", "--expect", "9")
    assert (code, f"{FAILED} is what it would be about, and 9 were expected" in said) == (5, True)
    assert "pending" not in shop.states("grade")
    code, said = wave("retry", "1", "--rule", "odd", "--reason", REASON, "--yes", "--expect", "1")
    assert (code, "run 1: 1 interactions are tried again" in said) == (0, True)
    code, said = wave("cancel", "1", "--state", "waiting", "--reason", REASON, "--yes", "--json")
    assert (code, json.loads(said)["done"]) == (0, ASKED)
    code, said = wave("rerun", "1", "--step", "grade", "--state", "failed")
    assert (code, "3 records: 3 results of grade" in said) == (0, True)
    code, said = wave("rerun", "1", "--step", "grade", "--state", "failed", "--reason", REASON, "--yes")
    assert (code, "rerun 1: 3 results of grade are redone" in said) == (0, True)
    assert wave("retry", "1", "--interaction", "999999")[0] == 4
    assert wave("retry", "7")[0] == 4
