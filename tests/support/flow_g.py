"""Flow G: a writer, two graders who are blind to each other, and an improver, all models that answer by their prompt.

Each record's text holds a token of its own, `T0123`. Every answer holds the token that was seen, so whoever sees
another record's text says so. A token that ends in 0 or 5 is graded FAIL by one grader; once improved it passes.
"""

from __future__ import annotations

import json

from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, script

MODELS = """\
[servers.stub]
driver = "openai"
url = "{url}"
slots = 8

[models.m1]
server = "stub"
model = "m1"
options = {{api = "chat"}}

[models.m2]
server = "stub"
model = "m2"
options = {{api = "chat"}}
"""

STEPS = """\
summarise:
  {model: m1, prompt: prompts/summarise.md, input: {text: record.text}, output: schemas/summary.json,
   next: {all: [grade_a, grade_b]}}
grade_a:
  {model: m2, prompt: prompts/grade.md, input: {summary: summarise.summary}, output: schemas/grade.json, next: meet}
grade_b:
  {model: m1, prompt: prompts/grade_too.md, input: {summary: summarise.summary}, output: schemas/grade.json, next: meet}
meet:
  after: [grade_a, grade_b]
  input: {a: grade_a.verdict, b: grade_b.verdict}
  next: {when: [{if: "input.a == 'PASS' && input.b == 'PASS'", to: SAVE}], else: improve}
improve:
  {model: m1, prompt: prompts/improve.md, output: schemas/summary.json, next: regrade,
   input: {summary: summarise.summary, a: grade_a.why, b: grade_b.why}}
regrade:
  model: m1
  prompt: prompts/regrade.md
  input: {summary: improve.summary}
  output: schemas/grade.json
  route: {on: verdict, PASS: SAVE, FAIL: {loop: improve, max: 1, else: ticket}}
ticket: {actor: ticket, next: end}
"""
SAVE = """\
save: {actor: save, input: {summary: [improve.summary, summarise.summary]}, writes: [items.note], next: end}
"""

ENSURES = ["record.note != null"]

FILES = {
    "prompts/summarise.md": "Write a summary.\n{{ text }}",
    "prompts/grade.md": "Grade it as A.\n{{ summary }}",
    "prompts/grade_too.md": "Grade it as B.\n{{ summary }}",
    "prompts/improve.md": "Improve it.\n{{ summary }}\n{{ a }}\n{{ b }}",
    "prompts/regrade.md": "Grade it again.\n{{ summary }}",
    "schemas/summary.json": json.dumps(
        {"type": "object", "properties": {"summary": {"type": "string"}}, "required": ["summary"]}
    ),
    "schemas/grade.json": json.dumps(
        {
            "type": "object",
            "properties": {"verdict": {"enum": ["PASS", "FAIL"]}, "why": {"type": "string"}},
            "required": ["verdict", "why"],
        }
    ),
}
ACTORS = {
    "save": script("ctx.write('items', {'note': item['summary'][:20]})\nreturn {}"),
    "ticket": script("return {}"),
}

ANSWERS = [
    {"match": r"Write[\s\S]*?(T\d{4})", "text": '{"summary": "\\1 in brief"}'},
    {"match": r"as A[\s\S]*?(T\d{3}[05])", "text": '{"verdict": "FAIL", "why": "\\1 is too short"}'},
    {"match": r"Grade[\s\S]*?(T\d{4})", "text": '{"verdict": "PASS", "why": "\\1 is well said"}'},
    {"match": r"Improve[\s\S]*?(T\d{4})", "text": '{"summary": "\\1 said better"}'},
]


def token(number: int) -> str:
    return f"T{number:04}"


def flow_g(ground: Ground, stub: OpenAIStub, n: int, *, saver: bool = True) -> Ground:
    """Write flow G with `n` records; without its saver, a record ends where it would be saved."""
    rows = [{"name": f"item {number:04}", "text": f"A text about {token(number)}, as it is."} for number in range(n)]
    steps = (STEPS + SAVE).replace("SAVE", "save") if saver else STEPS.replace("SAVE", "end")
    actors = {name: text for name, text in ACTORS.items() if saver or name != "save"}
    return ground.project(
        rows=rows, steps=steps, actors=actors, ensures=ENSURES, files=FILES, toml=MODELS.format(url=stub.url)
    )
