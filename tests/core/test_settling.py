"""Is a record done? What stands in the tables decides, and who wrote it."""

import pytest

from wave_runner.core.settling import ALL_ROWS, Facts, Value, Watched, broken, columns_of, tables_of, watched

ENSURES = ["record.summary != null", "count(tags) >= 1"]
SUMMARY, TAGS = Watched("items", "summary"), Watched("tags", ALL_ROWS)
OURS = Value(written=True, by_this_run=True, unchanged=True)


def facts(*, record=None, tags=2, broken_steps=(), summary=OURS, rows=OURS, gone=False) -> Facts:
    return Facts(
        record=None if gone else {"summary": "s"} if record is None else record,
        counts={"tags": tags},
        broken_steps=broken_steps,
        values={SUMMARY: summary, TAGS: rows},
    )


def test_a_record_is_done_when_everything_holds_and_this_run_wrote_it():
    assert broken(ENSURES, facts()) == []


@pytest.mark.parametrize(
    ("found", "reasons"),
    [
        (facts(record={"summary": None}), ["record.summary != null: does not hold"]),
        (facts(tags=0), ["count(tags) >= 1: does not hold"]),
        (facts(broken_steps=["save failed: timeout"]), ["save failed: timeout"]),
        (facts(gone=True, broken_steps=["x"]), ["record_missing: its row is gone", "x"]),
        (
            facts(summary=Value(written=True, by_this_run=True, unchanged=False)),
            ["items.summary: changed_outside, it is not what this run wrote"],
        ),
        (
            facts(summary=Value(written=True, by_this_run=False, unchanged=True)),
            ["items.summary: not written by this run"],
        ),
        (facts(rows=Value(written=False, by_this_run=False, unchanged=False)), ["tags: not written by this run"]),
    ],
)
def test_every_reason_why_a_record_is_not_done_is_named(found, reasons):
    assert broken(ENSURES, found) == reasons


def test_several_reasons_are_all_named():
    found = facts(record={"summary": None}, tags=0, broken_steps=["save failed: timeout"])
    assert len(broken(ENSURES, found)) == 3


def test_a_condition_that_cannot_be_computed_is_not_met():
    [reason] = broken(["record.summary > 3"], facts())
    assert reason.startswith("record.summary > 3: ")
    assert "does not hold" not in reason


def test_a_workflow_without_ensures_asks_only_for_its_steps():
    assert broken([], Facts(record={}, counts={}, broken_steps=(), values={})) == []


def test_what_is_read_and_counted_comes_from_the_conditions():
    assert columns_of(ENSURES) == ["summary"]
    assert tables_of(ENSURES) == ["tags"]


def test_only_what_the_conditions_speak_of_and_a_step_writes_is_watched():
    assert watched(ENSURES, ["items.summary", "items.score", "tags"], "items") == [SUMMARY, TAGS]
    assert watched(ENSURES, ["items.score"], "items") == []


def test_a_table_with_its_schema_is_watched_by_column_and_as_a_whole():
    ensures = ["record.summary != null", "count(hr.tags) >= 1"]
    writes = ["hr.items.summary", "hr.tags", "hr.items.score"]
    assert watched(ensures, writes, "hr.items") == [Watched("hr.items", "summary"), Watched("hr.tags", ALL_ROWS)]
