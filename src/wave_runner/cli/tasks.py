"""`wave tasks`: what waits for people, for people."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option
from wave_runner.cli.task_text import print_task, print_together, read_value

if TYPE_CHECKING:
    from wave_runner.runner.deciding import People
    from wave_runner.store.tasks import Task

T = TypeVar("T")

COLUMNS = ("task", "queue", "title", "record", "step", "run", "priority", "due", "state")

as_option = click.option(
    "--as", "person", envvar="WAVE_PERSON", metavar="NAME", help="Who you are.  [default: the system's user]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
skip_option = click.option(
    "--skip", type=click.IntRange(min=1), multiple=True, metavar="TASK", help="Not this one; may be repeated."
)
token_option = click.option(
    "--token", type=click.UUID, metavar="TOKEN", help="Only if this is still the claim: what `claim --json` gave."
)
task_argument = click.argument("task", type=click.IntRange(min=1))


@click.group()
def tasks() -> None:
    """Do what waits for people: list, claim, decide.

    \b
    wave tasks next
    wave tasks list --queue recruiters

    Work that a decision sets free is done by any runner: wave runner, or wave run WORKFLOW --resume.
    """


@tasks.command(name="list")
@project_option
@click.option("--queue", metavar="NAME", help="Only this queue.")
@click.option("--run", "run_id", type=click.IntRange(min=1), metavar="N", help="Only tasks of this run.")
@click.option("--mine", is_flag=True, help="Only what you have claimed.")
@click.option("--overdue", is_flag=True, help="Only what is overdue.")
@click.option("--after", type=click.IntRange(min=1), metavar="TASK", help="The page that comes after this task.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many.")
@as_option
@json_option
@click.pass_context
def list_(
    context: click.Context,
    queue: str | None,
    run_id: int | None,
    mine: bool,
    overdue: bool,
    after: int | None,
    limit: int,
    person: str | None,
    as_json: bool,
) -> None:
    """List the open tasks, the most urgent first.

    \b
    wave tasks list
    wave tasks list --queue recruiters --overdue --json
    """
    which = {"queue": queue, "run_id": run_id, "overdue": overdue, "person": _name(person) if mine else None}
    asyncio.run(_list(project_dir(context), {**which, "after": after, "limit": limit}, as_json=as_json))


@tasks.command()  # the function has the name of the command
@project_option
@click.option("--queue", metavar="NAME", help="Only of this queue.")
@skip_option
@as_option
@click.pass_context
def next(context: click.Context, queue: str | None, skip: tuple[int, ...], person: str | None) -> None:
    """Claim the most urgent task that you may take, and answer it here, field by field.

    \b
    wave tasks next
    wave tasks next --queue recruiters --as maria --skip 4711

    Ctrl-C keeps what you have filled in, and the claim, for half an hour: wave tasks next goes on with it.
    """
    from wave_runner.cli import task_form

    async def work(people: People) -> int:
        task = await people.claim(queue=queue, skip=skip)
        if task is None:
            click.echo("nothing waits for you", err=True)
            return 0
        return await task_form.fill_in(people, task)

    raise SystemExit(_as(project_dir(context), person, work))


@tasks.command()
@project_option
@task_argument
@as_option
@json_option
@click.pass_context
def show(context: click.Context, task: int, person: str | None, as_json: bool) -> None:
    """Show a task: what is asked, what is shown, what has been decided. Claims nothing.

    \b
    wave tasks show 4711
    wave tasks show 4711 --json
    """
    _print_task(context, person, as_json, lambda people: people.show(task))


@tasks.command()
@project_option
@click.argument("task", type=click.IntRange(min=1), required=False)
@click.option("--queue", metavar="NAME", help="Without TASK: only of this queue.")
@skip_option
@as_option
@json_option
@click.pass_context
def claim(
    context: click.Context,
    task: int | None,
    queue: str | None,
    skip: tuple[int, ...],
    person: str | None,
    as_json: bool,
) -> None:
    """Claim TASK, or the most urgent one that you may take, for half an hour.

    \b
    wave tasks claim 4711
    wave tasks claim --queue recruiters --json

    Nobody else can decide it meanwhile. A task that needs several people cannot be claimed by who has decided already.
    """

    async def work(people: People) -> Task:
        claimed = await people.claim(task=task, queue=queue, skip=skip)
        if claimed is None:
            from wave_runner.errors import NotFoundError

            raise NotFoundError(f"nothing waits for {people.person}", hint="wave tasks list shows what is open")
        return claimed

    _print_task(context, person, as_json, work)


@tasks.command()
@project_option
@task_argument
@click.option("--set", "fields", multiple=True, metavar="FIELD=VALUE", help="One field of the form; may be repeated.")
@click.option("--answer", "file", type=click.File("rb"), metavar="FILE", help="The whole answer as JSON; - for stdin.")
@click.option("--comment", "--reason", "comment", default="", metavar="TEXT", help="Why, in your own words.")
@click.option("--draft", is_flag=True, help="Keep it as a draft, and the claim for another half hour; decide nothing.")
@token_option
@as_option
@json_option
@click.pass_context
def decide(
    context: click.Context,
    task: int,
    fields: tuple[str, ...],
    file: Any,
    comment: str,
    draft: bool,
    token: UUID | None,
    person: str | None,
    as_json: bool,
) -> None:
    """Decide TASK, which you have claimed. Values are read as JSON where they are JSON, else as texts.

    \b
    wave tasks decide 4711 --set verdict=PASS --reason 'reads well'
    wave tasks decide 4711 --answer - --token 0b51f6a8-3c5e-4a39-9d0c-6f3b2f5f1c11
    """
    given = _answer(fields, file)

    async def work(people: People) -> Task:
        kept = json.loads((await people.show(task)).draft or "{}") if fields else {}
        answer = {**kept, **given} if isinstance(given, dict) else given
        if draft:
            if not isinstance(answer, dict):
                raise click.BadParameter("a draft is an object with fields of the form", param_hint="--answer")
            return await people.keep_draft(task, answer, token=token)
        return await people.decide(task, answer, comment=comment, token=token)

    _print_task(context, person, as_json, work)


@tasks.command(name="decide-together")
@project_option
@click.argument("chosen", type=click.IntRange(min=1), nargs=-1, required=True, metavar="TASK...")
@click.option("--set", "fields", multiple=True, metavar="FIELD=VALUE", help="One field of the form; may be repeated.")
@click.option("--answer", "file", type=click.File("rb"), metavar="FILE", help="The whole answer as JSON; - for stdin.")
@click.option("--reason", metavar="TEXT", default="", help="Why: the comment of each decision.")
@click.option("--yes", is_flag=True, help="Do it. Without this the command only shows what it would decide.")
@click.option("--expect", type=click.IntRange(min=0), metavar="N", help="Do it only if it is about so many.")
@as_option
@json_option
@click.pass_context
def decide_together(
    context: click.Context,
    chosen: tuple[int, ...],
    fields: tuple[str, ...],
    file: Any,
    reason: str,
    yes: bool,
    expect: int | None,
    person: str | None,
    as_json: bool,
) -> None:
    """Give one answer to several tasks of a step, a hundred at most, where the workflow allows it: `bulk: true`.

    \b
    wave tasks decide-together 4711 4712 4715 --set verdict=PASS
    wave tasks decide-together 4711 4712 --set verdict=PASS --reason 'one employer' --yes --expect 2

    Without --yes it shows each of them. Each is claimed and decided by itself, with an event of its own. What has
    changed since it was picked, or is another's, is left alone.
    """
    if yes and not reason:
        raise click.UsageError("say why, with --reason TEXT: it is the comment of each decision")
    answer = _answer(fields, file)

    async def work() -> tuple[Any, int | None]:
        from wave_runner.cli.pick import expected
        from wave_runner.engine import open_engine

        async with open_engine(project_dir(context), name="wave tasks") as engine:
            deciding = engine.acting_as(_person(person)).deciding_together()
            found = await deciding.look(await deciding.pick_tasks(chosen))
            if not yes:
                return found, None
            expected(expect, found.preview.may)
            mark = found.preview.mark
            return found, await deciding.decide(found.pick_id, answer, reason=reason, expect=mark)

    found, decided = asyncio.run(work())
    if as_json:
        output.emit("wave.picked_tasks.v1", {"pick_id": found.pick_id, "together": found, "decided": decided})
    elif decided is not None:
        output.heading(f"{decided} tasks are decided; a runner goes on with them")
    else:
        print_together(found)


@tasks.command(name="send-back")
@project_option
@task_argument
@click.option("--comment", required=True, metavar="TEXT", help="What is wrong; whoever takes the task next reads it.")
@token_option
@as_option
@json_option
@click.pass_context
def send_back(
    context: click.Context, task: int, comment: str, token: UUID | None, person: str | None, as_json: bool
) -> None:
    """Send TASK, which you have claimed, back: what has been decided is kept, and counts no more.

    \b
    wave tasks send-back 4711 --comment 'the salary is missing'
    wave tasks send-back 4711 --comment 'see the title' --as maria
    """
    _print_task(context, person, as_json, lambda people: people.send_back(task, comment, token=token))


@tasks.command()
@project_option
@task_argument
@token_option
@as_option
@json_option
@click.pass_context
def release(context: click.Context, task: int, token: UUID | None, person: str | None, as_json: bool) -> None:
    """Give TASK, which you have claimed, back undecided.

    \b
    wave tasks release 4711
    wave tasks release 4711 --as maria
    """
    _print_task(context, person, as_json, lambda people: people.release(task, token=token))


def _name(person: str | None) -> str:
    from wave_runner.engine import whoami

    return person or whoami()


def _person(person: str | None) -> str:
    from wave_runner.runner.deciding import named

    return named(_name(person))


def _as(folder: Path, person: str | None, work: Callable[[People], Awaitable[T]]) -> T:
    """Do something as a person, on the project's database."""

    async def on_the_database() -> T:
        from wave_runner.engine import open_engine

        async with open_engine(folder, name="wave tasks") as engine:
            return await work(engine.people(_name(person)))

    return asyncio.run(on_the_database())


async def _list(folder: Path, which: Mapping[str, Any], *, as_json: bool) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.reports.tasks import open_tasks

    async with open_engine(folder, name="wave tasks") as engine:
        found = await open_tasks(engine.database, **which)
    if as_json:
        output.emit("wave.tasks.v1", asdict(found))
        return
    if not found.total:
        output.heading("nothing waits for people")
        return
    rows = [
        {**asdict(one), "record": one.key, "run": one.run_id, "due": one.due_at, "state": _state(one)}
        for one in found.rows
    ]
    output.table(COLUMNS, rows)
    if found.next_after is not None:
        output.heading(f"{len(found.rows)} of {found.total}; there are more: --after {found.next_after}")


def _state(one: Any) -> str:
    said = [
        "overdue" if one.overdue else "",
        f"claimed by {one.claimed_by}" if one.claimed_by else "",
        _spoken(one) if one.needs > 1 else "",
    ]
    return ", ".join(filter(None, said)) or "open"


def _spoken(one: Any) -> str:
    differ = one.decided >= one.needs
    return f"{one.decided} have decided, and differ" if differ else f"{one.decided} of {one.needs} have decided"


def _answer(fields: tuple[str, ...], file: Any) -> Any:
    """Read `--set` and `--answer`: one of them, and it must be there."""
    from wave_runner.core.canonical import JsonError, parse_json

    if bool(fields) == (file is not None):
        raise click.UsageError("say what you decide: --set FIELD=VALUE, or --answer FILE")
    if file is not None:
        try:
            return parse_json(file.read())
        except JsonError as error:
            raise click.BadParameter(f"the answer {error}", param_hint="--answer") from error
    given = {}
    for field in fields:
        name, equals, text = field.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{field!r} is not of the form FIELD=VALUE", param_hint="--set")
        given[name] = read_value(text)
    return given


def _print_task(
    context: click.Context, person: str | None, as_json: bool, work: Callable[[People], Awaitable[Task]]
) -> None:
    async def with_step(people: People) -> tuple[Task, Any]:
        task = await work(people)
        return task, (await people.step(task)).schema

    task, form = _as(project_dir(context), person, with_step)
    if as_json:
        from wave_runner.runner.deciding import document

        output.emit("wave.task.v1", document(task, form, _name(person)))
    else:
        print_task(task, form, stream=sys.stdout)
