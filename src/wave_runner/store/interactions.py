"""Move interactions from state to state, set-based and fenced by their wave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from wave_runner.core.cost import Entry
from wave_runner.core.decision import when_broken
from wave_runner.core.event import EventType, data_text
from wave_runner.core.flow import Consequences, Place, Settled
from wave_runner.core.interaction import TERMINAL, State
from wave_runner.core.limits import Spent
from wave_runner.core.outcome import Effect, ErrorClass, Evidence, Replace, Write
from wave_runner.core.routing import Way
from wave_runner.store import events, joins, records
from wave_runner.store.database import Asked, Connection, Row, ask, conclude, fetch, plan_by_key
from wave_runner.store.joins import Over
from wave_runner.store.run_flow import FlowOf, RunFlow
from wave_runner.store.waves import Expired, Item, Wave

# A crash alone is charged; the third one quarantines.
MAX_CRASHES = 3

NOTHING = Consequences()


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Who says it: names and hash that stand on every event of a step."""

    step: str
    actor: str
    definition: bytes


class Start(NamedTuple):
    """One item to hand to its actor, with exactly what it is given."""

    item: Item
    origin: Origin
    input: str
    nonce: bytes
    data: Mapping[str, Any]
    read_hash: bytes | None = None  # of the record's row as its first step has read it


@dataclass(frozen=True, kw_only=True)
class SealedEvidence:
    """Evidence with the nonce of the commitment that the event carries."""

    evidence: Evidence
    nonce: bytes


class Move(NamedTuple):
    """What becomes of one item: its next state, the event, and everything that must be true together with it."""

    item: Item
    origin: Origin
    state: State
    type: EventType
    data: Mapping[str, Any]
    tables: records.Tables
    run: RunFlow  # whose steps `follows` names
    follows: Consequences = NOTHING
    output: str | None = None
    nonce: bytes | None = None
    delay_s: float = 0.0
    error_class: str | None = None
    rule: str | None = None
    error: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    service_us: int = 0
    fan_out_step: int | None = None  # run_step_id that an `each` creates
    handled: bool = False  # broken, and the workflow says what happens then
    charged: bool = False  # a failure of its own, which counts against its budget
    writes: tuple[Write | Replace, ...] = ()
    effects: tuple[Effect, ...] = ()
    limit_s: float = 300.0  # how long one statement of its writes and effects may take
    evidence: tuple[SealedEvidence, ...] = ()
    sources: tuple[int, ...] = ()  # further interactions whose output was read
    entry: Entry | None = None  # of the ledger: what a call of a model has used and cost
    spent: Spent | None = None  # of workflows that limit it: what the attempt has used
    doubts: tuple[int, ...] = ()  # completed interactions of its run that its own breach casts doubt on
    question: bytes | None = None  # that its output may answer for others too


@dataclass(frozen=True, kw_only=True)
class Ancestor:
    """An earlier interaction on an item's own line, with its output as JSON text."""

    interaction_id: int
    item: int
    output: str


async def start(connection: Connection, wave: Wave, starts: Sequence[Start], *, last: bool = False) -> set[int]:
    """Move items from pending to running. Returns the ids that are still ours and have started.

    `last`: nothing follows in the transaction, which may end with it.
    """
    await plan_by_key(connection)
    asked = ask(connection, "interactions/start", _start_parameters(wave, starts))
    read = [one for one in starts if one.read_hash is not None]
    hashing = [ask(connection, "run_records/set_read_hashes", _read_hashes(wave, read))] if read else []
    if last:
        await conclude(connection, asked, *hashing)
    started = {interaction_id for (interaction_id,) in await asked.tuples()}
    for one in hashing:
        await one.rows()
    return started


async def finish(
    connection: Connection,
    wave: Wave,
    moves: Sequence[Move],
    *,
    from_state: State = State.RUNNING,
) -> set[int]:
    """Apply moves and everything that belongs to them in the caller's transaction. Returns the ids that moved."""
    return await finished(connection, wave, moves, await ask_finish(connection, wave, moves, from_state=from_state))


async def ask_finish(
    connection: Connection, wave: Wave, moves: Sequence[Move], *, from_state: State = State.RUNNING
) -> Asked:
    """Ask to apply moves; `finished` says what became of them, and does what else belongs to them."""
    await plan_by_key(connection)
    mine = await _claimed(connection, wave, moves) if from_state is State.PENDING else moves
    return ask(connection, "interactions/finish", _finish_parameters(wave, mine, from_state))


async def finished(connection: Connection, wave: Wave, moves: Sequence[Move], asked: Asked) -> set[int]:
    """Return the ids that moved, once everything that belongs to them has been applied too.

    Work that this wave no longer holds is left alone: its result is recorded as an event of the wave and changes
    nothing. Raises the driver's error if the user's data cannot take a write; then nothing of the transaction stands.
    """
    with joins.once_at_a_time():
        rows = await asked.tuples()
    moved = {interaction_id: (attempt, seq, rank) for interaction_id, attempt, seq, rank in rows}
    attempts = {interaction_id: attempt for interaction_id, (attempt, _, _) in moved.items()}
    kept = [move for move in moves if move.item.interaction_id in moved]
    over = [_ended(move, *moved[move.item.interaction_id][1:]) for move in kept if _spreads(move)]
    with joins.once_at_a_time():
        await _add_children(connection, over, beyond=1)
        await joins.spread(connection, over, wave_id=wave.wave_id, runner_id=wave.runner_id)
    await _doubt(connection, wave, [move for move in kept if move.doubts])
    await add_sources(connection, [(move.item, move.sources) for move in kept])
    sealed = [(move.item, attempts[move.item.interaction_id], one) for move in kept for one in move.evidence]
    await add_evidence(connection, sealed)
    if limits := [move.limit_s for move in kept if move.writes or move.effects]:
        await records.limit(connection, max(limits))
    await _apply_effects(connection, kept)
    await records.apply_writes(
        connection,
        [
            records.Change(
                run_id=move.item.run_id,
                interaction_id=move.item.interaction_id,
                attempt=attempts[move.item.interaction_id],
                record_id=move.item.record_id,
                key=move.item.key,
                tables=move.tables,
                write=write,
            )
            for move in kept
            for write in move.writes
            if move.item.record_id is not None and move.item.key is not None
        ],
        wave_id=wave.wave_id,
        runner_id=wave.runner_id,
    )
    if limits:
        await records.check_constraints(connection)
    for move in moves:
        if move.item.interaction_id not in attempts:
            await _record_late(connection, wave, move)
    return set(attempts)


async def reclaim(connection: Connection, expired: Expired, *, runner_id: UUID, run_flow: FlowOf) -> int:
    """Give back the work of an expired wave. Returns how many items had begun.

    One that has crashed its runner too often is quarantined; `run_flow` gives, for a step of a run, the run's flow.
    """
    begun = await _take_back(connection, expired, runner_id=runner_id, run_flow=run_flow)
    data = {"begun": begun, "crashed": expired.crashed}
    await events.append(connection, EventType.WAVE_EXPIRED, data, wave_id=expired.wave_id, runner_id=expired.runner_id)
    return begun


async def lose(connection: Connection, wave: Wave, *, runner_id: UUID, run_flow: FlowOf) -> int:
    """Give back the work of a wave whose host was lost, as `reclaim` does. It is closed as any other wave is."""
    lost = Expired(wave_id=wave.wave_id, runner_id=runner_id, size=len(wave.items), crashed=True)
    return await _take_back(connection, lost, runner_id=runner_id, run_flow=run_flow)


async def _take_back(connection: Connection, expired: Expired, *, runner_id: UUID, run_flow: FlowOf) -> int:
    rows = await _give_back(
        connection,
        expired.wave_id,
        type=EventType.INTERACTION_LEASE_EXPIRED,
        size=expired.size,
        crashed=expired.crashed,
        runner_id=runner_id,
    )
    broken = [row for row in rows if row["state"] == State.QUARANTINED]
    handlers = [(row, *_handler(row, await run_flow(connection, row["run_step_id"]))) for row in broken]
    over = [_quarantined(row, run, ways) for row, run, ways in handlers]
    if handled := [row for row, run, ways in handlers if run.flow.handles(ways)]:
        given = {"run_ids": _runs(handled), "ids": [row["interaction_id"] for row in handled]}
        await fetch(connection, "interactions/handle", given)
    await _add_children(connection, over)
    await joins.spread(connection, over, wave_id=expired.wave_id, runner_id=runner_id)
    return len(rows)


async def release(connection: Connection, wave: Wave) -> int:
    """Give back what a wave has begun and not finished, because its runner stops; nothing is charged."""
    rows = await _give_back(
        connection,
        wave.wave_id,
        type=EventType.INTERACTION_RELEASED,
        size=len(wave.items),
        crashed=False,
        runner_id=wave.runner_id,
    )
    return len(rows)


async def suspect(connection: Connection, wave: Wave, *, begun: int) -> int:
    """Give back what a wave has begun because one of its items took them all down; nothing is charged yet.

    They are claimed again in waves half as large, so that the culprit is alone in the end and the others go through.
    """
    rows = await _give_back(
        connection,
        wave.wave_id,
        type=EventType.INTERACTION_RELEASED,
        size=begun,
        crashed=True,
        runner_id=wave.runner_id,
    )
    return len(rows)


async def held(connection: Connection, wave: Wave, ids: Sequence[int]) -> set[int]:
    """Return which of these the wave still holds: the question after a COMMIT whose answer was lost."""
    parameters = {"wave_id": wave.wave_id, "ids": list(ids)}
    return {row["interaction_id"] for row in await fetch(connection, "interactions/held", parameters)}


async def _give_back(
    connection: Connection, wave_id: int, *, type: EventType, size: int, crashed: bool, runner_id: UUID | None
) -> list[Row]:
    await plan_by_key(connection)
    return await fetch(
        connection,
        "interactions/reclaim",
        {
            "wave_id": wave_id,
            "type": type,
            "size": size,
            "crashed": crashed,
            "max_crashes": MAX_CRASHES,
            "runner_id": runner_id,
        },
    )


async def lineage(
    connection: Connection, items: Sequence[Item], steps: Sequence[str]
) -> dict[int, dict[str, list[Ancestor]]]:
    """Return, for each item, the outputs of each named step on its own line, the newest first."""
    await plan_by_key(connection)
    rows = await fetch(
        connection,
        "interactions/lineage",
        {"run_ids": _runs(items), "ids": [item.interaction_id for item in items], "steps": list(steps)},
    )
    found: dict[int, dict[str, list[Ancestor]]] = {}
    for row in rows:
        ancestor = Ancestor(interaction_id=row["interaction_id"], item=row["item"], output=row["output"])
        found.setdefault(row["reader"], {}).setdefault(row["step"], []).append(ancestor)
    return found


async def given(connection: Connection, items: Sequence[Item]) -> dict[int, Ancestor]:
    """Return what each item of an experiment is given, as if it were an output before it."""
    await plan_by_key(connection)
    asked = {"run_ids": _runs(items), "ids": [item.interaction_id for item in items]}
    rows = await fetch(connection, "experiments/given", asked)
    return {
        row["interaction_id"]: Ancestor(item=0, output=row["input"], interaction_id=row["interaction_id"])
        for row in rows
    }


async def newest_outputs(connection: Connection, run_id: int, record_id: int) -> dict[str, list[Ancestor]]:
    """Return what each step of a record has given in a run, and each that ran once, the newest first."""
    rows = await fetch(connection, "interactions/newest_outputs", {"run_id": run_id, "record_id": record_id})
    found: dict[str, list[Ancestor]] = {}
    for row in rows:
        ancestor = Ancestor(interaction_id=row["interaction_id"], item=row["item"], output=row["output"])
        found.setdefault(row["step"], []).append(ancestor)
    return found


def _read_hashes(wave: Wave, read: Sequence[Start]) -> dict[str, Any]:
    return {
        "wave_id": wave.wave_id,
        "runs": [start.item.run_id for start in read],
        "ids": [start.item.interaction_id for start in read],
        "record_ids": [start.item.record_id for start in read],
        "hashes": [start.read_hash for start in read],
    }


async def note(
    connection: Connection,
    *,
    run_id: int,
    interaction_id: int,
    type: EventType,
    data: Mapping[str, Any],
    runner_id: UUID | None,  # None: a person does it
    wave_id: int | None,
) -> bool:
    """Append an event to an interaction that goes on as it is. False if the wave no longer holds it."""
    parameters = {
        "run_id": run_id,
        "interaction_id": interaction_id,
        "type": type,
        "data": data_text(data),
        "runner_id": runner_id,
        "wave_id": wave_id,
    }
    return bool(await fetch(connection, "interactions/note", parameters))


async def _claimed(connection: Connection, wave: Wave, moves: Sequence[Move]) -> list[Move]:
    """Return the moves of what the wave has claimed and nobody has begun."""
    given = {"wave_id": wave.wave_id, "ids": [move.item.interaction_id for move in moves]}
    claimed = {row["interaction_id"] for row in await fetch(connection, "interactions/claimed", given)}
    return [move for move in moves if move.item.interaction_id in claimed]


def _runs(items: Iterable[Item | Row]) -> list[int]:
    return sorted({item["run_id"] if isinstance(item, dict) else item.run_id for item in items})


def origins(given: Sequence[Origin]) -> dict[str, list[Any]]:
    """Return who says it, as the parameters of a statement over arrays."""
    return {
        "steps": [origin.step for origin in given],
        "actors": [origin.actor for origin in given],
        "definitions": [origin.definition for origin in given],
    }


def _start_parameters(wave: Wave, starts: Sequence[Start]) -> dict[str, Any]:
    return {
        "wave_id": wave.wave_id,
        "runner_id": wave.runner_id,
        "run_ids": [start.item.run_id for start in starts],
        "ids": [start.item.interaction_id for start in starts],
        "inputs": [start.input for start in starts],
        "nonces": [start.nonce for start in starts],
        "data": [data_text(start.data) for start in starts],
        **origins([start.origin for start in starts]),
    }


def _finish_parameters(wave: Wave, moves: Sequence[Move], from_state: State) -> dict[str, Any]:
    return {
        "wave_id": wave.wave_id,
        "runner_id": wave.runner_id,
        "from_state": from_state,
        "begun_by": None if from_state is State.PENDING else wave.wave_id,
        "run_ids": [move.item.run_id for move in moves],
        "ids": [move.item.interaction_id for move in moves],
        "states": [move.state for move in moves],
        "types": [move.type for move in moves],
        "outputs": [move.output for move in moves],
        "nonces": [move.nonce for move in moves],
        "delays_s": [move.delay_s for move in moves],
        "error_classes": [move.error_class for move in moves],
        "rules": [move.rule for move in moves],
        "errors": [move.error for move in moves],
        "tokens_in": [move.tokens_in for move in moves],
        "tokens_out": [move.tokens_out for move in moves],
        "service_us": [move.service_us for move in moves],
        **_first_children(moves),
        "fan_out_steps": [move.fan_out_step for move in moves],
        "handled": [move.handled for move in moves],
        "charged": [move.charged for move in moves],
        "data": [data_text(move.data) for move in moves],
        **origins([move.origin for move in moves]),
    }


def _first_children(moves: Sequence[Move]) -> dict[str, list[Any]]:
    """Return where each move's first child is, NULL where it has none: as a rule it is the only one."""
    first = [next(((place, move.run.steps[place.step]) for place in move.follows.children), None) for move in moves]
    return {
        "child_steps": [one and one[1].run_step_id for one in first],
        "child_queues": [one and one[1].queue_id for one in first],
        "child_iterations": [one and one[0].iteration for one in first],
        "child_items": [one and one[0].item for one in first],
    }


def _spreads(move: Move) -> bool:
    """Say whether more follows from a move than one child, which comes with it."""
    follows = move.follows
    return move.state in TERMINAL and (len(follows.children) != 1 or bool(follows.skipped) or bool(follows.inputs))


def _ended(move: Move, seq: int, rank: int) -> Over:
    item = move.item
    return Over(
        run_id=item.run_id,
        interaction_id=item.interaction_id,
        record_id=item.record_id,
        correlation_id=item.correlation_id,
        generation=item.generation,
        rank=rank,
        cause=(item.interaction_id, seq),
        run=move.run,
        follows=move.follows,
    )


def over_of(row: Row, run: RunFlow, follows: Consequences) -> Over:
    """Return an interaction that has ended, as its statement gave it, with what follows."""
    return Over(
        run_id=row["run_id"],
        interaction_id=row["interaction_id"],
        record_id=row["record_id"],
        correlation_id=row["correlation_id"],
        generation=row["generation"],
        rank=row["rank"],
        cause=(row["interaction_id"], row["seq"]),
        run=run,
        follows=follows,
    )


def _handler(row: Row, run: RunFlow) -> tuple[RunFlow, tuple[Way, ...]]:
    """Return where an interaction goes that a sweeper has quarantined, if its workflow says so."""
    ways, _ = when_broken(run.flow.steps[run.name_of(row["run_step_id"])], State.QUARANTINED, ErrorClass.CRASHED)
    return run, ways


def _quarantined(row: Row, run: RunFlow, ways: Sequence[Way]) -> Over:
    place = Place(step=run.name_of(row["run_step_id"]), iteration=row["iteration"], item=row["item"])
    return over_of(row, run, run.flow.follow(place, Settled.FAILED, ways))


async def _add_children(connection: Connection, over: Sequence[Over], *, beyond: int = 0) -> None:
    """Make the next steps of what has ended, but for so many of each that are there already."""
    born = [(one, place, one.run.steps[place.step]) for one in over for place in one.follows.children[beyond:]]
    if not born:
        return
    await fetch(
        connection,
        "interactions/add_children",
        {
            "run_ids": [one.run_id for one, _, _ in born],
            "run_step_ids": [step.run_step_id for _, _, step in born],
            "queue_ids": [step.queue_id for _, _, step in born],
            "record_ids": [one.record_id for one, _, _ in born],
            "correlation_ids": [one.correlation_id for one, _, _ in born],
            "items": [place.item for _, place, _ in born],
            "iterations": [place.iteration for _, place, _ in born],
            "generations": [one.generation for one, _, _ in born],
            "parent_ids": [one.cause[0] for one, _, _ in born],
            "parent_seqs": [one.cause[1] for one, _, _ in born],
            "ranks": [one.rank for one, _, _ in born],
        },
    )


async def _doubt(connection: Connection, wave: Wave, moves: Sequence[Move]) -> None:
    for rule in sorted({move.rule for move in moves if move.rule}):
        doubting = [move for move in moves if move.rule == rule]
        parameters = {
            "run_ids": _runs(move.item for move in doubting),
            "ids": sorted({one for move in doubting for one in move.doubts}),
            "rule": rule,
            "data": data_text({"rule": rule}),
            "wave_id": wave.wave_id,
            "runner_id": wave.runner_id,
        }
        await fetch(connection, "interactions/doubt", parameters)


async def add_sources(connection: Connection, read: Sequence[tuple[Item, Sequence[int]]]) -> None:
    """Note whose outputs items have read, besides their parent's."""
    pairs = [(item.run_id, item.interaction_id, source) for item, sources in read for source in sources]
    if pairs:
        run_ids, ids, source_ids = (list(column) for column in zip(*pairs, strict=True))
        await fetch(connection, "interactions/add_inputs", {"run_ids": run_ids, "ids": ids, "source_ids": source_ids})


async def add_evidence(connection: Connection, given: Sequence[tuple[Item, int, SealedEvidence]]) -> None:
    """Keep the exact bytes behind commitments, each with the attempt that it belongs to."""
    if not given:
        return
    await fetch(
        connection,
        "payloads/add",
        {
            "run_ids": [item.run_id for item, _, _ in given],
            "ids": [item.interaction_id for item, _, _ in given],
            "attempts": [attempt for _, attempt, _ in given],
            "roles": [sealed.evidence.role for _, _, sealed in given],
            "media_types": [sealed.evidence.media_type for _, _, sealed in given],
            "nonces": [sealed.nonce for _, _, sealed in given],
            "contents": [sealed.evidence.content for _, _, sealed in given],
        },
    )


async def _apply_effects(connection: Connection, moves: Sequence[Move]) -> None:
    for move in moves:
        for effect in move.effects:
            await records.apply_effect(connection, effect)


async def _record_late(connection: Connection, wave: Wave, move: Move) -> None:
    data = {"interaction": str(move.item.interaction_id), "state": str(move.state)}
    await events.append(
        connection,
        EventType.WAVE_LATE_RESULT,
        data,
        run_id=move.item.run_id,
        wave_id=wave.wave_id,
        runner_id=wave.runner_id,
    )
