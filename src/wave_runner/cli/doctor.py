"""`wave doctor`: everything that must be true, each with what to do where it is not."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.core.health import Check

UNWELL = 1


@click.command()
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> int:
    """Look at everything that must be true: the database, the folder, model servers, and what is recorded.

    \b
    wave doctor
    wave doctor --project postings --json

    I1 to I17 are the invariants: what must hold at every moment, whatever was killed; docs/explanation/doctor.md says
    what each means. Changes nothing, and may be asked while runners work. Ends with exit code 1 where something fails.
    """
    checks = asyncio.run(_checks(project_dir(context)))
    counted = {verdict: sum(check.verdict == verdict for check in checks) for verdict in ("failure", "warning", "ok")}
    if as_json:
        output.emit("wave.doctor.v1", {"checks": checks, "counts": counted})
    else:
        _show(checks)
        output.heading(
            f"{counted['failure']} failures, {counted['warning']} warnings, {counted['ok']} as they should be"
        )
    return UNWELL if counted["failure"] else 0


def _show(checks: Sequence[Check]) -> None:
    for check in checks:
        print(f"{check.verdict:8}{check.name:20} {output.clean(check.found)}")
        if check.fix:
            print(f"{'':8}do: {output.clean(check.fix)}")


async def _checks(folder: Path) -> list[Check]:
    from wave_runner.actors import host
    from wave_runner.core import health
    from wave_runner.engine import open_engine
    from wave_runner.reports import doctor as reports

    async with open_engine(folder, name="wave doctor") as engine:
        lease_s, comes_along = engine.settings.lease_s, engine.settings.database_url is None
        servers = await engine.look_at_servers()
        return [
            *await reports.database_checks(engine.database, lease_s=lease_s, comes_along=comes_along),
            health.disk_check(str(engine.state_dir), shutil.disk_usage(engine.state_dir.parent).free),
            health.drift_check(await engine.drifted()),
            health.sandbox_check(host.look(), engine.sandboxes()),
            *(health.model_server_check(name, problem=problem) for name, problem in servers.items()),
            *await reports.invariant_checks(engine.database, lease_s=lease_s),
            *await reports.value_checks(engine.database, engine.project().collections),
        ]
