"""Checkpoints outside the database: appended, found again, and torn ones passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from wave_runner.audit.outside import TAIL, Outside
from wave_runner.core.note import Checkpoint, SignerKey, signed

KEY = SignerKey(seed=bytes(32))
LOG = "wave-runner/one"


def note(size: int, *, epoch: int = 1, log: str = LOG) -> str:
    origin = f"{log}/e{epoch}"
    return signed(Checkpoint(origin=origin, size=size, root=bytes([size % 256]) * 32).text, [KEY, KEY], origin)


def newest(outside: Outside) -> tuple[str, int] | None:
    found = outside.newest(LOG)
    return (found[0].origin, found[0].size) if found else None


def test_the_newest_of_several_days_is_found_with_its_note(tmp_path: Path):
    outside = Outside(folder=tmp_path / "a/b")
    assert outside.newest(LOG) is None
    for size, day in ((1, "2026-12-01"), (5, "2026-12-01"), (9, "2026-12-02")):
        outside.append(note(size), day=day)
    assert (tmp_path / "a/b/2026-12-01.notes").read_text() == f"{note(1)}\n{note(5)}\n"
    found = outside.newest(LOG)
    assert found is not None
    assert found[1] == note(9)


def test_a_later_epoch_is_newer_than_a_larger_tree_and_other_logs_do_not_count(tmp_path: Path):
    outside = Outside(folder=tmp_path)
    outside.append(note(50), day="2026-12-01")
    outside.append(note(20, epoch=2), day="2026-12-01")
    outside.append(note(90, log="other/log"), day="2026-12-02")
    assert newest(outside) == (f"{LOG}/e2", 20)


@pytest.mark.parametrize("kept", range(0, len(note(6).encode()) + 1, 3))
def test_a_note_that_a_crash_has_torn_is_passed_over_and_the_next_one_is_read(tmp_path: Path, kept: int):
    outside = Outside(folder=tmp_path)
    outside.append(note(5), day="2026-12-01")
    file = tmp_path / "2026-12-01.notes"
    torn = note(6).encode()[:kept]
    file.write_bytes(file.read_bytes() + torn)
    assert newest(outside) in [(f"{LOG}/e1", 5), (f"{LOG}/e1", 6)]
    outside.append(note(7), day="2026-12-01")
    assert newest(outside) == (f"{LOG}/e1", 7)


def test_only_the_end_of_a_long_day_is_read(tmp_path: Path):
    outside = Outside(folder=tmp_path)
    file = tmp_path / "2026-12-01.notes"
    file.write_text("".join(f"{note(size)}\n" for size in range(1, 1000)))
    assert file.stat().st_size > 2 * TAIL
    assert newest(outside) == (f"{LOG}/e1", 999)


def test_what_cannot_be_written_is_an_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Outside(folder=tmp_path / "file").append(note(1), day="2026-12-01")
