"""Which sandbox comes of what a script asks for, what the setting says, and what a host can do."""

from __future__ import annotations

import pytest

from wave_runner.core.sandbox import Host, Level, Sandbox, settle
from wave_runner.core.workflow import ScriptSpec

ABLE = Host(landlock=7, filters=True, bubblewrap="/usr/bin/bwrap")
BARE = Host(landlock=7, filters=True, no_namespaces="it needs bubblewrap")
OLD = Host(landlock=2, filters=True)
STRANGE = Host(landlock=7, filters=False)
NOTHING = Host(landlock=0, filters=True)


def settled(host: Host, asked: str = "", default: Level | None = None, **declared: object) -> Sandbox:
    """Return the sandbox of a script that says so much."""
    spec = ScriptSpec(name="save", entry="", sandbox=asked, **declared)  # type: ignore[arg-type]
    return settle(spec, default, host, project="/srv/project", home="/home/wave")


@pytest.mark.parametrize(
    ("host", "asked", "default", "level"),
    [
        (ABLE, "", None, Level.OWN),
        (OLD, "", None, Level.NONE),
        (STRANGE, "", None, Level.NONE),
        (NOTHING, "", None, Level.NONE),
        (ABLE, "", Level.STRICT, Level.STRICT),
        (ABLE, "none", Level.STRICT, Level.NONE),
        (NOTHING, "none", Level.OWN, Level.NONE),
        (BARE, "own", Level.STRICT, Level.OWN),
    ],
)
def test_the_scripts_own_word_goes_before_the_setting_and_that_before_what_the_host_can(
    host: Host, asked: str, default: Level | None, level: Level
) -> None:
    found = settled(host, asked, default)
    assert (found.level, found.missing) == (level, "")


@pytest.mark.parametrize(
    ("host", "asked", "default", "says", "less"),
    [
        (NOTHING, "own", None, "this kernel has it not", '`sandbox = "none"`'),
        (OLD, "own", None, "this kernel has version 2 of it", '`sandbox = "none"`'),
        (OLD, "", Level.OWN, "Linux 6.2", '`sandbox = "none"`'),
        (STRANGE, "own", None, "x86_64 and aarch64", '`sandbox = "none"`'),
        (BARE, "strict", None, "it needs bubblewrap", '`sandbox = "own"` or `sandbox = "none"`'),
        (BARE, "", Level.STRICT, "it needs bubblewrap", '`sandbox = "own"`'),
        (NOTHING, "strict", None, "Landlock", '`sandbox = "none"`'),
    ],
)
def test_what_was_asked_for_and_is_not_to_be_had_is_missing_and_said(
    host: Host, asked: str, default: Level | None, says: str, less: str
) -> None:
    missing = settled(host, asked, default).missing
    assert missing.startswith("save does not run here")
    assert says in missing
    assert less in missing


def test_paths_start_at_the_project_or_at_home() -> None:
    found = settled(ABLE, may_read=("/data", "~/rows", "../beside"), may_write=("out", "~"))
    assert found.may_read == ("/data", "/home/wave/rows", "/srv/project/../beside")
    assert found.may_write == ("/srv/project/out", "/home/wave")


def test_an_event_says_the_level_and_the_version_that_holds_it() -> None:
    assert settled(ABLE).said == {"level": "own", "landlock": 7}
    assert settled(ABLE, "none").said == {"level": "none", "landlock": 0}
