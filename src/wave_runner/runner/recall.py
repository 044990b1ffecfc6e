"""What has been answered before: found by what would be asked, and recorded without asking anybody.

A recorded answer is held against its step's contract like any other. One that does not keep it is passed over, and the
model is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import orjson

from wave_runner.core.interaction import State
from wave_runner.core.outcome import Done
from wave_runner.core.question import may_be_recorded, question
from wave_runner.runner.begin import charge, start
from wave_runner.runner.prepare import Ready
from wave_runner.runner.record import move_of, quarantine
from wave_runner.runner.texts import Texts
from wave_runner.servers.protocol import ModelServer, Request
from wave_runner.store import answers, interactions, stops
from wave_runner.store.database import Database, DataRefused
from wave_runner.store.interactions import Move
from wave_runner.store.waves import Wave

Hit = tuple[Ready, Move]


@dataclass(kw_only=True)
class Recalled:
    """A wave's items: those that have been answered before, each with what becomes of it, and those to be asked."""

    hits: list[Hit] = field(default_factory=list)
    left: list[Ready] = field(default_factory=list)


@dataclass(kw_only=True)
class Taken:
    """How many items that were answered before are done, and those that have to be asked all the same."""

    done: int = 0
    left: list[Ready] = field(default_factory=list)


def with_question(server: ModelServer, weights: str, ready: Ready) -> Ready:
    """Return an item with the key of what these weights are asked; without one where its step keeps no answers."""
    pinned, ready = ready.step.pinned, replace(ready, weights=weights)
    if pinned.model is None or not pinned.keeps_answers:
        return ready
    # The weights stand for the model, whatever it is called.
    request = Request(model=weights, prompt=ready.prompt, schema=ready.step.schema, options=pinned.model.options)
    sent = server.wording(request)
    if sent is None:
        return ready
    asked = question(weights=weights, sent=sent, schema=ready.step.schema, place=ready.place)
    return replace(ready, question=asked)


async def look_up(
    database: Database, server: ModelServer, weights: str, ready: Sequence[Ready], texts: Texts
) -> Recalled:
    """Return which items have been answered before, by these weights."""
    asked = [with_question(server, weights, one) if _may_be_recorded(one) else one for one in ready]
    found: dict[bytes, answers.Recorded] = {}
    if questions := [one.question for one in asked if one.question]:
        async with database.transaction(by_key=True) as connection:
            found = await answers.find(connection, questions)
    recalled = Recalled()
    for one in asked:
        hit = _hit(one, found, texts)
        if hit is None:
            recalled.left.append(one)
        else:
            recalled.hits.append(hit)
    return recalled


async def take(database: Database, wave: Wave, hits: Sequence[Hit]) -> Taken:
    """Begin and complete items with recorded answers, in one transaction.

    They count as interactions and not as calls: nothing is reserved, and nothing is used. What the database does not
    take, halved until it stands alone, is asked like any other question.
    """
    try:
        return await _take(database, wave, hits) if hits else Taken()
    except DataRefused:
        if len(hits) == 1:
            return Taken(left=[_to_be_asked(ready) for ready, _ in hits])
    middle = len(hits) // 2
    first, second = [await take(database, wave, half) for half in (hits[:middle], hits[middle:])]
    return Taken(done=first.done + second.done, left=[*first.left, *second.left])


async def _take(database: Database, wave: Wave, hits: Sequence[Hit]) -> Taken:
    moves = {ready.item.interaction_id: move for ready, move in hits}
    async with database.transaction(by_key=True) as connection:
        # Somebody may have doubted or set aside an answer since it was found. Whoever does so from here on comes after
        # this: no row has to be locked for it.
        found = await answers.find(connection, [ready.question for ready, _ in hits if ready.question])
        standing = [ready for ready, _ in hits if ready.question and found.get(ready.question) == ready.recorded]
        charged = await charge(connection, standing)
        started = await start(connection, wave, charged.going)
        mine = [moves[ready.item.interaction_id] for ready in started]
        moved = await interactions.finish(connection, wave, mine) if mine else set()
        noted = [(one.item, one.recorded) for one in started if one.recorded and one.item.interaction_id in moved]
        await answers.note_hits(connection, noted)
        await stops.remember(connection, [move for move in mine if move.item.interaction_id in moved])
    kept = {ready.item.interaction_id for ready in standing}
    return Taken(
        done=len(moved) + await quarantine(database, wave, charged.stopped),
        left=[_to_be_asked(ready) for ready, _ in hits if ready.item.interaction_id not in kept],
    )


def _to_be_asked(ready: Ready) -> Ready:
    return replace(ready, recorded=None)


def _may_be_recorded(ready: Ready) -> bool:
    item = ready.item
    return may_be_recorded(attempt=item.attempt, generation=item.generation, asks_anew=ready.step.run_step.asks_anew)


def _hit(ready: Ready, found: dict[bytes, answers.Recorded], texts: Texts) -> Hit | None:
    """Return an item with its recorded answer and what becomes of it; None if there is none that it accepts."""
    recorded = found.get(ready.question) if ready.question else None
    if recorded is None:
        return None
    hit = replace(ready, recorded=recorded)
    move = move_of(hit, Done(output=orjson.loads(recorded.output)), texts)
    return (hit, move) if move.state is State.COMPLETED else None
