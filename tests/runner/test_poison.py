"""One item, one value, one script that is wrong: it is found, it stands alone, and everything else goes on."""

from __future__ import annotations

from tests.support.projects import Ground, rows, run_to_end, script

WHOLE_WAVE = """\
import os

from wave_runner import ScriptActor


class Actor(ScriptActor):
    def process_wave(self, items, contexts):
        if any("poison" in item["text"] for item in items):
            os._exit(9)
        return [{"words": len(item["text"].split())} for item in items]
"""
STEP = "count: {actor: count, input: {text: record.text}, next: end}"
UNHARMED = {"completed": 11, "failed": 1}


def test_an_item_that_takes_a_whole_wave_down_is_found_and_the_others_are_done(ground: Ground):
    postings = [*rows(11), {"name": "the bad one", "text": "poison"}]
    ground.project(rows=postings, steps=STEP, actors={"count": WHOLE_WAVE})
    assert ground.run() == "failed"
    assert ground.states("count") == UNHARMED
    [bad] = ground.sql(
        "SELECT key FROM interactions JOIN records USING (record_id) WHERE interactions.state = 'failed'"
    )
    assert bad["key"] == "the bad one"
    assert ground.one("SELECT max(errors + crashes) FROM interactions WHERE state = 'completed'") == 0


def test_a_rule_that_is_a_text_becomes_a_message_and_never_stands_in_an_event(ground: Ground):
    says = script("ctx.reject('it has no text', rule='Some words \\x00 of the record')")
    ground.project(rows=rows(2), steps=STEP, actors={"count": says})
    assert ground.run() == "failed"
    assert ground.sql("SELECT DISTINCT rule, state::text FROM interactions WHERE rule IS NOT NULL") == [
        {"rule": "rejected", "state": "quarantined"}
    ]
    assert ground.one("SELECT count(*) FROM interaction_events WHERE data LIKE '%%of the record%%'") == 0


def test_a_table_that_lost_a_column_stops_its_records_and_not_the_runner(ground: Ground):
    """It is somebody's mistake, but every run of every workflow would stand still with it."""
    ground.project(rows=rows(3), ensures=["record.words == 4"])
    assert ground.run() == "completed"
    ground.sql("UPDATE run_records SET state = 'ended', settled_at = NULL")
    ground.sql("UPDATE workflow_runs SET state = 'running', ended_at = NULL")
    ground.sql("ALTER TABLE items RENAME COLUMN words TO number_of_words")
    run_id = ground.one("SELECT run_id FROM workflow_runs")
    ground.do(lambda engine: run_to_end(engine, run_id))
    assert ground.sql("SELECT DISTINCT state FROM run_records") == [{"state": "incomplete"}]
    assert "cannot be read" in ground.one("SELECT DISTINCT broken FROM run_records")
