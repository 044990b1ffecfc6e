"""What the commands of experiments share: the same options, a run that is driven to its end, a list."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option
from wave_runner.core.cost import amount

if TYPE_CHECKING:
    from wave_runner.core.comparing import FieldShare, Took
    from wave_runner.core.experiment import RunKind
    from wave_runner.engine import Engine
    from wave_runner.store.experiments import Experiment

MOST_INPUTS = 10_000


class Report(Protocol):
    """Prints what came of an experiment so far, by its number."""

    async def __call__(self, engine: Engine, number: int, /, *, as_json: bool) -> None: ...


class StepGroup(click.Group):
    """A command that is given a step, or one of its own commands: `wave trial score`, `wave trial show 12`."""

    default = "start"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [self.default, *args]
        return super().parse_args(ctx, args)


workflow_option = click.option(
    "--workflow", "-w", metavar="WORKFLOW", help="Whose step.  [default: the only one that has it]"
)
where_option = click.option(
    "--where", metavar="FILTER", default="", help="Only these: of columns of the table, and of results."
)
run_option = click.option("--run", "run_id", type=click.IntRange(min=1), metavar="N", help="Only what this run made.")
seed_option = click.option("--seed", metavar="TEXT", help="Draws the same sample again.  [default: a new one]")
with_option = click.option(
    "--with",
    "changes",
    multiple=True,
    metavar="WHAT=VALUE",
    help="Another prompt=FILE, script=FILE or model=NAME of the step; may be repeated.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
number_argument = click.argument("number", metavar="N", type=click.IntRange(min=1))


def read_changes(words: Sequence[str]) -> dict[str, str]:
    """Read the `WHAT=VALUE` words of `--with`."""
    given: dict[str, str] = {}
    for word in words:
        what, equals, value = word.partition("=")
        if not equals or not value:
            raise click.BadParameter(f"{word!r} is not of the form WHAT=VALUE", param_hint="--with")
        if what in given:
            raise click.BadParameter(f"{what} is given twice", param_hint="--with")
        given[what] = value
    return given


def new_seed() -> str:
    """Return a seed that nobody has chosen."""
    return secrets.token_hex(4)


def start(folder: Path, begin: Callable[[Engine], Awaitable[int]], report: Report, *, name: str, as_json: bool) -> int:
    """Begin an experiment, work until it has ended, and print its report. Returns the exit code."""

    async def driven() -> int:
        from wave_runner.engine import open_engine

        async with open_engine(folder, name=name) as engine:
            return await _to_the_end(engine, await begin(engine), report, name=name, as_json=as_json)

    return asyncio.run(driven())


async def _to_the_end(engine: Engine, number: int, report: Report, *, name: str, as_json: bool) -> int:
    from wave_runner.cli.driving import INTERRUPTED, until_ended, working

    async with working(engine) as runner:
        code = await until_ended(engine, runner, number)
    if code == INTERRUPTED:
        click.echo(f"it goes on when you say: {name} resume {number}", err=True)
        return code
    await report(engine, number, as_json=as_json)
    return code


def add_show_and_resume(group: click.Group, kind: RunKind, report: Report, *, shows: str, resumes: str) -> None:
    """Give the commands of a kind of experiment `show` and `resume`, each with what its help says first."""

    @group.command(help=_with_examples(shows, kind, "show 12"))
    @number_argument
    @project_option
    @json_option
    @click.pass_context
    def show(context: click.Context, number: int, as_json: bool) -> None:
        asyncio.run(_show(project_dir(context), report, number, name=f"wave {kind} show", as_json=as_json))

    @group.command(help=_with_examples(resumes, kind, "resume 12"))
    @number_argument
    @project_option
    @json_option
    @click.pass_context
    def resume(context: click.Context, number: int, as_json: bool) -> None:
        context.exit(asyncio.run(_resume(project_dir(context), kind, number, report, as_json=as_json)))


def add_list(group: click.Group, kind: RunKind, columns: Sequence[str]) -> None:
    """Give the commands of a kind of experiment `list`."""

    @group.command(name="list", help=_with_examples(f"List the {kind}s, the newest first.", kind, "list"))
    @project_option
    @json_option
    @click.pass_context
    def list_(context: click.Context, as_json: bool) -> None:
        asyncio.run(_list(project_dir(context), kind, columns, as_json=as_json))


def _with_examples(text: str, kind: RunKind, words: str) -> str:
    return f"{text}\n\n\b\nwave {kind} {words}\nwave {kind} {words} --json"


async def _show(folder: Path, report: Report, number: int, *, name: str, as_json: bool) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name=name) as engine:
        await report(engine, number, as_json=as_json)


async def _resume(folder: Path, kind: RunKind, number: int, report: Report, *, as_json: bool) -> int:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name=f"wave {kind}") as engine:
        await engine.experimenting().known(kind, number)
        await engine.sync()
        return await _to_the_end(engine, number, report, name=f"wave {kind}", as_json=as_json)


async def _list(folder: Path, kind: RunKind, columns: Sequence[str], *, as_json: bool) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name=f"wave {kind} list") as engine:
        found = await engine.experimenting().known(kind)
    rows = [{**vars(one), "with": with_words(one)} for one in found]
    for row in rows:
        del row["changes"]
    output.show(columns, rows, f"wave.{kind}s.v1", as_json=as_json)


def with_words(experiment: Experiment) -> str:
    """Return what was changed for an experiment, in the words of its command."""
    said = [f"{what}={value}" for what, value in experiment.changes["with"].items()]
    return " ".join(said) or "the folder's own"


def head(experiment: Experiment) -> None:
    """Print which experiment it is, and how far it has come."""
    output.heading(
        f"{experiment.kind} {experiment.run_id} of {experiment.workflow}.{experiment.step}, {with_words(experiment)}: "
        f"{experiment.state}, by {experiment.started_by}"
    )
    if experiment.state == "paused":
        output.heading(
            f"it is paused: wave resume run {experiment.run_id}, with --more-tokens N where its budget is spent"
        )
    if experiment.source_run_id is not None:
        output.heading(_fed(experiment))
    if experiment.unfinished:
        output.heading(
            f"{experiment.unfinished} of {experiment.interactions} have not ended: "
            f"wave {experiment.kind} resume {experiment.run_id}, or any wave runner"
        )


def _fed(shadow: Experiment) -> str:
    """Say what a shadow was given, and whether it is given more."""
    what = f"the first {shadow.fed} results" if shadow.fed == shadow.asked else f"{shadow.fed} results"
    of = f" of {share(shadow.share)} of the records" if shadow.share != 1 else ""
    more = ", and is given more until that has ended" if shadow.closed_at is None else ""
    return f"it was given {what}{of} of run {shadow.source_run_id}{more}"


def took_row(name: str, took: Took, currency: str | None) -> dict[str, Any]:
    """Return what one side took as a line of a table."""
    cost = output.money(amount(took.money)) + (f" {currency}" if currency else "")
    return {
        "version": name,
        "results": f"{took.completed} of {took.results}",
        "median": output.duration(took.median_us),
        "tokens": took.tokens,
        "cost": f"{cost} and {took.unknown_money} unknown" if took.unknown_money else cost,
        "broken": ", ".join(f"{rule} {n}" for rule, n in took.broken.items()),
    }


TOOK = ("version", "results", "median", "tokens", "cost", "broken")


def show_fields(fields: Sequence[FieldShare]) -> None:
    """Print how often each field is equal, those that agree least first."""
    rows = [{**vars(one), "agreement": share(one.agreement)} for one in fields]
    output.table(("field", "agreement", "equal", "differs", "only_a", "only_b"), rows, title="by field")


def share(value: float | None) -> str:
    """Return a share for people."""
    return output.percent(value * 100 if value is not None else None)


def number(value: float | None) -> str:
    """Return a statistic for people: three decimals; nothing where there is none."""
    return "" if value is None else f"{value:.3f}"


def short(value: Any, characters: int = 60) -> str:
    """Return a value of a result as a text of so many characters; nothing for null."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= characters else f"{text[: characters - 1]}…"
