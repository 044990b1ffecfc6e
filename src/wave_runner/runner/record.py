"""From outcomes to what stands in the database: each chunk is one transaction, and one bad row never sinks it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from typing import Any

from wave_runner.actors.statement import EFFECTS, check_statement
from wave_runner.core.answer import check
from wave_runner.core.canonical import dumps
from wave_runner.core.cost import entry_of
from wave_runner.core.decision import Try, Verdict, decide, when_broken
from wave_runner.core.event import EventType, commitment
from wave_runner.core.flow import Consequences, Place, Settled
from wave_runner.core.guards import Asked
from wave_runner.core.interaction import TERMINAL, State
from wave_runner.core.outcome import Breach, Done, Evidence, Outcome, Usage
from wave_runner.core.pinned import cost_of, price_of_model
from wave_runner.core.text import sanitise
from wave_runner.runner.nonces import new_nonce
from wave_runner.runner.prepare import Ready, Stopped
from wave_runner.runner.relay import Relay
from wave_runner.runner.telling import tell_attempts
from wave_runner.runner.texts import Texts
from wave_runner.store import answers, interactions, ledger, spending, stops
from wave_runner.store.database import Database, DataRefused, Unavailable
from wave_runner.store.interactions import NOTHING, Move, SealedEvidence
from wave_runner.store.waves import Wave

log = logging.getLogger("wave_runner.runner")

CHUNK = 500
MESSAGE_CHARACTERS = 500

EVENT_OF = {
    State.COMPLETED: EventType.INTERACTION_COMPLETED,
    State.FAILED: EventType.INTERACTION_FAILED,
    State.QUARANTINED: EventType.INTERACTION_QUARANTINED,
    State.PENDING: EventType.INTERACTION_RETRY_SCHEDULED,
}


async def record(
    database: Database,
    wave: Wave,
    results: Sequence[tuple[Ready, Outcome]],
    texts: Texts,
    *,
    relay: Relay | None = None,
) -> int:
    """Check, decide and apply the outcomes of a wave, and open the next one by `relay`. Returns how many were ours."""
    moves = [move_of(ready, outcome, texts) for ready, outcome in results]
    tell_attempts(wave, results, moves)
    return await _in_chunks(database, wave, moves, relay=relay)


async def quarantine(database: Database, wave: Wave, stopped: Sequence[Stopped]) -> int:
    """Quarantine items whose input broke its contract, without a call. Returns how many were still ours."""
    moves = [_stopped_move(one) for one in stopped]
    return await _in_chunks(database, wave, moves, from_state=State.PENDING)


async def _in_chunks(
    database: Database,
    wave: Wave,
    moves: Sequence[Move],
    *,
    from_state: State = State.RUNNING,
    relay: Relay | None = None,
) -> int:
    done = 0
    for first in range(0, len(moves), CHUNK):
        chunk = moves[first : first + CHUNK]
        done += await _apply(database, wave, chunk, from_state=from_state, relay=relay)
    return done


async def _apply(
    database: Database, wave: Wave, moves: Sequence[Move], *, from_state: State, relay: Relay | None = None
) -> int:
    """Apply moves in one transaction; where the user's tables refuse a row, halve until it stands alone."""
    try:
        return await _commit(database, wave, moves, from_state=from_state, relay=relay)
    except DataRefused as error:
        if len(moves) == 1:
            refused = _refused(moves[0], str(error))
            return await _commit(database, wave, [refused], from_state=from_state)
    middle = len(moves) // 2
    halves = (moves[:middle], moves[middle:])
    return sum([await _apply(database, wave, half, from_state=from_state) for half in halves])


async def _commit(
    database: Database, wave: Wave, moves: Sequence[Move], *, from_state: State, relay: Relay | None = None
) -> int:
    """Apply moves in one transaction, through lost connections, until it is known to stand."""
    while moves:
        try:
            async with (
                relay.reading(moves) if relay else nullcontext() as ahead,
                database.transaction(by_key=True) as connection,
            ):
                finishing = await interactions.ask_finish(connection, wave, moves, from_state=from_state)
                following = relay.ask(connection, moves) if relay and not _writes(moves) else None
                moved = await interactions.finished(connection, wave, moves, finishing)
                mine = [move for move in moves if move.item.interaction_id in moved]
                # What comes too late is no result, and has been paid for all the same.
                counted = moved | await ledger.settle(connection, _calls(moves, moved))
                spent = [(one.item, one.spent) for one in moves if one.spent and one.item.interaction_id in counted]
                await spending.add(connection, spent)
                await answers.keep(connection, [(move.item, move.question) for move in mine if move.question])
                await stops.remember(connection, mine)
                if relay and _writes(moves) and len(mine) == len(moves):
                    following = relay.ask(connection, moves)
                if relay and ahead and following:
                    await relay.open(connection, following, ahead)
        except Unavailable as error:
            message = "wave %s: the database is away while recording (%s)"
            log.warning(message, wave.wave_id, error, extra={"wave_id": wave.wave_id})
            ids = await _still_held(database, wave, [move.item.interaction_id for move in moves])
            moves = [move for move in moves if move.item.interaction_id in ids]
        else:
            if relay:
                relay.stands = relay.opened is not None
            return len(moved)
    if relay and relay.opened and relay.opened.going:
        begun = [one.item.interaction_id for one in relay.opened.going.started]
        relay.keep(await _still_held(database, relay.opened.wave, begun))
    return 0


def _writes(moves: Sequence[Move]) -> bool:
    """Say whether the user's tables are written, which may have to wait: nothing is claimed meanwhile."""
    return any(move.writes or move.effects for move in moves)


def _calls(moves: Sequence[Move], moved: Collection[int]) -> list[ledger.Call]:
    return [
        ledger.Call(
            item=move.item,
            entry=move.entry,
            accepted=move.state is State.COMPLETED and move.item.interaction_id in moved,
        )
        for move in moves
        if move.entry
    ]


async def _still_held(database: Database, wave: Wave, ids: Sequence[int]) -> set[int]:
    """After an ambiguous COMMIT ask, until it is answered, what is still ours: the rest is recorded, or taken away."""
    delay_s = 0.1
    while True:
        await asyncio.sleep(delay_s)
        try:
            async with database.transaction() as connection:
                return await interactions.held(connection, wave, ids)
        except Unavailable:
            delay_s = min(5.0, delay_s * 2)


def move_of(ready: Ready, outcome: Outcome, texts: Texts) -> Move:
    """Check and decide one outcome: what becomes of the item, with everything that must stand together with it."""
    checked, doubts = _checked(ready, outcome, texts)
    verdict = decide(ready.step.pinned, checked, tried=_tried(ready))
    completed = verdict.state is State.COMPLETED
    accepted = outcome if isinstance(outcome, Done) and completed else None
    kept = outcome.evidence if accepted else (*outcome.evidence, *_rejected(outcome))
    evidence = tuple(SealedEvidence(evidence=one, nonce=new_nonce()) for one in kept)
    nonce = new_nonce() if verdict.output is not None else None
    usage = outcome.usage
    step = ready.step
    takes_effect = accepted is not None and not step.run_step.is_experiment
    over_records = bool(verdict.each) and verdict.items is None
    return Move(
        item=ready.item,
        origin=step.origin,
        state=verdict.state,
        type=EVENT_OF[verdict.state],
        data=_data(ready, verdict, evidence, usage, nonce),
        tables=step.tables,
        run=step.run_flow,
        follows=NOTHING if over_records else _follows(ready, verdict),
        output=verdict.output,
        nonce=nonce,
        # A retry waits at least a moment, or it would be claimed again before anything can have changed.
        delay_s=max(verdict.delay_s, 0.05) if verdict.state is State.PENDING else 0.0,
        charged=verdict.charged,
        error_class=verdict.error_class,
        rule=verdict.rule,
        error=_short(verdict.message),
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
        service_us=usage.service_us,
        fan_out_step=step.run_flow.steps[verdict.ways[0].to].run_step_id if over_records else None,
        handled=not completed and step.run_flow.flow.handles(verdict.ways),
        limit_s=step.pinned.timeout_s,
        writes=accepted.writes if accepted and takes_effect else (),
        effects=accepted.effects if accepted and takes_effect else (),
        evidence=evidence,
        sources=ready.sources,
        entry=entry_of(price_of_model(step.pinned), usage) if ready.calls_model else None,
        spent=cost_of(step.pinned, usage) if step.pinned.limits else None,
        doubts=doubts,
        question=ready.question if completed and takes_effect else None,
    )


def _checked(ready: Ready, outcome: Outcome, texts: Texts) -> tuple[Outcome, tuple[int, ...]]:
    """Hold an answer against its contract. With it come the interactions that it casts doubt on."""
    outcome = _without_forbidden(outcome)
    if not isinstance(outcome, Done):
        return outcome, ()
    step = ready.step
    asked = Asked(input=ready.input, params=step.params, prompt=ready.prompt, template=step.own_words)
    checked = check(step.pinned, outcome, contract=step.contract, asked=asked)
    return texts.check(ready, checked) if isinstance(checked, Done) else (checked, ())


def _rejected(outcome: Outcome) -> tuple[Evidence, ...]:
    """Return an output that was not accepted as evidence, where the raw answer is not kept already."""
    if not isinstance(outcome, Done) or any(one.role == "answer" for one in outcome.evidence):
        return ()
    return (_answer(dumps(outcome.output)),)


def _answer(output: bytes) -> Evidence:
    return Evidence(role="answer", media_type="application/json", content=output)


def _without_forbidden(outcome: Outcome) -> Outcome:
    """Check a script's statements once more on our side of the pipe: its own process is not to be trusted with that."""
    if not isinstance(outcome, Done):
        return outcome
    try:
        for effect in outcome.effects:
            check_statement(effect.statement, EFFECTS)
    except ValueError as error:
        said = str(error)
        return Breach(rule="forbidden_statement", message=said, evidence=outcome.evidence, usage=outcome.usage)
    return outcome


def _tried(ready: Ready) -> Try:
    return Try(
        errors=ready.item.errors,
        # Spreads retries; nothing depends on it being hard to guess.
        chance=random.random(),  # noqa: S311
        input=ready.input,
        params=ready.step.params,
        rounds=ready.step.run_flow.flow.loops.taken(ready.place.step, ready.place.iteration),
    )


def _follows(ready: Ready, verdict: Verdict) -> Consequences:
    if verdict.state not in TERMINAL:
        return NOTHING
    outcome = Settled.ARRIVED if verdict.state is State.COMPLETED else Settled.FAILED
    return ready.step.run_flow.flow.follow(ready.place, outcome, verdict.ways, items=verdict.items)


def _data(
    ready: Ready, verdict: Verdict, evidence: Sequence[SealedEvidence], usage: Usage, nonce: bytes | None
) -> dict[str, Any]:
    """What the event says: enums, numbers and commitments only."""
    numbers = {
        "load_us": usage.load_us,
        "prompt_us": usage.prompt_us,
        "generate_us": usage.generate_us,
        "tokens_in": usage.tokens_in,
        "tokens_cached": usage.tokens_cached,
        "tokens_out": usage.tokens_out,
    }
    data: dict[str, Any] = {"attempt": ready.attempt, "service_us": usage.service_us}
    data |= {name: value for name, value in numbers.items() if value}
    if ready.weights and ready.recorded is None:
        data["weights"] = ready.weights
    if source := ready.recorded:
        data["from_cache"] = {
            "run": str(source.run_id),
            "interaction": str(source.interaction_id),
            "attempt": source.attempt,
        }
    if verdict.output is not None and nonce is not None:
        data["output"] = commitment(nonce, verdict.output.encode())
    if verdict.ways:
        data |= {"route": verdict.route, "to": [way.to for way in verdict.ways]}
    if verdict.values:
        data["values"] = {name: _exact(value) for name, value in verdict.values.items()}
    if verdict.error_class is not None:
        data["error_class"] = str(verdict.error_class)
    if verdict.rule is not None:
        data["rule"] = verdict.rule
    if verdict.state is State.PENDING:
        data |= {"delay_us": int(verdict.delay_s * 1_000_000), "charged": verdict.charged}
    if evidence:
        data["payloads"] = [
            {"role": one.evidence.role, "c": commitment(one.nonce, one.evidence.content)} for one in evidence
        ]
    return data


def _exact(value: Any) -> Any:
    """Return a value as an event may hold it: a float has no one form in JSON, so its shortest text stands for it."""
    return repr(value) if isinstance(value, float) else value


def _stopped_move(stopped: Stopped) -> Move:
    breach, step = stopped.breach, stopped.step
    ways, route = when_broken(step.pinned.step, State.QUARANTINED, breach.error_class)
    data: dict[str, Any] = {"attempt": stopped.item.attempt, "called": False, "rule": breach.rule}
    if ways:
        data |= {"route": route, "to": [way.to for way in ways]}
    return Move(
        item=stopped.item,
        origin=step.origin,
        state=State.QUARANTINED,
        type=EventType.INTERACTION_QUARANTINED,
        data=data,
        tables=step.tables,
        run=step.run_flow,
        follows=step.run_flow.flow.follow(step.place(stopped.item), Settled.FAILED, ways),
        handled=step.run_flow.flow.handles(ways),
        error_class=str(breach.error_class),
        rule=breach.rule,
        error=_short(breach.message),
    )


def _refused(move: Move, reason: str) -> Move:
    """What becomes of a result that the user's tables refuse: quarantined, with the database's own words."""
    new = [Evidence(role="error", media_type="text/plain", content=reason.encode())]
    if move.output is not None and all(one.evidence.role != "answer" for one in move.evidence):
        new.append(_answer(move.output.encode()))
    breach = Breach(rule="write_refused", message=reason)
    kept = (*move.evidence, *(SealedEvidence(evidence=one, nonce=new_nonce()) for one in new))
    place = Place(step=move.origin.step, iteration=move.item.iteration, item=move.item.item)
    ways, route = when_broken(move.run.step_at(place), State.QUARANTINED, breach.error_class)
    return move._replace(
        state=State.QUARANTINED,
        type=EventType.INTERACTION_QUARANTINED,
        data={
            "rule": breach.rule,
            "payloads": [{"role": one.evidence.role, "c": commitment(one.nonce, one.evidence.content)} for one in kept],
            **({"route": route, "to": [way.to for way in ways]} if ways else {}),
        },
        follows=move.run.flow.follow(place, Settled.FAILED, ways),
        handled=move.run.flow.handles(ways),
        output=None,
        nonce=None,
        error_class=str(breach.error_class),
        rule=breach.rule,
        error=_short(reason),
        fan_out_step=None,
        writes=(),
        effects=(),
        evidence=kept,
        question=None,
    )


def _short(message: str | None) -> str | None:
    """Return a message as a database text can hold it: cut, and without NUL or lone surrogates."""
    if message is None:
        return None
    clean = sanitise(message)[0]
    return clean if len(clean) <= MESSAGE_CHARACTERS else clean[:MESSAGE_CHARACTERS] + "…"
