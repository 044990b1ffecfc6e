"""`wave status` on a real run: what it prints is what SQL counts."""

import json

import pytest

from wave_runner.cli import main
from wave_runner.project.init import init_project
from wave_runner.reports.overall import Staging

pytest_plugins = ["tests.support.database", "tests.support.counted_run"]


def wave(run, *arguments):
    return main.run(["--project", str(run.folder), *arguments])


@pytest.fixture
def document(counted, capsys):
    assert wave(counted, "status", "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_the_document_counts_what_sql_counts(counted, document):
    assert next(iter(document)) == "schema"
    assert document["schema"] == "wave.status.v1"
    states = dict(counted.sql("SELECT state::text, count(*) FROM interactions GROUP BY 1"))
    staged = dict(counted.sql("SELECT state, count(*) FROM staged_records GROUP BY 1"))
    records = dict(counted.sql("SELECT state, count(*) FROM run_records GROUP BY 1"))
    assert document["interactions"] == {"total": sum(states.values()), "by_state": states}
    assert document["staging"] == {
        **dict.fromkeys(Staging.__dataclass_fields__, 0),
        "total": sum(staged.values()),
        **staged,
    }
    assert document["records"] == {"total": sum(records.values()), "live": 0, "ended": 0, **records}
    by_step = counted.sql(
        "SELECT s.name, i.state::text, count(*) FROM interactions i JOIN run_steps USING (run_step_id)"
        " JOIN steps s USING (step_id) GROUP BY 1, 2"
    )
    assert {(step["step"], state, n) for step in document["steps"] for state, n in step["states"].items()} == set(
        by_step
    )


def test_the_document_has_every_part_of_the_dashboard(document):
    parts = {"run", "records", "staging", "interactions", "steps", "actors", "throughput", "stale", "selected"}
    parts |= {
        "alerts",
        "people",
        "limits",
        "errors",
        "incomplete",
        "rejections",
        "as_of",
        "model_loads",
        "model_load_us",
        "model_calls",
        "from_cache",
        "counted_at",
        "dropped",
        "schema",
    }
    assert set(document) == parts
    assert document["run"]["run_id"] == "1"
    assert [one["key"] for one in document["errors"]["recent"]] == ["bomb", "short"]


def test_a_pipe_gets_the_dashboard_as_plain_columns(counted, capsys):
    assert wave(counted, "status") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("run 1 of count: failed (postcondition_failed) after ")
    assert "records\t5\tcompleted 3, incomplete 2" in lines
    assert any(
        line.startswith("count\tcount_words\t5 of 5\tcompleted 3, failed 1, quarantined 1\t60.0 %") for line in lines
    )
    assert "stale: none" in lines
    assert "# the last 2 errors" in lines
    assert "missing\ttext\t2\ttext must be a text" in lines
    assert "what count_words raised for bomb, attempt 2:" in lines
    assert "  Traceback (most recent call last):" in lines
    assert "# why records are incomplete" in lines
    assert "record.words != null: does not hold\t2\tbomb" in lines


def test_stale_work_is_shown_with_who_had_it(counted_copy, capsys):
    counted_copy.run_on("1 minute")
    counted_copy.sql("UPDATE waves SET closed_at = NULL, lease_expires_at = now() - interval '1 second'")
    assert wave(counted_copy, "status") == 0
    printed = capsys.readouterr().out
    assert "# stale: 1\n" in printed
    assert "bomb\tcount\tcount_words\trunning\tlease_expired\t" in printed


def test_the_threshold_of_stale_is_a_time_as_in_the_projects_files(counted_copy, capsys):
    counted_copy.run_on("5 minutes")
    totals = []
    for time in ("4m", "299s", "6m", "1h"):
        assert wave(counted_copy, "status", "--json", "--stale-after", time) == 0
        totals.append(json.loads(capsys.readouterr().out)["stale"]["total"])
    assert totals == [1, 1, 0, 0]


def test_a_run_that_is_not_there_exits_with_4(counted, capsys):
    assert wave(counted, "status", "--run", "9") == 4
    assert capsys.readouterr().err == "error: there is no run 9\n  do: wave status shows the newest run\n"


def test_before_the_first_run_it_says_how_to_start_one(tmp_path, database, capsys):
    folder = tmp_path / "project"
    init_project(folder, "blank")
    (folder / ".env").write_text(f"WAVE_DATABASE_URL={database}\n", encoding="utf-8")
    assert main.run(["--project", str(folder), "status"]) == 4
    assert "start one: wave run WORKFLOW" in capsys.readouterr().err
