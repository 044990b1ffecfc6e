"""The file of keys: for its owner alone, made once, and replaced whole."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from wave_runner.audit.keys import HeldKey, KeyFile, new_key
from wave_runner.core.note import SignerKey
from wave_runner.errors import SettingsError

OLD, NEW = SignerKey(seed=bytes(32)), SignerKey(seed=bytes(range(32)))


def test_the_first_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path):
    keys = KeyFile(path=tmp_path / "a" / "log.key")
    assert keys.load() == []
    first = keys.first_key()
    assert keys.path.stat().st_mode & 0o777 == 0o600
    assert keys.first_key() == first
    assert KeyFile(path=tmp_path / "other").first_key() != first
    assert [path.name for path in keys.path.parent.iterdir()] == ["log.key"]


def test_of_two_that_make_the_first_key_at_once_both_have_the_same(tmp_path: Path):
    keys, at_once, made = KeyFile(path=tmp_path / "log.key"), threading.Barrier(8), []

    def make() -> None:
        at_once.wait()
        made.append(keys.first_key())

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [made[0]] * 8


def test_a_key_that_was_replaced_signs_until_its_time(tmp_path: Path):
    keys = KeyFile(path=tmp_path / "log.key")
    keys.put([HeldKey(key=NEW), HeldKey(key=OLD, until_us=100)])
    assert keys.signers(NEW.public, at_us=99) == [NEW, OLD]
    assert keys.signers(NEW.public, at_us=100) == [NEW]
    # The rotation is not committed yet: the old one is still the one that counts, and signs alone.
    assert keys.signers(OLD.public, at_us=99) == [OLD]
    assert keys.signers(new_key().public, at_us=99) == []
    assert keys.held(OLD.public) == OLD
    assert keys.held(bytes(32)) is None


def test_a_file_that_others_can_read_is_not_used(tmp_path: Path):
    keys = KeyFile(path=tmp_path / "log.key")
    keys.first_key()
    keys.path.chmod(0o640)
    with pytest.raises(SettingsError, match="others can read the key") as refused:
        keys.load()
    assert "chmod 600" in refused.value.hint


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"keys": [{"seed": "AA==", "until_us": null}]}', "\x00"])
def test_a_damaged_file_is_not_taken_for_none(tmp_path: Path, text: str):
    keys = KeyFile(path=tmp_path / "log.key")
    keys.path.write_text(text)
    keys.path.chmod(0o600)
    with pytest.raises(SettingsError, match="it is no file of keys") as refused:
        keys.first_key()
    assert "wave audit new-epoch" in refused.value.hint
