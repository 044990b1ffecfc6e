"""The house stays as drawn: what its files may hold, and that what is written twice says the same."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import wave_runner

ROOT = Path(__file__).parent.parent
SQL = ROOT / "src/wave_runner/store/sql"
STATEMENTS = sorted(SQL.rglob("*.sql"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINNED = {path.stem: path for path in sorted((ROOT / "requirements").glob("*.txt"))}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parsed(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_bytes(), filename=str(path))


# --- SQL ---------------------------------------------------------------------------------------------------------

# What a semicolon may hide in: comments, strings, quoted names and dollar-quoted bodies.
OPAQUE = re.compile(
    r"""--[^\n]* | /\*.*?\*/ | '(?:[^']|'')*' | "(?:[^"]|"")*" | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$""",
    re.DOTALL | re.VERBOSE,
)


def count_statements(sql: str) -> int:
    return len([part for part in OPAQUE.sub(" x ", sql).split(";") if part.replace("x", "").strip()])


def test_a_semicolon_inside_text_ends_no_statement():
    assert count_statements("select ';', \"a;b\", $$;$$, $t$;$$;$t$ -- ;\n /* ; */ from x;\n-- the end;\n") == 1
    assert count_statements("select 1; select 2") == 2
    assert count_statements("-- nothing\n") == 0


@pytest.mark.parametrize("path", STATEMENTS, ids=relative)
def test_each_sql_file_holds_one_statement(path: Path):
    assert count_statements(path.read_text(encoding="utf-8")) == 1


def test_each_sql_file_is_run_by_the_store_and_each_statement_it_runs_is_there():
    texts = {
        node.value
        for _, tree in parsed("src/wave_runner/store")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    nouns = {path.parent.name for path in STATEMENTS}
    asked_for = {text for text in texts if re.fullmatch(r"\w+/\w+", text) and text.split("/")[0] in nouns}
    assert asked_for == {str(path.relative_to(SQL).with_suffix("")) for path in STATEMENTS}


# --- the arrows between the packages -----------------------------------------------------------------------------


def test_the_contracts_between_the_packages_are_kept():
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


# --- tests -------------------------------------------------------------------------------------------------------


def called_name(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def test_no_test_waits_by_the_clock():
    """Waiting for a condition polls in `tests/support/`; a test that sleeps is slow, or wrong on a slow machine."""
    sleeping = [
        f"{relative(path)}:{node.lineno}"
        for path, tree in parsed("tests")
        for node in ast.walk(tree)
        if path.name.startswith(("test_", "conftest")) and isinstance(node, ast.Call) and called_name(node) == "sleep"
    ]
    assert sleeping == []


def test_no_test_replaces_a_part_of_the_product():
    replacing = [
        f"{relative(path)}:{node.lineno}"
        for path, tree in parsed("tests")
        for node in ast.walk(tree)
        if (isinstance(node, ast.arg) and node.arg in {"monkeypatch", "mocker"})
        or (isinstance(node, ast.ImportFrom) and node.module in {"unittest", "unittest.mock", "mock"})
        or (isinstance(node, ast.Import) and any("mock" in alias.name for alias in node.names))
    ]
    assert replacing == []


# --- the repository ----------------------------------------------------------------------------------------------

# In two halves, so that this file may name them.
SAID_ONLY_HERE = [
    ("a package registry", re.compile("pypi" r"\.org|" "python" r"hosted\.org|" "npm" r"js\.org|deb\." r"debian\.org")),
    ("a folder of one machine", re.compile(r"(?<![\w.~-])/" r"(?:work|opt/wheels|opt/pypi|Users/\w+|root/\.\w+)/")),
]


def repository_texts() -> Iterator[tuple[str, str]]:
    # The checkout may belong to somebody else than who runs the tests.
    listing = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        path = ROOT / name
        # Sample data is what others wrote, not what we say.
        if path.is_file() and "/data/" not in name:
            yield name, path.read_bytes().decode(errors="replace")


def test_no_file_speaks_of_one_machine_or_of_where_packages_come_from():
    found = [
        f"{name}: {what}: {match[0]}"
        for name, text in repository_texts()
        for what, pattern in SAID_ONLY_HERE
        for match in pattern.finditer(text)
    ]
    assert found == []


def test_the_newest_entry_of_the_changelog_is_the_version():
    entries = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert next(entry for entry in entries if entry != "Unreleased") == wave_runner.__version__
    assert entries[0] == "Unreleased", "what changes next has no place"


# --- the pinned packages -----------------------------------------------------------------------------------------

PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.+?))? \\$")


def pins(name: str) -> dict[str, set[str]]:
    """Name → versions; there are several where the version depends on Python's."""
    found: dict[str, set[str]] = {}
    for line in PINNED[name].read_text(encoding="utf-8").splitlines():
        if match := PIN.match(line):
            found.setdefault(canonicalize_name(match["name"]), set()).add(match["version"])
    return found


def asked_directly(name: str) -> set[str]:
    """The packages that a pinned file says our own list asked for."""
    blocks = re.split(r"^(?=[\w.-]+==)", PINNED[name].read_text(encoding="utf-8"), flags=re.MULTILINE)
    ours = re.compile(r"#\s+(?:via )?(?:wave-runner \(pyproject\.toml|-r requirements/build\.in)")
    return {canonicalize_name(block.split("==")[0]) for block in blocks[1:] if ours.search(block)}


def wanted(name: str) -> list[Requirement]:
    """What our own list asks for, for one of the pinned files."""
    if name == "build":
        lines = (ROOT / "requirements/build.in").read_text(encoding="utf-8").splitlines()
        return [Requirement(line) for line in lines if line and not line.startswith("#")]
    asked = list(PROJECT["project"]["dependencies"])
    if name in {"local", "dev"}:
        asked += PROJECT["project"]["optional-dependencies"]["local"]
    if name == "ray":
        asked += PROJECT["project"]["optional-dependencies"]["ray"]
    if name in {"dev", "ui", "docs"}:
        asked += group(name)
    return [Requirement(line) for line in asked]


def group(name: str) -> list[str]:
    entries = PROJECT["dependency-groups"][name]
    lists = [[entry] if isinstance(entry, str) else group(entry["include-group"]) for entry in entries]
    return [entry for entries in lists for entry in entries]


def test_there_is_one_pinned_file_for_each_purpose():
    assert set(PINNED) == {"build", "runtime", "local", "dev", "ui", "docs", "ray"}


@pytest.mark.parametrize("name", PINNED)
def test_the_pinned_packages_are_what_we_ask_for(name: str):
    """Where this fails after a change of pyproject.toml: `make requirements`."""
    pinned = pins(name)
    missed = [
        str(asked)
        for asked in wanted(name)
        if not all(asked.specifier.contains(version) for version in pinned.get(canonicalize_name(asked.name), {"0"}))
    ]
    assert missed == []
    assert asked_directly(name) == {canonicalize_name(asked.name) for asked in wanted(name)}


@pytest.mark.parametrize("name", PINNED)
def test_every_pinned_package_has_hashes(name: str):
    text = PINNED[name].read_text(encoding="utf-8")
    blocks = re.split(r"^(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE), flags=re.MULTILINE)
    assert [
        block for block in blocks if block and not (PIN.match(block.split("\n")[0]) and "--hash=sha256:" in block)
    ] == []


def test_a_package_has_the_same_version_wherever_it_is_pinned():
    newest = pins("dev")
    apart = {
        (name, package)
        for name in PINNED
        for package, versions in pins(name).items()
        if not versions <= newest.get(package, versions)
    }
    assert apart == set()
