"""`wave`: the commands, found by name and imported only when they are used, and what becomes of an error."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from wave_runner import __version__
from wave_runner.cli import output
from wave_runner.errors import DatabaseError, NotFoundError, WaveError

# Name → where it is, and the first sentence of its help: `wave --help` imports no command.
COMMANDS = {
    "demo": ("wave_runner.cli.demo:demo", "Run the main job on real job postings and check what it claims."),
    "init": ("wave_runner.cli.init:init", "Make DIR a project from a template."),
    "check": (
        "wave_runner.cli.check:check",
        "Read the whole project, its recorded cases too, and say everything that is wrong with it.",
    ),
    "diagram": (
        "wave_runner.cli.diagram:diagram",
        "Draw WORKFLOW: its steps, who does them, and every way between them.",
    ),
    "test": (
        "wave_runner.cli.test:test",
        "Do the project's recorded cases, tests/*.yaml, without a database and without a model.",
    ),
    "step": ("wave_runner.cli.step:step", "Do STEP on one record, print what came of it, and save nothing."),
    "run": ("wave_runner.cli.run:run", "Start a run of WORKFLOW and work until it has ended."),
    "runner": (
        "wave_runner.cli.runner:runner",
        "Keep working for all runs of the project until told to stop (Ctrl-C, or SIGTERM).",
    ),
    "pause": (
        "wave_runner.cli.orders:pause",
        "Let nothing more of a run, a workflow, an actor or by a runner be begun; what is in hand is finished.",
    ),
    "resume": ("wave_runner.cli.orders:resume", "Let what was paused go on."),
    "drain": (
        "wave_runner.cli.orders:drain",
        "Pause it, and wait until nothing of it is in hand; a runner ends then.",
    ),
    "retry": (
        "wave_runner.cli.retry:retry",
        "Try again what has failed or was quarantined in a run, in all runs of a workflow, or by an actor.",
    ),
    "rerun": (
        "wave_runner.cli.rerun:rerun",
        "Redo the results of STEP that are chosen, and all that they have led to, as the folder has it now.",
    ),
    "invalidate": (
        "wave_runner.cli.invalidate:invalidate",
        "Have results of STEP that were found wrong, and what was made from them, count for nothing any more.",
    ),
    "stale": (
        "wave_runner.cli.stale:stale",
        "List the results that no longer match what they were made from, and why.",
    ),
    "staging": (
        "wave_runner.cli.staging:staging",
        "Show what runs have staged, and say what is to become of it. A batch is what one run has staged.",
    ),
    "trial": (
        "wave_runner.cli.trial:trial",
        "Do STEP once more as another version, beside the results in force, and compare.",
    ),
    "shadow": (
        "wave_runner.cli.shadow:shadow",
        "Do STEP as another version too, beside a run that goes on, and compare.",
    ),
    "repeat": (
        "wave_runner.cli.repeat:repeat",
        "Do STEP several times on the same records, and say how far its answers agree.",
    ),
    "eval": (
        "wave_runner.cli.evaluation:evaluation",
        "Do STEP on the cases of its gold set, and say how often it is right.",
    ),
    "compare": (
        "wave_runner.cli.compare:compare",
        "Compare runs A and B record by record, those that differ first; or two versions of a step.",
    ),
    "cancel": (
        "wave_runner.cli.orders:cancel",
        "End everything of a run, a workflow or an actor that is not finished, or stop a runner.",
    ),
    "pick": (
        "wave_runner.cli.pick:pick",
        "Retry, cancel or rerun exactly those interactions of RUN that the list shows for the same words.",
    ),
    "status": ("wave_runner.cli.status:status", "Show how a run stands: the dashboard."),
    "watch": (
        "wave_runner.cli.watch:watch",
        "Show what is under way, as it goes on, until Ctrl-C: runs, steps, what lanes have in hand, what is wrong.",
    ),
    "report": (
        "wave_runner.cli.report:report",
        "Answer one question about runs at length: what one changed, what somebody should look at.",
    ),
    "simulate": (
        "wave_runner.cli.simulate:simulate",
        "Say how long work would take and how many loads, by waves and without them, and do nothing.",
    ),
    "explain": (
        "wave_runner.cli.explain:explain",
        "Show where a value in a table comes from: who wrote it, from what, and what stood there before.",
    ),
    "trace": (
        "wave_runner.cli.trace:trace",
        "Show one record's way through a run: its steps, what each was asked and has answered, event by event.",
    ),
    "tasks": ("wave_runner.cli.tasks:tasks", "Do what waits for people: list, claim, decide."),
    "schedules": (
        "wave_runner.cli.schedules:schedules",
        "List the runs that start by themselves: when, and what came of the last one.",
    ),
    "actors": (
        "wave_runner.cli.actors:actors",
        "List the actors, show what changed in them, approve it, and see what came of them.",
    ),
    "workflow": (
        "wave_runner.cli.workflow:workflow",
        "Show which versions of a workflow its runs have had, and what differs between two.",
    ),
    "doctor": (
        "wave_runner.cli.doctor:doctor",
        "Look at everything that must be true: the database, the folder, model servers, and what is recorded.",
    ),
    "serve": (
        "wave_runner.cli.serve:serve",
        "Serve pages that show how the project stands, and answer by HTTP what the reports say, until told to stop.",
    ),
    "up": (
        "wave_runner.cli.up:up",
        "Work for all runs of the project and serve its pages, in one process on this machine, until told to stop.",
    ),
    "access": (
        "wave_runner.cli.access:access",
        "Say who may ask wave serve, and in which role: give a person an access token, list them, take one back.",
    ),
    "views": (
        "wave_runner.cli.views:views",
        "Keep lists of the pages of wave serve as they are narrowed, under a name, for all who may read.",
    ),
    "alerts": (
        "wave_runner.cli.alerts:alerts",
        "Show what a receiver outside was told of alerts, and try whether it can be.",
    ),
    "audit": (
        "wave_runner.cli.audit:audit",
        "Prove what has happened, keep the log in order, and erase what must not be kept: the log holds all the same.",
    ),
    "archive": (
        "wave_runner.cli.archive:archive",
        "Write history as Parquet files, by table and month, for DuckDB and others to read.",
    ),
    "projection": (
        "wave_runner.cli.projection:projection",
        "Show what is folded from the log of events, prove that it is what the log says, or fold it anew.",
    ),
    "db": ("wave_runner.cli.db:db", "Bring the database up to date, or say how it stands."),
}

BUG, INTERRUPTED, USAGE = 70, 130, 2
PROJECT = "wave_runner.project"
GO_ON = "what stands is kept; when the database is back, a run goes on with: wave run WORKFLOW --resume"


class LazyGroup(click.Group):
    """Imports a command when it is called or asked for its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from wave_runner.core.nearest import did_you_mean

            ctx.fail(f"there is no command {args[0]}; {did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _remember_project(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.meta[PROJECT] = value


project_option = click.option(
    "--project",
    type=click.Path(path_type=Path),
    metavar="DIR",
    expose_value=False,
    callback=_remember_project,
    help="The project's folder, or one below it.  [default: the current folder]",
)
"""For every command on a project; `project_dir` gives what was said. `wave` itself takes it too."""


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wave")
@project_option
def wave() -> None:
    """Take records through AI models, scripts and people, on PostgreSQL, in waves, with proof.

    \b
    wave demo
    wave init postings && cd postings && wave run job_postings --source data/sample.jsonl --limit 25
    """


def project_dir(context: click.Context) -> Path:
    """Return the project's folder: `--project`, or the current one, or the nearest above that holds wave.toml."""
    from wave_runner.project.folder import find_project

    start: Path = context.meta.get(PROJECT, Path.cwd())
    if not start.is_dir():
        raise NotFoundError(f"there is no folder {start}", hint="name the project's folder with --project DIR")
    return find_project(start)


def run(arguments: Sequence[str]) -> int:
    """Do one command line and return its exit code. Whatever goes wrong has been said on standard error."""
    as_json = "--json" in arguments
    try:
        code = wave.main(list(arguments), prog_name="wave", standalone_mode=False)
    except WaveError as error:
        return output.failure(error.message, kind=error.kind, code=error.exit_code, hint=error.hint, as_json=as_json)
    except click.ClickException as error:
        if as_json:
            return output.failure(error.format_message(), kind="usage", code=error.exit_code, as_json=True)
        error.show()
        return error.exit_code
    except click.Abort:
        return output.failure("interrupted", kind="interrupted", code=INTERRUPTED, as_json=as_json)
    except Exception as error:  # noqa: BLE001 — the last line of defence: shown whole, and told apart by its exit code
        if _is_database_away(error):
            lost = DatabaseError(f"the database went away: {error}", hint=GO_ON)
            return output.failure(lost.message, kind=lost.kind, code=lost.exit_code, hint=lost.hint, as_json=as_json)
        import traceback

        print(output.lines("".join(traceback.format_exception(error))), file=sys.stderr)
        said = f"{type(error).__name__}: {error}"
        hint = "this is a bug in Wave Runner, not in your project: please report it with the lines above"
        return output.failure(said, kind="bug", code=BUG, hint=hint, as_json=as_json)
    return code if isinstance(code, int) else 0


def _is_database_away(error: Exception) -> bool:
    # Who has not imported the store cannot have lost its database, and `wave --help` must not import it for this.
    store = sys.modules.get("wave_runner.store.database")
    return store is not None and isinstance(error, store.Unavailable)


def main() -> None:
    """Run the command line that this process was called with."""
    sys.exit(run(sys.argv[1:]))
