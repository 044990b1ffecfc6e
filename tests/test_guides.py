"""The tutorial, done as a stranger does it in an empty folder and home; then the how-to pages, in what it ends with.

The tutorial starts a model server where one can run. Where none can, its reader takes a server by URL, as the page
says: here that is a process of the tests, which speaks the same protocol.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import warm
from tests.support.documents import blocks, follow, steps
from tests.support.main_job import require_model_server
from tests.support.openai_stub import OpenAIStub
from tests.support.real_weights import needs_local

from wave_runner.servers.binary import find_binary, probe
from wave_runner.store import embedded

DOCS = Path(__file__).parent.parent / "docs"
TUTORIAL = DOCS / "tutorial/first-project.md"
GUIDES = sorted(page for page in DOCS.glob("how-to/*.md") if steps(page.read_text(encoding="utf-8")))
FOLDER = "letters"
# Twenty commands, on a machine that may have much else to do.
PATIENCE_S = 800

pytestmark = pytest.mark.timeout(900)


def with_server_by_url(text: str, url: str) -> str:
    """The tutorial as somebody reads it who has a model server: the lines that it says to write instead."""
    (own,) = [block.text for block in blocks(text) if block.language == "toml"]
    before, found, after = text.partition("> [servers.local]\n")
    assert found
    lines = own.replace("http://127.0.0.1:11434/v1", url).splitlines()
    return before + "".join(f"> {line}\n" for line in lines) + "> END" + after.partition("> END")[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty home, in which the tutorial is done to its end with a server by URL; the server goes on."""
    place = tmp_path_factory.mktemp("home")
    page = tmp_path_factory.mktemp("pages") / TUTORIAL.name
    with OpenAIStub(tmp_path_factory.mktemp("server"), rules=[{"json": {"kind": "QUESTION"}}]) as server:
        page.write_text(with_server_by_url(TUTORIAL.read_text(encoding="utf-8"), server.url), encoding="utf-8")
        try:
            follow(page, folder=place, deadline_s=PATIENCE_S)
            yield place
        finally:
            embedded.remove(place / FOLDER / ".wave")


def test_the_tutorial_ends_with_a_project_that_ran_was_repaired_and_was_verified(home: Path):
    assert (home / FOLDER / "proof-of-L2/wave_verify.py").is_file()


def test_the_tutorial_as_it_stands_makes_a_project_without_a_mistake_on_any_machine(tmp_path: Path):
    beginning = tmp_path / TUTORIAL.name
    beginning.write_text(TUTORIAL.read_text(encoding="utf-8").partition("## Run it")[0], encoding="utf-8")
    follow(beginning, folder=tmp_path)
    assert 'driver = "llama_cpp"' in (tmp_path / FOLDER / "wave.toml").read_text(encoding="utf-8")


@needs_local
@pytest.mark.real_model
def test_the_tutorial_runs_with_the_model_that_comes_along(tmp_path: Path):
    require_model_server(tmp_path)
    if not probe(find_binary(os.environ), tmp_path / "probe.json").quantized:
        pytest.skip("the model server that comes along cannot compute with quantized weights on this CPU")
    home = tmp_path / "home"
    home.mkdir()
    try:
        follow(TUTORIAL, folder=home, deadline_s=PATIENCE_S)
    finally:
        embedded.remove(home / FOLDER / ".wave")


@pytest.fixture(scope="module")
def commands() -> Iterator[Path]:
    """A `wave` that starts quickly: how it starts by itself, the tutorial has shown."""
    with warm.command() as folder:
        yield folder


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_a_how_to_page_does_what_it_says_in_the_project_of_the_tutorial(page: Path, home: Path, commands: Path):
    follow(page, folder=home / FOLDER, commands=commands, deadline_s=PATIENCE_S)
