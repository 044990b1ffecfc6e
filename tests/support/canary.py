"""A project in which one record speaks everywhere, and a look into every place for what it says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, at_work, script, until

from wave_runner.engine import Engine

KEY, WORD = "canary-key", "canary-word"
OTHER = "another one"
MINE = {"items", "tags"}
"""Tables of the project's own, which nobody erases but who has made them."""

ROWS = [{"name": KEY, "text": f"a {WORD} sings"}, {"name": OTHER, "text": "nobody sings"}]

STEPS = """\
judge: {model: m, prompt: prompts/judge.md, input: {text: record.text}, output: schemas/said.json, next: save}
save: {actor: save, input: {said: judge.said}, writes: [items.note], next: again}
again: {actor: again, input: {said: judge.said}, writes: [items.note], next: risky}
risky: {actor: risky, input: {text: record.text}, on_quarantine: review, on_failure: review, next: review}
review:
  human: reviewers
  title: "Is {{ text }} good?"
  input: {text: record.text}
  form: schemas/form.json
  next: sure
sure:
  human: reviewers
  title: "Is {{ text }} really good?"
  input: {text: record.text}
  form: schemas/form.json
  next: end
"""
ACTORS = {
    "save": script("ctx.write('items', {'note': item['said']})\nreturn {'kept': item['said']}"),
    "again": script("ctx.write('items', {'note': item['said'] + '!'})\nreturn {}"),
    "risky": script(
        f"""
        import sys
        print("log:", item["text"], file=sys.stderr)
        if {WORD!r} in item["text"]:
            raise ValueError("error: " + item["text"])
        return {{}}
        """
    ),
}
TEXT = {"type": "string"}
FILES = {
    "prompts/judge.md": "Say: {{ text }}",
    "schemas/said.json": json.dumps({"type": "object", "properties": {"said": TEXT}, "required": ["said"]}),
    "schemas/form.json": json.dumps({"type": "object", "properties": {"why": TEXT}, "required": ["why"]}),
}
TOML = """\
[servers.stub]
driver = "openai"
url = "{url}"

[models.m]
server = "stub"
model = "m"

[scripts.risky]
max_attempts = 1
"""
RULES = [{"match": WORD, "text": json.dumps({"said": WORD})}, {"text": json.dumps({"said": "nothing"})}]


def write(ground: Ground, stub: OpenAIStub) -> Ground:
    """Write the project."""
    return ground.project(
        rows=ROWS, steps=STEPS, actors=ACTORS, files=FILES, toml=TOML.format(url=stub.url), ensures=["record.words > 3"]
    )


TITLES = (f"Is a {WORD} sings good?", f"Is a {WORD} sings really good?")


async def asked(engine: Engine, title: str) -> int:
    """Return the task with a title; 0 where nobody is asked that yet."""
    async with engine.database.transaction() as connection:
        cursor = await connection.execute("SELECT max(interaction_id) AS task FROM tasks WHERE title = %s", [title])
        return (await cursor.fetchall())[0]["task"] or 0


def sing(ground: Ground) -> int:
    """Work until the record is everywhere: one task of it decided, one claimed with a draft. Returns the run."""

    async def act(engine: Engine) -> int:
        await engine.sync()
        run_id = await engine.new_runs().start("work", {}, force=True)  # what people say is saved nowhere
        people = engine.people("maria")
        async with at_work(engine):
            for title in (TITLES[0], TITLES[1]):
                task = await until(lambda title=title: asked(engine, title))
                claimed = await people.claim(task=task)
                assert claimed is not None
                if title == TITLES[0]:
                    await people.decide(task, {"why": WORD}, comment=f"a {WORD}")
                else:
                    await people.keep_draft(task, {"why": f"{WORD}?"})
        return run_id

    return ground.do(act)


def found_in(ground: Ground, words: Sequence[str]) -> dict[str, int]:
    """Return in which tables of ours any of these words stands, in which form soever, with the number of rows."""
    hashes = [hashlib.sha256(json.dumps(word).encode()).hexdigest() for word in words]
    wanted = [*words, *(word.encode().hex() for word in words), *hashes]
    tables = ground.sql(
        "SELECT oid::regclass::text AS name FROM pg_class "
        "WHERE relnamespace = 'wave'::regnamespace AND relkind = 'r' AND relname <> ALL (%s)",
        [*MINE, "definitions"],
    )
    found = {}
    for table in tables:
        # A row as text: bytes stand there in hex.
        says = "EXISTS (SELECT FROM unnest(%s::text[]) AS w WHERE strpos(t::text, w) > 0)"
        if n := ground.one(f"SELECT count(*) FROM {table['name']} AS t WHERE {says}", wanted):
            found[table["name"].rpartition(".")[2].split("_r1")[0]] = n
    return found
