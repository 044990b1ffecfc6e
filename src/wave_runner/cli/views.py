"""`wave views`: lists of the pages as somebody has narrowed them, under a name."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option
from wave_runner.core.views import ListPage, View, ViewError, read_view

if TYPE_CHECKING:
    from wave_runner.store.views import SavedView

COLUMNS = ("view_id", "page", "name", "address", "saved_by", "saved_at")
as_option = click.option(
    "--as", "by", envvar="WAVE_PERSON", metavar="NAME", help="Who you are.  [default: the system's user]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def views() -> None:
    """Keep lists of the pages of wave serve as they are narrowed, under a name, for all who may read.

    \b
    wave views list
    wave views save "broken models" "interactions?state=failed&error_class=timeout"
    """


@views.command("list")
@click.option("--page", type=click.Choice([str(page) for page in ListPage]), help="Of this page alone.")
@project_option
@json_option
@click.pass_context
def list_views(context: click.Context, page: str | None, as_json: bool) -> None:
    """List the saved views: of which page, what narrows its list, and who has saved it.

    \b
    wave views list
    wave views list --page interactions --json

    The address goes behind the one of the pages. Whoever opens it sees the list as it is by then.
    """
    found = asyncio.run(_list(project_dir(context), ListPage(page) if page else None))
    output.show(COLUMNS, [vars(one) for one in found], "wave.views.v1", as_json=as_json)


@views.command()
@click.argument("name")
@click.argument("address")
@project_option
@as_option
@json_option
@click.pass_context
def save(context: click.Context, name: str, address: str, by: str | None, as_json: bool) -> None:
    """Keep a list as NAME. ADDRESS is that of the list in the browser, from the page on: runs?state=failed.

    \b
    wave views save "failed runs" "runs?state=failed"
    wave views save "overdue for editors" "tasks?queue=editors&whose=overdue" --as ben

    The pages are runs, interactions, errors, tasks and reviews. A name that is taken on a page stays what it is. All
    who may read see it: name nobody in it.
    """
    try:
        view = read_view(name, address)
    except ViewError as error:
        raise click.UsageError(str(error)) from error
    saved = asyncio.run(_save(project_dir(context), view, by))
    if as_json:
        output.emit("wave.views.save.v1", {"saved": saved})
    else:
        output.heading(f"view {saved.view_id} of {saved.page} is saved: {saved.name}")


@views.command()
@click.argument("view_id", type=click.IntRange(1, 2**63 - 1), metavar="ID")
@project_option
@as_option
@json_option
@click.pass_context
def remove(context: click.Context, view_id: int, by: str | None, as_json: bool) -> None:
    """Keep a view no longer, by its number, whoever has saved it.

    \b
    wave views remove 3
    wave views remove 3 --as ben
    """
    removed = asyncio.run(_remove(project_dir(context), view_id, by))
    if as_json:
        output.emit("wave.views.remove.v1", {"removed": removed})
    else:
        output.heading(f"view {removed.view_id} of {removed.page} is removed: {removed.name}")


async def _save(folder: Path, view: View, by: str | None) -> SavedView:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave views") as engine:
        return await engine.acting_as(by or engine.person).views().save(view)


async def _remove(folder: Path, view_id: int, by: str | None) -> SavedView:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave views") as engine:
        return await engine.acting_as(by or engine.person).views().remove(view_id)


async def _list(folder: Path, page: ListPage | None) -> list[SavedView]:
    from wave_runner.engine import open_engine
    from wave_runner.reports.views import saved_views

    async with open_engine(folder, name="wave views") as engine:
        return await saved_views(engine.database, page)
