import concurrent.futures
import multiprocessing
import stat
from pathlib import Path

import pytest

from wave_runner.project.materialise import materialise

FILES = {"actors/main.py": b"print(1)\n", "actors/lib/x.py": b"", "actors/run": b"#!/bin/sh\n"}


@pytest.fixture
def root(tmp_path):
    return tmp_path / "scripts" / "abc"


def modes(root: Path) -> dict[str, int]:
    return {file.relative_to(root).as_posix(): stat.S_IMODE(file.stat().st_mode) for file in [root, *root.rglob("*")]}


def leftovers(root: Path) -> list[str]:
    return [entry.name for entry in root.parent.iterdir() if entry.name not in (root.name, ".lock")]


def test_the_folder_is_its_owners_and_holds_the_files_which_nobody_may_write_to(root):
    materialise(FILES, root, executable="actors/run")
    assert {path: (root / path).read_bytes() for path in FILES} == FILES
    assert modes(root) == {
        ".": 0o700,
        "actors": 0o700,
        "actors/lib": 0o700,
        "actors/main.py": 0o400,
        "actors/lib/x.py": 0o400,
        "actors/run": 0o500,
    }
    assert leftovers(root) == []


def test_a_folder_that_is_there_already_is_kept(root):
    materialise(FILES, root)
    inode = root.stat().st_ino
    materialise(FILES, root)
    assert root.stat().st_ino == inode


def _edit(root: Path) -> None:
    (root / "actors/main.py").chmod(0o600)
    (root / "actors/main.py").write_bytes(b"print(2)\n")


def _add(root: Path) -> None:
    (root / "actors/json.py").write_bytes(b"evil")


def _take_away(root: Path) -> None:
    (root / "actors/main.py").unlink()


def _link(root: Path) -> None:
    _take_away(root)
    copy = root.parent / "copy.py"
    copy.write_bytes(FILES["actors/main.py"])
    (root / "actors/main.py").symlink_to(copy)


@pytest.mark.parametrize("tamper", [_edit, _add, _take_away, _link])
def test_a_folder_that_was_changed_is_made_anew(root, tamper):
    materialise(FILES, root)
    tamper(root)
    materialise(FILES, root)
    assert {path: (root / path).read_bytes() for path in FILES} == FILES
    assert not (root / "actors/main.py").is_symlink()
    assert set(modes(root)) == {".", "actors", "actors/lib", *FILES}


def test_a_link_in_its_place_is_replaced_and_what_it_leads_to_is_left_alone(root, tmp_path):
    (tmp_path / "mine").mkdir()
    materialise(FILES, tmp_path / "mine" / "copy")
    root.parent.mkdir()
    root.symlink_to(tmp_path / "mine" / "copy")
    materialise(FILES, root)
    assert not root.is_symlink()
    assert modes(tmp_path / "mine" / "copy") == modes(root)


def test_many_may_make_the_same_folder_at_once(root):
    roots = [root.with_name(str(number)) for number in range(40) for _ in range(3)]
    spawned = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(3, mp_context=spawned) as pool:
        list(pool.map(materialise, [FILES] * len(roots), roots))
    for made in roots:
        assert {path: (made / path).read_bytes() for path in FILES} == FILES
    assert {entry.name for entry in root.parent.iterdir()} == {made.name for made in roots} | {".lock"}


def test_what_a_killed_process_left_is_cleared_away(root):
    half = root.parent / f".{root.name}.half"
    (half / "actors").mkdir(parents=True)
    materialise(FILES, root)
    assert leftovers(root) == []


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", ""])
def test_a_path_that_leads_out_is_refused(root, path):
    with pytest.raises(ValueError, match="no path inside"):
        materialise({path: b""}, root)
    assert not root.exists()
