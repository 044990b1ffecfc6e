"""A second process reads half of a large bundle: nothing that is said depends on it, or on its life."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from tests.audit.test_command import alone
from tests.support import bundles
from tests.support.verifying import told

from wave_runner.audit import wave_verify
from wave_runner.audit.wave_verify import Ahead, Files, TamperedError, read_contents, read_events

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with so many events that they are worth a second process, and some megabytes of contents.

    Two lines of the events are none, a content is not what was promised, and another one is there twice.
    """
    writer = bundles.Writer(1)
    for run in range(1, 120):
        writer.begin_run(run)
    writer.erase(1)
    for letter in b"abcdefghijklmno":
        writer.promise(bytes([letter]) * 400_000)
    log = bundles.seal(writer.history, 1, size=wave_verify.BATCH)
    files = bundles.whole(log)
    named = sorted(name for name in files if name.startswith("events/"))
    assert sum(len(files[name]) for name in named) > wave_verify.WORTH_IT
    for name, sound, broken in ((named[0], b'"1.0"', b'"1.1"'), (named[1], b'"sequence":"', b'"sequence":"x')):
        files[name] = files[name].replace(sound, broken, 1)
    for name in [name for name in files if name.startswith("payloads/")]:
        twice = next(line for line in files[name].splitlines(keepends=True) if b"kkkk" in line)
        files[name] = files[name].replace(b"eeee", b"eeeE", 1) + twice
    return bundles.write(tmp_path_factory.mktemp("large") / "bundle", files, len(log.entries), {"kind": "whole"})


def said(found: list[wave_verify.Read]) -> list[object]:
    return [str(one) if isinstance(one, TamperedError) else one for one in found]


def children() -> set[int]:
    return {int(one) for one in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_the_command_says_the_same_as_one_process_does(large: Path, tmp_path: Path, kind: str):
    bundle = large if kind == "folder" else Path(shutil.make_archive(str(tmp_path / "bundle"), "zip", large))
    run = alone(bundle, "--json")
    code, expected = told(str(bundle), "--json")
    assert (run.returncode, run.stdout, run.stderr) == (code, expected, "")
    reasons = [one["why"] for one in json.loads(expected)["findings"]]
    assert reasons.count("a line is no event of form 1 in canonical JSON") == 2
    assert sum("is not what was promised" in why for why in reasons) == 1
    assert sum("is there twice" in why for why in reasons) == 1


def test_what_is_read_ahead_is_what_is_read(large: Path):
    before = children()
    files = Files(large)
    ahead = Ahead(files)
    contents, found = list(read_contents(files, ahead)), list(read_events(files, ahead))
    assert contents == list(read_contents(files))
    assert said(found) == said(list(read_events(files)))
    assert len(contents) > 4
    assert sum(isinstance(one, TamperedError) for one in found) == 2
    assert children() == before, "the second process has ended, and was waited for"


@pytest.mark.parametrize("when", ["at once", "in the contents", "in the events"])
def test_whatever_ends_the_second_process_the_rest_is_read_by_the_first(large: Path, when: str):
    files = Files(large)
    before = children()
    ahead = Ahead(files)
    [child] = children() - before
    contents, events = read_contents(files, ahead), read_events(files, ahead)
    heard = [next(contents) for _ in range(0 if when == "at once" else 2)]
    heard += contents if when == "in the events" else []
    found = [next(events) for _ in range(2000)] if when == "in the events" else []
    os.kill(child, signal.SIGKILL)  # there is more than a pipe holds, so it waits until somebody reads
    assert [*heard, *contents] == list(read_contents(files))
    assert said([*found, *events]) == said(list(read_events(files)))
    assert children() == before


def test_what_cannot_be_read_is_told_by_the_first_process(large: Path, tmp_path: Path):
    place = tmp_path / "bundle"
    shutil.copytree(large, place)
    files = Files(place)
    (place / files.named("events/")[-1]).unlink()  # between a look at the folder and the reading
    ahead = Ahead(files)
    assert list(read_contents(files, ahead)) == list(read_contents(Files(large)))
    with pytest.raises(FileNotFoundError):
        list(read_events(files, ahead))
