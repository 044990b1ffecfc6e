"""What an interaction did its work with, as far as that is recorded: for `explain` and `trace`.

Everything is looked up by key and held against the commitments of its events; what cannot be shown is named in
`missing`, and what was erased on purpose in `erased`: that an event says so is shown by verifying the log.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from wave_runner.core.canonical import dumps
from wave_runner.core.cost import amount
from wave_runner.core.pinned import PinnedStep, read_step
from wave_runner.core.provenance import Ancestor, Taken, prompt_of, taken, unproven, unproven_evidence
from wave_runner.reports import versions
from wave_runner.reports.versions import Approved, File, Script, Versions
from wave_runner.store import drops, provenance
from wave_runner.store.drops import Gone

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Row

KEPT = ("request", "answer", "server")
"""What is kept of a model's call; not every server says its version."""
REQUIRED = frozenset({"request", "answer"})

STARTED, COMPLETED = "interaction_started", "interaction_completed"


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model as it was asked. `digest` is that of the weights, `version` what the server has called its own.

    None where nobody has recorded it.
    """

    server: str
    version: str | None
    model: str
    digest: str | None
    options: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Read:
    """One input. `source` is where it came from, `interaction_ids` whose output it is part of.

    `cut_from` is the length of a text before it was cut. Of a column of the record, `stands` says whether the row still
    holds what was read. `sha256` is None where it is erased.
    """

    name: str
    source: str
    column: str  # of the record; "" where it is none
    interaction_ids: tuple[int, ...]
    sha256: str | None
    cut_from: int | None
    stands: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What one person has said. `answer` is None where it was sent back; `seconds` since the claim."""

    person: str
    decided_at: datetime
    seconds: float
    round: int
    answer: Any
    comment: str | None


@dataclass(frozen=True, kw_only=True)
class Call:
    """Whose call gave a model's answer: the attempt of an interaction in a run."""

    run_id: int
    interaction_id: int
    attempt: int


@dataclass(kw_only=True)
class Work:
    """One completed interaction. `began` and `ended` are its events, as INTERACTION.SEQ.

    With `from_cache` no model was asked: prompt, answer and weights are those of that call.
    """

    run_id: int
    interaction_id: int
    record_id: int | None
    step: str
    actor: str
    kind: str
    state: str
    iteration: int
    item: int
    attempt: int
    began: str | None
    ended: str | None
    started_at: datetime | None
    finished_at: datetime | None
    service_us: int | None
    tokens_in: int | None
    tokens_out: int | None
    cost: Decimal | None
    currency: str | None
    definition: str
    approved: Approved | None
    input: Any
    reads: list[Read]
    prompt: File | None
    rendered: str | None
    answer: str | None
    output: Any
    schema: File | None
    model: Model | None
    script: Script | None
    query: File | None
    from_cache: Call | None
    decisions: list[Decision]
    missing: list[str] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Found:
    """Everything that was looked up about some interactions of one run, by interaction."""

    events: Mapping[tuple[int, str], Row]
    calls: Mapping[int, Row]  # whose call gave the answer: its own row, or the one that was recorded before
    call_events: Mapping[tuple[int, int], Row]
    evidence: Mapping[tuple[int, str], Row]  # by the call's interaction
    costs: Mapping[int, Row]
    decisions: Mapping[int, list[Row]]
    versions: Versions
    gone: Mapping[int, Gone]  # runs whose history was dropped, of those whose answers were given again


async def works(connection: Connection, run_id: int, ids: Sequence[int]) -> list[Work]:
    """Return what interactions did their work with, and those whose outputs they were given, and so on back."""
    rows = {row["interaction_id"]: row for row in await provenance.lineage(connection, run_id, ids)}
    given: dict[int, list[Taken]] = {}
    waiting = [id for id in ids if id in rows]
    while waiting:
        given |= {id: taken(read_step(bytes(rows[id]["pinned"])).step, _ancestors(rows, id)) for id in waiting}
        before = [id for one in waiting for read in given[one] for id in read.interaction_ids]
        waiting = [id for id in dict.fromkeys(before) if id not in given]
    found = await _look_up(connection, run_id, {id: rows[id] for id in given})
    return [_work(rows[id], given[id], found) for id in given]


def _ancestors(rows: Mapping[int, Row], id: int) -> list[Ancestor]:
    """Return what an interaction descends from, the nearest first: an ancestor that was made later is a nearer one."""
    line: set[int] = set()
    waiting = [*rows[id]["sources"]]
    while waiting:
        one = waiting.pop()
        if one in rows and one not in line:
            line.add(one)
            waiting += rows[one]["sources"]
    return [
        Ancestor(interaction_id=one, step=rows[one]["step"], item=rows[one]["item"], output=_json(rows[one]["output"]))
        for one in sorted(line, reverse=True)
    ]


async def _look_up(connection: Connection, run_id: int, own: Mapping[int, Row]) -> _Found:
    calls = await _calls(connection, own)
    attempts = [(row["run_id"], row["interaction_id"], row["attempt"]) for row in calls.values()]
    evidence = await provenance.evidence(connection, attempts)
    call_events = await _events_of_calls(connection, calls)
    return _Found(
        events={(row["interaction_id"], row["type"]): row for row in await provenance.events(connection, run_id, own)},
        calls=calls,
        call_events=call_events,
        evidence={(row["interaction_id"], row["role"]): row for row in evidence},
        costs={row["interaction_id"]: row for row in await provenance.costs(connection, run_id, own)},
        decisions=_grouped(await provenance.decisions(connection, run_id, own)),
        versions=await versions.look_up(connection, [read_step(bytes(row["pinned"])) for row in own.values()]),
        gone=await _gone(connection, {row["source_run_id"] for row in own.values() if row["source_id"]}),
    )


async def _gone(connection: Connection, run_ids: Collection[int]) -> dict[int, Gone]:
    return {run_id: one for run_id in run_ids for one in await drops.gone(connection, run_id=run_id)}


async def _calls(connection: Connection, own: Mapping[int, Row]) -> dict[int, Row]:
    """Return the row of the call behind each interaction that a model did."""
    calls = {id: row for id, row in own.items() if row["kind"] == "ai_model" and row["source_id"] is None}
    asked: dict[int, list[Row]] = _grouped([row for row in own.values() if row["source_id"]], by="source_run_id")
    for source_run, hits in asked.items():
        sources = await provenance.lineage(connection, source_run, {row["source_id"] for row in hits})
        by_id = {row["interaction_id"]: row for row in sources}
        calls |= {row["interaction_id"]: by_id[row["source_id"]] for row in hits if row["source_id"] in by_id}
    return calls


async def _events_of_calls(connection: Connection, calls: Mapping[int, Row]) -> dict[tuple[int, int], Row]:
    found = {}
    for run_id, same in _grouped(list(calls.values()), by="run_id").items():
        for row in await provenance.events(connection, run_id, [one["interaction_id"] for one in same]):
            if row["type"] == COMPLETED:
                found[run_id, row["interaction_id"]] = row
    return found


def _grouped(rows: Sequence[Row], *, by: str = "interaction_id") -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(row[by], []).append(row)
    return found


def _work(row: Row, given: Sequence[Taken], found: _Found) -> Work:
    id, pinned = row["interaction_id"], read_step(bytes(row["pinned"]))
    began, ended = found.events.get((id, STARTED)), found.events.get((id, COMPLETED))
    call, cost = found.calls.get(id), found.costs.get(id)
    request, answer, server = (_text(found, call, role) for role in KEPT)
    work = Work(
        **{name: row[name] for name in Work.__dataclass_fields__ if name in row and name not in _MADE},
        began=_event(began),
        ended=_event(ended),
        cost=amount(cost["money"]) if cost is not None and cost["money"] is not None else None,
        currency=cost["currency"] if cost is not None else None,
        definition=bytes(row["definition"]).hex(),
        approved=found.versions.approved(pinned, by=row["pinned_at"]),
        input=_json(row["input"]),
        reads=_reads(given, row, began),
        prompt=versions.file(pinned.step.prompt, pinned.prompt_sha256),
        rendered=prompt_of(request) if request is not None else None,
        answer=answer,
        output=_json(row["output"]),
        schema=versions.file(pinned.step.output, pinned.output_sha256),
        model=_model(pinned, call, server),
        script=found.versions.script(pinned),
        query=versions.file(pinned.step.sql, pinned.sql_sha256),
        from_cache=_from_cache(row, call),
        decisions=[_decision(one) for one in found.decisions.get(id, ())],
    )
    work.missing += _missing(work, row, began, ended, found)
    work.missing += _missing_pins(work, found.versions.not_stored(pinned))
    if work.kind == "ai_model":
        work.missing += _missing_of_call(work, call, found)
    work.erased += _erased(row, call, found)
    return work


_MADE = frozenset({"definition", "input", "output", "model", "erased"})


def _erased(row: Row, call: Row | None, found: _Found) -> Iterator[str]:
    """Yield what of an interaction, and of the call behind it, was erased."""
    if row["erased"]:
        yield from ("input", "output")
    if call is None:
        return
    for role in KEPT:
        kept = found.evidence.get((call["interaction_id"], role))
        if kept is not None and kept["content"] is None:
            yield role


def _event(row: Row | None) -> str | None:
    return None if row is None else f"{row['interaction_id']}.{row['seq']}"


def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _text(found: _Found, call: Row | None, role: str) -> str | None:
    row = found.evidence.get((call["interaction_id"], role)) if call is not None else None
    return None if row is None or row["content"] is None else bytes(row["content"]).decode("utf-8", "replace")


def _reads(given: Sequence[Taken], row: Row, began: Row | None) -> list[Read]:
    values = None if row["erased"] else _json(row["input"]) or {}
    return [_read(one, values, _data(began).get("cuts", {})) for one in given]


def _read(one: Taken, values: Mapping[str, Any] | None, cuts: Mapping[str, int]) -> Read:
    return Read(
        name=one.name,
        source=one.source,
        column=one.column,
        interaction_ids=one.interaction_ids,
        sha256=None if values is None else hashlib.sha256(dumps(values.get(one.name))).hexdigest(),
        cut_from=cuts.get(one.name),
    )


def _model(pinned: PinnedStep, call: Row | None, version: str | None) -> Model | None:
    if pinned.model is None:
        return None
    return Model(
        server=pinned.model.server,
        version=version,
        model=pinned.model.model,
        digest=call["digest"] if call is not None else None,
        options=dict(pinned.model.options),
    )


def _from_cache(row: Row, call: Row | None) -> Call | None:
    if row["source_id"] is None:
        return None
    attempt = call["attempt"] if call is not None else 0
    return Call(run_id=row["source_run_id"], interaction_id=row["source_id"], attempt=attempt)


def _decision(row: Row) -> Decision:
    return Decision(
        person=row["person"],
        decided_at=row["decided_at"],
        seconds=row["seconds"],
        round=row["round"],
        answer=_json(row["answer"]),
        comment=row["comment"],
    )


def _data(event: Row | None) -> dict[str, Any]:
    """Return what an event says; a text that somebody has broken says nothing."""
    try:
        said = json.loads(event["data"]) if event is not None else {}
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _missing(work: Work, row: Row, began: Row | None, ended: Row | None, found: _Found) -> Iterator[str]:
    """Yield what of a completed interaction cannot be shown: its events, and the input and output they speak of."""
    of = _named(work)
    for event, said in ((began, "began"), (ended, "ended")):
        if event is None:
            yield f"no event says how {of} {said}"
        elif event["definition"] is None or bytes(event["definition"]) != bytes(row["definition"]):
            yield f"the event that says how {of} {said} names another definition than its run has pinned"
        elif hashlib.sha256(event["data"].encode()).digest() != bytes(event["sha256"]):
            yield f"the data of the event that says how {of} {said} is not what its SHA-256 says"
    for name, event in (("input", began), ("output", ended)):
        if event is not None and not row["erased"]:
            yield from unproven(_data(event), name, row[f"{name}_nonce"], _bytes(row[name]), of=of)
    if work.kind == "human" and ended is not None and not work.decisions:
        yield f"nobody's decision is recorded for {of}"


def _missing_pins(work: Work, not_stored: Sequence[str]) -> Iterator[str]:
    yield from (f"what {_named(work)} has pinned is not stored: {sha256}" for sha256 in not_stored)
    if work.approved is None:
        yield f"nothing that was approved of {work.actor} is what {_named(work)} has pinned"


def _missing_of_call(work: Work, call: Row | None, found: _Found) -> Iterator[str]:
    of = _named(work)
    if call is None:
        gone = found.gone.get(work.from_cache.run_id) if work.from_cache is not None else None
        yield f"the call that has answered {of} is not recorded any more{f': {gone}' if gone else ''}"
        return
    if call["digest"] is None:
        yield f"the weights that have answered {of} are not recorded"
    ended = found.call_events.get((call["run_id"], call["interaction_id"]))
    for role in KEPT:
        kept = found.evidence.get((call["interaction_id"], role))
        if kept is None and role in REQUIRED:
            yield f"the {role} of {of} is not stored any more"
        elif kept is not None and kept["content"] is not None:
            yield from unproven_evidence(_data(ended), role, bytes(kept["nonce"]), bytes(kept["content"]), of=of)


def _named(work: Work) -> str:
    return f"{work.step} (interaction {work.interaction_id})"


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
