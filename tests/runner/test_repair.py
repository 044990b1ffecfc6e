"""Reruns: exactly what was chosen is redone with all that it led to, and an undo brings back what was there."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.projects import Ground, at_work, ended, rows, script

from wave_runner.runner.repair import Preview, Started

STEPS = """\
count: {actor: count, input: {text: record.text}, writes: [items.words], next: label}
label: {actor: label, input: {words: count.words}, writes: [tags], next: end}
"""
LABEL = script("ctx.replace('tags', [{'tag': f\"has {item['words']}\"}])\nreturn {'words': item['words']}")
MORE = script("words = len(item['text'].split()) + 100\nctx.write('items', {'words': words})\nreturn {'words': words}")


def preview(ground: Ground, step: str = "count", **narrowed: Any) -> Preview:
    return ground.do(lambda engine: engine.repair().preview(engine.choice("work", step, **narrowed)))


def rerun(ground: Ground, step: str = "count", expect: int | None = None, **narrowed: Any) -> Started:
    async def redo(engine):
        await engine.sync(dev=True)
        return await engine.rerun(engine.choice("work", step, **narrowed), reason="it was wrong", expect=expect)

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


@pytest.fixture
def done(ground: Ground) -> Ground:
    """Ten records through two steps, the later one written as a list."""
    ground.project(rows=rows(10), steps=STEPS, actors={"label": LABEL})
    assert ground.run() == "completed"
    return ground


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
