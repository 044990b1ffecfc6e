"""`wave report compliance`: what an auditor is given, with what it cannot prove."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output, page
from wave_runner.cli.main import project_dir, project_option
from wave_runner.cli.work_page import when, work_lines

if TYPE_CHECKING:
    from wave_runner.reports.dossier import Dossier
    from wave_runner.reports.explain import Explanation
    from wave_runner.reports.integrity import Integrity, Verification
    from wave_runner.reports.trace import Trace

DOUBTFUL = 1


@click.group()
def compliance() -> None:
    """Print what auditors ask for: the dossier of a record, the integrity of the log, with what each cannot prove.

    \b
    wave report compliance dossier --record 192842/External --out dossier
    wave report compliance integrity
    """


@compliance.command()
@project_option
@click.option("--record", "key", required=True, metavar="KEY", help="The record.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A folder that is not there yet: the bundle for the outsider.  [default: it is verified and not kept]",
)
@click.option("--full", is_flag=True, help="Show prompts, answers and values whole, however long they are.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def dossier(context: click.Context, key: str, out: Path | None, full: bool, as_json: bool) -> int:
    """Show everything that was decided about a record, with the proof: steps, values, events, the verifier's word.

    \b
    wave report compliance dossier --record 192842/External
    wave report compliance dossier --record 192842/External --out dossier --json

    The bundle is that of wave audit export --record KEY: who has it needs neither us nor the database to verify it.
    Ends with exit code 1 where the verifier objects, a chain of causes is broken or a value does not explain itself.
    """
    if out is not None:
        found = asyncio.run(_dossier(project_dir(context), key, out))
    else:
        with tempfile.TemporaryDirectory(prefix="wave-dossier-") as folder:
            found = asyncio.run(_dossier(project_dir(context), key, Path(folder) / "bundle"))
    if as_json:
        kept = {"holds": found.holds, "bundle_kept": out is not None}
        output.emit("wave.report.compliance.dossier.v1", {"dossier": found, **kept})
    else:
        _show_dossier(found, out, full=full)
    return 0 if found.holds else DOUBTFUL


@compliance.command()
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def integrity(context: click.Context, as_json: bool) -> int:
    """Say how far the log can be relied on: seals, checkpoints, copies outside, the last verification, epochs, keys.

    \b
    wave report compliance integrity
    wave report compliance integrity --json

    It reads and verifies nothing itself: wave audit verify does, and leaves an event that stands here. Ends with exit
    code 1 where somebody should look before relying on the log.
    """
    found = asyncio.run(_integrity(project_dir(context)))
    if as_json:
        troubles = found.troubles if found is not None else ["nothing is sealed yet"]
        output.emit("wave.report.compliance.integrity.v1", {"integrity": found, "troubles": troubles})
    elif found is None:
        output.heading("nothing is sealed yet: a runner does that")
    else:
        _show_integrity(found)
    return 0 if found is not None and not found.troubles else DOUBTFUL


def _show_dossier(found: Dossier, out: Path | None, *, full: bool) -> None:
    output.heading(f"dossier of {found.key} ({found.collection})")
    for gone in found.dropped:
        output.heading(f"{gone}; nothing more is known of it there")
    for one in found.traces:
        _show_trace(one, full=full)
    output.heading("values in force")
    for value in found.values:
        _show_value(value, full=full)
    _show_proof(found, out)
    _show_limits(found.cannot_prove)


def _show_trace(found: Trace, *, full: bool) -> None:
    flow = found.flow
    output.heading(f"run {flow.run_id} of {flow.workflow}: {flow.state}")
    for work in found.works:
        work_lines(work, full=full)
    chain = "unbroken" if found.unbroken else f"BROKEN in {len(found.breaks)} places: wave trace {flow.key}"
    page.line("causes", f"{len(found.events)} events, the chain is {chain}")


def _show_value(value: Explanation, *, full: bool) -> None:
    name = value.table if value.column == "*" else f"{value.table}.{value.column}"
    page.quote(name, page.value(value.now), full=full)
    writer = value.writer
    by = f"by {writer.step} ({writer.actor}) in run {writer.run_id}" if writer else "came with the row"
    page.line("", f"{value.standing or ''} {by}".strip(), f"SHA-256 {page.short(value.now_sha256)}")
    for said in value.missing:
        page.line("MISSING", said)


def _show_proof(found: Dossier, out: Path | None) -> None:
    first, last = found.events[0].log_index, found.events[-1].log_index
    bundle = found.bundle
    output.heading("proof")
    page.line("log", f"{bundle.origin}, signed at {bundle.size:,} entries")
    page.line("events", f"{bundle.events:,} with proofs of inclusion, indexes {first:,} to {last:,} of the log")
    if found.unproven:
        page.line("unproven", f"{found.unproven} events of the record are not in the signed log yet: a runner signs")
    page.line("contents", f"{bundle.contents:,} that events commit to")
    page.line("verifier", found.verdict.result.upper(), *found.verdict.findings)
    where = f"{out}: wave-verify {out} --policy FILE" if out else f"not kept: wave audit export --record {found.key}"
    page.line("bundle", where)
    output.block(found.checkpoint)


def _show_integrity(found: Integrity) -> None:
    log, outside = found.log, found.outside
    output.heading(f"integrity of {log.origin}, asked {when(found.asked_at)}")
    page.line("key", log.key or "nothing is signed yet")
    page.line("sealed", f"{log.size:,} entries", f"{found.holes:,} numbers are missing" if found.holes else "no gap")
    page.line(
        "unsealed", f"{log.unsealed:,} events, the oldest for {log.behind_s:.1f} s" if log.unsealed else "nothing"
    )
    page.line("signed", f"{log.signed_size:,} entries", when(log.signed_at))
    page.line("checkpoints", f"{found.checkpoints:,} kept", f"the first {when(found.first_signed_at)}")
    witnesses = ", ".join(found.witnesses) or "none: the log's own key alone has signed"
    page.line("witnesses", witnesses)
    size = f" at {outside.size:,} entries" if outside.size is not None else ""
    page.line("outside", f"{outside.says}{size} in {outside.folder}", "and by a command" if outside.command else None)
    page.line("late seals", f"{found.late_batches:,} batches", f"the longest wait was {found.longest_wait_s:.1f} s")
    _show_verified("verified", found.last_full_verify, found.since_then)
    if found.last_well is not None and found.last_well != found.last_full_verify:
        _show_verified("held last", found.last_well, None)
    if found.epochs:
        epochs = [asdict(one) for one in found.epochs]
        output.table(("at", "origin", "reason", "by", "approved_by"), epochs, title="epochs")
    if found.rotations:
        output.table(("at", "log_index", "new"), [asdict(one) for one in found.rotations], title="keys replaced")
    for gone in found.dropped:
        output.heading(str(gone))
    for said in found.troubles:
        output.heading(f"LOOK: {said}")
    _show_limits(found.cannot_prove)


def _show_verified(name: str, one: Verification | None, since: int | None) -> None:
    if one is None:
        page.line(name, "never: wave audit verify")
        return
    keys = "by the keys of a policy" if one.policy == "given" else "by the database's own key"
    more = f"{since:,} entries have come since" if since is not None else None
    page.line(name, f"{when(one.at)} by {one.by}: {one.result}, {one.entries:,} entries {keys}", more)


def _show_limits(cannot_prove: Iterable[str]) -> None:
    output.heading("what this cannot prove")
    for said in cannot_prove:
        page.line("-", said)


async def _dossier(folder: Path, key: str, out: Path) -> Dossier:
    from wave_runner.engine import open_engine
    from wave_runner.reports.dossier import dossier as read_dossier

    async with open_engine(folder, name="wave report") as engine:
        return await read_dossier(
            engine.database,
            key,
            out,
            collections=engine.project().collections,
            source=engine.source(),
            older=engine.outside_checkpoints(),
        )


async def _integrity(folder: Path) -> Integrity | None:
    from wave_runner.engine import open_engine
    from wave_runner.reports.integrity import integrity as read_integrity

    async with open_engine(folder, name="wave report") as engine:
        outside = engine.outside_checkpoints()
        return await read_integrity(
            engine.database,
            outside=outside[0] if outside else None,
            folder=str(engine.checkpoint_folder),
            command=bool(engine.settings.checkpoint_command),
        )
