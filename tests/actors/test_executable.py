"""Any executable as an actor: its exit code and its stdout decide, strictly read; its stderr is log."""

import stat

import pytest
from tests.support.script_zoo import ZOO

from wave_runner.core.outcome import Breach, Done, ErrorClass, Failure


def log(outcome):
    return b"".join(one.content for one in outcome.evidence if one.role == "log").decode()


def answer(outcome):
    return b"".join(one.content for one in outcome.evidence if one.role == "answer").decode()


@pytest.fixture
def says(zoo, tmp_path):
    """Run an executable that writes exactly these bytes to stdout, whatever its input."""

    def run(stdout):
        path = tmp_path / "says.sh"
        path.write_text('#!/bin/sh\ncat "$0.out"\n')
        path.chmod(0o700)
        (tmp_path / "says.sh.out").write_bytes(stdout)
        (outcome,) = zoo.run("says.sh", {}, root=tmp_path)
        return outcome

    return run


def run(zoo, name, *inputs, **options):
    return zoo.run(f"executables/{name}", *(inputs or [{}]), **options)


def test_the_files_of_the_zoo_kept_their_modes():
    modes = {path.name: bool(path.stat().st_mode & stat.S_IXUSR) for path in (ZOO / "executables").iterdir()}
    assert [name for name, executable in modes.items() if not executable] == ["not_executable.sh"]


def test_json_goes_in_on_stdin_and_comes_out_on_stdout(zoo):
    outcomes = run(zoo, "echo.sh", {"title": "Clerk \u2019", "n": 1}, {"text": "x" * 500_000})
    assert [one.output for one in outcomes] == [{"title": "Clerk \u2019", "n": 1}, {"text": "x" * 500_000}]


def test_an_executable_that_does_not_read_its_input_is_fine(zoo):
    (outcome,) = run(zoo, "holds_stdout.sh", {"text": "x" * 900_000})
    assert outcome.output == {"a": 1}


def test_a_process_that_keeps_stdout_open_holds_nobody_up_and_is_ended(zoo):
    outcomes = run(zoo, "holds_stdout.sh", {}, {}, timeout_s=5.0)
    assert [type(one) for one in outcomes] == [Done, Done]


def test_output_that_is_not_json_is_a_breach_with_the_answer_kept(zoo):
    (outcome,) = run(zoo, "not_json.sh")
    assert isinstance(outcome, Breach)
    assert (outcome.rule, outcome.retry) == ("invalid_json", True)
    assert "line 1 column 1" in outcome.message
    assert answer(outcome) == 'warming up...\n{"a": 1}\n'


def test_success_without_output_is_a_breach(zoo):
    (outcome,) = run(zoo, "silent.sh")
    assert isinstance(outcome, Breach)
    assert (outcome.rule, outcome.retry) == ("no_output", True)


def test_a_failing_exit_code_outweighs_the_output_and_stderr_says_why(zoo):
    (outcome,) = run(zoo, "fails.sh")
    assert isinstance(outcome, Failure)
    assert outcome.error_class is ErrorClass.TRANSIENT
    assert outcome.message == "fails.sh exited with status 7: disk full"
    assert log(outcome) == "disk full\n"


def test_a_signal_is_named(zoo):
    (outcome,) = run(zoo, "dies.sh")
    assert outcome.message == "dies.sh was killed by SIGKILL"


def test_endless_output_is_ended_at_the_cap_and_the_next_item_goes_on(zoo):
    outcomes = run(zoo, "prints_forever.sh", {}, {})
    assert [(one.rule, one.retry) for one in outcomes] == [("output_too_large", False)] * 2


def test_a_hang_is_ended_at_the_time_limit(zoo):
    outcomes = run(zoo, "hangs.sh", {}, {}, timeout_s=0.5)
    assert [one.error_class for one in outcomes] == [ErrorClass.TIMEOUT] * 2


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("not_executable.sh", "run `chmod +x` on it"),
        ("does_not_exist.sh", "does_not_exist.sh is not there"),
        ("no_interpreter.sh", "no_interpreter.sh cannot be started"),
    ],
)
def test_an_executable_that_cannot_be_started_fails_for_good(zoo, name, says):
    (outcome,) = run(zoo, name)
    assert outcome.error_class is ErrorClass.PERMANENT
    assert says in outcome.message


@pytest.mark.parametrize(
    ("stdout", "rule", "message"),
    [
        (b'{"a": 1, "a": 2}', "duplicate_key", "'a' twice"),
        (b'{"a": NaN}', "invalid_json", "NaN"),
        (b'{"a": 1} trailing', "invalid_json", "Extra data"),
        (b'\xef\xbb\xbf{"a": 1}', "invalid_json", "byte order mark"),
        (b'{"a": "\x00"}', "invalid_json", "control character"),
        (b'{"a": "\xed\xa0\x80"}', "invalid_json", "UTF-8"),
        (rb'{"a": "\u0000"}', "unstorable_text", "output.a holds a NUL"),
        (rb'{"a": "\ud800"}', "unstorable_text", "output.a holds half a surrogate"),
        (b"[1]", "invalid_output", "a JSON list, not an object"),
    ],
)
def test_stdout_is_read_strictly(says, stdout, rule, message):
    outcome = says(stdout)
    assert isinstance(outcome, Breach)
    assert (outcome.rule, outcome.retry) == (rule, rule in {"invalid_json", "duplicate_key"})
    assert message in outcome.message
    assert answer(outcome)
