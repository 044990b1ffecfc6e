"""A workload that touches every part of a runner: lists, joins, forks, a model, a query, people, retries, effects.

Each of its records ends in one way only, whatever is killed on the way: `check` says whether it did, and that nothing
was done twice.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.support import warm
from tests.support.invariants import broken_invariants
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import TABLES, Ground, script

N = 4
REFUSED = "item 0002"  # by the step `risky`, which has an `on_quarantine`
ASKED = "item 0001"  # a person is asked about it

LEASE_S = 1.0
SETTINGS = {"WAVE_LEASE_S": str(LEASE_S), "WAVE_RENEW_S": "0.3", "WAVE_GRACE_S": "0", "WAVE_LINGER_S": "0.1"}
PATIENCE_S = 60

# One script does all of it: a worker process for each would cost more than the work.
STEPS = """\
split:
  actor: hand
  input: {do: params.split, text: record.text}
  output: schemas/parts.json
  next: {each: parts, to: part}
part: {actor: hand, input: {do: params.part, part: item}, output: schemas/letters.json, next: gather}
gather:
  after: [part]
  actor: hand
  input: {do: params.gather, letters: part.letters}
  output: schemas/letters.json
  next: {all: [judge, look]}
judge: {model: m, prompt: prompts/judge.md, input: {text: record.text}, output: schemas/verdict.json, next: meet}
look: {sql: sql/look.sql, input: {letters: gather.letters}, output: schemas/letters.json, next: meet}
meet: {after: [judge, look], input: {verdict: judge.verdict}, next: {when: [{if: "true", to: risky}], else: end}}
risky: {actor: hand, input: {do: params.risky, name: record.name}, on_quarantine: note, next: save}
note: {actor: hand, input: {do: params.note}, next: save}
save:
  actor: hand
  input: {do: params.save, letters: look.letters}
  output: schemas/saved.json
  writes: [items.words]
  route: {on: ask, YES: ticket, NO: end}
ticket: {human: reviewers, form: schemas/form.json, input: {name: record.name}, next: keep}
keep: {actor: hand, input: {do: params.keep, verdict: ticket.verdict}, writes: [items.note], next: end}
"""
WORDS = ("split", "part", "gather", "risky", "note", "save", "keep")
ENSURES = ["record.words == 9"]

TOML = """\
[servers.stub]
driver = "openai"
url = "{url}"
slots = 2
requests_per_minute = 60000
tokens_per_minute = 100000000

[models.m]
server = "stub"
model = "m"
max_attempts = 5
options = {{max_tokens = 100}}
"""


def _object(**properties: object) -> str:
    return json.dumps({"type": "object", "properties": properties, "required": list(properties)})


FILES = {
    "prompts/judge.md": "Judge this: {{ text }}",
    "sql/look.sql": "SELECT interaction_id, (input ->> 'letters')::int AS letters FROM wave_items",
    "schemas/parts.json": _object(parts={"type": "array", "items": {"type": "string"}}),
    "schemas/letters.json": _object(letters={"type": "integer"}),
    "schemas/verdict.json": _object(verdict={"enum": ["GOOD", "BAD"]}),
    "schemas/saved.json": _object(ask={"enum": ["YES", "NO"]}),
    "schemas/form.json": _object(verdict={"enum": ["GOOD", "BAD"]}),
}
HAND = script(
    f"""
    match item["do"]:
        case "split":
            return {{"parts": item["text"].split()}}
        case "part":
            return {{"letters": len(item["part"])}}
        case "gather":
            return {{"letters": sum(item["letters"])}}
        case "risky":
            if item["name"] == {REFUSED!r}:
                ctx.reject("not this one")
        case "save":
            ctx.write("items", {{"words": item["letters"]}})
            ctx.db.execute("INSERT INTO effects (name) VALUES (%s)", ctx.record)
            return {{"ask": "YES" if ctx.record == {ASKED!r} else "NO"}}
        case "keep":
            ctx.write("items", {{"note": item["verdict"]}})
    return {{}}
    """,
    options="database = True",
)
EFFECTS = "CREATE TABLE effects (name text NOT NULL);\n"
ROWS = [{"name": f"item {number:04}", "text": "some words"} for number in range(N)]
# The first request of each stub is refused, so that a retry is scheduled.
RULES = [{"status": 500, "times": 1}, {"json": {"verdict": "GOOD"}}]


def write(ground: Ground, stub: OpenAIStub, *, asks: bool = False) -> Ground:
    """Write the project, with limits so that what is used is counted too; where it `asks`, a person is needed once."""
    ground.project(
        rows=ROWS,
        steps=STEPS,
        actors={"hand": HAND if asks else HAND.replace(ASKED, "nobody")},
        ensures=ENSURES,
        files=FILES,
        toml=TOML.format(url=stub.url),
        tables=TABLES + EFFECTS,
    )
    workflow = ground.folder / "workflows/work.yaml"
    text = workflow.read_text(encoding="utf-8")
    params = ", ".join(f"{word}: {{type: string, default: {word}}}" for word in WORDS)
    more = f"params: {{{params}}}\nlimits: {{interactions_per_record: 100, tokens_per_run: 1000000}}\n"
    workflow.write_text(text + more, encoding="utf-8")
    return ground


def wave(ground: Ground, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `wave …` on the project and wait for its end."""
    return warm.wave(
        "--project", ground.folder, *arguments, env={**os.environ, **SETTINGS, **environment}, timeout=PATIENCE_S
    )


def work(ground: Ground, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start the run, or go on with it, and work until only people can go on, or it has ended."""
    return wave(ground, "run", "work", *(["--resume"] if state(ground) else []), **environment)


def state(ground: Ground) -> str:
    """Return how the run stands; "" where it has not begun."""
    return ground.one("SELECT coalesce(max(state), '') FROM workflow_runs")


def decide(ground: Ground, **environment: str) -> subprocess.CompletedProcess[str]:
    """Have a person claim the task and decide it."""
    task = str(ground.one("SELECT interaction_id FROM tasks"))
    claimed = wave(ground, "tasks", "claim", task, "--as", "maria", **environment)
    if claimed.returncode:
        return claimed
    return wave(ground, "tasks", "decide", task, "--as", "maria", "--set", "verdict=GOOD", **environment)


def check(ground: Ground, *, asks: bool = False) -> None:
    """Every record went its one way, every effect stands once, the run is completed, and the invariants hold."""
    assert ground.sql("SELECT state, reason FROM workflow_runs") == [{"state": "completed", "reason": None}]
    names = [row["name"] for row in ROWS]
    assert ground.items() == dict.fromkeys(names, 9)
    assert [row["name"] for row in ground.sql("SELECT name FROM effects ORDER BY name")] == names
    assert ground.states("part") == {"completed": 2 * N}
    assert ground.states("risky") == {"completed": N - 1, "quarantined": 1}
    for step in ("split", "gather", "judge", "look", "meet", "save"):
        assert ground.states(step) == {"completed": N}, step
    assert ground.states("note") == {"completed": 1}
    assert ground.states("ticket") == ground.states("keep") == ({"completed": 1} if asks else {})
    assert ground.one("SELECT count(*) FROM staged_records WHERE state = 'promoted'") == N
    assert ground.one("SELECT count(*) FROM decisions") == asks
    assert broken_invariants(ground.url, lease_s=LEASE_S) == {}
    assert processes_below(ground.folder) == []


def processes_below(folder: Path) -> list[str]:
    """Return what still runs in a project's folder: a worker, a server. By its folder, not by its parent."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                where = (entry / "cwd").readlink()
                what = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue  # it has ended meanwhile
            if where.is_relative_to(folder):
                found.append(f"{entry.name}: {what}")
    return found
