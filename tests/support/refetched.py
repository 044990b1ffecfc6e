"""A project whose source is fetched again and again: what it gives stands in a file beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tests.support.projects import COUNT_STEP, TOML, Ground, run_to_end

from wave_runner.engine import Engine

FETCH = """\
import json
import os
import pathlib

from wave_runner import ScriptActor


class Fetch(ScriptActor):
    staging = True

    def process(self, item, ctx):
        given = json.loads((pathlib.Path(os.environ["WAVE_PROJECT_DIR"]) / "source.json").read_text())
        done = ctx.staging.position or 0
        rows = [{"raw": row, "source": "rows", "position": n} for n, row in enumerate(given["rows"], 1) if n > done]
        ctx.staging.add(rows)
        exec(given["then"])
        if given["whole"]:
            ctx.staging.complete()
        return {"staged": len(rows)}
"""
CHECK = """\
from wave_runner import Promote, Reject, ScriptActor

EMPTY = [{"rule": "empty", "field": "text", "message": "no text"}]


class Check(ScriptActor):
    staging = True

    def process(self, item, ctx):
        for batch in ctx.staging.batches():
            ctx.staging.decide([
                Promote(row["id"], row["raw"]["name"], row["raw"]) if row["raw"]["text"]
                else Reject(row["id"], EMPTY, key=row["raw"]["name"])
                for row in batch
            ])
        return {}
"""
MAX_ATTEMPTS = "[scripts.fetch]\nmax_attempts = 1\n"


def refetched(
    ground: Ground, *, toml: str = "", steps: str = COUNT_STEP, files: Mapping[str, str] | None = None
) -> Ground:
    """Write the project; `toml` are further lines of its collection."""
    ground.project(steps=steps, actors={"fetch": FETCH, "check": CHECK}, files=files)
    head = TOML.replace('record_column = "item_id"', f'record_column = "item_id"\nknown = "update"\n{toml}')
    ground.write("wave.toml", f"{head}\n[settings]\nscript_slots = 1\nlinger_s = 0.1\n{MAX_ATTEMPTS}")
    return ground


def give(ground: Ground, rows: Iterable[int | Mapping[str, Any]], *, whole: bool = True, then: str = "pass") -> None:
    """Say what the source gives next: rows, or numbers of usual ones; `then` happens behind the last of them."""
    usual = [{"name": f"item {row:04}", "text": "some words to count"} if isinstance(row, int) else row for row in rows]
    ground.write("source.json", json.dumps({"rows": usual, "whole": whole, "then": then}))


def run(ground: Ground, **more: Any) -> str:
    """Start a run, work until it has ended, and return its state."""

    async def to_end(engine: Engine) -> str:
        await engine.sync()
        return await run_to_end(engine, await engine.new_runs().start("work", {}, **more))

    return ground.do(to_end)
