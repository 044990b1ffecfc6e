"""The dossier of a record: what was decided about it, by whom or what, from what, and the proof of that."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wave_runner.audit import wave_verify
from wave_runner.core.settling import ALL_ROWS
from wave_runner.core.workflow import CollectionSpec
from wave_runner.errors import NotFoundError
from wave_runner.reports.explain import Explanation, explain
from wave_runner.reports.export import Exported, Wanted, export
from wave_runner.reports.trace import Trace, trace
from wave_runner.store import drops, provenance
from wave_runner.store.drops import Gone
from wave_runner.store.reports import snapshot

if TYPE_CHECKING:
    from wave_runner.store.database import Database

LONGEST_TRANSACTION_US = 3_600_000_000

CANNOT_PROVE = (
    "that a model's answer, a script's result or a person's decision was right: only that it was given, and from what",
    "why a model has answered as it did: the prompt, its weights and its options are here, its reasons are not",
    "that what stands in your tables now is what was written: the log commits to that, and sees your tables never",
    "that nothing else was done with the record elsewhere: only what Wave Runner has recorded is here",
    "that the record has no later event and no further interaction: of an excerpt only the whole log can show that",
    "anything beyond the log's own key, unless a checkpoint or a policy that was kept elsewhere is held against it",
    "what was erased: its commitment and who ordered that stay, its content does not",
)


@dataclass(frozen=True, kw_only=True)
class Proven:
    """One event of the bundle, with its place in the signed log: what its proof of inclusion is about."""

    event: str
    type: str
    step: str | None
    actor: str | None
    recorded_at: str
    log_index: int


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the verifier has said of the bundle, believing the log's own key; `findings` are the first of them."""

    result: str
    facts: Mapping[str, int]
    findings: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """Everything about one record. `unproven` counts its events that are not in the signed log yet.

    `traces` are its ways through runs, the oldest first, but for those whose history was `dropped`; `values` what steps
    have written of it and is in force.
    """

    key: str
    collection: str
    traces: Sequence[Trace]
    dropped: Sequence[Gone]
    values: Sequence[Explanation]
    events: Sequence[Proven]
    unproven: int
    bundle: Exported
    checkpoint: str
    verdict: Verdict
    cannot_prove: tuple[str, ...] = CANNOT_PROVE

    @property
    def holds(self) -> bool:
        """Whether the verifier was content, every chain of causes is whole, and every value explains itself.

        What was erased is no fault: the verifier has found the order for it.
        """
        whole = all(one.unbroken for one in self.traces) and not any(one.missing for one in self.values)
        return self.verdict.result == "ok" and whole


async def dossier(
    database: Database,
    key: str,
    out: Path,
    *,
    collections: Mapping[str, CollectionSpec],
    source: str,
    older: Sequence[wave_verify.Checkpoint] = (),
) -> Dossier:
    """Write the bundle of a record into a folder that is not there yet, verify it, and return all that is known.

    Raises `NotFoundError` for a record that took part in no run, `ConflictError` while nothing is signed.
    """
    async with snapshot(database) as connection:
        record = await provenance.record(connection, key, collections=list(collections))
        if record is None:
            raise NotFoundError(
                f"there is no record {key!r}",
                hint="a row that staging rejected never became a record: wave status lists the rejections",
            )
        run_ids = await provenance.flows(connection, record["record_id"])
        written = await provenance.written(connection, record["record_id"])
        dropped = await drops.gone(connection, record_id=record["record_id"])
    names = [table if column == ALL_ROWS else f"{table}.{column}" for table, column in written]
    of = [record["collection"]]
    traces = [await trace(database, key, collections=of, run_id=run_id) for run_id in run_ids]
    values = [one for name in names if (one := await _explained(database, name, key, collections)) is not None]
    bundle = await export(database, out, Wanted(record=key), source=source, older=older)
    events = _events(out)
    there = {one.event for one in events}
    own = {f"{one.interaction_id}.{one.seq}" for found in traces for one in found.events if one.own}
    return Dossier(
        key=key,
        collection=record["collection"],
        traces=traces,
        dropped=dropped,
        values=values,
        events=events,
        unproven=len(own - there),
        bundle=bundle,
        checkpoint=(out / "checkpoint").read_text(encoding="utf-8"),
        verdict=_verdict(out, older),
    )


async def _explained(
    database: Database, name: str, key: str, collections: Mapping[str, CollectionSpec]
) -> Explanation | None:
    try:
        return await explain(database, name, key=key, collections=collections)
    except NotFoundError:
        return None  # all that was written there was taken back


def _events(bundle: Path) -> list[Proven]:
    lines = (line for file in sorted((bundle / "events").iterdir()) for line in file.read_bytes().splitlines())
    return [_proven(json.loads(line)) for line in lines]


def _proven(said: dict[str, Any]) -> Proven:
    return Proven(
        event=f"{said['interaction']}.{said['seq']}" if "interaction" in said else f"event {said['id']}",
        type=said["type"].replace(".", "_", 1),
        step=said.get("step"),
        actor=said.get("actor"),
        recorded_at=said["time"],
        log_index=int(said["sequence"]),
    )


def _verdict(bundle: Path, older: Sequence[wave_verify.Checkpoint]) -> Verdict:
    policy = wave_verify.Policy((bundle / "policy").read_text(encoding="utf-8"))
    done = wave_verify.Verification(
        wave_verify.Files(bundle), policy, older, longest_transaction_us=LONGEST_TRANSACTION_US
    )
    done.run()
    return Verdict(
        result=wave_verify.RESULTS[done.findings.code()],
        facts=done.facts,
        findings=[str(one) for one in done.findings.sorted()[:10]],
    )
