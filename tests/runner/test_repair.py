"""Reruns: exactly what was chosen is redone with all that it led to, and an undo brings back what was there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.runner.test_flow import FLOW_G, GRADERS, SCHEMAS, check_invariants
from tests.support import warm
from tests.support.projects import Ground, Make, at_work, ended, rows, script

from wave_runner.core.event import commitment
from wave_runner.errors import ConflictError, NotFoundError, WaveError
from wave_runner.runner.fold_check import verify_interactions
from wave_runner.runner.repair import Invalidated, Preview, Started

STEPS = """\
count: {actor: count, input: {text: record.text}, writes: [items.words], next: label}
label: {actor: label, input: {words: count.words}, writes: [tags], next: end}
"""
LABEL = script("ctx.replace('tags', [{'tag': f\"has {item['words']}\"}])\nreturn {'words': item['words']}")
MORE = script("words = len(item['text'].split()) + 100\nctx.write('items', {'words': words})\nreturn {'words': words}")


def preview(ground: Ground, step: str = "count", **narrowed: Any) -> Preview:
    return ground.do(lambda engine: engine.repair().preview(engine.redoing().choice("work", step, **narrowed)))


def rerun(ground: Ground, step: str = "count", expect: int | None = None, **narrowed: Any) -> Started:
    """Redo with what the folder has now; with `leads_on=False` that step alone."""

    async def redo(engine):
        await engine.sync(dev=True)
        return await engine.redoing().rerun(
            engine.redoing().choice("work", step, **narrowed), reason="it was wrong", expect=expect
        )

    return ground.do(redo)


def undo(ground: Ground, rerun_id: int = 1) -> Any:
    return ground.do(lambda engine: engine.repair().undo(rerun_id, dry=False))


def work(ground: Ground, run_id: int = 1) -> str:
    async def go_on(engine):
        async with at_work(engine):
            return await ended(engine, run_id)

    return ground.do(go_on)


def values(ground: Ground) -> dict[str, tuple[int, list[str]]]:
    """What stands in the tables, by name."""
    found = ground.sql(
        "SELECT name, words, (SELECT array_agg(tag ORDER BY tag) FROM tags t WHERE t.item_id = i.item_id) AS tags "
        "FROM items i ORDER BY name"
    )
    return {row["name"]: (row["words"], row["tags"]) for row in found}


def in_force(ground: Ground) -> set[tuple[str, str, str, str | None]]:
    """The results that count, by record and step."""
    found = ground.sql(
        "SELECT c.key, s.name, i.state::text AS state, i.output FROM interactions i JOIN records c USING (record_id) "
        "JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id) WHERE in_force"
    )
    return {(row["key"], row["name"], row["state"], row["output"]) for row in found}


def ten_records(ground: Ground) -> None:
    ground.project(rows=rows(10), steps=STEPS, actors={"label": LABEL})
    assert ground.run() == "completed"


@pytest.fixture
def done(copy_of: Callable[[Make], Ground]) -> Ground:
    """Ten records through two steps, the later one written as a list."""
    return copy_of(ten_records)


def test_a_preview_says_what_would_be_redone_and_changes_nothing(done: Ground):
    before = done.one("SELECT max(event_id) FROM interaction_events")
    found = preview(done, where='name:"item 0003"')
    assert (found.records, found.redone, found.interactions, found.runs) == (1, 1, 2, (1,))
    assert found.columns == ("items.words", "tags.*")
    assert [share.step for share in found.steps] == ["count", "label"]
    assert preview(done).records == 10
    assert done.one("SELECT max(event_id) FROM interaction_events") == before


def test_exactly_what_was_chosen_is_redone_with_what_it_led_to_and_nothing_else(done: Ground):
    untouched = (
        "SELECT count(*) FROM interaction_events e JOIN interactions i USING (run_id, interaction_id) "
        "JOIN records c USING (record_id) WHERE c.key <> 'item 0003'"
    )
    events = done.one(untouched)
    done.write("actors/count.py", MORE)
    started = rerun(done, where='name:"item 0003"', expect=1)
    assert (started.records, started.redone, started.superseded) == (1, 1, 2)
    assert done.one("SELECT state FROM workflow_runs") == "running"
    assert work(done) == "completed"
    found = values(done)
    assert found.pop("item 0003") == (104, ["has 104"])
    assert set(map(str, found.values())) == {"(4, ['has 4'])"}
    assert done.one(untouched) == events, "no event of another record"
    assert done.one("SELECT count(*) FROM interactions WHERE superseded_by = 1 AND output IS NOT NULL") == 2


def test_an_undo_brings_back_the_values_and_the_results_and_both_are_kept(done: Ground):
    stood, counted = values(done), in_force(done)
    done.write("actors/count.py", MORE)
    rerun(done)
    assert work(done) == "completed"
    assert values(done) != stood
    [(_, undone)] = undo(done)
    assert (undone.records, undone.values, undone.left) == (10, 20, ())
    assert work(done) == "completed"
    assert (values(done), in_force(done)) == (stood, counted)
    kept = (
        "SELECT count(DISTINCT convert_from(content, 'UTF8')) FROM value_writes v "
        "JOIN payloads p ON p.payload_id = v.before_payload_id WHERE column_name = 'words'"
    )
    assert done.one(kept) == 2, "what the rerun wrote is kept as well"
    assert done.one("SELECT count(*) FROM interactions WHERE in_force AND generation > 0") == 0


def flow_g(ground: Ground, texts: list[str]) -> Ground:
    rows_in = [{"name": f"item {n:04}", "text": text} for n, text in enumerate(texts)]
    ground.project(rows=rows_in, steps=FLOW_G, actors=GRADERS, files=SCHEMAS)
    assert ground.run() == "completed"
    return ground


PAIRS = ["PASS PASS", "PASS FAIL", "FAIL PASS", "FAIL FAIL"]


@pytest.mark.parametrize("step", ["summarise", "grade_a", "grade_b", "meet", "improve", "regrade", "ticket", "save"])
def test_a_join_behind_what_is_redone_waits_for_that_and_has_the_rest_already(ground: Ground, step: str):
    flow_g(ground, PAIRS)
    before, counted = in_force(ground), ground.one("SELECT count(*) FROM interactions")
    found = preview(ground, step)
    rerun(ground, step, expect=found.records)
    assert work(ground) == "completed"
    assert in_force(ground) == before, "the same came of it"
    assert ground.one("SELECT count(*) FROM interactions") == counted + found.interactions
    check_invariants(ground)


def test_what_is_redone_may_go_another_way_and_the_old_way_counts_no_more(ground: Ground):
    flow_g(ground, PAIRS)
    ground.write("actors/other_grade.py", script("return {'verdict': 'PASS'}"))
    rerun(ground, "grade_b")
    assert work(ground) == "completed"
    went = {
        key: {step for k, step, state, _ in in_force(ground) if (k, state) == (key, "completed")}
        for key in records(ground)
    }
    saved = {"summarise", "grade_a", "grade_b", "meet", "save"}
    assert went["item 0000"] == went["item 0001"] == saved
    assert went["item 0002"] == went["item 0003"] == saved - {"save"} | {"improve", "regrade", "ticket"}
    check_invariants(ground)


def records(ground: Ground) -> list[str]:
    return [row["key"] for row in ground.sql("SELECT key FROM records ORDER BY key")]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_redone_and_undone_the_same_values_and_results_are_in_force_again(
    flow: Ground, data: st.DataObject
):
    step = data.draw(st.sampled_from(["summarise", "grade_a", "grade_b", "meet", "improve", "save"]))
    keys = tuple(data.draw(st.lists(st.sampled_from(records(flow)), min_size=1, unique=True)))
    grade = data.draw(st.sampled_from(["'PASS'", "'FAIL'", "item['by']"]))
    words = data.draw(st.integers(2, 900))
    leads_on, works = data.draw(st.booleans()) or step == "improve", data.draw(st.booleans())  # rounds: in their order
    stood, counted = values(flow), in_force(flow)
    flow.write("actors/grade.py", script(f"return {{'verdict': {grade}}}"))
    flow.write("actors/save.py", script(f"ctx.write('items', {{'words': {words}}})\nreturn {{}}"))
    if not preview(flow, step, keys=keys, leads_on=leads_on).records:
        return
    started = rerun(flow, step, keys=keys, leads_on=leads_on)
    if works:
        work(flow)
    undone = undo(flow, started.rerun)
    work(flow)
    assert [one.left for _, one in undone] == [()]
    assert (values(flow), in_force(flow)) == (stood, counted)


@pytest.fixture
def flow(ground: Ground) -> Ground:
    """Flow G, done for eight records that go each of its ways twice."""
    return flow_g(ground, PAIRS * 2)


def test_results_are_chosen_by_what_they_are(done: Ground):
    assert preview(done, where="out.words:4").records == 10
    assert preview(done, where="out.words:>4").records == 0
    assert preview(done, where='state:completed name:"item 0001"').records == 1
    assert preview(done, where="state:failed").records == 0
    script_hash = done.one("SELECT encode(sha256, 'hex') FROM definitions WHERE kind = 'script' AND name = 'count'")
    assert preview(done, where=f"version:{script_hash[:8]}").records == 10
    assert preview(done, where="version:00000000").records == 0
    assert preview(done, sql="SELECT name FROM items ORDER BY name LIMIT 3").records == 3
    assert preview(done, sql="SELECT name FROM items LIMIT 9", keys=("item 0009", "no such")).records <= 1
    assert preview(done, run_id=1).records == 10
    assert preview(done, run_id=2).records == 0


@pytest.mark.parametrize(
    ("narrowed", "said"),
    [
        ({"where": "words:many"}, "the database refuses what chooses the records"),
        ({"where": "sate:completed"}, "has no column sate"),
        ({"where": "state:>completed"}, "state is not more or less than anything"),
        ({"where": "version:12"}, "too short a beginning"),
        ({"sql": "SELECT nothing FROM nowhere"}, "the database refuses what chooses the records"),
        ({"sql": "DELETE FROM items RETURNING name"}, "the database refuses what chooses the records"),
    ],
)
def test_what_chooses_nothing_that_there_is_is_refused_with_words(done: Ground, narrowed: dict[str, str], said: str):
    with pytest.raises(WaveError, match=said):
        preview(done, **narrowed)


def test_another_number_than_was_expected_changes_nothing(done: Ground):
    before = done.one("SELECT max(event_id) FROM interaction_events")
    with pytest.raises(ConflictError, match="10 records are chosen, and 9 were expected"):
        rerun(done, expect=9)
    with pytest.raises(NotFoundError, match="no result is chosen"):
        rerun(done, where="state:failed")
    assert done.one("SELECT max(event_id) FROM interaction_events") == before


def test_records_that_are_being_redone_are_left_alone_by_another_rerun(done: Ground):
    rerun(done, where='name:"item 0003"')
    found = preview(done)
    assert (found.records, found.under_way) == (9, 1)
    assert rerun(done).records == 9
    with pytest.raises(NotFoundError):
        rerun(done)
    assert work(done) == "completed"
    assert done.one("SELECT count(*) FROM interactions WHERE in_force") == 22


def test_two_that_redo_the_same_at_the_same_moment_do_not_both(done: Ground):
    async def both(engine):
        await engine.sync()
        choice = engine.redoing().choice("work", "count")
        tries = [engine.redoing().rerun(choice, reason=f"try {n}") for n in range(2)]
        return await asyncio.gather(*tries, return_exceptions=True)

    outcomes = done.do(both)
    assert sorted(type(one).__name__ for one in outcomes) == ["NotFoundError", "Started"]
    assert work(done) == "completed"
    assert done.one("SELECT count(*) FROM interactions") == 42


def test_a_value_that_somebody_has_changed_since_is_left_and_said(done: Ground):
    done.write("actors/count.py", MORE)
    rerun(done)
    assert work(done) == "completed"
    done.sql("UPDATE items SET words = 7 WHERE name = 'item 0004'")
    [(_, undone)] = undo(done)
    assert undone.left == (("item 0004", "changed_outside"),)
    assert undone.records == 9
    work(done)
    assert values(done)["item 0004"] == (7, ["has 104"])
    assert values(done)["item 0005"] == (4, ["has 4"])
    done.tampered = True  # that value is nobody's


def test_what_a_later_rerun_has_gone_on_from_cannot_be_undone_before_that_one(done: Ground):
    first, second = values(done), None
    done.write("actors/count.py", MORE)
    rerun(done)
    work(done)
    second = values(done)
    done.write("actors/count.py", MORE.replace("100", "200"))
    rerun(done, where='name:"item 0002"')
    work(done)
    [(_, undone)] = undo(done, 1)
    assert undone.left == (("item 0002", "redone_later"),)
    undo(done, 2)
    work(done)
    assert values(done)["item 0002"] == second["item 0002"]
    [(_, undone)] = undo(done, 1)
    assert undone.left == ()
    work(done)
    assert values(done) == first


def test_a_rerun_that_is_undone_before_it_is_done_leaves_everything_as_it_was(done: Ground):
    stood, counted = values(done), in_force(done)
    rerun(done)
    [(_, undone)] = undo(done)
    assert (undone.records, undone.values) == (10, 0)
    assert work(done) == "completed"
    assert (values(done), in_force(done)) == (stood, counted)


def test_what_failed_is_redone_from_where_it_failed(ground: Ground):
    ground.project(rows=rows(4), steps=STEPS, actors={"label": script("raise ValueError('no')")})
    assert ground.run() == "failed"
    ground.write("actors/label.py", LABEL)
    assert preview(ground, "label", where="state:failed").records == 4
    rerun(ground, "label")
    assert work(ground) == "completed"
    assert values(ground)["item 0001"] == (4, ["has 4"])
    assert ground.one("SELECT count(*) FROM interactions WHERE superseded_by IS NOT NULL") == 4


def test_an_unknown_rerun_is_no_traceback(done: Ground):
    with pytest.raises(NotFoundError, match="there is no rerun 5"):
        undo(done, 5)


def test_the_reason_is_kept_and_its_commitment_is_in_the_log(done: Ground):
    rerun(done)
    [row] = done.sql("SELECT reason, reason_nonce, ordered_by FROM reruns WHERE generation = 1")
    data = json.loads(done.one("SELECT data FROM interaction_events WHERE type = 'rerun_started'"))
    assert data["reason"] == commitment(bytes(row["reason_nonce"]), b"it was wrong")
    assert (data["records"], data["redone"], data["superseded"], data["from"]) == (10, 10, 20, "count")
    work(done)


def test_where_records_meet_again_other_ways_than_before_are_refused(ground: Ground):
    flow_g(ground, PAIRS)
    workflow = ground.folder / "workflows/work.yaml"
    workflow.write_text(workflow.read_text().replace("max: 1", "max: 3"))
    with pytest.raises(ConflictError, match="the ways between the steps of work have changed"):
        rerun(ground, "grade_a")
    assert ground.one("SELECT count(*) FROM reruns") == 1


def test_without_joins_and_loops_a_rerun_goes_the_new_ways(done: Ground):
    workflow = done.folder / "workflows/work.yaml"
    workflow.write_text(
        workflow.read_text().replace(
            "writes: [tags], next: end}", "writes: [tags], next: once_more}\n  once_more: {actor: again, next: end}"
        )
    )
    done.write("actors/again.py", script("return {}"))
    rerun(done, "label", where='name:"item 0001"')
    assert work(done) == "completed"
    assert done.states("once_more") == {"completed": 1}


def invalidate(ground: Ground, step: str = "count", **narrowed: Any) -> Invalidated:
    async def wrong(engine):
        return await engine.repair().invalidate(engine.redoing().choice("work", step, **narrowed), reason="miscounted")

    return ground.do(wrong)


def test_what_is_invalidated_counts_for_nothing_until_it_is_redone(ground: Ground):
    ground.project(rows=rows(3), steps=STEPS, actors={"label": LABEL}, ensures=["record.words != null"])
    assert ground.run() == "completed"
    found = invalidate(ground, where='name:"item 0001"')
    assert (found.records, found.interactions) == (1, 2)
    assert work(ground) == "failed"
    [row] = ground.sql("SELECT key, broken FROM run_records JOIN records USING (record_id) WHERE state = 'incomplete'")
    assert row["key"] == "item 0001"
    assert "items.words: not written by this run" in row["broken"]
    assert ground.states("label") == {"completed": 2, "invalidated": 1}
    assert values(ground)["item 0001"] == (4, ["has 4"]), "nothing is deleted"
    assert preview(ground, where="state:invalidated").records == 1

    rerun(ground, where="state:invalidated")
    assert work(ground) == "completed"
    assert ground.one("SELECT count(*) FROM interactions WHERE state = 'invalidated' AND NOT in_force") == 2
    assert preview(ground, where="state:invalidated").records == 0


def test_no_step_reads_what_is_invalidated(ground: Ground):
    ground.project(rows=rows(2), steps=STEPS, actors={"label": script("raise ValueError('not yet')")})
    assert ground.run() == "failed"
    invalidate(ground, where='name:"item 0001"')
    ground.write("actors/label.py", LABEL)
    rerun(ground, "label")
    assert work(ground) == "failed"
    assert values(ground)["item 0000"] == (4, ["has 4"])
    assert values(ground)["item 0001"] == (4, None)
    assert ground.troubles()["item 0001"] == "unresolved_input"


def test_interactions_are_what_their_events_say_whatever_was_redone_undone_and_invalidated(done: Ground):
    rerun(done, where='name:"item 0003"')
    work(done)
    rerun(done, "label")
    work(done)
    undo(done, 2)
    invalidate(done, where='name:"item 0005"')
    work(done)
    found = done.do(lambda engine: verify_interactions(engine.database, by="ann"))
    assert found.wrong == 0


def stale(ground: Ground) -> dict[str, int]:
    found = ground.do(lambda engine: engine.redoing().stale("work"))
    return {one.step: one.results for one in found.by_step()}


def test_only_one_step_is_redone_and_what_stands_behind_it_stays_and_is_stale(done: Ground):
    others = (
        "SELECT count(*) FROM interaction_events e JOIN interactions i USING (run_id, interaction_id) "
        "JOIN records c USING (record_id) WHERE c.key <> 'item 0003'"
    )
    events = done.one(others)
    done.write("actors/count.py", MORE)
    only = {"where": 'name:"item 0003"', "leads_on": False}
    found = preview(done, **only)
    assert (found.records, found.interactions, found.columns) == (1, 1, ("items.words",))
    assert [(share.step, share.interactions) for share in found.kept] == [("label", 1)]
    started = rerun(done, expect=1, **only)
    assert (started.redone, started.superseded) == (1, 1)
    assert work(done) == "completed"
    assert values(done)["item 0003"] == (104, ["has 4"])
    assert (done.one(others), done.states("label")) == (events, {"completed": 10})
    assert stale(done)["label"] == 1, "it was made from another number"
    found = done.do(lambda engine: verify_interactions(engine.database, by="ann"))
    assert found.wrong == 0
    done.do(lambda engine: engine.seal())
    verified = warm.wave("--project", done.folder, "audit", "verify", timeout=60)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_what_stands_behind_a_step_that_comes_to_the_same_is_not_stale(done: Ground):
    rerun(done, leads_on=False)
    assert work(done) == "completed"
    assert stale(done) == {}


def test_what_stays_behind_a_step_is_redone_from_its_new_result(done: Ground):
    stood, counted = values(done), in_force(done)
    done.write("actors/count.py", MORE)
    rerun(done, leads_on=False)
    work(done)
    rerun(done, "label")
    assert work(done) == "completed"
    assert values(done)["item 0003"] == (104, ["has 104"])
    [(_, undone)] = undo(done, 1)
    assert undone.left[0] == ("item 0000", "redone_later")
    for rerun_id in (2, 1):
        undo(done, rerun_id)
        assert work(done) == "completed"
    assert (values(done), in_force(done)) == (stood, counted)


def test_a_rerun_from_a_step_that_alone_was_redone_replaces_what_had_stayed(done: Ground):
    for _ in range(2):
        rerun(done, leads_on=False)
        work(done)
    done.write("actors/count.py", MORE)
    assert preview(done).interactions == 20
    rerun(done)
    assert work(done) == "completed"
    assert values(done)["item 0003"] == (104, ["has 104"])
    assert done.one("SELECT count(*) FROM interactions WHERE in_force AND record_id IS NOT NULL") == 20


@pytest.mark.parametrize("again", ["grade_a", "grade_b", "meet", "save", "ticket"])
def test_joins_go_by_the_way_that_records_went_where_one_step_alone_was_redone(ground: Ground, again: str):
    flow_g(ground, PAIRS)
    before = in_force(ground)
    rerun(ground, "grade_a", leads_on=False)
    rerun_work = work(ground)
    assert (rerun_work, in_force(ground)) == ("completed", before)
    rerun(ground, again)
    assert work(ground) == "completed"
    assert in_force(ground) == before
    check_invariants(ground)


def test_what_has_not_completed_is_left_alone_where_one_step_alone_is_redone(ground: Ground):
    ground.project(rows=rows(4), steps=STEPS, actors={"label": script("raise ValueError('no')")})
    assert ground.run() == "failed"
    assert preview(ground, "label", leads_on=False).incomplete == 4
    with pytest.raises(NotFoundError, match="no result is chosen"):
        rerun(ground, "label", leads_on=False)


def test_one_step_alone_that_fails_leaves_its_record_incomplete_and_can_be_undone(done: Ground):
    stood, counted = values(done), in_force(done)
    done.write("actors/count.py", script("raise ValueError('no')"))
    rerun(done, where='name:"item 0003"', leads_on=False)
    assert work(done) == "failed"
    assert done.one("SELECT count(*) FROM run_records WHERE state = 'incomplete'") == 1
    undo(done)
    assert work(done) == "completed"
    assert (values(done), in_force(done)) == (stood, counted)


def test_rounds_that_went_on_from_one_another_are_not_redone_alone(ground: Ground):
    flow_g(ground, PAIRS)
    with pytest.raises(ConflictError, match="at improve in several rounds"):
        preview(ground, "improve", leads_on=False)
    with pytest.raises(ConflictError, match="at improve in several rounds"):
        rerun(ground, "improve", leads_on=False)
