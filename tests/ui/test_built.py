"""What was built stays small, and is whole."""

from __future__ import annotations

import gzip
from pathlib import Path

import hatch_build
import pytest

FIRST_KB, STYLES_KB, EACH_KB, ALL_KB = 230, 40, 80, 600
"""What a browser loads before it shows anything, and for each page more: kilobytes, compressed."""


@pytest.fixture(scope="module")
def sizes() -> dict[str, float]:
    if hatch_build.is_needed():
        pytest.skip("the pages are not built, or of other sources: make ui")
    return {path.name: size(path) for path in sorted((hatch_build.BUILT / "assets").iterdir())}


def size(path: Path) -> float:
    return len(gzip.compress(path.read_bytes(), 9)) / 1000


def test_what_is_loaded_stays_within_its_budget(sizes: dict[str, float]):
    first = {name: kb for name, kb in sizes.items() if name.startswith("index-")}
    assert len(first) == 2
    for name, kb in first.items():
        assert kb <= (FIRST_KB if name.endswith(".js") else STYLES_KB), name
    assert {name: kb for name, kb in sizes.items() if name not in first and kb > EACH_KB} == {}
    assert sum(sizes.values()) <= ALL_KB


def test_the_licences_of_what_is_built_in_are_beside_it(sizes: dict[str, float]):
    said = (hatch_build.BUILT / "LICENSES.md").read_text(encoding="utf-8")
    for name in ("react-dom", "@mantine/core", "@tanstack/react-router", "@tanstack/react-query"):
        assert f"## {name} - " in said
    assert "GPL" not in said


def test_the_lock_names_no_registry():
    assert "resolved" not in (hatch_build.UI / "package-lock.json").read_text(encoding="utf-8")
