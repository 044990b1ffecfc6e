"""Three workflows that want three models in different orders, on a real server with room for one: a mixed batch.

With the order of the workflows' steps alone it takes up to seven loads; four are enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.support.random_gguf import write_random_gguf

from wave_runner.core.course import line
from wave_runner.core.residency import least_loads
from wave_runner.engine import Engine

LOG = Path(".wave/servers/local/llama-server.log")
# The models of each workflow's steps, in their order.
ORDERS = {"forth": "ab", "round": "bca", "back": "cab"}
# After this step a script comes, before the next model does.
BEFORE_A_SCRIPT = ("round", 0)

TOML = """\
[project]
id = "5a1c0de0-0000-4000-8000-00000000b002"
name = "mixed"

[settings]
script_slots = 1

[collections.things]
table = "things"
key = "name"

[servers.local]
driver = "llama_cpp"
models_dir = "models"
context = 1024
"""
MODEL = """
[models.{name}]
server = "local"
model = "test-{name}"
options = {{max_tokens = 60}}
"""
TABLES = "CREATE TABLE things (name text PRIMARY KEY, way text NOT NULL);\n"
ROWS = """\
INSERT INTO things
SELECT way || ' ' || n, way FROM unnest(%(ways)s::text[]) AS way, generate_series(1, %(each)s) AS n
"""
PROMPT = "A number for {{ name }}: "
NUMBER = """\
{"type": "object", "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 999}}, "required": ["n"],
 "additionalProperties": false}
"""
TIDY = """\
from wave_runner import ScriptActor


class Tidy(ScriptActor):
    def process(self, item, ctx):
        return {}
"""


def write_project(folder: Path) -> None:
    """Write the project and its weights."""
    files = {
        "wave.toml": TOML + "".join(MODEL.format(name=name) for name in "abc"),
        "sql/tables.sql": TABLES,
        "prompts/number.md": PROMPT,
        "schemas/number.json": NUMBER,
        "actors/tidy.py": TIDY,
        **{f"workflows/{way}.yaml": _workflow(way, models) for way, models in ORDERS.items()},
        **{f"sql/{way}.sql": f"SELECT name FROM things WHERE way = '{way}'\n" for way in ORDERS},
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (folder / "models").mkdir(exist_ok=True)
    for seed, name in enumerate("abc"):
        write_random_gguf(folder / "models" / f"test-{name}.gguf", f"test-{name}", seed=seed)


async def start_runs(engine: Engine, *, each: int) -> list[int]:
    """Put so many rows for each workflow into its table, and start all three."""
    await engine.sync()
    async with engine.database.transaction() as connection:
        await connection.execute(ROWS, {"ways": list(ORDERS), "each": each})
    return [await engine.new_runs().start(way, {}, force=True) for way in ORDERS]


def least(orders: Mapping[str, str] = ORDERS) -> int:
    """Return the fewest loads that are possible."""
    return least_loads([line(*models) for models in orders.values()])


def _workflow(way: str, models: str) -> str:
    names = [f"{way}_{number}" for number in range(len(models))]
    steps = []
    for number, (name, to) in enumerate(zip(names, [*names[1:], "end"], strict=True)):
        tidied = (way, number) == BEFORE_A_SCRIPT
        what = f"model: {models[number]}, prompt: prompts/number.md, input: {{name: record.name}}"
        steps.append(f"  {name}: {{{what}, output: schemas/number.json, next: {'tidy' if tidied else to}}}\n")
        if tidied:
            steps.append(f"  tidy: {{actor: tidy, input: {{n: {name}.n}}, next: {to}}}\n")
    return f"workflow: {way}\ncollection: things\nselect: sql/{way}.sql\nsteps:\n" + "".join(steps)
