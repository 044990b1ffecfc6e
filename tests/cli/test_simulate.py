"""`wave simulate`: figures in, figures out, and nothing else touched."""

import json
from pathlib import Path

import pytest
from tests.support.small_project import write_project

from wave_runner.cli import main
from wave_runner.core.residency import ANY_NUMBER
from wave_runner.project.init import init_project


@pytest.fixture
def project(tmp_path):
    return str(write_project(tmp_path / "small"))


def simulated(capsys, project, *words) -> dict:
    assert main.run(["simulate", "work", *words, "--json", "--project", project]) == 0
    return json.loads(capsys.readouterr().out)


def test_loads_and_times_are_told_for_waves_and_for_work_without_them(project, capsys):
    found = simulated(capsys, project, "--records", "100", "--models", "judge=10/2/4.5", "--overdue", "none")
    assert found["schema"] == "wave.simulation.v1"
    assert found["models"]["tiny"] == {"name": "tiny", "load_s": 10.0, "service_s": 2.0, "bytes": 4_500_000_000}
    assert (found["assumed"], found["least_loads"], found["load_efficiency"]) == ([], 1, 1.0)
    assert set(found["policies"]) == {"waves", "drain", "fifo", "per record"}
    assert found["policies"]["waves"]["work_s"] == 200.0
    assert found["overdue_s"] is None


def test_what_nobody_has_said_is_assumed_and_said_to_be(project, capsys):
    assert main.run(["simulate", "work:50", "--project", project]) == 0
    out = capsys.readouterr().out
    assert "50 records of work on 1 server" in out
    assert "tiny: load 6 s, assumed" in out


def test_a_step_that_no_record_comes_to_is_no_obstacle(project, capsys):
    found = simulated(capsys, project, "--records", "3", "--share", "judge.note=0")
    assert found["least_loads"] == found["policies"]["waves"]["loads"] == 1


@pytest.mark.parametrize("records", [1, 2, 3, 5, 8, 13])
def test_few_records_of_the_shipped_workflow_that_branches_most_can_be_simulated(tmp_path, capsys, records):
    init_project(tmp_path / "postings")
    words = [
        "simulate",
        "postings_graded",
        "--records",
        str(records),
        "--json",
        "--project",
        str(tmp_path / "postings"),
    ]
    assert main.run(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0 < found["least_loads"] <= found["policies"]["waves"]["loads"]


def test_what_the_bound_on_waiting_costs_is_said_with_how_to_do_without(tmp_path, capsys):
    init_project(tmp_path / "postings")
    words = ["simulate", "postings_graded", "--records", "500", "--project", str(tmp_path / "postings")]
    assert main.run([*words, "--overdue", "2m"]) == 0
    assert "work that has waited 2 min 0 s went first (--overdue)" in capsys.readouterr().out
    assert main.run([*words, "--overdue", "none"]) == 0
    assert "--overdue" not in capsys.readouterr().out


def test_the_memory_of_a_server_and_what_models_take_are_as_wave_toml_says_unless_somebody_says_otherwise(
    project, capsys
):
    file = Path(project) / "wave.toml"
    toml = file.read_text().replace("[models.judge]\n", '[models.judge]\nmemory = "3 GB"\n')
    file.write_text(toml.replace("[servers.local]\n", '[servers.local]\nmemory = "4 GB"\n'))
    found = simulated(capsys, project, "--records", "10")
    assert found["room"] == {"most": ANY_NUMBER, "bytes": 4_000_000_000}
    assert found["models"]["tiny"]["bytes"] == 3_000_000_000
    told = simulated(
        capsys, project, "--records", "10", "--models", "judge=10/2/4.5", "--memory", "9", "--resident", "2"
    )
    assert told["room"] == {"most": 2, "bytes": 9_000_000_000}
    assert told["models"]["tiny"]["bytes"] == 4_500_000_000
    assert simulated(capsys, project, "--records", "10", "--resident", "2")["room"]["bytes"] == 4_000_000_000


def test_where_bytes_count_and_nobody_knows_a_models_that_is_said(project, capsys):
    assert main.run(["simulate", "work:50", "--memory", "9", "--project", project]) == 0
    assert "tiny: load 6 s, size not known, assumed" in capsys.readouterr().out


def test_a_file_of_figures_stands_behind_the_options(project, tmp_path, capsys):
    figures = tmp_path / "figures.toml"
    figures.write_text(
        "[models.big]\nload_s = 30\ncall_s = 1\ngb = 9\n"
        '[steps.judge]\nmodel = "big"\nseconds = 5\nshare = {note = 1.0}\n'
    )
    found = simulated(capsys, project, "--records", "10", "--figures", str(figures), "--seconds", "judge=3")
    assert found["models"]["big"]["load_s"] == 30.0
    assert found["policies"]["waves"]["work_s"] == 30.0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["wrk"], 4, "no workflow wrk"),
        (["work:many"], 2, "how many records"),
        (["work", "--models", "judge"], 2, "NAME=LOAD/CALL"),
        (["work", "--models", "jugde=1/2"], 4, "there is no model jugde"),
        (["work", "--seconds", "jugde=1"], 4, "there is no step jugde"),
        (["work", "--share", "judge.fetch=0.5"], 4, "fetch does not follow judge"),
        (["work", "--share", "judge.save=1.5"], 2, "from 0 to 1"),
        (["work", "--overdue", "soon"], 2, "is not a time"),
        (["work:1000000000"], 2, "100,000,000 at most"),
        (["work", "--per-hour", "nan"], 2, "computed with"),
        (["work", "--memory", "inf"], 2, "computed with"),
        (["work", "--share", "judge.save=0.9", "--share", "judge.note=0.9"], 2, "1.8 together"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_what_is_wrong(project, capsys, words, code, said):
    assert main.run(["simulate", *words, "--project", project]) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[models.judge]\nload = 3\n", "figures.toml:2: unknown key `load`"),
        ("[models.judge]\nload_s = -1\n", "figures.toml:2: `load_s` must be a number"),
        ("[steps.judge.share]\nsave = 2\n", "must be a part"),
        ("[steps.judge\n", "figures.toml:1"),
    ],
)
def test_a_mistake_in_a_file_of_figures_is_told_with_its_line(project, tmp_path, capsys, text, said):
    figures = tmp_path / "figures.toml"
    figures.write_text(text)
    assert main.run(["simulate", "work", "--figures", str(figures), "--project", project]) == 2
    assert said in capsys.readouterr().err
