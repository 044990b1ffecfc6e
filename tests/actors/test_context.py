"""What a script's context lets through and what it refuses, before anything travels."""

import json

import pytest

from wave_runner.actors.script_actor import Context, Database, Rejection, Staging
from wave_runner.core.outcome import Effect, Replace, Write


@pytest.fixture
def context():
    return Context(record="42/External")


def test_a_record_may_be_written_with_and_without_its_key(context):
    context.write("postings", {"summary": "a"})
    context.write("postings", "42/External", {"summary": "b"})
    context.replace("job_skills", "42/External", [{"skill": "sql"}])
    assert context.writes == [
        Write(table="postings", values={"summary": "a"}),
        Write(table="postings", values={"summary": "b"}),
        Replace(table="job_skills", rows=[{"skill": "sql"}]),
    ]


def test_another_records_row_is_refused(context):
    with pytest.raises(ValueError, match="this item is record '42/External', not '43/External'"):
        context.replace("job_skills", "43/External", [])
    assert context.writes == []


@pytest.mark.parametrize("values", [(), ("key",), ("key", "values"), ([],), ({}, {}, {})])
def test_wrong_arguments_are_refused_with_the_right_form(context, values):
    with pytest.raises(TypeError, match=r"write takes \(table, values\)"):
        context.write("postings", *values)


def test_a_step_without_record_has_nothing_to_write():
    with pytest.raises(ValueError, match="once per run"):
        Context().write("postings", {"summary": "a"})


def test_what_is_changed_after_a_write_is_not_written(context):
    values = {"summary": "a"}
    context.write("postings", values)
    values["summary"] = "b"
    assert context.writes == [Write(table="postings", values={"summary": "a"})]


def test_reject_raises_its_reason_and_rule(context):
    with pytest.raises(Rejection, match="too old") as caught:
        context.reject("too old", rule="expired")
    assert caught.value.rule == "expired"


def test_database_and_staging_must_be_declared(context):
    with pytest.raises(RuntimeError, match="database = True"):
        _ = context.db
    with pytest.raises(RuntimeError, match="staging = True"):
        _ = context.staging
    assert context.effects == []


def test_effects_are_kept_in_order():
    context = Context(database=Database(lambda request, arguments: None))
    context.db.execute("UPDATE t SET n = %s", 1)
    context.db.execute("DELETE FROM t")
    assert [one.statement for one in context.effects] == ["UPDATE t SET n = %s", "DELETE FROM t"]
    assert context.effects[0] == Effect(statement="UPDATE t SET n = %s", parameters=(1,))


def test_long_lists_are_staged_in_pieces_and_the_position_follows_each():
    pieces = []

    def ask(request, arguments):
        pieces.append((request, [row["position"] for row in arguments["rows"]]))
        return len(arguments["rows"])

    staging = Staging(ask, position=0)
    rows = [{"raw": {"text": "x" * 1_500_000}, "source": "file", "position": n} for n in range(1, 6)]
    assert staging.add(rows) == 5
    assert pieces == [("stage", [1, 2]), ("stage", [3, 4]), ("stage", [5])]
    assert staging.position == 5


def test_of_a_row_that_is_too_large_only_the_beginning_leaves_the_script():
    sent = []

    def ask(request, arguments):
        sent.extend(arguments["rows"])
        return len(arguments["rows"])

    staging = Staging(ask, max_raw_bytes=100)
    fits = json.dumps("ü" * 49, ensure_ascii=False)
    rows = [fits, fits[:-1] + 'x"', {"text": "x" * 10_000_000}]
    assert staging.add({"raw": raw, "source": "s", "position": n} for n, raw in enumerate(rows)) == 3
    assert [(row["position"], row.get("bytes")) for row in sent] == [(0, None), (1, 101), (2, 10_000_012)]
    assert [len(json.loads(row["raw"])) for row in sent] == [49, 52, 1000]
    assert staging.position == 2


@pytest.mark.parametrize("raw", ["plain text", '{"a": NaN}', float("nan"), {1, 2}, '"a\x00b"', "[" * 100_000])
def test_raw_that_is_no_json_is_refused_before_anything_is_staged(raw):
    staged = []
    staging = Staging(lambda request, arguments: staged.append(request))
    with pytest.raises(ValueError, match="row 1: raw is no JSON"):
        staging.add([{"raw": "1", "source": "", "position": 1}, {"raw": raw, "source": "", "position": 2}])
    assert staged == []
