"""`wave` itself: what it costs to ask for help, what the commands promise, and what becomes of an error."""

import importlib.util
import inspect
import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import click
import psycopg
import pytest
from tests.support.projects import SCHEMA

from wave_runner import errors
from wave_runner.cli import main
from wave_runner.errors import SettingsError
from wave_runner.project.init import init_project
from wave_runner.settings import load

pytest_plugins = ["tests.support.database", "tests.support.counted_run"]

WAVE = Path(sys.executable).with_name("wave")
HEAVY = {"psycopg", "rich", "pydantic", "pydantic_settings", "orjson", "alembic", "jinja2", "httpx2", "asyncio"}


def modules_after(*arguments):
    """The modules that a process has imported after one command line."""
    program = (
        "import sys; from wave_runner.cli.main import run; "
        f"run({list(arguments)!r}); print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def written():
    """The commands that are there, by their words: `db migrate` too."""
    for name, (where, _) in main.COMMANDS.items():
        module, _, attribute = where.partition(":")
        if importlib.util.find_spec(module) is None:
            continue
        command = getattr(importlib.import_module(module), attribute)
        yield name, command
        for sub in getattr(command, "commands", {}).values():
            yield f"{name} {sub.name}", sub


COMMANDS = dict(written())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_asking_for_help_imports_nothing_heavy_and_no_command(arguments):
    imported = modules_after(*arguments)
    assert imported & HEAVY == set()
    assert {name for name in imported if name.startswith("wave_runner.cli.")} == {
        "wave_runner.cli.main",
        "wave_runner.cli.output",
    }


@pytest.mark.parametrize("name", [name for name in COMMANDS if " " not in name])
def test_the_help_of_a_command_imports_no_driver_and_no_rich(name):
    assert modules_after(name, "--help") & {"psycopg", "rich"} == set() or name in {"run", "runner", "demo"}


def paragraphs(command):
    return [part.replace("\b\n", "") for part in inspect.cleandoc(command.help).split("\n\n")]


@pytest.mark.parametrize("name", [name for name in COMMANDS if " " not in name])
def test_the_overview_says_what_the_command_says_of_itself(name):
    assert " ".join(paragraphs(COMMANDS[name])[0].split()) == main.COMMANDS[name][1]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_opens_with_two_examples_that_the_command_takes(name):
    examples = [line.strip() for line in paragraphs(COMMANDS[name])[1].splitlines()]
    assert len(examples) >= 2
    for example in examples:
        program, *words = shlex.split(example)
        assert program == "wave"
        assert is_or_holds(COMMANDS[name], parsed(main.wave, words))


def parsed(command, words):
    """Read a command line as Click would, through every group, without doing anything; return the command it means."""
    context = command.make_context("wave", list(words))
    said = [*context._protected_args, *context.args] if isinstance(command, click.Group) else []
    if not said:
        return command
    _, following, rest = command.resolve_command(context, said)
    return parsed(following, rest)


def is_or_holds(command, found):
    return command is found or any(is_or_holds(one, found) for one in getattr(command, "commands", {}).values())


@pytest.mark.parametrize("name", [name for name in COMMANDS if not isinstance(COMMANDS[name], click.Group)])
def test_every_command_that_reports_can_do_it_in_json(name):
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert "--json" in options or name in {"runner", "demo", "diagram", "tasks next"}


def test_an_error_says_what_happened_and_what_to_do(tmp_path, capsys):
    assert main.run(["check", "--project", str(tmp_path / "nowhere")]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"error: there is no folder {tmp_path}/nowhere\n  do: name the project's folder with --project DIR\n"
    )


def test_an_error_in_json_is_one_document_on_standard_error(tmp_path, capsys):
    assert main.run(["check", "--json", "--project", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    document = json.loads(said.err)
    assert next(iter(document)) == "schema"
    assert document["schema"] == "wave.error.v1"
    assert (document["exit"], document["kind"]) == (2, "project")
    assert "there is no wave.toml" in document["message"]
    assert "wave init" in document["next"]


def test_every_member_of_the_family_has_a_kind_of_its_own():
    family = {errors.WaveError, *errors.WaveError.__subclasses__(), *errors.DatabaseError.__subclasses__()}
    kinds = {member("x").kind for member in family}
    assert len(kinds) == len(family)
    assert {"not_found", "model_server", "embedded_database"} <= kinds


def test_a_command_that_is_not_there_gets_the_nearest_one(capsys):
    assert main.run(["statsu"]) == 2
    assert 'did you mean "status"?' in capsys.readouterr().err


def test_a_wrong_option_in_json_is_a_document_too(capsys):
    assert main.run(["status", "--json", "--rnu", "3"]) == 2
    document = json.loads(capsys.readouterr().err)
    assert (document["kind"], document["exit"]) == ("usage", 2)
    assert "--rnu" in document["message"]


def test_our_own_bug_shows_its_traceback_and_a_code_of_its_own(capsys):
    # No shell can pass this name, so that nothing looks out for it.
    assert main.run(["init", "a\0b"]) == 70
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "this is a bug in Wave Runner" in said


def test_ctrl_c_ends_a_command_with_130_and_no_traceback(tmp_path):
    folder = tmp_path / "project"
    init_project(folder, "blank")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        (folder / ".env").write_text(f"WAVE_DATABASE_URL=postgresql://u@127.0.0.1:{port}/d\n", encoding="utf-8")
        # A suite that runs in the background hands down an ignored SIGINT.
        command = ["env", "--default-signal=INT", WAVE, "--project", folder, "db", "status"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            # From here on it waits for an answer that never comes.
            connection, _ = silent.accept()
            with connection:
                connection.recv(1)
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip() == "error: interrupted"


def test_a_database_that_is_not_there_is_named_without_its_password(tmp_path):
    folder = tmp_path / "project"
    init_project(folder, "blank")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"postgresql://u:secret@127.0.0.1:{port}/d"
    (folder / ".env").write_text(f"WAVE_DATABASE_URL={url}\n", encoding="utf-8")
    done = subprocess.run([WAVE, "--project", folder, "status"], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert f"127.0.0.1 port {port}, database d" in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_does_not_answer_any_more_is_no_bug(counted):
    asked = [WAVE, "--project", counted.folder, "run", "count", "--resume", "--json"]
    with psycopg.connect(counted.url) as other:
        # Who waits for this lock is told by the server that there is no answer now, in the middle of the command.
        other.execute(f"LOCK TABLE {SCHEMA}.workflow_runs IN ACCESS EXCLUSIVE MODE")
        command = ["env", "PGOPTIONS=-c lock_timeout=100", *asked]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stderr)
    assert document["kind"] == "database"
    assert "--resume" in document["next"]


def test_the_project_is_found_from_a_folder_below_it(tmp_path):
    folder = tmp_path / "project"
    init_project(folder, "blank")
    done = subprocess.run([WAVE, "check"], cwd=folder / "actors", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(folder) in done.stdout


def test_the_version_is_the_packages(capsys):
    assert main.run(["--version"]) == 0
    assert re.fullmatch(r"wave, version \d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize(("variable", "schema"), [("SCHEMA_NAME", "of_the_file"), ("WAVE_SCHEMA", "of_the_variable")])
def test_the_schema_is_what_our_variable_or_the_file_says_and_nobody_elses_variable(tmp_path, variable, schema):
    (tmp_path / "wave.toml").write_text('[settings]\nschema_name = "of_the_file"\n', encoding="utf-8")
    program = "from pathlib import Path; from wave_runner.settings import load; print(load(Path()).schema_name)"
    command = ["env", f"{variable}=of_the_variable", sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"{schema}\n"


def test_a_second_way_to_a_database_that_is_not_named_is_refused(tmp_path):
    """Otherwise leases would be renewed there, and work be held here."""
    (tmp_path / "wave.toml").write_text(
        '[settings]\ndatabase_direct_url = "postgresql://host/jobs"\n', encoding="utf-8"
    )
    with pytest.raises(SettingsError, match=r"database_direct_url: .*which is not set"):
        load(tmp_path)
