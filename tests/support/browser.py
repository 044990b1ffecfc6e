"""A browser, and a project that has something to show on every page. Without Chromium, or pages, it is skipped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hatch_build
import pytest
from tests.runner.test_people import FORM, REVIEW, SAVE
from tests.support.projects import Ground, rows, run_to_end, script

ROOT = Path(__file__).parents[2]
AXE = ROOT / "ui/node_modules/axe-core/axe.min.js"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE_MS = 60_000

GRADE = """\
grade:
  actor: grade
  input: {text: record.text}
  writes: [items.words]
  next: review
"""


def missing() -> str | None:
    """Say what pages cannot be opened for; None where they can."""
    if CHROMIUM is None:
        return "Chromium is not installed"
    if hatch_build.is_needed():
        return "the pages are not built, or of other sources: make ui"
    return None if AXE.is_file() else "npm's packages are not installed: make ui"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if reason := missing():
        pytest.skip(reason)
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: make ui")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Shop:
    """A project of which one run waits for people, has failed for two records, and whose actor has changed since."""

    def __init__(self, ground: Ground, switch: Path) -> None:
        self.ground = ground
        self._switch = switch
        switch.touch()
        grade = script(
            f"import os\nif os.path.exists({str(switch)!r}) and ctx.record.endswith(('1', '3')):\n"
            "    raise OSError('the list of grades is away')\n"
            "ctx.write('items', {'words': len(item['text'].split())})\nreturn {}"
        )
        form = json.loads(FORM)
        form["properties"]["why"]["description"] = "needed for BAD"
        ground.project(
            rows=rows(6),
            steps=GRADE + REVIEW.format(more="due: 1h"),
            actors={"grade": grade, "save": SAVE},
            files={"schemas/review.json": json.dumps(form)},
            ensures=["record.note != ''"],
            toml="[scripts.grade]\nmax_attempts = 1\n",
        )
        assert ground.run() == "waiting"
        ground.write("actors/save.py", SAVE + "\n# changed since it was approved\n")
        ground.do(lambda engine: engine.sync())

    def mend(self) -> None:
        """Take away what `grade` fails by."""
        self._switch.unlink()

    def go_on(self) -> str:
        return self.ground.do(lambda engine: run_to_end(engine, 1))


@pytest.fixture
def shop(browser: Any, ground: Ground, tmp_path: Path) -> Shop:
    return Shop(ground, tmp_path / "away")
