"""Which results in force no longer match their inputs, prompts, weights, options, schemas or scripts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from wave_runner.core.cascade import below
from wave_runner.core.loading import is_of_weights
from wave_runner.core.pinned import PinnedStep
from wave_runner.core.staleness import Why, changed, input_changed
from wave_runner.runner.prepare import prepare
from wave_runner.runner.steps import StepInHand, Steps
from wave_runner.store import rejoining, reruns
from wave_runner.store.database import Database
from wave_runner.store.reruns import Current

PAGE = 2000


@dataclass(frozen=True, kw_only=True)
class Stale:
    """One stale result and why it is. `under_way`: its record is at work."""

    current: Current
    why: tuple[Why, ...]


@dataclass(frozen=True, kw_only=True)
class StaleStep:
    """How many results of a step are stale for one reason or several, and how many records have them."""

    step: str
    why: tuple[Why, ...]
    results: int
    records: int


@dataclass(kw_only=True)
class Staleness:
    """What is stale of a workflow. `follows` counts what was made from stale results and is not stale by itself."""

    looked_at: int = 0
    stale: list[Stale] = field(default_factory=list)
    follows: int = 0
    under_way: set[int] = field(default_factory=set)
    vanished: set[str] = field(default_factory=set)  # keys whose rows are gone

    def by_step(self) -> list[StaleStep]:
        """Return what is stale by step and reason, in the order in which it was met."""
        groups: defaultdict[tuple[str, tuple[Why, ...]], list[Current]] = defaultdict(list)
        for one in self.stale:
            groups[one.current.step, one.why].append(one.current)
        return [
            StaleStep(step=step, why=why, results=len(group), records=len({one.record_id for one in group}))
            for (step, why), group in groups.items()
        ]


async def look(
    database: Database, steps: Steps, workflow: str, now: Mapping[str, PinnedStep], *, run_id: int | None = None
) -> Staleness:
    """Hold every result in force of a workflow against what its step would be given and asked now. Changes nothing."""
    found = Staleness()
    after = 0
    while True:
        async with database.snapshot() as connection:
            page = await reruns.current(connection, workflow, run_id=run_id, after=after, size=PAGE)
        if not page:
            return found
        after = page[-1].record_id
        await _look_at(database, steps, page, now, found)


async def _look_at(
    database: Database, steps: Steps, page: Sequence[Current], now: Mapping[str, PinnedStep], found: Staleness
) -> None:
    in_hand = await steps.get([one.run_step_id for one in page])
    given = await _given_now(database, steps, page, found)
    stale = [
        Stale(current=one, why=why)
        for one in page
        if one.key not in found.vanished
        and (why := _why(one, in_hand[one.run_step_id], now, given.get(one.interaction_id)))
    ]
    found.looked_at += len(page)
    found.under_way |= {one.current.record_id for one in stale if one.current.under_way}
    async with database.snapshot() as connection:
        pairs = {(one.current.run_id, one.current.record_id) for one in stale}
        all_stages = await rejoining.stages(connection, pairs) if pairs else []
    ids = {one.current.interaction_id for one in stale}
    led_to = below(ids, rejoining.lines(all_stages))
    found.stale += stale
    found.follows += sum(stage.in_force and stage.interaction_id in led_to - ids for stage in all_stages)


async def _given_now(
    database: Database, steps: Steps, page: Sequence[Current], found: Staleness
) -> dict[int, Mapping[str, object]]:
    """Return what each result's step would be given now, as its run has pinned it; none where it is stopped."""
    prepared = await prepare(database, steps, [one.as_item() for one in page])
    found.vanished |= {
        stopped.item.key for stopped in prepared.stopped if stopped.breach.rule == "record_missing" and stopped.item.key
    }
    return {one.item.interaction_id: one.input for one in prepared.ready}


def _why(
    one: Current, step: StepInHand, now: Mapping[str, PinnedStep], given: Mapping[str, object] | None
) -> tuple[Why, ...]:
    why: list[Why] = []
    own = {name.split(".")[1] for name in step.all_writes if "." in name}
    if given is None or input_changed(orjson.loads(one.input or "{}"), given, step.pinned.step.input, own):
        why.append(Why.INPUT)
    if one.step in now:
        why += changed(step.pinned, now[one.step])
    if one.digest is not None and is_of_weights(one.digest) and one.digest != one.newest_digest:
        why.append(Why.WEIGHTS)
    return tuple(why)
