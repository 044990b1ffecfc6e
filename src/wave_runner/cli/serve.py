"""`wave serve`: the pages, and the HTTP interface that they ask."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.log_lines import log_format_option, log_to_stderr
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    import socket

    from wave_runner.api.callers import Own
    from wave_runner.engine import Engine

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
SET = "WAVE_API_TOKEN"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="The port; 0 is any that is free."
)
@click.option("--host-name", "names", multiple=True, metavar="NAME", help="A name that it is asked by, beside its own.")
@click.option("--as", "by", envvar="WAVE_PERSON", metavar="NAME", help="Who you are.  [default: the system's user]")
@log_format_option
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print where it listens, and its token, as one JSON document.")
@click.pass_context
def serve(
    context: click.Context,
    host: str,
    port: int,
    names: tuple[str, ...],
    by: str | None,
    log_format: str,
    as_json: bool,
) -> None:
    """Serve pages that show how the project stands, and answer by HTTP what the reports say, until told to stop.

    \b
    wave serve
    wave serve --host 0.0.0.0 --host-name wave.example.com

    The documents are those of `--json`, below /api/v1; /api/v1/openapi.json describes them. /healthz and /readyz are
    for whatever watches the process, /metrics is for Prometheus. Every question but the first two needs an access
    token, which wave access grant gives to a person. On this machine alone the address that is printed opens a session
    as well, as long as this process lives. Other machines reach it once somebody has an access token: by --host, or
    through a proxy on this machine, whose name is said by --host-name.
    """
    log_to_stderr(verbose=False, log_format=log_format)
    asyncio.run(_serve(project_dir(context), host, port, names, by, as_json=as_json))


async def _serve(folder: Path, host: str, port: int, names: tuple[str, ...], by: str | None, *, as_json: bool) -> None:
    from wave_runner.api.serving import listen
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave serve") as engine:
        engine.database.refuse_replica()  # who asks is noted, and so is what was refused
        with listen(host, port) as listening:
            await answer(engine, listening, host=host, names=names, by=by, as_json=as_json)


async def answer(
    engine: Engine,
    listening: socket.socket,
    *,
    host: str,
    names: tuple[str, ...],
    by: str | None,
    as_json: bool,
    until: Awaitable[object] | None = None,
) -> None:
    """Say where it listens, and answer until told to stop, or `until` has come to pass.

    Raises `SettingsError` where others could reach it and nobody has an access token.
    """
    from wave_runner.api.app import make_app
    from wave_runner.api.callers import Own
    from wave_runner.api.serving import is_loopback, serve
    from wave_runner.core.access import SECRET_BYTES, Role, digest
    from wave_runner.engine import whoami
    from wave_runner.errors import SettingsError
    from wave_runner.runner.deciding import named
    from wave_runner.store.access import any_in_force

    own = _set(engine)
    token = None
    if is_loopback(listening) and not names:  # who has another name is asked through a proxy, from anywhere
        token = secrets.token_urlsafe(SECRET_BYTES)
        own.append(Own(person=named(by or whoami()), role=Role.ADMIN, sha256=digest(token), local=True))
    elif not own and not await any_in_force(engine.database):
        raise SettingsError(
            f"{names[0] if names else host} can be reached from other machines, and nobody has an access token",
            hint="give somebody one: wave access grant PERSON --role ROLE; or listen on 127.0.0.1 alone",
        )
    address, bound = listening.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    _tell(f"http://{shown}:{bound}", token, as_json=as_json)
    app = make_app(engine, own=own, hosts={*LOCAL_NAMES, shown, host, *names}, port=bound)
    await serve(app, listening, until=until)


def _set(engine: Engine) -> list[Own]:
    """Return the token that is set, if one is. It names no person, so it may only read."""
    from wave_runner.api.callers import Own
    from wave_runner.core.access import Role, digest

    given = engine.settings.api_token
    return [] if given is None else [Own(person=SET, role=Role.VIEWER, sha256=digest(given.get_secret_value()))]


def _tell(url: str, token: str | None, *, as_json: bool) -> None:
    """Print where it listens, and on this machine alone the token that was made."""
    from wave_runner.api.pages import are_built

    opens = None if token is None else f"{url}/open?token={token}"
    if as_json:
        output.emit("wave.serve.v1", {"url": url, "token": token, "open": opens, "pages": are_built()})
    else:
        if not are_built():
            output.heading("the pages were not built into this installation: make ui builds them; all else answers")
        output.heading(f"listening on {url}")
        if token is not None:
            output.heading(f"open {opens}")
    sys.stdout.flush()
