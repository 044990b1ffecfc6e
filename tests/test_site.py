"""docs/ becomes a site: strictly, and without anything that its pages would load from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GENERATOR = Path(sys.executable).with_name("properdocs")
# What a reader's browser loads by itself; a link is only followed.
LOADED = re.compile(
    r"""<(?:script|link|img|iframe|source)\b[^>]*?\s(?:href|src)=["']?(?:\w+:)?//[^"'\s>]*|url\(["']?(?:\w+:)?//"""
)

pytestmark = pytest.mark.skipif(
    not GENERATOR.exists(), reason="the generator of the site is not installed: `make docs` installs it"
)


def build(settings: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [GENERATOR, "build", "--strict", "--config-file", settings, "--site-dir", site]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_whole_site_builds_strictly_and_loads_nothing_from_elsewhere(tmp_path: Path):
    done = build(ROOT / "properdocs.yml", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    assert (tmp_path / "tutorial/first-project.html").is_file()
    pages = [path for path in tmp_path.rglob("*.*") if path.suffix in {".html", ".css"}]
    loaded = {path.name: LOADED.findall(path.read_text(encoding="utf-8")) for path in pages}
    assert {name: found for name, found in loaded.items() if found} == {}


def test_what_leads_nowhere_fails_and_so_does_a_page_that_no_menu_names(tmp_path: Path):
    ours = (ROOT / "properdocs.yml").read_text(encoding="utf-8")
    (validation,) = re.findall(r"^validation:\n(?: +.*\n)+", ours, flags=re.MULTILINE)
    settings = tmp_path / "properdocs.yml"
    menu = "nav: [index.md, b.md, gone.md]"
    settings.write_text(f"site_name: X\ntheme: readthedocs\n{menu}\n{validation}", encoding="utf-8")
    pages = {
        "index": "# A\n\n[1](b.md#nowhere) [2](missing.md) [3](folder/) [4](/b.md) ![5](no.png) [6](#no)\n",
        "b": "# B\n",
        "c": "# C\n",
    }
    for name, text in pages.items():
        (tmp_path / f"docs/{name}.md").parent.mkdir(exist_ok=True)
        (tmp_path / f"docs/{name}.md").write_text(text, encoding="utf-8")
    done = build(settings, tmp_path / "site")
    assert done.returncode == 1
    told = re.split(r"^(?=[A-Z]+ +- )", done.stderr, flags=re.MULTILINE)
    warned = "".join(block for block in told if block.startswith("WARNING"))
    for found in ("b.md#nowhere", "missing.md", "folder/", "/b.md", "no.png", "#no", "gone.md", "c.md"):
        assert re.search(rf"(?<![\w/.]){re.escape(found)}(?![\w#])", warned), found
