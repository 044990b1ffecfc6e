"""A small project that loads, as files by path: the ground on which the tests of loading break one thing each."""

from pathlib import Path

WAVE_TOML = """\
[project]
id = "5a1c0de0-0000-4000-8000-000000000001"
name = "small"

[collections.items]
table = "items"
key = "name"
record_column = "item_id"

[collections.items.rows]
tags = "item_id"

[servers.local]
driver = "llama_cpp"
models_dir = ".wave/models"

[models.judge]
server = "local"
model = "tiny"
max_attempts = 2

[models.judge.options]
temperature = 0.5

[scripts.save]
timeout_s = 5
files = ["sql/look_up.sql"]
"""

WORKFLOW = """\
workflow: work
collection: items
params:
  source: string
  review: {type: boolean, default: false}
steps:
  fetch:
    actor: fetch
    once: true
    input: {source: params.source, limit: run.limit}
    next: {each: promoted, to: judge}
  judge:
    model: judge
    prompt: prompts/judge.md
    input:
      title: record.title
      text: {from: record.text, max_chars: 100}
    require: size(text) >= 10
    output: schemas/verdict.json
    route:
      on: verdict
      GOOD: save
      BAD: {when: params.review, to: note, else: save}
  note:
    actor: note
    input: {verdict: judge.verdict, why: judge.why}
    output: schemas/note.json
    next: save
  save:
    actor: save
    input: {verdict: [note.verdict, judge.verdict]}
    writes: [items.verdict, tags]
    next: end
ensures:
  - record.verdict != null
  - count(tags) >= 1
"""

VERDICT = """\
{"type": "object",
 "properties": {"verdict": {"enum": ["GOOD", "BAD"]}, "why": {"type": "string", "maxLength": 80}},
 "required": ["verdict"],
 "additionalProperties": false}
"""

NOTE = '{"type": "object", "properties": {"verdict": {"type": "string"}}, "required": ["verdict"]}\n'

FILES = {
    "wave.toml": WAVE_TOML,
    "workflows/work.yaml": WORKFLOW,
    "prompts/judge.md": "Judge this.\nTitle: {{ title }}\nText: {{ text }}\nVerdict:\n",
    "schemas/verdict.json": VERDICT,
    "schemas/note.json": NOTE,
    "actors/__init__.py": "",
    "actors/fetch.py": "import json\n",
    "actors/note.py": "from actors.shared.words import WORDS\n",
    "actors/save.py": "from .tidy import tidy\n",
    "actors/tidy.py": "import shared\n\n\ndef tidy(text):\n    return text.strip()\n",
    "actors/shared/__init__.py": "",
    "actors/shared/words.py": "WORDS = ()\n",
    "sql/tables.sql": "CREATE TABLE items ();\n",
    "sql/look_up.sql": "SELECT 1\n",
}


def write_project(folder: Path, files: dict[str, str] = FILES) -> Path:
    """Write the files below `folder` and return it."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def change(folder: Path, path: str, old: str, new: str) -> None:
    """Replace a text that stands exactly once in a file of the project."""
    file = folder / path
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    file.write_text(text.replace(old, new), encoding="utf-8")
