"""`wave run`: what is refused before any work begins."""

import pytest

from wave_runner.cli import main


@pytest.mark.parametrize("said", [["--source", "x"], ["--param", "a=b"], ["--limit", "3"], ["--priority", "0"]])
def test_what_only_a_new_run_takes_is_refused_with_resume(said, capsys):
    assert main.run(["run", "job_postings", "--resume", *said]) == 2
    assert f"leave out {said[0]}" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["run", "count"], ["runner"]])
def test_the_project_is_named_after_the_command_too(tmp_path, capsys, arguments):
    assert main.run([*arguments, "--project", str(tmp_path / "nowhere")]) == 4
    assert f"there is no folder {tmp_path}/nowhere" in capsys.readouterr().err
