"""The sealer beside the work: a fork is not signed, trouble is told, keys and epochs change, and the work goes on."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest
from tests.support import sealed
from tests.support.database import fresh_database
from tests.support.projects import Ground, rows, wait_until

from wave_runner.core.note import Checkpoint, Note, VerifierKey
from wave_runner.engine import Engine
from wave_runner.errors import ConflictError
from wave_runner.reports.alerts import alerts
from wave_runner.reports.log import LogStatus, log_status


def work(ground: Ground) -> None:
    """Do one more run to its end."""
    assert ground.run() == "completed"


def status(ground: Ground) -> LogStatus:
    found = ground.do(lambda engine: log_status(engine.database))
    assert found is not None
    return found


def raised(ground: Ground) -> list[str]:
    found = ground.do(lambda engine: alerts(engine.database))
    return [alert.kind for alert in found if alert.kind.startswith("log_")]


def outside(ground: Ground) -> list[str]:
    files = sorted((ground.folder / ".wave/checkpoints").iterdir())
    return [note for file in files for note in file.read_text().split("\n\n") if note.startswith("wave-runner/")]


@contextlib.contextmanager
def older_copy(ground: Ground) -> Iterator[Ground]:
    """Give the same project on a copy of its database as it is now, file for file."""
    with fresh_database(ground.admin_url, template=urlsplit(ground.url).path.lstrip("/")) as url:
        yield replace(ground, url=url)


def use(ground: Ground) -> None:
    """Have the project's folder use this database."""
    ground.write(".env", f"WAVE_DATABASE_URL={ground.url}\n")


@pytest.fixture
def worked(ground: Ground) -> Ground:
    ground.project(rows=rows(2), ensures=["record.words == 4"])
    work(ground)
    return ground


def test_an_older_copy_of_the_database_is_not_signed_and_the_work_goes_on(worked: Ground):
    with older_copy(worked) as copy:
        work(worked)
        use(copy)
        signed = status(copy).signed_size
        work(copy)
        found = status(copy)
        assert (found.stopped, found.signed_size) == ("ROLLED_BACK", signed)
        assert found.unsealed > 0
        size = Checkpoint.parse(outside(copy)[-1] + "\n").size
        assert f"had {size} entries; the database has {found.size}" in found.stopped_because
        assert "log_stopped" in raised(copy)
        work(copy)
        assert status(copy).size == found.size


def test_an_older_copy_is_told_when_a_runner_starts_though_nothing_is_to_be_sealed(worked: Ground):
    async def one_pass(engine: Engine) -> bool:
        return await engine.sealer(engine.project()).one_pass()

    with older_copy(worked) as copy:
        work(worked)
        use(copy)
        assert status(copy).unsealed == 0
        assert not copy.do(one_pass)
        assert status(copy).stopped == "ROLLED_BACK"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE log_state SET frontier[1] = sha256('x')", "log_state speaks of"),
        ("UPDATE log_state SET next_index = next_index - 1", "ROLLED_BACK"),
    ],
)
def test_nothing_is_built_on_a_tree_that_is_not_that_of_the_entries(worked: Ground, damage: str, told: str):
    """It could never be verified again. A new epoch takes the tree from the entries."""
    worked.tampered = True
    before = sealed.read(worked.url)
    with worked.superuser() as connection:
        connection.execute(damage)
    work(worked)
    assert worked.one("SELECT count(*) FROM event_log") == len(before.entries)
    assert told in f"{status(worked).trouble} {status(worked).stopped}"
    assert raised(worked)
    with pytest.raises(ConflictError, match=told):
        worked.do(lambda engine: engine.log_keeper().rotate_key())
    worked.do(lambda engine: engine.log_keeper().new_epoch(reason="log_state was damaged", approved_by="maria"))
    work(worked)
    after = sealed.read(worked.url)
    assert after.entries[: len(before.entries)] == before.entries
    assert (status(worked).stopped, status(worked).trouble, status(worked).unsealed) == ("", "", 0)


def test_another_history_of_the_same_length_is_not_signed(worked: Ground, tmp_path: Path):
    with older_copy(worked) as copy:
        work(worked)
        # The copy goes its own way on a host that has no checkpoints yet, and comes back longer.
        other = replace(copy, folder=tmp_path / "other-host")
        shutil.copytree(worked.folder, other.folder)
        shutil.rmtree(other.folder / ".wave/checkpoints")
        use(other)
        work(other)
        work(other)
        use(copy)
        work(copy)
        assert status(copy).stopped == "FORKED"
        assert "those of the database are others" in status(copy).stopped_because


def test_a_new_epoch_goes_on_with_the_same_tree_under_another_name(worked: Ground):
    with older_copy(worked) as copy:
        work(worked)
        last = outside(worked)[-1]
        use(copy)
        work(copy)
        before = sealed.read(copy.url)
        key = copy.do(lambda engine: engine.log_keeper().new_epoch(reason="a backup", approved_by="maria"))
        work(copy)
        found = sealed.read(copy.url)
        assert found.entries[: len(before.entries)] == before.entries
        anchor = found.said[len(before.entries)]
        assert (anchor["k"], anchor["t"], anchor["reason"]) == (2, "epoch_opened", "a backup")
        assert anchor["approved_by"] == "maria"
        assert Note.parse(anchor["last_checkpoint"]).text == last + "\n"
        assert anchor["origin"] == found.checkpoints[-1].origin == before.state["origin"].replace("/e1", "/e2")
        assert Note.parse(found.notes[-1]).verified([VerifierKey.parse(key)])
        assert status(copy).stopped == ""
        assert raised(copy) == []
        # And what the epoch was opened for is not forgotten: the first copy again is behind it.
        use(worked)
        work(worked)
        assert status(worked).stopped == "ROLLED_BACK"
        worked.do(lambda engine: engine.log_keeper().new_epoch(reason="the other one", approved_by="maria"))
        assert status(worked).origin.endswith("/e3")


def test_nobody_opens_an_epoch_alone(worked: Ground):
    async def alone(engine: Engine) -> None:
        keeper = engine.log_keeper()
        await keeper.new_epoch(reason="why not", approved_by=keeper.by)

    with pytest.raises(ConflictError, match="cannot both open an epoch and approve of it"):
        worked.do(alone)
    assert status(worked).origin.endswith("/e1")


def test_a_key_is_replaced_under_the_old_one_and_both_sign(worked: Ground):
    old, new = worked.do(lambda engine: engine.log_keeper().rotate_key())
    before = sealed.read(worked.url)
    work(worked)
    found = sealed.read(worked.url)
    [anchor] = [said for said in found.said if said["k"] == 2]
    assert (anchor["t"], anchor["old"], anchor["new"]) == ("key_rotated", old, new)
    covering = next(note for note, one in zip(found.notes, found.checkpoints, strict=True) if one.size > anchor["n"])
    keys = [VerifierKey.parse(old), VerifierKey.parse(new)]
    for note in (covering, before.notes[-1], found.notes[-1]):
        assert Note.parse(note).verified(keys) == [keys[1], keys[0]]
    assert Note.parse(found.notes[0]).verified(keys) == [keys[0]]
    assert status(worked).key == new
    assert oct((worked.folder / ".wave/log.key").stat().st_mode & 0o777) == "0o600"


def test_the_old_key_stops_signing_when_its_time_is_over(worked: Ground):
    _, new = worked.do(lambda engine: engine.log_keeper().rotate_key())
    path = worked.folder / ".wave/log.key"
    held = json.loads(path.read_text())
    held["keys"][1]["until_us"] = 1
    path.write_text(json.dumps(held))
    work(worked)
    assert len(Note.parse(sealed.read(worked.url).notes[-1]).signatures) == 1
    assert Note.parse(sealed.read(worked.url).notes[-1]).verified([VerifierKey.parse(new)])


def test_a_host_without_the_key_seals_and_signs_nothing(worked: Ground):
    key = worked.folder / ".wave/log.key"
    kept = key.read_bytes()
    signed = status(worked).signed_size
    key.unlink()
    work(worked)
    found = status(worked)
    assert (found.signed_size, found.unsealed) == (signed, 0)
    assert found.size > signed
    assert not key.exists(), "a key of its own would sign what nobody trusts"
    with worked.superuser() as connection:
        connection.execute("ALTER TABLE log_checkpoints DISABLE TRIGGER no_change")
        connection.execute("UPDATE log_checkpoints SET signed_at = signed_at - interval '2 minutes'")
    assert "log_unsigned" in raised(worked)
    with pytest.raises(ConflictError, match="does not lie at"):
        worked.do(lambda engine: engine.log_keeper().rotate_key())
    key.write_bytes(kept)
    key.chmod(0o600)
    work(worked)
    assert status(worked).signed_size == status(worked).size


def test_checkpoints_that_cannot_be_written_outside_are_an_alarm_and_not_an_end(worked: Ground):
    folder = worked.folder / ".wave/checkpoints"
    shutil.rmtree(folder)
    folder.write_text("in the way")
    work(worked)
    found = status(worked)
    assert found.signed_size == found.size
    assert "writing the checkpoint outside" in found.trouble
    assert "log_troubled" in raised(worked)
    folder.unlink()
    work(worked)
    assert status(worked).trouble == ""
    assert raised(worked) == []


def test_checkpoints_that_cannot_be_read_are_an_alarm_and_nothing_is_sealed_past_them(worked: Ground):
    [file] = (worked.folder / ".wave/checkpoints").iterdir()
    kept, before = file.read_bytes(), status(worked)
    file.unlink()
    file.mkdir()
    work(worked)
    found = status(worked)
    assert (found.size, found.stopped) == (before.size, "")
    assert "reading the checkpoints outside" in found.trouble
    file.rmdir()
    file.write_bytes(kept)
    work(worked)
    assert (status(worked).unsealed, status(worked).trouble) == (0, "")


def test_a_key_that_others_can_read_is_an_alarm_and_not_an_end(worked: Ground):
    key = worked.folder / ".wave/log.key"
    key.chmod(0o644)
    signed = status(worked).signed_size
    work(worked)
    assert status(worked).signed_size == signed
    assert "others can read the key" in status(worked).trouble
    key.chmod(0o600)
    work(worked)
    assert status(worked).trouble == ""


def test_the_settings_say_where_key_and_checkpoints_lie_and_what_is_told(ground: Ground, tmp_path: Path):
    told = tmp_path / "told"
    settings = f'log_key = "{tmp_path}/keys/log.key"\ncheckpoints = "outside"\ncheckpoint_command = "tee -a {told}"\n'
    ground.project(rows=rows(2), ensures=["record.words == 4"], settings=settings)
    work(ground)
    notes = sealed.read(ground.url).notes
    assert (tmp_path / "keys/log.key").exists()
    assert not (ground.folder / ".wave/log.key").exists()
    [file] = (ground.folder / "outside").iterdir()
    assert file.read_text() == "".join(f"{note}\n" for note in notes)
    assert told.read_text().endswith(notes[-1])


def test_a_command_that_fails_is_an_alarm(ground: Ground):
    ground.project(rows=rows(2), settings='checkpoint_command = "false"')
    work_done = ground.run()
    assert work_done in ("completed", "failed")
    assert status(ground).trouble == "the checkpoint command: false has ended with 1: it said nothing"


def test_a_checkpoint_is_written_while_the_runner_works(ground: Ground):
    """Not only at its end, which a kill would spare it."""
    ground.project(rows=rows(2))
    ground.start()
    with ground.process("runner"):
        wait_until(lambda: ground.one("SELECT count(*) FROM log_checkpoints") > 0)
        assert outside(ground)
    assert orjson.loads(sealed.read(ground.url).entries[0])["k"] == 1
