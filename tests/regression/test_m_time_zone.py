"""M: what was recorded and sealed verifies, and is exported, alike in every time zone and every style of dates.

In the first Wave Runner a hash was made of the text of a local time, and every one of them broke with the clock change.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from psycopg import sql
from tests.support import warm
from tests.support.projects import WAVE, Ground, rows

LONG_S = "4000000000"  # seconds: these events are older than their seal, as nothing is that was recorded as usual
CLOCK_CHANGES = (
    "2026-03-29 00:59:59.999999+00",  # in Berlin the hour after it does not exist
    "2026-03-29 01:00:00+00",
    "2026-03-29 02:30:00.000001+00",
    "2026-10-25 00:30:00+00",  # and this one comes twice
    "2026-10-25 01:30:00+00",
    "2026-10-25 01:00:00+00",
)
RECORDED = """
    INSERT INTO interaction_events (run_id, form, type, data, sha256, recorded_at)
    VALUES (0, 1, 'paused', '{"by":"ann","name":"x","subject":"actor"}',
            sha256('{"by":"ann","name":"x","subject":"actor"}'), %s)
"""
ELSEWHERE = [("Europe/Berlin", "German, DMY"), ("Asia/Kathmandu", "German, DMY"), ("America/New_York", "SQL, MDY")]


@pytest.fixture
def around(ground: Ground) -> Ground:
    """A run that has ended, and events around both clock changes, written under UTC and then sealed with it."""
    ground.project(rows=rows(3))
    live_in(ground, "UTC", "ISO, MDY")
    ground.start()
    with ground.superuser() as connection:
        for at in CLOCK_CHANGES:
            connection.execute(RECORDED, [at])
    done = subprocess.run(
        [WAVE, "--project", ground.folder, "run", "work", "--resume"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return ground


def live_in(ground: Ground, zone: str, dates: str) -> None:
    """Let every session of the database be in a time zone and write dates in a style, whoever opens it."""
    name = urlsplit(ground.url).path.lstrip("/")
    with ground.superuser() as connection:
        for setting, value in (("timezone", zone), ("datestyle", dates)):
            order = sql.SQL("ALTER DATABASE {} SET {} = {}")
            connection.execute(order.format(sql.Identifier(name), sql.Identifier(setting), sql.Literal(value)))


def told(ground: Ground, zone: str, *words: str | Path) -> dict:
    """Return what a command tells on a machine that is in that zone."""
    command = ["--project", ground.folder, *words, "--json"]
    done = warm.wave(*command, env={**os.environ, "TZ": zone})
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def exported(ground: Ground, zone: str, out: Path) -> dict[str, bytes]:
    told(ground, zone, "audit", "export", "--out", out)
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_regression_m_every_hash_verifies_and_the_same_bytes_are_exported_in_every_time_zone(
    around: Ground, tmp_path: Path
):
    there = around.one("SELECT count(*) FROM interaction_events")
    at_home = told(around, "UTC", "audit", "verify", "--longest-transaction", LONG_S)
    assert at_home["facts"]["events"] >= there
    bundle = exported(around, "UTC", tmp_path / "utc")
    lines = b"".join(content for name, content in bundle.items() if name.startswith("events/")).decode()
    for at in CLOCK_CHANGES:
        assert f'"time":"{at[:10]}T{at[11:19]}.' in lines
    for number, (zone, dates) in enumerate(ELSEWHERE):
        live_in(around, zone, dates)
        with around.superuser() as connection:
            assert connection.execute("SHOW timezone").fetchone() == (zone,)
        elsewhere = told(around, zone, "audit", "verify", "--longest-transaction", LONG_S)
        assert (elsewhere["findings"], elsewhere["facts"]["payloads"]) == ([], at_home["facts"]["payloads"])
        found = exported(around, zone, tmp_path / str(number))
        assert found.keys() >= bundle.keys()
        for name in bundle:
            assert found[name] == bundle[name], f"{name} in {zone}"
