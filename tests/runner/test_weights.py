"""Waves of documents: as many as fit, so that what a runner holds does not grow with what its records hold."""

from __future__ import annotations

import pytest
from tests.support.projects import Ground, script

from wave_runner.core.wave import WAVE_BYTES, fitting
from wave_runner.runner.weights import UNSEEN, Weights

FETCH = """
rows = ({{"raw": {{"name": f"{{n}}", "text": {text}}}, "source": "s", "position": n}} for n in range(160))
return {{"staged": ctx.staging.add(rows)}}
"""
GIVEN = {
    "what they are given": ("'x' * 400_000", "return {}"),
    "what comes of them": ("'x'", "return {'page': 'x' * 400_000}"),
}


def test_a_wave_has_one_item_at_least_and_any_number_of_small_ones():
    assert fitting(2 * WAVE_BYTES) == 1
    assert fitting(WAVE_BYTES / 10) == 10
    assert fitting(0) == WAVE_BYTES


def test_larger_items_count_at_once_and_smaller_ones_by_and_by():
    weights = Weights()
    weights.given(1, [1000] * 10)
    weights.got(1, [])
    assert weights.fitting(1) == WAVE_BYTES // 1000
    weights.given(1, [100_000])
    assert weights.fitting(1) == WAVE_BYTES // 100_000
    weights.got(1, [100_000])
    assert weights.fitting(1) == WAVE_BYTES // 200_000
    weights.given(1, [0])
    assert weights.fitting(1) == WAVE_BYTES // 170_000


def test_of_items_that_nobody_has_seen_no_more_are_taken_than_may_be_large():
    weights = Weights()
    assert weights.fitting(1) == UNSEEN
    weights.given(1, [10])
    assert weights.fitting(1) > UNSEEN


@pytest.mark.parametrize(("text", "body"), GIVEN.values(), ids=GIVEN)
def test_once_a_wave_has_been_seen_the_next_ones_hold_what_fits_and_all_records_go_through(
    ground: Ground, text: str, body: str
):
    fetch = script(FETCH.format(text=text), options="staging = True")
    steps = "count: {actor: count, input: {text: record.text}, next: end}\n"
    ground.project(actors={"fetch": fetch, "count": script(body)}, steps=steps)
    assert ground.run() == "completed"
    assert ground.states("count") == {"completed": 160}
    sizes = ground.sql(
        "SELECT size FROM waves WHERE queue_id IN (SELECT queue_id FROM interactions WHERE record_id IS NOT NULL) "
        "ORDER BY wave_id"
    )
    first, *later = [row["size"] for row in sizes]
    assert first == 50
    assert max(later) <= WAVE_BYTES // 400_000
