"""The mission map names a place for each line of the mission, and every place it names exists."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAP = ROOT / "docs/explanation/mission-map.md"
HEADINGS = ["Parts", "Data", "Behaviour", "Monitoring", "Tests", "What it plans next"]


def rows() -> list[tuple[str, str]]:
    """(what the mission says, where it lives) of every table of the page."""
    lines = re.findall(r"^\| (.+) \| (.+) \|$", MAP.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [(said, where) for said, where in lines if said != "the mission says"]


PLACES = sorted({place for _, where in rows() for place in re.findall(r"`([^`]+)`", where)})


def problem(place: str) -> str:
    """Say why `place` does not exist; nothing if it does."""
    if place.startswith(("wave ", "make ")):
        program, verb = place.split()
        return "" if verb in verbs(program) else f"`{program}` has no command {verb}"
    path, _, name = place.partition("::")
    target = ROOT / path
    if not target.exists() or (path.endswith("/") and not any(target.iterdir())):
        return f"{path} does not exist, or is empty"
    if name and name not in target.read_text(encoding="utf-8"):
        return f"{path} does not mention {name}"
    return ""


@cache
def verbs(program: str) -> set[str]:
    asked = (
        ["make", "-C", str(ROOT), "-s", "help"]
        if program == "make"
        else [Path(sys.executable).with_name("wave"), "--help"]
    )
    text = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"^(?:make|) +([a-z][a-z-]*)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("place", PLACES)
def test_each_place_that_the_map_names_exists(place: str):
    assert problem(place) == ""


def test_each_line_of_the_mission_has_a_place_or_is_planned():
    homeless = [said for said, where in rows() if "`" not in where and not where.startswith("planned")]
    assert homeless == []


def test_no_part_of_the_mission_was_left_out():
    headings = re.findall(r"^## (.+)$", MAP.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings == HEADINGS


@pytest.mark.parametrize(
    "place",
    ["src/wave_runner/not_there.py", "README.md::no such name", "make no-such-verb", "wave no-such-command"],
)
def test_a_place_that_does_not_exist_is_found_out(place: str):
    assert problem(place) != ""
