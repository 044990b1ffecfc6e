"""A step cannot read another record's value: thousands of records, their waves interleaved as Hypothesis likes.

The flow has everything that leads values from step to step: branches that are taken or not, a join, a list and its
gathering, and a loop. Two scripts do its eight steps, so that waves hold several steps of several records.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.support.by_hand import Hand, hand_of
from tests.support.projects import Ground, script

from wave_runner.core.outcome import Done
from wave_runner.engine import Engine
from wave_runner.runner.prepare import Ready, prepare
from wave_runner.runner.record import quarantine, record
from wave_runner.runner.steps import Steps
from wave_runner.runner.texts import Texts
from wave_runner.store import interactions

STEPS = """\
first: {actor: one, input: {text: record.text}, output: schemas/all.json,
        next: {all: [left, right]}}
left: {actor: two, input: {f: first.token}, output: schemas/all.json, next: meet}
right: {actor: one, input: {f: first.token, text: record.text}, output: schemas/all.json,
        next: {when: [{if: output.yes, to: meet}], else: end}}
meet: {after: [left, right], join: settled, actor: two, input: {f: first.token, side: [right.token, left.token]},
       output: schemas/all.json, next: {each: parts, to: part}}
part: {actor: one, input: {p: item, m: meet.token, f: first.token}, output: schemas/all.json, next: gather}
gather: {after: [part], actor: two, input: {all: part.token, f: first.token}, output: schemas/all.json, next: refine}
refine: {actor: one, input: {before: [judge.token, gather.token], f: first.token}, output: schemas/all.json,
         next: judge}
judge: {actor: two, input: {own: refine.token, f: first.token}, output: schemas/all.json, writes: [items.note],
        next: {when: [{if: output.yes, loop: refine, max: 2, else: end}], else: end}}
"""
ALL = {
    "type": "object",
    "properties": {"token": {"type": "string"}, "yes": {"type": "boolean"}, "parts": {"type": "array"}},
    "required": ["token", "yes", "parts"],
}
RECORDS = 400
EXAMPLES = 5
KEY = re.compile(r"item \d+")


def test_no_step_ever_sees_a_value_of_another_record(ground: Ground):
    idle = {name: script("return {}") + f"# {name}\n" for name in ("one", "two")}
    ground.project(steps=STEPS, actors=idle, files={"schemas/all.json": json.dumps(ALL)})
    seen = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=[Phase.generate],
    )
    @given(seed=st.integers(0, 2**32), sizes=st.lists(st.sampled_from([20, 100, 500]), min_size=1, max_size=5))
    def interleaved(seed: int, sizes: list[int]) -> None:
        nonlocal seen
        seen += ground.do(lambda engine: through(engine, random.Random(seed), sizes))

    interleaved()
    assert seen > EXAMPLES * RECORDS * 6


async def through(engine: Engine, chance: random.Random, sizes: list[int]) -> int:
    """Take new records through the whole flow, wave by wave; return how many inputs were checked."""
    hand = await hand_of(engine)
    await hand.seed(RECORDS, step="first")
    await hand.sql("UPDATE items SET text = name")
    steps = Steps(engine.database, folder=engine.folder, work_dir=engine.state_dir / "work", environ={})
    checked, idle = 0, 0
    while idle < 2:
        found = await one_wave(hand, steps, chance, sizes[checked % len(sizes)], chance.choice(["first", "left"]))
        checked += found
        idle = 0 if found else idle + 1 if not await waiting(hand) else 0
    assert await waiting(hand) == 0
    return checked


async def waiting(hand: Hand) -> int:
    [row] = await hand.sql(
        "SELECT count(*) AS n FROM interactions WHERE run_id = %s AND state IN ('blocked', 'pending', 'running') "
        "AND record_id IS NOT NULL",
        hand.run_id,
    )
    return int(row["n"])


async def one_wave(hand: Hand, steps: Steps, chance: random.Random, size: int, queue_of: str) -> int:
    """Claim, prepare, check what each item is given, and record an answer that only its own record can have given."""
    wave = await hand.claim(queue_of, size=size)
    if wave is None:
        return 0
    database = hand.engine.database
    prepared = await prepare(database, steps, wave.items)
    await quarantine(database, wave, prepared.stopped)
    assert prepared.stopped == []
    async with database.transaction() as connection:
        await interactions.start(connection, wave, [ready.start() for ready in prepared.ready])
    for ready in prepared.ready:
        check(ready)
    # In whatever order they are done.
    done = chance.sample(prepared.ready, len(prepared.ready))
    await record(database, wave, [(ready, Done(output=answer(ready, chance))) for ready in done], Texts())
    await hand.close(wave)
    return len(prepared.ready)


def check(ready: Ready) -> None:
    """Every value belongs to the item's own record, and in a loop to its own round."""
    assert set(KEY.findall(ready.text)) == {ready.item.key}
    if "own" in ready.input:
        assert ready.input["own"] == f"{ready.item.key} refine 0 round {ready.item.iteration}"


def answer(ready: Ready, chance: random.Random) -> Mapping[str, Any]:
    key, place = ready.item.key, ready.place
    token = f"{key} {place.step} {place.item} round {place.iteration}"
    return {
        "token": token,
        "yes": chance.random() < 0.4,
        "parts": [f"{key} part {n}" for n in range(chance.randrange(4))],
    }
