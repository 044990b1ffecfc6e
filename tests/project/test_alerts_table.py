"""`[alerts]` of wave.toml: what it says, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.small_project import FILES, WAVE_TOML, write_project

from wave_runner.core.workflow import AlertsSpec
from wave_runner.errors import ProjectError
from wave_runner.project.load import load_project

SHORT = '[alerts]\nurl = "https://alerts.example.com/wave?of=small"\nsecret_env = "WAVE_ALERTS_SECRET"\n'


def read(folder: Path, table: str) -> AlertsSpec | None:
    return load_project(write_project(folder, FILES | {"wave.toml": f"{WAVE_TOML}\n{table}"})).alerts


def test_a_receiver_is_read_whole(tmp_path: Path):
    url = "https://alerts.example.com/wave?of=small"
    assert read(tmp_path, SHORT) == AlertsSpec(url=url, secret_env="WAVE_ALERTS_SECRET")
    whole = read(tmp_path, SHORT.replace("https", "http") + "private = true\ntimeout_s = 2.5\n")
    assert whole is not None
    assert (whole.url[:5], whole.private, whole.timeout_s) == ("http:", True, 2.5)


def test_without_the_table_nobody_is_told(tmp_path: Path):
    assert read(tmp_path, "") is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("https://", "http://", "http can be read on its way"),
        ("https://", "", "no URL such as"),
        ("url", "uri", "unknown key `uri`"),
        ('secret_env = "WAVE_ALERTS_SECRET"\n', "", "needs `secret_env`"),
        ("WAVE_ALERTS_SECRET", "whsec_c2VjcmV0", "`secret_env` is the name of the variable"),
        ("[alerts]\n", "[alerts]\ntimeout_s = 31\n", "`timeout_s` is 30 at most, not 31"),
        ("[alerts]\n", '[alerts]\nprivate = "yes"\n', "must be true or false"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, message: str):
    assert old in SHORT
    with pytest.raises(ProjectError) as caught:
        read(tmp_path, SHORT.replace(old, new))
    assert message in caught.value.message
    assert caught.value.line > 0
