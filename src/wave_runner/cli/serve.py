"""`wave serve`: the reports by HTTP."""

from __future__ import annotations

import asyncio
import secrets
import sys
from pathlib import Path

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="The port; 0 is any that is free."
)
@click.option("--host-name", "names", multiple=True, metavar="NAME", help="A name that it is asked by, beside its own.")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print where it listens, and its token, as one JSON document.")
@click.pass_context
def serve(context: click.Context, host: str, port: int, names: tuple[str, ...], as_json: bool) -> None:
    """Answer by HTTP what the reports say, and how the project stands, until told to stop.

    \b
    wave serve
    wave serve --host 0.0.0.0 --host-name wave.example.com

    The documents are those of `--json`, below /api/v1; /api/v1/openapi.json describes them. /healthz and /readyz are
    for whatever watches the process, /metrics is for Prometheus. It changes nothing, and every question but the first
    two needs the token that is printed, or the one that is set as WAVE_API_TOKEN: without that it listens on this
    machine only.
    """
    asyncio.run(_serve(project_dir(context), host, port, names, as_json=as_json))


async def _serve(folder: Path, host: str, port: int, names: tuple[str, ...], *, as_json: bool) -> None:
    from wave_runner.api.app import make_app
    from wave_runner.api.serving import is_loopback, listen, serve
    from wave_runner.cli.driving import log_to_stderr
    from wave_runner.engine import open_engine
    from wave_runner.errors import SettingsError

    log_to_stderr(verbose=False)
    async with open_engine(folder, name="wave serve") as engine:
        given = engine.settings.api_token
        with listen(host, port) as listening:
            if given is None and not is_loopback(listening):
                raise SettingsError(
                    f"{host} can be reached from other machines, and no token is set",
                    hint="set WAVE_API_TOKEN to a long secret, or listen on 127.0.0.1",
                )
            token = secrets.token_urlsafe(32) if given is None else given.get_secret_value()
            address, bound = listening.getsockname()[:2]
            shown = f"[{address}]" if ":" in address else address
            _tell(f"http://{shown}:{bound}", token if given is None else None, as_json=as_json)
            await serve(make_app(engine, token=token, hosts={*LOCAL_NAMES, shown, host, *names}), listening)


def _tell(url: str, token: str | None, *, as_json: bool) -> None:
    """Print where it listens, and the token that was made; one that was set is known."""
    if as_json:
        output.emit("wave.serve.v1", {"url": url, "token": token})
    else:
        output.heading(f"listening on {url}")
        if token is not None:
            output.heading(f"token {token}")
            output.heading(f"curl -H 'Authorization: Bearer {token}' {url}/api/v1/status")
    sys.stdout.flush()
