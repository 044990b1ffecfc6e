"""`wave audit`: the log proven, here and elsewhere."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import drop, erase, log, output, retain
from wave_runner.cli.main import project_dir, project_option
from wave_runner.errors import WaveError

if TYPE_CHECKING:
    from wave_runner.audit.wave_verify import Checkpoint, Policy
    from wave_runner.reports.export import Exported, Wanted
    from wave_runner.reports.verify import Verified

FILE = click.Path(path_type=Path)


@click.group()
def audit() -> None:
    """Prove what has happened, keep the log in order, and erase what must not be kept: the log holds all the same.

    \b
    wave audit verify
    wave audit export --record 192842/External --out dossier
    wave audit status
    wave audit erase --record 192842/External
    """


for _command in (log.status, log.new_epoch, log.rotate_key):
    audit.add_command(_command)
for _command in (erase.erase, erase.erasures, erase.hold, erase.holds, retain.retain):
    audit.add_command(_command)
for _command in (drop.drop, drop.drops):
    audit.add_command(_command)


@audit.command()
@project_option
@click.option("--record", metavar="KEY", help="All that happened to this record, and what led to it.")
@click.option("--run", "run_id", type=click.IntRange(min=1), metavar="N", help="All that happened in this run.")
@click.option("--from", "since", metavar="WHERE", help="From this index of the log, or this time (UTC) of an event on.")
@click.option("--to", "until", metavar="WHERE", help="Up to this index or time, which is not in it.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="A folder that is not there yet."
)
@click.option(
    "--checkpoint", "older", type=FILE, multiple=True, help="An older checkpoint that it must be comparable with."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def export(
    context: click.Context,
    record: str | None,
    run_id: int | None,
    since: str | None,
    until: str | None,
    out: Path,
    older: Sequence[Path],
    as_json: bool,
) -> None:
    """Write the signed log, or a part of it, as a bundle that can be verified without us and without the database.

    \b
    wave audit export --out everything
    wave audit export --record 192842/External --out dossier
    wave audit export --run 12 --out run-12
    wave audit export --from 2026-11-01 --to 2026-12-01 --out november

    The folder holds events, contents, proofs, and wave_verify.py, which checks it: docs/reference/bundle.md.
    """
    if sum(one is not None for one in (record, run_id, since or until)) > 1:
        raise click.UsageError("--record, --run and --from with --to exclude each other")
    from wave_runner.audit.wave_verify import UsageError

    wanted = _wanted(record, run_id, since, until)
    try:
        checkpoints = _checkpoints(older)
    except UsageError as error:
        raise click.UsageError(str(error)) from None
    found = asyncio.run(_export(project_dir(context), out, wanted, checkpoints))
    if as_json:
        output.emit("wave.audit.export.v1", {"bundle": found})
    else:
        output.heading(
            f"{out}: {found.events:,} events and {found.contents:,} contents of {found.origin}, "
            f"which is signed at {found.size:,} entries"
        )
        if found.unsigned:
            output.heading(f"not in it: {found.unsigned:,} events that are not signed yet: wave audit status")


@audit.command()
@project_option
@click.option(
    "--policy", type=FILE, help="The logs and keys that you trust; without it the database's own key is believed."
)
@click.option("--checkpoint", "older", type=FILE, multiple=True, help="An older checkpoint that you have kept.")
@click.option("--longest-transaction", type=click.IntRange(min=0), default=3600, show_default=True, metavar="SECONDS",
              help="How long after an event its transaction may have ended.")  # fmt: skip
@click.option("--as", "person", envvar="WAVE_PERSON", metavar="NAME", help="Who you are.  [default: the system's user]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as wave-verify does.")
@click.pass_context
def verify(
    context: click.Context,
    policy: Path | None,
    older: Sequence[Path],
    longest_transaction: int,
    person: str | None,
    as_json: bool,
) -> int:
    """Verify the signed log in the database: signatures, tree, every event and every content.

    \b
    wave audit verify
    wave audit verify --policy policy --checkpoint checkpoint-of-monday

    Checkpoints outside the database are compared too. That it was verified, by whom and what came of it is an event of
    the log itself; nothing else is changed. Ends with 0 if all holds, 1 if something was tampered with
    (the first event that does not hold is named), 2 if something is missing, 3 if a file cannot be used.
    """
    from wave_runner.audit import wave_verify

    gc.disable()  # as wave-verify does: millions of small things, none of which holds a circle
    try:
        trusted = None if policy is None else wave_verify.Policy(_text(policy).decode())
        found = asyncio.run(
            _verify(project_dir(context), trusted, _checkpoints(older), longest_transaction, person=person)
        )
    except (wave_verify.UsageError, UnicodeDecodeError) as error:
        print(f"wave audit verify: {error}", file=sys.stderr)
        return wave_verify.USAGE
    code = wave_verify.report(
        found.findings, found.facts, found.dropped, is_own=policy is None, as_json=as_json, out=sys.stdout
    )
    if found.facts["unsigned"] and not as_json:
        print(f"not looked at: {found.facts['unsigned']:,} events that are not signed yet; a runner does that")
    return code


def _wanted(record: str | None, run_id: int | None, since: str | None, until: str | None) -> Wanted:
    from wave_runner.reports.export import Wanted

    if since is None and until is None:
        return Wanted(record=record, run=run_id)
    if since is None or until is None:
        raise click.UsageError("--from and --to belong together")
    if since.isdecimal() and until.isdecimal():
        return Wanted(stretch=(int(since), int(until)))
    return Wanted(times=(_time(since), _time(until)))


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is no index and no time; both look like 4711, or 2026-11-01T06:30") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _checkpoints(paths: Sequence[Path]) -> list[Checkpoint]:
    from wave_runner.audit.wave_verify import TamperedError, UsageError, parse_checkpoint

    found = []
    for path in paths:
        try:
            found.append(parse_checkpoint(_text(path)))
        except TamperedError as error:
            raise UsageError(f"{path}: {error}") from None
    return found


def _text(path: Path) -> bytes:
    from wave_runner.audit.wave_verify import UsageError

    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None


async def _export(folder: Path, out: Path, wanted: Wanted, older: Sequence[Checkpoint]) -> Exported:
    from wave_runner.engine import open_engine
    from wave_runner.reports.export import export

    async with open_engine(folder, name="wave audit") as engine:
        return await export(engine.database, out, wanted, source=engine.source(), older=older)


async def _verify(
    folder: Path, policy: Policy | None, older: Sequence[Checkpoint], longest_s: int, *, person: str | None
) -> Verified:
    from wave_runner.engine import open_engine, whoami
    from wave_runner.reports.verify import verify_log
    from wave_runner.runner.deciding import named

    by = named(person) if person else whoami()
    async with open_engine(folder, name="wave audit") as opened:
        engine = opened.acting_as(by)
        found = await verify_log(
            engine.database,
            source=engine.source(),
            policy=policy,
            older=[*older, *engine.outside_checkpoints()],
            longest_transaction_us=longest_s * 1_000_000,
        )
        try:
            await engine.log_keeper().note_verified(_said(found, "own" if policy is None else "given"))
        except WaveError as error:  # what was found is told all the same
            print(f"that the log was verified could not be noted: {error}", file=sys.stderr)
        return found


def _said(found: Verified, policy: str) -> dict[str, int | str | None]:
    """Return what the log says of its verification."""
    from wave_runner.audit.wave_verify import RESULTS

    first = next(iter(found.findings.sorted()), None)
    return {
        "result": RESULTS[found.findings.code()],
        "policy": policy,
        "findings": found.findings.count,
        "first": first.log_index if first is not None else None,
        **found.facts,
    }
