"""A shipped template as a project whose models are the OpenAI stub, and the `wave` commands of somebody who uses it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support import warm
from tests.support.openai_stub import OpenAIStub, Rule
from tests.support.projects import Ground

from wave_runner.project.init import init_project

STUB = """\
[servers.stub]
driver = "openai"
url = "{url}"
slots = 4
"""
MODEL = """
[models.{name}]
server = "stub"
model = "{name}"
options = {{api = "chat"}}
"""


@contextmanager
def project_of(ground: Ground, template: str, rules: Sequence[Rule], models: Sequence[str]) -> Iterator[OpenAIStub]:
    """Make the project; while the block lasts, its models answer by these rules."""
    init_project(ground.folder, template)
    with OpenAIStub(ground.folder.parent / "stub", rules, models=models) as stub:
        answered_by(ground.folder, stub.url, models)
        ground.write(".env", f"WAVE_DATABASE_URL={ground.url}\n")
        yield stub


def answered_by(folder: Path, url: str, models: Sequence[str]) -> None:
    """Let a server by URL answer for the models of a project, whatever its wave.toml has named for them."""
    toml = folder / "wave.toml"
    kept = "".join(_without_models(toml.read_text(encoding="utf-8")))
    answering = STUB.format(url=url) + "".join(MODEL.format(name=name) for name in models)
    toml.write_text(f"{kept}\n{answering}", encoding="utf-8")


def _without_models(text: str) -> Iterator[str]:
    kept = True
    for line in text.splitlines(keepends=True):
        if line.startswith("["):
            kept = not line.startswith(("[servers.", "[models."))
        if kept:
            yield line


def wave(ground: Ground, *words: str, timeout: float = warm.PATIENCE_S) -> tuple[int, dict[str, Any]]:
    """Do a `wave` command as ann; return its exit code and its document."""
    command = ["--project", ground.folder, *words, "--json"]
    told = {**os.environ, "WAVE_PERSON": "ann"}
    done = warm.wave(*command, env=told, timeout=timeout)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)
