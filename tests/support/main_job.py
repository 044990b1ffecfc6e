"""The job postings project on three random models, so that the main job runs for real and gives the same rows twice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.support.random_gguf import write_test_models

from wave_runner.errors import ModelServerError
from wave_runner.project.init import init_project
from wave_runner.servers.binary import find_binary, probe
from wave_runner.store import embedded

MODEL_SERVER = "WAVE_LLAMA_SERVER"  # this machine's, where the one of the extra `local` cannot run
MODELS = {"summariser": "test-a", "extractor": "test-b", "judge": "test-c", "clerk": "test-a"}


def require_model_server(folder: Path) -> None:
    """Skip, saying why, where no llama-server can run."""
    try:
        probe(find_binary(os.environ), folder / "probe.json")
    except ModelServerError as error:
        pytest.skip(f"no model server runs here: {error.message}")


def make_project(folder: Path, template: str = "job_postings") -> Path:
    """Write a shipped project with a model file for each actor: fixed seed, no prompt cache, one model in memory."""
    require_model_server(folder.parent)
    init_project(folder, template)
    write_test_models(folder / ".wave" / "models")
    settings = (folder / "wave.toml").read_text(encoding="utf-8")
    for actor, model in MODELS.items():
        settings = re.sub(rf'(\[models\.{actor}\]\nserver = "local"\nmodel = )"[^"]*"', rf'\1"{model}"', settings)
    settings = settings.replace("context = 4096", "context = 8192").replace("threads = 2", "threads = 1")
    settings = settings.replace("cache_prompt = true", "cache_prompt = false")
    settings = re.sub(r"max_tokens = \d+", "max_tokens = 2000", settings)
    (folder / "wave.toml").write_text(settings, encoding="utf-8")
    for workflow in (folder / "workflows").iterdir():
        allow_nonsense(workflow)
    return folder


def allow_nonsense(workflow: Path) -> None:
    """Turn off the guards that notice what random weights say: their texts are loops, and the same for everybody."""
    text = workflow.read_text(encoding="utf-8")
    guards = "    guards: {repetition: off, same_text: off}\n"
    workflow.write_text(text.replace("    output: schemas/", f"{guards}    output: schemas/"), encoding="utf-8")


def wave(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a `wave` command in a project, as a person would."""
    return subprocess.run(
        command(*arguments), cwd=folder, env=environment(variables), capture_output=True, text=True, timeout=280
    )


def command(*arguments: str) -> list[str]:
    """The command line of `wave`."""
    return [str(Path(sys.executable).with_name("wave")), *arguments]


def environment(variables: dict[str, str]) -> dict[str, str]:
    """A child's environment: this one's, without settings of another project."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WAVE_") or name == MODEL_SERVER}
    return kept | variables


def status(folder: Path) -> dict[str, Any]:
    """What `wave status --json` prints."""
    done = wave(folder, "status", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """Ask a project's own database."""
    database = embedded.start(folder / ".wave")
    try:
        with psycopg.connect(database.url) as connection:
            connection.execute("SELECT set_config('search_path', 'wave', false)")
            return connection.execute(query).fetchall()
    finally:
        database.release()


FINAL_ROWS = """
    SELECT posting_key, title, summary, ihl_score, ihl_verdict, red_flags::text,
           (SELECT string_agg(skill, '|' ORDER BY position) FROM job_skills s WHERE s.posting_id = p.posting_id)
    FROM postings p ORDER BY posting_key
"""
