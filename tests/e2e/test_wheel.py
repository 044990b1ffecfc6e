"""The wheel: the same bytes whoever builds it, and all that somebody needs who has nothing else of ours."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hatch_build
import pytest
from tests.support.projects import Ground, Make
from tests.support.serving import Served, serve, work_twice

from wave_runner import __version__

ROOT = Path(__file__).parents[2]
BUILT_AT = "1700000000"
HATCHLING = [sys.executable, "-m", "hatchling", "build"]


def environment(**more: str) -> dict[str, str]:
    """Return what a build is started with. Pages that are not built are left out: CI may have no Node."""
    pages = {hatch_build.WITHOUT: "0"} if hatch_build.is_needed() else {}
    return {**os.environ, "SOURCE_DATE_EPOCH": BUILT_AT, **pages, **more}


def checkout(folder: Path, *, reverse: bool = False) -> Path:
    """Copy what a commit of this tree would hold, and the pages if they are built."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    said = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=False)
    if said.returncode != 0:
        pytest.skip(f"what belongs to the project cannot be told without git: {said.stderr.strip()}")
    pages = [] if hatch_build.is_needed() else [str(one.relative_to(ROOT)) for one in hatch_build.BUILT.rglob("*")]
    for name in sorted([*said.stdout.split("\0"), *pages], reverse=reverse):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make wheel` leaves: the source archive, and the wheel that was built from it."""
    folder = checkout(tmp_path_factory.mktemp("one") / "here")
    subprocess.run([folder / "tools/wheel", sys.executable], env=environment(), check=True, capture_output=True)
    return folder / "dist"


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    [wheel] = dist.glob("*.whl")
    return wheel


def test_another_folder_and_another_day_make_the_same_files(dist: Path, tmp_path: Path):
    folder = checkout(tmp_path / "elsewhere/there", reverse=True)
    for path in folder.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(path.stat().st_mode & 0o700)
    subprocess.run([*HATCHLING, "--directory", "out"], cwd=folder, env=environment(TZ="Asia/Tokyo"), check=True)
    there = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    assert there.keys() == {f"wave_runner-{__version__}.tar.gz", f"wave_runner-{__version__}-py3-none-any.whl"}
    assert there == {path.name: path.read_bytes() for path in dist.iterdir()}


def test_the_wheel_holds_the_package_and_nothing_beside_it(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name.split("/")[0] for name in names} == {"wave_runner", f"wave_runner-{__version__}.dist-info"}
    kept = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {name.removeprefix("src/") for name in kept.splitlines() if (ROOT / name).is_file()} <= names


def test_the_source_archive_holds_no_trace_of_who_made_it(dist: Path):
    [archive] = dist.glob("*.tar.gz")
    with tarfile.open(archive) as members:
        for one in members:
            assert (one.uid, one.gid, one.uname, one.gname, one.mtime) == (0, 0, "", "", int(BUILT_AT)), one.name
            assert one.mode in (0o644, 0o755), one.name


def test_a_tree_with_something_uncommitted_is_not_built(tmp_path: Path):
    folder = tmp_path / "tree"
    (folder / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "tools/wheel", folder / "tools/wheel")
    git = ["git", "-C", folder, "-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "nothing"], check=True)
    told = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    refused = subprocess.run([folder / "tools/wheel", sys.executable], env=told, capture_output=True, text=True)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "wheel: what git status shows is in no commit: commit it, or set it aside\n"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a new environment with the wheel, put there by pip, and with what it requires and no more.

    What it requires is linked from where the tests have it, so that nothing is fetched.
    """
    venv = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    [site] = venv.glob("lib/python*/site-packages")
    for name in required():
        for part in parts_of(name):
            (site / part.name).exists() or (site / part.name).symlink_to(part)
    pip = [sys.executable, "-m", "pip", "--python", venv / "bin/python", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", wheel], check=True)
    checked = subprocess.run([*pip, "check"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    return venv / "bin"


def required() -> Iterator[str]:
    """Yield the distributions that `requirements/runtime.txt` pins and that this platform has."""
    pinned = (ROOT / "requirements/runtime.txt").read_text(encoding="utf-8")
    here = {re.sub(r"[-_.]+", "-", one.name).lower() for one in importlib.metadata.distributions()}
    return (name for name in re.findall(r"^([\w.-]+)==", pinned, flags=re.MULTILINE) if name in here)


def parts_of(name: str) -> set[Path]:
    """Return what a distribution has put into the folder of packages."""
    found = importlib.metadata.distribution(name)
    tops = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
    return {Path(str(found.locate_file(top))) for top in tops}


def alone(bin: Path, home: Path) -> dict[str, str]:
    """Return the environment of somebody with an empty home, no Node, and no other program either."""
    home.mkdir(exist_ok=True)
    assert shutil.which("node", path=str(bin)) is None
    return {"PATH": str(bin), "HOME": str(home), "LANG": "C.UTF-8"}


def test_what_pip_installs_is_started_by_name(installed: Path, tmp_path: Path):
    def said(*command: str | Path) -> str:
        told = alone(installed, tmp_path / "home")
        return subprocess.run(command, cwd=tmp_path, env=told, capture_output=True, text=True, check=True).stdout

    assert said(installed / "wave", "--version") == f"wave, version {__version__}\n"
    assert said(installed / "wave-runner", "--version") == f"wave, version {__version__}\n"
    assert "Usage: wave demo" in said(installed / "wave", "demo", "--help")
    assert "usage: wave-verify" in said(installed / "wave-verify", "--help")
    said(installed / "wave", "init", "own")
    assert (tmp_path / "own/wave.toml").is_file()
    where = said(installed / "python", "-c", "import wave_runner; print(wave_runner.__file__)")
    assert Path(where).is_relative_to(installed.parent)


def test_uvx_starts_it_by_its_name_from_the_wheel_and_what_is_pinned(wheel: Path, tmp_path: Path):
    uv, cache = Path(sys.executable).with_name("uv"), Path(os.environ.get("UV_CACHE_DIR", ROOT / ".venv/.cache"))
    if not (uv.exists() and cache.is_dir()):
        pytest.skip("what `make setup` has fetched is not there, and nothing is fetched here")
    told = alone(tmp_path / "bin", tmp_path / "home") | {
        "UV_CACHE_DIR": str(cache),
        "UV_OFFLINE": "1",
        "UV_LINK_MODE": "symlink",
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
    }

    def said(verb: str, *words: str | Path) -> str:
        command = [uv, "tool", verb, "--python", sys.executable, *words]
        done = subprocess.run(command, cwd=tmp_path, env=told, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    said("install", "--constraints", ROOT / "requirements/runtime.txt", wheel)
    assert said("run", "wave-runner", "--version") == f"wave, version {__version__}\n"
    said("run", "wave-runner", "init", "own")
    assert "no mistake found" in said("run", "wave-runner", "check", "--project", "own")


def test_the_pages_are_served_by_what_pip_installs(installed: Path, copy_of: Callable[[Make], Ground], tmp_path: Path):
    told = alone(installed, tmp_path / "home")
    command = [installed / "wave", *serve(copy_of(work_twice))]
    with subprocess.Popen(command, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            look_at(Served(process))
        finally:
            process.kill()


def look_at(served: Served) -> None:
    assert [run["workflow"] for run in served.get("/api/v1/runs").json()["rows"]] == ["work", "work"]
    assert json.loads(served.get("/api/v1/openapi.json").text)["info"]["version"] == __version__
    page = served.ask("GET", "/", "")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    if hatch_build.is_needed():
        pytest.skip("the page says that it was not built; its parts are seen after: make ui")
    assets = re.findall(r'"\./(assets/[^"]+\.(?:js|css))"', page.text)
    assert len(assets) >= 2
    for asset in assets:
        assert served.ask("GET", f"/{asset}", "").content == (hatch_build.BUILT / asset).read_bytes()
