import hashlib
import os
import time

import pytest
from tests.support.small_project import change, write_project

from wave_runner.errors import ProjectError
from wave_runner.project.definitions import actor_definition, read_actor
from wave_runner.project.drift import FolderWatch, contents, diff
from wave_runner.project.load import load_project


def settled(watch: FolderWatch) -> FolderWatch:
    """Read until the files are old enough to be told apart by their times."""
    deadline = time.monotonic() + 10
    watch.read()
    while watch.changed():
        assert time.monotonic() < deadline
        watch.read()
    return watch


def test_equal_files_have_no_diff():
    assert diff({"a": b"x\n"}, {"a": b"x\n"}) == ""


def test_a_diff_shows_what_changed_came_and_went():
    found = diff({"a": b"one\ntwo\n", "gone": b"x\n"}, {"a": b"one\n2\n", "new": b"y"})
    assert "--- approved/a\n+++ now/a\n" in found
    assert "-two\n+2\n" in found
    assert "--- approved/gone\n+++ /dev/null\n" in found
    assert "--- /dev/null\n+++ now/new\n" in found
    assert found.endswith("+y\n\\ No newline at end of file\n")


def test_a_file_that_is_no_text_is_only_said_to_differ():
    assert diff({"a": b"\0a"}, {"a": b"\0b"}) == "Binary files approved/a and now/a differ\n"


def test_a_line_ending_is_a_change():
    assert diff({"a": b"x\r\n"}, {"a": b"x\n"}) != ""


def test_an_actor_s_diff_holds_its_files_and_its_settings(tmp_path):
    folder = write_project(tmp_path)
    bodies, texts = {}, []
    for setting in ("temperature = 0.5", "temperature = 0.6"):
        project = load_project(folder)
        bodies |= {hashlib.sha256(body).hexdigest(): body for body in project.files.values()}
        texts.append(contents(read_actor(actor_definition(project, "judge").body), bodies.__getitem__))
        change(folder, "wave.toml", setting, "temperature = 0.6")
        if setting.endswith("5"):
            change(folder, "prompts/judge.md", "Judge this", "Judge that")
    found = diff(*texts)
    assert "-Judge this.\n+Judge that.\n" in found
    assert '-    "temperature": 0.5\n+    "temperature": 0.6\n' in found


def test_an_unchanged_folder_is_not_read_again(tmp_path):
    watch = settled(FolderWatch(write_project(tmp_path)))
    assert watch.read() is watch.read()


def test_an_edit_is_seen(tmp_path):
    folder = write_project(tmp_path)
    watch = settled(FolderWatch(folder))
    change(folder, "prompts/judge.md", "Judge this", "Judge that")
    assert watch.changed()
    assert b"Judge that" in watch.read().files["prompts/judge.md"]


def test_an_edit_that_hides_its_time_and_size_is_seen(tmp_path):
    folder = write_project(tmp_path)
    watch = settled(FolderWatch(folder))
    file = folder / "prompts/judge.md"
    before = file.stat()
    change(folder, "prompts/judge.md", "Judge this", "Judge that")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert watch.changed()


@pytest.mark.parametrize("path", ["prompts/new.md", "actors/new/deep.py", "requirements.txt"])
def test_a_new_file_is_seen(tmp_path, path):
    folder = write_project(tmp_path)
    watch = settled(FolderWatch(folder))
    write_project(folder, {path: ""})
    assert watch.changed()
    assert path in watch.read().files


def test_a_file_that_is_gone_is_seen(tmp_path):
    folder = write_project(tmp_path)
    watch = settled(FolderWatch(folder))
    (folder / "sql/tables.sql").unlink()
    assert watch.changed()
    assert "sql/tables.sql" not in watch.read().files


def test_a_file_too_young_to_be_told_from_its_next_edit_is_looked_at_again(tmp_path):
    folder = write_project(tmp_path)
    watch = settled(FolderWatch(folder))
    # Reading may take longer than a file stays young, on a busy machine; not every time.
    deadline = time.monotonic() + 10
    young = False
    while not young and time.monotonic() < deadline:
        (folder / "prompts/judge.md").write_text("{{ title }} {{ text }}")
        watch.read()
        young = watch.changed()
    assert young
    assert not settled(watch).changed()


def test_a_broken_folder_is_reported_every_time_until_it_is_mended(tmp_path):
    folder = write_project(tmp_path)
    watch = settled(FolderWatch(folder))
    change(folder, "wave.toml", "[project]", "[projet]")
    for _ in range(2):
        with pytest.raises(ProjectError):
            watch.read()
    change(folder, "wave.toml", "[projet]", "[project]")
    assert watch.read().name == "small"
