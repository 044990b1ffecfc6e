"""A run that was stopped in the middle, with a bit of everything in it: what every report has something to say about.

Of eleven staged rows two are rejected. Of the records two have completed, two wait for a person, one has failed at its
script after two tries, one was quarantined by its input and one by its answers, and two wait for an actor that is
paused; of these one is held by a runner that was lost. A second run has begun and done nothing yet. Everything is
sealed and folded.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.support.by_hand import hand_on
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, at_work, ended, script, start_run, until

from wave_runner.core.control import Subject
from wave_runner.engine import Engine
from wave_runner.runner.projector import Projector

TEXTS = ("good one", "good two twice", "ask me", "ask you", "fail", "x", "never", "late one", "late two")
MODEL = """\
[servers.stub]
driver = "openai"
url = "{url}"

[models.writer]
server = "stub"
model = "stub"
max_attempts = 2
cache = false
options = {{api = "chat"}}
price = {{input = 1000, output = 2000, second = 0.01}}

[scripts.save]
max_attempts = 2
"""
STEPS = """\
write:
  model: writer
  prompt: prompts/write.md
  input: {text: record.text}
  require: [size(text) > 1]
  output: schemas/word.json
  route: {on: word, GOOD: save, ASK: review, LATE: late}
save: {actor: save, input: {word: write.word, text: record.text}, writes: [items.note], next: end}
review:
  human: reviewers
  title: Is it good?
  input: {text: record.text}
  form: schemas/verdict.json
  route: {on: verdict, YES: late, NO: end}
late: {actor: late, input: {word: write.word}, writes: [items.note], next: end}
"""
CHECK = """\
from wave_runner import Promote, Reject, ScriptActor


class Check(ScriptActor):
    staging = True

    def process(self, item, ctx):
        for batch in ctx.staging.batches():
            ctx.staging.decide([self.decide(row) for row in batch])
        return {}

    def decide(self, row):
        if row["raw"]["text"]:
            return Promote(row["id"], row["raw"]["name"], row["raw"])
        return Reject(row["id"], [{"rule": "missing", "field": "text", "message": "text must be a text"}])
"""
SAVE = """\
if "fail" in item["text"]:
    raise RuntimeError("told to fail")
ctx.write("items", {"note": item["word"]})
return {}
"""
ACTORS = {
    "check": CHECK,
    "save": script(SAVE),
    "late": script("ctx.write('items', {'note': item['word']})\nreturn {}"),
}
FILES = {
    "prompts/write.md": "Say a word about: {{ text }}",
    "schemas/word.json": json.dumps(
        {"type": "object", "properties": {"word": {"enum": ["GOOD", "ASK", "LATE"]}}, "required": ["word"]}
    ),
    "schemas/verdict.json": json.dumps(
        {"type": "object", "properties": {"verdict": {"enum": ["YES", "NO"]}}, "required": ["verdict"]}
    ),
}


def used(tokens_in: int, tokens_out: int = 10) -> dict[str, Any]:
    return {"usage": {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}}


RULES = [
    {"match": "twice", "times": 1, "text": "no word", "beside": used(9, 1)},
    *(
        {"match": match, "json": {"word": word}, "beside": used(tokens)}
        for match, word, tokens in (("ask", "ASK", 20), ("late", "LATE", 30), ("good|fail", "GOOD", 40))
    ),
    {"match": "never", "text": "no word at all"},
]
STOPPED = {("save", "completed", 2), ("save", "failed", 1), ("review", "waiting", 2), ("late", "pending", 2)}
VERDICTS = {"completed": 2, "incomplete": 3, "live": 4}

STEPS_NOW = """\
SELECT s.name, i.state::text, count(*)
FROM interactions i JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id)
WHERE i.run_id = %s GROUP BY 1, 2
"""
RECORDS_NOW = "SELECT state, count(*) AS n FROM run_records WHERE run_id = %s GROUP BY state"


def stop_in_the_middle(ground: Ground) -> None:
    """Write the project, and work until everything stands as it says above."""
    listed = [{"name": f"item {n}", "text": text} for n, text in enumerate([*TEXTS, "", ""])]
    with tempfile.TemporaryDirectory() as folder, OpenAIStub(Path(folder), RULES) as stub:
        ground.project(
            rows=listed,
            steps=STEPS,
            actors=ACTORS,
            files=FILES,
            toml=MODEL.format(url=stub.url),
            ensures=["record.note != null"],
        )
        ground.do(_work)
    ground.do(catch_up)


async def _work(engine: Engine) -> None:
    run_id = await start_run(engine)
    orders = engine.orders()
    await orders.pause(Subject.ACTOR, "late")

    async def stands() -> bool:
        async with engine.database.transaction() as connection:
            steps = await (await connection.execute(STEPS_NOW, [run_id])).fetchall()
            records = await (await connection.execute(RECORDS_NOW, [run_id])).fetchall()
        verdicts = {row["state"]: row["n"] for row in records}
        return {tuple(row.values()) for row in steps} >= STOPPED and verdicts == VERDICTS

    async with at_work(engine):
        await until(stands)
    lost = await hand_on(engine, run_id)
    await orders.resume(Subject.ACTOR, "late")
    await lost.begin(await lost.claim("late", size=1))
    await orders.pause(Subject.ACTOR, "late")
    await lost.die()
    await start_run(engine)


async def go_on(engine: Engine) -> str:
    """Do the rest of the first run: one who was asked says yes and another no, and the actor is not paused any more."""
    maria = engine.people("maria")
    for verdict in ("YES", "NO"):
        task = await maria.claim(queue="reviewers")
        assert task is not None
        await maria.decide(task.task, {"verdict": verdict})
    assert await (await hand_on(engine, 1)).sweep() == 1
    await engine.orders().resume(Subject.ACTOR, "late")
    async with at_work(engine):
        state = await ended(engine, 1)
    await catch_up(engine)
    return state


async def catch_up(engine: Engine) -> None:
    """Seal and fold all there is."""
    await engine.sealer(engine.project()).finish()
    await Projector(engine.database, busy=lambda: False).finish()
