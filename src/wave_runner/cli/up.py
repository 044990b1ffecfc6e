"""`wave up`: a runner and the pages in one process, for one machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from wave_runner.cli.log_lines import log_format_option, log_to_stderr
from wave_runner.cli.main import project_dir, project_option

HOST = "127.0.0.1"


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="The port; 0 is any that is free."
)
@click.option("--dev", is_flag=True, help="Approve changed actors without asking; the log says so.")
@click.option("--as", "by", envvar="WAVE_PERSON", metavar="NAME", help="Who you are.  [default: the system's user]")
@click.option("-v", "--verbose", is_flag=True, help="Say more on standard error.")
@log_format_option
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print where it listens, and its token, as one JSON document.")
@click.pass_context
def up(
    context: click.Context, port: int, dev: bool, by: str | None, verbose: bool, log_format: str, as_json: bool
) -> None:
    """Work for all runs of the project and serve its pages, in one process on this machine, until told to stop.

    \b
    wave up
    wave up --port 9000

    It is wave runner and wave serve together, and starts the database that comes along where none is named. The address
    that is printed opens the pages. Only this machine reaches them: for others, or for several hosts, start the two
    apart. On Ctrl-C or SIGTERM the pages end, and then the runner, which finishes or gives back what it has in hand. A
    runner that fails ends all of it, with its error.
    """
    log_to_stderr(verbose=verbose, log_format=log_format)
    raise SystemExit(asyncio.run(_up(project_dir(context), port, by, dev=dev, as_json=as_json)))


async def _up(folder: Path, port: int, by: str | None, *, dev: bool, as_json: bool) -> int:
    from wave_runner.api.serving import listen
    from wave_runner.cli.driving import DONE, working
    from wave_runner.cli.serve import answer
    from wave_runner.engine import open_engine

    # The port first: one that is taken is said before anything has begun.
    with listen(HOST, port) as listening:
        async with open_engine(folder, name="wave up") as engine:
            await engine.sync(dev=dev)
            async with working(engine) as runner:
                failed = asyncio.create_task(runner.failed())
                dismissed = asyncio.create_task(runner.dismissed())
                ended = asyncio.wait([failed, dismissed], return_when=asyncio.FIRST_COMPLETED)
                await answer(engine, listening, host=HOST, names=(), by=by, as_json=as_json, until=ended)
                dismissed.cancel()
                if failed.done():
                    failed.result()
                failed.cancel()
    return DONE
